package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// World is a model with rules, and who asks.
type World struct {
	*rand.Rand
	Model  *model.Model
	Source string // of the model
	Rules  *rule.Rules
	Caller caller.Caller
	Now    time.Time
	Args   map[string]string // what expressions that Uses.Args may name, as a request gives it
	Writes map[string]Writes // by table; empty unless the world was made by NewWithWrites

	cel      *cel.Env
	programs map[string]cel.Program
	read     map[*model.Table]string // the read rules in the oracle's spelling
	masks    map[*model.Field]string
	vars     map[string]any
}

// Writes are the rules of writing to a table.
type Writes struct {
	Create, From, To, Delete Expr // To may name old
	Check                    Expr // so may this
}

// New makes a random model of three tables with read rules and masked fields.
func New(t testing.TB, r *rand.Rand) *World { return newWorld(t, r, nil) }

// NewWithWrites makes one that has rules of writing and checks as well.
func NewWithWrites(t testing.TB, r *rand.Rand) *World { return newWorld(t, r, (*World).writes) }

// NewOpen makes one in which everybody may write what they may read.
func NewOpen(t testing.TB, r *rand.Rand) *World {
	return newWorld(t, r, func(*World, *model.Table) Writes {
		return Writes{Create: same("true"), From: same("true"), To: same("true"), Delete: same("true"), Check: same("true")}
	})
}

func newWorld(t testing.TB, r *rand.Rand, writes func(*World, *model.Table) Writes) *World {
	t.Helper()
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Rand: r, Now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), cel: env, programs: map[string]cel.Program{},
		read: map[*model.Table]string{}, masks: map[*model.Field]string{}, Writes: map[string]Writes{}}
	w.by(w.IntN(Callers))
	w.load(t, w.tables(), writes)
	return w
}

// Env is what the expressions of a request are evaluated in.
func (w *World) Env() rule.Env {
	return rule.Env{Caller: w.Caller, Now: w.Now.UnixMicro(), Args: map[string]value.Value{
		"int": value.OfInt(2), "text": value.OfText("ab"), "bool": value.OfBool(true),
		"float": value.OfFloat(2.5), "timestamp": value.OfTimestamp(w.Now.UnixMicro()),
	}}
}

// Callers is how many callers there are: anonymous, and two users.
const Callers = 3

// As is the same rows for another of the callers, 0 ≤ i < Callers.
func (d *Data) As(i int) *Data {
	w := *d.World
	w.by(i)
	return &Data{World: &w, Rows: d.Rows, known: map[string]bool{}}
}

// by makes a caller ask, with the arguments of all.
func (w *World) by(i int) {
	who := []caller.Caller{
		{}, caller.User(caller.Identity{ID: "a", Email: "x", Roles: []string{"editor"}}),
		caller.User(caller.Identity{ID: uuidPool[0], Roles: []string{"reader", "a"}, Verified: true}),
	}[i]
	auth := map[string]any{"kind": who.Kind().String(), "roles": who.Roles(), "verified": who.Verified(), "mfa": who.MFA()}
	if id, ok := who.ID(); ok {
		auth["id"] = id
	}
	if email, ok := who.Email(); ok {
		auth["email"] = email
	}
	w.Caller = who
	w.Args = map[string]string{"int": "2", "text": "ab", "bool": "true", "float": "2.5", "timestamp": "2026-11-23T10:00:00Z"}
	w.vars = map[string]any{"auth": auth, "now": w.Now,
		"arg": map[string]any{"int": 2, "text": "ab", "bool": true, "float": 2.5, "timestamp": w.Now}}
}

