package oracle

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Expr is one expression in two spellings: Ashlar's, where the fields of the row are bare names, and the oracle's,
// where they are members of `row` and decimals are calls.
type Expr struct{ Ash, CEL string }

func same(s string) Expr { return Expr{s, s} }

func join(format string, parts ...Expr) Expr {
	a, c := make([]any, len(parts)), make([]any, len(parts))
	for i, p := range parts {
		a[i], c[i] = p.Ash, p.CEL
	}
	return Expr{fmt.Sprintf(format, a...), fmt.Sprintf(format, c...)}
}

// gen writes random expressions that have a type.
type gen struct {
	*rand.Rand
	self  *model.Table
	items []genItem // variables of macros around
	steps int       // relation steps that may still be taken
	uses  Uses
}

// Uses says what an expression may name besides the row, the caller and the time.
type Uses struct {
	Args bool // arg.int, arg.text, arg.bool, arg.float, arg.timestamp: those of World.Args
	Old  bool // the row as it was
	Who  bool // it names the caller
}

// Condition writes a random condition about the rows of a table, at most depth levels of connectives deep.
func (w *World) Condition(table *model.Table, depth int, uses Uses) Expr {
	g := &gen{Rand: w.Rand, self: table, steps: relationSteps, uses: uses}
	if uses.Who {
		return g.usual(depth)
	}
	return g.cond(depth)
}

// relationSteps is how many relations one expression follows at most: below rule.RequestLimits, so that few are refused.
const relationSteps = 4

type genItem struct {
	name string
	t    *model.Table
}

