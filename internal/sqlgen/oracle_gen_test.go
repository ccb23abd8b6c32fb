package sqlgen

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// text is one expression in two spellings: Ashlar's, where the fields of the row are bare names, and the oracle's,
// where they are members of `row` and decimals are calls.
type text struct{ ash, cel string }

func same(s string) text { return text{s, s} }

func join(format string, parts ...text) text {
	a, c := make([]any, len(parts)), make([]any, len(parts))
	for i, p := range parts {
		a[i], c[i] = p.ash, p.cel
	}
	return text{fmt.Sprintf(format, a...), fmt.Sprintf(format, c...)}
}

// exprGen writes random expressions that have a type.
type exprGen struct {
	*rand.Rand
	self  *schema.Table
	items []genItem // variables of macros around
	steps int       // relation steps that may still be taken
	args  bool
	asked map[string]bool
}

type genItem struct {
	name string
	t    *schema.Table
}

func pick[T any](g *exprGen, xs []T) T { return xs[g.IntN(len(xs))] }

var (
	intPool  = []string{"0", "1", "-1", "2", "3", "7", "9223372036854775807", "-9223372036854775808", "9223372036854775806", "9007199254740993", "9007199254740992"}
	fltPool  = []string{"0.0", "1.0", "-1.5", "0.1", "1e308", "-1e308", "5e-324", "2.5", "3.0", "9007199254740992.0"}
	decPool  = []string{"0.0", "1.5", "-1.5", "0.1", "12.34", "12.345", "12.35", "-0.01", "999999999999999999", "-999999999999999999", "99999999999999.9999", "3", "0.000000001"}
	txtPool  = []string{"", "a", "A", "ab", "abc", "ba", "é", "aé", "𝄞", "𝄞b", "b%_", "x", "y"}
	tsPool   = []string{"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000001Z", "1969-12-31T23:59:59.5Z", "2026-11-23T10:00:00Z"}
	durPool  = []string{"0s", "1h", "-1h", "24h", "1us", "2540400h", "-2540400h", "1.5s"}
	datePool = []string{"0001-01-01", "9999-12-31", "2026-01-31", "2026-02-01"}
	uuidPool = []string{"00000000-0000-7000-8000-000000000001", "ffffffff-ffff-7fff-bfff-ffffffffffff", "0190a0b0-c0d0-7e0f-8000-0000000000aa"}
	enumPool = []string{"x", "y", "z"}
)

// cond writes a condition.
func (g *exprGen) cond(depth int) text {
	if depth <= 0 {
		return g.atom()
	}
	switch g.IntN(12) {
	case 0:
		return join("!(%s)", g.cond(depth-1))
	case 1, 2:
		return join("(%s && %s)", g.cond(depth-1), g.cond(depth-1))
	case 3, 4:
		return join("(%s || %s)", g.cond(depth-1), g.cond(depth-1))
	case 5:
		return join("(%s ? %s : %s)", g.cond(depth-1), g.cond(depth-1), g.cond(depth-1))
	case 6:
		return join("((%s) "+pick(g, []string{"==", "!="})+" (%s))", g.cond(depth-1), g.cond(depth-1))
	case 7, 8:
		if t, ok := g.macro(depth - 1); ok {
			return t
		}
		return g.compare(depth - 1)
	case 9:
		return g.ternaryCompare(depth - 1)
	default:
		return g.compare(depth - 1)
	}
}

// atom writes a condition without conditions inside.
func (g *exprGen) atom() text {
	switch g.IntN(10) {
	case 0:
		return same(pick(g, []string{"true", "false", "has(auth.id)", "auth.verified", "'editor' in auth.roles", "size(auth.roles) > 0"}))
	case 1:
		if c, ok := g.column(value.Bool); ok {
			return c
		}
	case 2:
		if c, ok := g.anyColumn(); ok {
			return join("has(%s)", c)
		}
	case 3:
		if c, ok := g.anyColumn(); ok {
			return join("(%s "+pick(g, []string{"==", "!="})+" null)", c)
		}
	case 4:
		return g.in()
	case 5:
		fn := pick(g, []string{"contains", "startsWith", "endsWith"})
		return join("%s."+fn+"(%s)", g.val(value.Text, 1), g.val(value.Text, 1))
	case 6:
		if c, ok := g.column(value.Text); ok {
			return join("(%s in auth.roles)", c)
		}
	case 7:
		if g.args {
			return g.argCompare()
		}
	}
	return g.compare(0)
}

var kinds = []value.Kind{value.Int, value.Float, value.Decimal, value.Text, value.Timestamp, value.Date, value.Duration, value.Bool}

func (g *exprGen) op() string { return pick(g, []string{"==", "!=", "<", "<=", ">", ">="}) }