// newEnv is CEL with Ashlar's names, all of them dynamic: what is compared is evaluation.
func newEnv() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("row", cel.DynType), cel.Variable("old", cel.DynType), cel.Variable("auth", cel.DynType),
		cel.Variable("arg", cel.DynType), cel.Variable("now", cel.TimestampType),
		cel.Function("num", cel.Overload("num_dyn", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(num))),
		cel.Function("dec", cel.Overload("dec_string", []*cel.Type{cel.StringType}, cel.DynType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return parseDecimal(string(v.(types.String))) }))),
		cel.Function("lowerAscii", cel.MemberOverload("lower_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(asciiCase(string(v.(types.String)), 'A', 'Z', 32)) }))),
		cel.Function("upperAscii", cel.MemberOverload("upper_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(asciiCase(string(v.(types.String)), 'a', 'z', -32)) }))),
	)
}

func asciiCase(s string, from, to byte, by int) string {
	b := []byte(s)
	for i := range b {
		if from <= b[i] && b[i] <= to {
			b[i] = byte(int(b[i]) + by)
		}
	}
	return string(b)
}

var scalarTypes = []string{"text", "int", "float", "{type: decimal, precision: 18, scale: 0}", "{type: decimal, precision: 18, scale: 2}",
	"{type: decimal, precision: 18, scale: 4}", "bool", "timestamp", "date", "uuid", "{type: enum, values: [x, y, z]}", "json"}

// fieldNames are names that CEL, SQL or Go knows as something else, and plain ones.
var fieldNames = []string{"type", "list", "map", "string", "size", "timestamp", "duration", "has", "int", "double", "bool", "bytes",
	"null_type", "all", "exists", "contains", "select", "order", "group", "rowid", "oid", "value", "key", "row", "f0", "f1", "f2", "f3", "f4", "f5"}

// table is a table of a model being made.
type table struct {
	name, key string
	fields    []string // their declarations
	index     []string // the fields of an index, or none
}

func (w *World) tables() []table {
	names := []string{"alpha", "beta", "gamma"}
	tables := make([]table, len(names))
	for i, n := range names {
		t := table{name: n, key: []string{"text", "int", "uuid"}[w.IntN(3)]}
		order := w.Perm(len(fieldNames))[:4+w.IntN(6)]
		for _, name := range order {
			t.fields = append(t.fields, w.scalar(fieldNames[name]))
		}
		for i := range 1 + w.IntN(2) {
			opt := ""
			if w.IntN(3) > 0 {
				opt = ", optional: true"
			}
			t.fields = append(t.fields, fmt.Sprintf("r%d: {ref: %s, reverse: %s_r%d%s}", i, names[w.IntN(3)], n, i, opt))
		}
		if a, b := w.IntN(len(t.fields)), w.IntN(len(t.fields)); a != b && !strings.Contains(t.fields[a]+t.fields[b], "json") {
			for _, f := range []string{t.fields[a], t.fields[b]} {
				name, _, _ := strings.Cut(f, ":")
				t.index = append(t.index, name)
			}
		}
		tables[i] = t
	}
	return tables
}

func (w *World) scalar(name string) string {
	typ := scalarTypes[w.IntN(len(scalarTypes))]
	indexed := typ != "json" && w.IntN(3) == 0
	if !strings.HasPrefix(typ, "{") {
		typ = "{type: " + typ + "}"
	}
	if w.IntN(2) == 0 {
		typ = strings.TrimSuffix(typ, "}") + ", optional: true}"
	}
	if indexed {
		typ = strings.TrimSuffix(typ, "}") + ", index: true}"
	}
	return name + ": " + typ
}

// load makes the model, first without rules, so that the rules can be generated about its tables.
func (w *World) load(t testing.TB, tables []table, writes func(*World, *model.Table) Writes) {
	t.Helper()
	bare := parseModel(t, w.source(tables, nil, nil))
	rules, masks := map[string]Expr{}, map[string]Expr{}
	for _, table := range tables {
		if w.IntN(3) > 0 {
			rules[table.name] = w.sound(bare.Table(table.name), Uses{Who: w.IntN(2) == 0})
		}
		for _, f := range table.fields {
			name, _, _ := strings.Cut(f, ":")
			if w.IntN(5) == 0 {
				masks[table.name+"."+name] = w.sound(bare.Table(table.name), Uses{})
			}
		}
	}
	if writes != nil {
		for _, table := range tables {
			w.Writes[table.name] = writes(w, bare.Table(table.name))
		}
	}
	w.Source = w.source(tables, rules, masks)
	w.Model = parseModel(t, w.Source)
	var faults model.Faults
	w.Rules, faults = rule.CompileModel(w.Model)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for n, r := range rules {
		w.read[w.Model.Table(n)] = r.CEL
	}
	for f, m := range masks {
		table, name, _ := strings.Cut(f, ".")
		field := w.Model.Table(table).Field(name)
		if field == nil {
			field = w.Model.Table(table).Field(name + "_id")
		}
		w.masks[field] = m.CEL
	}
}

func (w *World) source(tables []table, rules, masks map[string]Expr) string {
	var text strings.Builder
	text.WriteString("ashlar: 1\nname: oracle\nroles: [" + strings.Join(roles(), ", ") + "]\ntables:\n")
	for _, t := range tables {
		fmt.Fprintf(&text, "  %s:\n    key: %s\n    fields:\n", t.name, t.key)
		for _, f := range t.fields {
			name, _, _ := strings.Cut(f, ":")
			if m, ok := masks[t.name+"."+name]; ok {
				f = strings.TrimSuffix(f, "}") + ", read: " + strconv.Quote(m.Ash) + "}"
			}
			text.WriteString("      " + f + "\n")
		}
		if len(t.index) > 0 {
			fmt.Fprintf(&text, "    indexes: [[%s]]\n", strings.Join(t.index, ", "))
		}
		read := "true"
		if rule, ok := rules[t.name]; ok {
			read = strconv.Quote(rule.Ash)
		}
		fmt.Fprintf(&text, "    access: {read: %s%s}\n", read, w.Writes[t.name].access())
		if check := w.Writes[t.name].Check.Ash; check != "" {
			fmt.Fprintf(&text, "    checks: [{expr: %q, message: no}]\n", check)
		}
	}
	return text.String()
}

func parseModel(t testing.TB, source string) *model.Model {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatalf("%v\n%s", faults, source)
	}
	return m
}

// access are the rules as a model file has them behind the read rule.
func (r Writes) access() string {
	if r.Create.Ash == "" {
		return ""
	}
	return fmt.Sprintf(", create: %q, update: {from: %q, to: %q}, delete: %q", r.Create.Ash, r.From.Ash, r.To.Ash, r.Delete.Ash)
}

func (w *World) writes(table *model.Table) Writes {
	rule := func(uses Uses) Expr {
		switch w.IntN(4) {
		case 0, 1:
			return same("true")
		case 2:
			if e, ok := w.siblings(table, uses); ok {
				return e
			}
		}
		return w.sound(table, uses)
	}
	return Writes{Create: rule(Uses{}), From: rule(Uses{}), To: rule(Uses{Old: true}), Delete: rule(Uses{}), Check: rule(Uses{Old: true})}
}

// roles are those that the model declares.
func roles() []string { return []string{"editor", "reader"} }

// siblings generates a rule about the rows of the table that refer to what a row of it refers to, as rules about members
// do. The row is among them.
func (w *World) siblings(table *model.Table, uses Uses) (Expr, bool) {
	for _, i := range w.Perm(len(table.Fields)) {
		field := table.Fields[i]
		if field.Ref == nil {
			continue
		}
		at := slices.IndexFunc(field.Ref.Relations, func(r *model.Relation) bool { return r.Many && r.Field == field })
		return w.accepted(table, uses, func(g *gen) Expr {
			fn, path := pick(g, []string{"exists", "all", "exists_one"}), field.RefName+"."+field.Ref.Relations[at].Name
			g.items, g.steps = []genItem{{"i0", table}}, 1
			body, from := g.cond(w.IntN(2)), Expr{"", "row."}
			if uses.Old && w.IntN(3) == 0 {
				from = same("old.")
			}
			return join("%s"+path+"."+fn+"(i0, %s)", from, body)
		}), true
	}
	return Expr{}, false
}

// sound generates a rule about a table that loads.
func (w *World) sound(t *model.Table, uses Uses) Expr {
	return w.accepted(t, uses, func(g *gen) Expr { return g.cond(1) })
}

func (w *World) accepted(table *model.Table, uses Uses, write func(*gen) Expr) Expr {
	for {
		e := write(&gen{Rand: w.Rand, self: table, steps: relationSteps, uses: uses})
		scope := rule.Scope{Row: &rule.Row{Table: table}, Roles: roles()}
		if uses.Old {
			scope.Old = &rule.Row{Table: table, Role: rule.Old}
		}
		if _, _, problems := rule.Compile(e.Ash, scope); len(problems) == 0 {
			return e
		}
	}
}