func pick[T any](g *gen, xs []T) T { return xs[g.IntN(len(xs))] }

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
func (g *gen) cond(depth int) Expr {
	if depth <= 0 {
		return g.atom()
	}
	switch g.IntN(14) {
	case 12, 13:
		return g.who(depth)
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

// who writes a condition that names the caller: a reference or an id that is the caller's, of the row or of an item.
func (g *gen) who(depth int) Expr {
	at, table := g.place()
	rel := g.relation(table, true)
	if rel == nil || g.steps <= 0 || len(g.items) == rule.RequestLimits.Macros || g.IntN(3) == 0 {
		if c, ok := g.columnWhere(isKey); ok {
			return join("(%s == auth.id)", c)
		}
		return g.compare(0)
	}
	g.steps--
	name := fmt.Sprintf("i%d", len(g.items))
	g.items = append(g.items, genItem{name, rel.To})
	body := g.whoOf(name, rel.To, depth-1)
	switch g.IntN(4) {
	case 0:
		body = join("(%s && %s)", body, g.cond(depth-1))
	case 1:
		body = join("(%s || %s)", body, g.whoOf(name, rel.To, depth-1))
	}
	g.items = g.items[:len(g.items)-1]
	return Expr{at.Ash + rel.Name + ".exists(" + name + ", " + body.Ash + ")", at.CEL + rel.Name + ".exists(" + name + ", " + body.CEL + ")"}
}

// usual writes a condition as rules are: it names the caller, alone or beside something else.
func (g *gen) usual(depth int) Expr {
	who := g.who(depth)
	switch g.IntN(5) {
	case 0:
		return join("(%s || %s)", who, g.who(depth))
	case 1:
		return join("(%s || %s)", who, g.cond(depth-1))
	case 2:
		return join("(%s && %s)", who, g.cond(depth-1))
	}
	return who
}

// whoOf names the caller in an item, or in what relates to it.
func (g *gen) whoOf(item string, table *model.Table, depth int) Expr {
	var keys []string
	for _, f := range table.Fields {
		if isKey(f) {
			keys = append(keys, f.Name)
		}
	}
	if len(keys) == 0 || depth > 0 && g.IntN(3) == 0 {
		return g.who(depth)
	}
	f := item + "." + pick(g, keys)
	return same("(" + f + " == auth.id)")
}

func isKey(f *model.Field) bool {
	return (f.Ref != nil || f.Name == "id") && (f.Type == model.Text || f.Type == model.UUID)
}

// atom writes a condition without conditions inside.
func (g *gen) atom() Expr {
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
		if c, ok := g.row(); ok && g.IntN(2) == 0 {
			return c
		}
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
		if g.uses.Args {
			return g.argCompare()
		}
	}
	return g.compare(0)
}

var kinds = []value.Kind{value.Int, value.Float, value.Decimal, value.Text, value.Timestamp, value.Date, value.Duration, value.Bool}

func (g *gen) op() string { return pick(g, []string{"==", "!=", "<", "<=", ">", ">="}) }

func (g *gen) compare(depth int) Expr {
	if g.IntN(10) == 0 {
		if c, ok := g.enum(); ok {
			return c
		}
	}
	k := pick(g, kinds)
	if k == value.Int || k == value.Float || k == value.Decimal {
		if g.IntN(3) == 0 { // numbers of two kinds compare by exact value
			l, okL := g.column(pick(g, kinds[:3]))
			r, okR := g.column(pick(g, kinds[:3]))
			if okL && okR {
				op := g.op()
				return Expr{"(" + l.Ash + " " + op + " " + r.Ash + ")", "(num(" + l.CEL + ") " + op + " num(" + r.CEL + "))"}
			}
		}
		if g.IntN(4) == 0 {
			if c, ok := g.column(value.Decimal); ok { // a decimal and a literal, of any digits
				lit, op := pick(g, append(decPool, intPool[:7]...)), g.op()
				if g.IntN(2) == 0 {
					return Expr{"(" + c.Ash + " " + op + " " + lit + ")", "(num(" + c.CEL + ") " + op + " num(dec('" + lit + "')))"}
				}
				return Expr{"(" + lit + " " + op + " " + c.Ash + ")", "(num(dec('" + lit + "')) " + op + " num(" + c.CEL + "))"}
			}
		}
	}
	if k != value.Decimal && k != value.Bool && g.IntN(8) == 0 { // what is computed is never missing, but may fail
		sides := []Expr{g.val(k, depth+1), same("null")}
		i := g.IntN(2)
		return join("(%s "+pick(g, []string{"==", "!="})+" %s)", sides[i], sides[1-i])
	}
	if k == value.Decimal {
		l, r := g.val(k, depth), g.val(k, depth)
		op := g.op()
		return Expr{"(" + l.Ash + " " + op + " " + r.Ash + ")", "(num(" + l.CEL + ") " + op + " num(" + r.CEL + "))"}
	}
	return join("(%s "+g.op()+" %s)", g.val(k, depth), g.val(k, depth))
}

// ternaryCompare compares with a choice whose branches may be missing while its condition may fail.
func (g *gen) ternaryCompare(depth int) Expr {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Float})
	branch := func() Expr {
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

// enum compares an enum: with its values (others are refused), another enum, text, or an item of a list.
func (g *gen) enum() (Expr, bool) {
	isEnum := func(f *model.Field) bool { return f.Type == model.Enum }
	c, ok := g.columnWhere(isEnum)
	if !ok {
		return c, false
	}
	one := func() Expr { return same("'" + pick(g, enumPool) + "'") }
	other := one()
	switch g.IntN(5) {
	case 0:
		other, _ = g.columnWhere(isEnum)
	case 1:
		if text, ok := g.column(value.Text); ok {
			other = text
		}
	case 2:
		return join("(%s in [%s, %s])", c, one(), one()), true
	}
	if other.Ash == "" {
		other = one()
	}
	if g.IntN(2) == 0 {
		c, other = other, c
	}
	return join("(%s "+g.op()+" %s)", c, other), true
}

// row compares a whole row with null. To the oracle that is its id, which is missing where the row is.
func (g *gen) row() (Expr, bool) {
	op := pick(g, []string{" == ", " != "})
	if g.uses.Old && g.IntN(3) == 0 {
		return Expr{"(old" + op + "null)", "(old.id" + op + "null)"}, true
	}
	at, table := g.place()
	rel := g.relation(table, false)
	if rel == nil || g.steps <= 0 {
		return Expr{}, false
	}
	g.steps--
	if g.IntN(2) == 0 {
		return Expr{"has(" + at.Ash + rel.Name + ")", "has(" + at.CEL + rel.Name + ".id)"}, true
	}
	return Expr{"(" + at.Ash + rel.Name + op + "null)", "(" + at.CEL + rel.Name + ".id" + op + "null)"}, true
}

func (g *gen) argCompare() Expr {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Timestamp, value.Bool, value.Float})
	c, ok := g.column(k)
	if !ok {
		return same("true")
	}
	name := "arg." + k.String()
	return join("(%s "+g.op()+" "+name+")", c)
}