func (g *exprGen) compare(depth int) text {
	k := pick(g, kinds)
	if k == value.Int || k == value.Float || k == value.Decimal {
		if g.IntN(3) == 0 { // numbers of two kinds compare by exact value
			l, okL := g.column(pick(g, kinds[:3]))
			r, okR := g.column(pick(g, kinds[:3]))
			if okL && okR {
				op := g.op()
				return text{"(" + l.ash + " " + op + " " + r.ash + ")", "(num(" + l.cel + ") " + op + " num(" + r.cel + "))"}
			}
		}
		if g.IntN(4) == 0 {
			if c, ok := g.column(value.Decimal); ok { // a decimal and a literal, of any digits
				lit, op := pick(g, append(decPool, intPool[:7]...)), g.op()
				if g.IntN(2) == 0 {
					return text{"(" + c.ash + " " + op + " " + lit + ")", "(num(" + c.cel + ") " + op + " num(dec('" + lit + "')))"}
				}
				return text{"(" + lit + " " + op + " " + c.ash + ")", "(num(dec('" + lit + "')) " + op + " num(" + c.cel + "))"}
			}
		}
	}
	if k != value.Decimal && k != value.Bool && g.IntN(8) == 0 { // what is computed is never missing, but may fail
		sides := []text{g.val(k, depth+1), same("null")}
		i := g.IntN(2)
		return join("(%s "+pick(g, []string{"==", "!="})+" %s)", sides[i], sides[1-i])
	}
	if k == value.Decimal {
		l, r := g.val(k, depth), g.val(k, depth)
		op := g.op()
		return text{"(" + l.ash + " " + op + " " + r.ash + ")", "(num(" + l.cel + ") " + op + " num(" + r.cel + "))"}
	}
	return join("(%s "+g.op()+" %s)", g.val(k, depth), g.val(k, depth))
}

// ternaryCompare compares with a choice whose branches may be missing while its condition may fail.
func (g *exprGen) ternaryCompare(depth int) text {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Float})
	branch := func() text {
		if g.IntN(4) == 0 {
			return same("null")
		}
		return g.val(k, 0)
	}
	a, b := g.val(k, 0), branch() // one branch at least has a kind
	if g.IntN(2) == 0 {
		a, b = b, a
	}
	choice := join("(%s ? %s : %s)", g.cond(depth), a, b)
	other := g.val(k, 0)
	if g.IntN(3) == 0 {
		return join("(%s in [%s, %s])", choice, g.literal(k), g.literal(k))
	}
	if g.IntN(2) == 0 {
		choice, other = other, choice
	}
	return join("(%s "+g.op()+" %s)", choice, other)
}

func (g *exprGen) argCompare() text {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Timestamp, value.Bool, value.Float})
	c, ok := g.column(k)
	if !ok {
		return same("true")
	}
	name := "arg." + k.String()
	g.asked[k.String()] = true
	return join("(%s "+g.op()+" "+name+")", c)
}

func (g *exprGen) in() text {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Float, value.Date})
	items := []text{}
	for range g.IntN(4) {
		switch c, ok := g.column(k); {
		case ok && g.IntN(4) == 0:
			items = append(items, c)
		case g.IntN(8) == 0:
			items = append(items, same("null"))
		case k == value.Text && g.IntN(6) == 0:
			items = append(items, same("auth.id"))
		default:
			items = append(items, g.literal(k))
		}
	}
	var a, c []string
	for _, i := range items {
		a, c = append(a, i.ash), append(c, i.cel)
	}
	x := g.val(k, 1)
	return text{"(" + x.ash + " in [" + strings.Join(a, ", ") + "])", "(" + x.cel + " in [" + strings.Join(c, ", ") + "])"}
}

// val writes a value of a kind.
func (g *exprGen) val(k value.Kind, depth int) text {
	if depth > 0 && g.IntN(2) == 0 {
		if t, ok := g.computed(k, depth-1); ok {
			return t
		}
	}
	if g.IntN(3) > 0 {
		if c, ok := g.column(k); ok {
			return c
		}
	}
	return g.literal(k)
}

func (g *exprGen) computed(k value.Kind, depth int) (text, bool) {
	bin := func(op string, kl, kr value.Kind) (text, bool) {
		return join("(%s "+op+" %s)", g.val(kl, depth), g.val(kr, depth)), true
	}
	switch k {
	case value.Int:
		switch g.IntN(4) {
		case 0:
			return join("-(%s)", g.val(k, depth)), true
		case 1:
			return join("size(%s)", g.val(value.Text, depth)), true
		case 2:
			if many, ok := g.many(); ok {
				return join("size(%s)", many), true
			}
		}
		return bin(pick(g, []string{"+", "-", "*", "/", "%"}), k, k)
	case value.Float:
		if g.IntN(4) == 0 {
			return join("-(%s)", g.val(k, depth)), true
		}
		return bin(pick(g, []string{"+", "-", "*", "/"}), k, k)
	case value.Decimal:
		if g.IntN(4) == 0 {
			return join("-(%s)", g.val(k, depth)), true
		}
		// At least one side must say that this is about decimals.
		if c, ok := g.column(k); ok {
			other := g.val(k, depth)
			if g.IntN(3) == 0 {
				lit := pick(g, decPool)
				other = text{lit, "dec('" + lit + "')"}
			}
			return join("(%s "+pick(g, []string{"+", "-"})+" %s)", c, other), true
		}
	case value.Text:
		switch g.IntN(3) {
		case 0:
			return join("%s.lowerAscii()", g.val(k, depth)), true
		case 1:
			return join("%s.upperAscii()", g.val(k, depth)), true
		}
		return bin("+", k, k)
	case value.Timestamp:
		return bin(pick(g, []string{"+", "-"}), k, value.Duration)
	case value.Duration:
		if g.IntN(2) == 0 {
			return bin("-", value.Timestamp, value.Timestamp)
		}
		return bin(pick(g, []string{"+", "-"}), k, k)
	}
	return text{}, false
}