func (g *gen) in() Expr {
	k := pick(g, []value.Kind{value.Int, value.Text, value.Float, value.Date})
	items := []Expr{}
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
		a, c = append(a, i.Ash), append(c, i.CEL)
	}
	x := g.val(k, 1)
	return Expr{"(" + x.Ash + " in [" + strings.Join(a, ", ") + "])", "(" + x.CEL + " in [" + strings.Join(c, ", ") + "])"}
}

// val writes a value of a kind.
func (g *gen) val(k value.Kind, depth int) Expr {
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

func (g *gen) computed(k value.Kind, depth int) (Expr, bool) {
	bin := func(op string, kl, kr value.Kind) (Expr, bool) {
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
				other = Expr{lit, "dec('" + lit + "')"}
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
	return Expr{}, false
}

func (g *gen) literal(k value.Kind) Expr {
	quoted := func(fn string, pool []string) Expr { return same(fn + "('" + pick(g, pool) + "')") }
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
		return Expr{"0", "dec('0')"}
	case value.Timestamp:
		if g.IntN(3) == 0 {
			return same("now")
		}
		return quoted("timestamp", tsPool)
	case value.Duration:
		return quoted("duration", durPool)
	case value.Date:
		d := pick(g, datePool)
		return Expr{"date('" + d + "')", "'" + d + "'"}
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
func (g *gen) place() (Expr, *model.Table) {
	at, table := Expr{"", "row."}, g.self
	if g.uses.Old && g.IntN(2) == 0 {
		at = same("old.")
	}
	if n := len(g.items); n > 0 && g.IntN(4) > 0 {
		i := g.items[g.IntN(n)]
		at, table = same(i.name+"."), i.t
	}
	for g.steps > 0 && g.IntN(3) == 0 {
		rel := g.relation(table, false)
		if rel == nil {
			break
		}
		g.steps--
		at, table = Expr{at.Ash + rel.Name + ".", at.CEL + rel.Name + "."}, rel.To
	}
	return at, table
}

func (g *gen) relation(table *model.Table, many bool) *model.Relation {
	var rels []*model.Relation
	for _, r := range table.Relations {
		if r.Many == many {
			rels = append(rels, r)
		}
	}
	if len(rels) == 0 {
		return nil
	}
	return pick(g, rels)
}

func kindIs(field *model.Field, k value.Kind) bool {
	switch field.Type {
	case model.Text, model.UUID:
		return k == value.Text
	case model.Enum:
		return false // literals of other values are refused: method enum writes what is accepted
	case model.Int:
		return k == value.Int
	case model.Float:
		return k == value.Float
	case model.Decimal:
		return k == value.Decimal
	case model.Bool:
		return k == value.Bool
	case model.Timestamp:
		return k == value.Timestamp
	case model.Date:
		return k == value.Date
	}
	return false
}

func (g *gen) column(k value.Kind) (Expr, bool) {
	return g.columnWhere(func(f *model.Field) bool { return kindIs(f, k) })
}

func (g *gen) anyColumn() (Expr, bool) {
	return g.columnWhere(func(*model.Field) bool { return true })
}

func (g *gen) columnWhere(ok func(*model.Field) bool) (Expr, bool) {
	at, table := g.place()
	var fields []string
	for _, f := range table.Fields {
		if ok(f) {
			fields = append(fields, f.Name)
		}
	}
	if len(fields) == 0 {
		return Expr{}, false
	}
	f := pick(g, fields)
	return Expr{at.Ash + f, at.CEL + f}, true
}

func (g *gen) many() (Expr, bool) {
	at, table := g.place()
	rel := g.relation(table, true)
	if rel == nil || g.steps <= 0 {
		return Expr{}, false
	}
	g.steps--
	return Expr{at.Ash + rel.Name, at.CEL + rel.Name}, true
}

func (g *gen) macro(depth int) (Expr, bool) {
	if len(g.items) == rule.RequestLimits.Macros {
		return Expr{}, false
	}
	at, table := g.place()
	rel := g.relation(table, true)
	if rel == nil || g.steps <= 0 {
		return Expr{}, false
	}
	g.steps--
	name := fmt.Sprintf("i%d", len(g.items))
	g.items = append(g.items, genItem{name, rel.To})
	body := g.cond(depth)
	g.items = g.items[:len(g.items)-1]
	fn := pick(g, []string{"exists", "all", "exists_one"})
	return Expr{
		at.Ash + rel.Name + "." + fn + "(" + name + ", " + body.Ash + ")",
		at.CEL + rel.Name + "." + fn + "(" + name + ", " + body.CEL + ")",
	}, true
}