func (g *exprGen) literal(k value.Kind) text {
	quoted := func(fn string, pool []string) text { return same(fn + "('" + pick(g, pool) + "')") }
	switch k {
	case value.Int:
		return same(pick(g, intPool))
	case value.Float:
		return same(pick(g, fltPool))
	case value.Decimal:
		// A bare number is a decimal only beside one; compare and arithmetic take care of that.
		if c, ok := g.column(k); ok {
			return c
		}
		return text{"0", "dec('0')"}
	case value.Timestamp:
		if g.IntN(3) == 0 {
			return same("now")
		}
		return quoted("timestamp", tsPool)
	case value.Duration:
		return quoted("duration", durPool)
	case value.Date:
		d := pick(g, datePool)
		return text{"date('" + d + "')", "'" + d + "'"}
	case value.Bool:
		return same(pick(g, []string{"true", "false"}))
	default:
		if g.IntN(8) == 0 {
			return same(pick(g, []string{"auth.id", "auth.kind"}))
		}
		return same("'" + pick(g, txtPool) + "'")
	}
}

// place is a row that can be named.
func (g *exprGen) place() (text, *schema.Table) {
	at, t := text{"", "row."}, g.self
	if n := len(g.items); n > 0 && g.IntN(4) > 0 {
		i := g.items[g.IntN(n)]
		at, t = same(i.name+"."), i.t
	}
	for g.steps > 0 && g.IntN(3) == 0 {
		rel := g.relation(t, false)
		if rel == nil {
			break
		}
		g.steps--
		at, t = text{at.ash + rel.Name + ".", at.cel + rel.Name + "."}, rel.To
	}
	return at, t
}

func (g *exprGen) relation(t *schema.Table, many bool) *schema.Relation {
	var rels []*schema.Relation
	for _, r := range t.Relations {
		if r.Many == many {
			rels = append(rels, r)
		}
	}
	if len(rels) == 0 {
		return nil
	}
	return pick(g, rels)
}

func kindIs(f *schema.Field, k value.Kind) bool {
	switch f.Type {
	case schema.Text, schema.UUID:
		return k == value.Text
	case schema.Enum:
		return false // literals of other values are refused: generated only by anyColumn
	case schema.Int:
		return k == value.Int
	case schema.Float:
		return k == value.Float
	case schema.Decimal:
		return k == value.Decimal
	case schema.Bool:
		return k == value.Bool
	case schema.Timestamp:
		return k == value.Timestamp
	case schema.Date:
		return k == value.Date
	}
	return false
}

func (g *exprGen) column(k value.Kind) (text, bool) {
	return g.columnWhere(func(f *schema.Field) bool { return kindIs(f, k) })
}

func (g *exprGen) anyColumn() (text, bool) {
	return g.columnWhere(func(*schema.Field) bool { return true })
}

func (g *exprGen) columnWhere(ok func(*schema.Field) bool) (text, bool) {
	at, t := g.place()
	var fields []string
	for _, f := range t.Fields {
		if ok(f) {
			fields = append(fields, f.Name)
		}
	}
	if len(fields) == 0 {
		return text{}, false
	}
	f := pick(g, fields)
	return text{at.ash + f, at.cel + f}, true
}

func (g *exprGen) many() (text, bool) {
	at, t := g.place()
	rel := g.relation(t, true)
	if rel == nil || g.steps <= 0 {
		return text{}, false
	}
	g.steps--
	return text{at.ash + rel.Name, at.cel + rel.Name}, true
}

func (g *exprGen) macro(depth int) (text, bool) {
	if len(g.items) == rule.RequestLimits.Macros {
		return text{}, false
	}
	at, t := g.place()
	rel := g.relation(t, true)
	if rel == nil || g.steps <= 0 {
		return text{}, false
	}
	g.steps--
	name := fmt.Sprintf("i%d", len(g.items))
	g.items = append(g.items, genItem{name, rel.To})
	body := g.cond(depth)
	g.items = g.items[:len(g.items)-1]
	fn := pick(g, []string{"exists", "all", "exists_one"})
	return text{
		at.ash + rel.Name + "." + fn + "(" + name + ", " + body.ash + ")",
		at.cel + rel.Name + "." + fn + "(" + name + ", " + body.cel + ")",
	}, true
}
