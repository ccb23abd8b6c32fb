package sqlgen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestOracle generates models, rows and expressions, and compares what the database makes of each expression for each
// row (true, false, failure) with what cel-go's evaluator says; once as the model's own rules see the rows, once as a
// client does, through masks and read rules. ASHLAR_NIGHTLY=1 makes more than 100,000 pairs of it.
func TestOracle(t *testing.T) {
	models, exprs := 6, 60
	if os.Getenv("ASHLAR_NIGHTLY") != "" {
		models, exprs = 60, 300
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("ASHLAR_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("ASHLAR_SEED=%d", seed)
	var tally tally
	for i := range models {
		w := newWorld(t, rand.New(rand.NewPCG(seed, uint64(i))))
		for range exprs {
			w.compare(t, &tally)
		}
		w.db.Close()
	}
	t.Logf("%d pairs of expression and row: %d true, %d false, %d failed; %d of %d expressions refused at load",
		tally.pairs, tally.outcomes['t'], tally.outcomes['f'], tally.outcomes['x'], tally.refused, tally.exprs)
	for _, o := range "tfx" {
		if tally.outcomes[byte(o)]*50 < tally.pairs {
			t.Errorf("outcome %c is rare: the generator proves little", o)
		}
	}
	if tally.refused*3 > tally.exprs {
		t.Errorf("%d of %d expressions refused: the generator proves little", tally.refused, tally.exprs)
	}
}

type tally struct {
	pairs, exprs, refused int
	outcomes              [256]int
}

// world is a model with rows, in a database and as Go values.
type world struct {
	*rand.Rand
	model *schema.Model
	rules *rule.Rules
	rows  map[string][]map[string]ref.Val
	db    store.DB
	cel   *cel.Env
	progs map[string]cel.Program
	read  map[*schema.Table]string // the read rules in the oracle's spelling
	masks map[*schema.Field]string
	env   rule.Env
	vars  map[string]any
	seen  map[string]bool // visible and masked, by table, row and field
}

var scalarTypes = []string{"text", "int", "float", "{type: decimal, precision: 18, scale: 0}", "{type: decimal, precision: 18, scale: 2}",
	"{type: decimal, precision: 18, scale: 4}", "bool", "timestamp", "date", "uuid", "{type: enum, values: [x, y, z]}", "json"}

func newWorld(t *testing.T, r *rand.Rand) *world {
	t.Helper()
	w := &world{Rand: r, rows: map[string][]map[string]ref.Val{}, progs: map[string]cel.Program{},
		read: map[*schema.Table]string{}, masks: map[*schema.Field]string{}, seen: map[string]bool{}}
	w.load(t)
	w.fill()
	w.store(t)
	w.callers()
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	w.cel = env
	return w
}

// load makes a model of three tables, first without rules, so that the rules can be generated about its tables.
func (w *world) load(t *testing.T) {
	t.Helper()
	names := []string{"alpha", "beta", "gamma"}
	fields := map[string][]string{}
	for _, n := range names {
		for i := range 4 + w.IntN(6) {
			typ := scalarTypes[w.IntN(len(scalarTypes))]
			if !strings.HasPrefix(typ, "{") {
				typ = "{type: " + typ + "}"
			}
			if w.IntN(2) == 0 {
				typ = strings.TrimSuffix(typ, "}") + ", optional: true}"
			}
			fields[n] = append(fields[n], fmt.Sprintf("f%d: %s", i, typ))
		}
		for i := range 1 + w.IntN(2) {
			opt := ""
			if w.IntN(3) > 0 {
				opt = ", optional: true"
			}
			fields[n] = append(fields[n], fmt.Sprintf("r%d: {ref: %s, reverse: %s_r%d%s}", i, names[w.IntN(3)], n, i, opt))
		}
	}
	keys := map[string]string{}
	for _, n := range names {
		keys[n] = []string{"text", "int", "uuid"}[w.IntN(3)]
	}
	source := func(rules map[string]text, masks map[string]text) string {
		var b strings.Builder
		b.WriteString("ashlar: 1\nname: oracle\nroles: [editor, reader]\ntables:\n")
		for _, n := range names {
			fmt.Fprintf(&b, "  %s:\n    key: %s\n    fields:\n", n, keys[n])
			for _, f := range fields[n] {
				name, _, _ := strings.Cut(f, ":")
				if m, ok := masks[n+"."+name]; ok {
					f = strings.TrimSuffix(f, "}") + ", read: " + strconv.Quote(m.ash) + "}"
				}
				b.WriteString("      " + f + "\n")
			}
			if rule, ok := rules[n]; ok {
				fmt.Fprintf(&b, "    access: {read: %s}\n", strconv.Quote(rule.ash))
			} else {
				b.WriteString("    access: {read: true}\n")
			}
		}
		return b.String()
	}
	bare := parseModel(t, source(nil, nil))
	rules, masks := map[string]text{}, map[string]text{}
	for _, n := range names {
		if w.IntN(3) > 0 {
			rules[n] = w.sound(bare, n)
		}
		for _, f := range fields[n] {
			name, _, _ := strings.Cut(f, ":")
			if w.IntN(5) == 0 {
				masks[n+"."+name] = w.sound(bare, n)
			}
		}
	}
	w.model = parseModel(t, source(rules, masks))
	var faults schema.Faults
	w.rules, faults = rule.CompileModel(w.model)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for n, r := range rules {
		w.read[w.model.Table(n)] = r.cel
	}
	for f, m := range masks {
		table, name, _ := strings.Cut(f, ".")
		field := w.model.Table(table).Field(name)
		if field == nil {
			field = w.model.Table(table).Field(name + "_id")
		}
		w.masks[field] = m.cel
	}
}

func parseModel(t *testing.T, source string) *schema.Model {
	t.Helper()
	m, faults := schema.ParseSource(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatalf("%v\n%s", faults, source)
	}
	return m
}

// sound generates a rule about a table that loads.
func (w *world) sound(m *schema.Model, table string) text {
	for {
		g := &exprGen{Rand: w.Rand, self: m.Table(table), steps: 4, asked: map[string]bool{}}
		e := g.cond(1)
		row := &rule.Row{Table: g.self}
		if _, _, problems := rule.Compile(e.ash, rule.Scope{Row: row}); len(problems) == 0 {
			return e
		}
	}
}

// fill makes the rows.
func (w *world) fill() {
	g := &exprGen{Rand: w.Rand}
	for _, t := range w.model.Tables {
		for i := range 6 {
			w.rows[t.Name] = append(w.rows[t.Name], map[string]ref.Val{"id": idOf(t, i)})
		}
	}
	for _, t := range w.model.Tables {
		for _, rec := range w.rows[t.Name] {
			for _, f := range t.Fields[1:] {
				rec[f.Name] = w.random(g, f)
			}
		}
	}
}

func idOf(t *schema.Table, i int) ref.Val {
	switch t.Key {
	case schema.Int:
		return types.Int(i)
	case schema.UUID:
		return types.String(fmt.Sprintf("00000000-0000-7000-8000-00000000000%d", i))
	default:
		return types.String(txtPool[i+1])
	}
}

func (w *world) random(g *exprGen, f *schema.Field) ref.Val {
	if f.Optional && w.IntN(3) == 0 {
		return types.NullValue
	}
	if f.Ref != nil {
		rows := w.rows[f.Ref.Name]
		return rows[w.IntN(len(rows))]["id"]
	}
	switch f.Type {
	case schema.Int:
		n, _ := strconv.ParseInt(pick(g, intPool), 10, 64)
		return types.Int(n)
	case schema.Float:
		n, _ := strconv.ParseFloat(pick(g, fltPool), 64)
		return types.Double(n)
	case schema.Decimal:
		for {
			d := parseDecimal(pick(g, decPool))
			unscaled, _ := d.rat.Float64()
			if d.scale <= f.Scale && unscaled*pow10(f.Scale) < 1e18 && unscaled*pow10(f.Scale) > -1e18 {
				return decimal{d.rat, f.Scale}
			}
		}
	case schema.Bool:
		return types.Bool(w.IntN(2) == 0)
	case schema.Timestamp:
		at, err := time.Parse(time.RFC3339Nano, pick(g, tsPool))
		if err != nil {
			panic(err)
		}
		return types.Timestamp{Time: at}
	case schema.Date:
		return types.String(pick(g, datePool))
	case schema.UUID:
		return types.String(pick(g, uuidPool))
	case schema.Enum:
		return types.String(pick(g, enumPool))
	case schema.JSON:
		return types.DefaultTypeAdapter.NativeToValue(map[string]any{"a": 1})
	default:
		return types.String(pick(g, txtPool))
	}
}

func pow10(n int) float64 {
	f := 1.0
	for range n {
		f *= 10
	}
	return f
}

// store writes the rows to a database.
func (w *world) store(t *testing.T) {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "oracle.db"), sqlite.Config{Readers: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.db = db
	err = db.Write(context.Background(), func(tx store.Tx) error {
		for _, table := range w.model.Tables {
			if _, err := tx.Exec(createPlain(table), nil); err != nil {
				return err
			}
			g := &Generator{Dialect: SQLite{}, Rules: w.rules}
			insert, err := g.Insert(table)
			if err != nil {
				return err
			}
			for _, rec := range w.rows[table.Name] {
				inputs := make([]value.Value, 0, len(table.Fields)+1)
				for _, f := range table.Fields {
					inputs = append(inputs, stored(f, rec[f.Name]))
				}
				if _, err := tx.Exec(insert.SQL, insert.Bind(nil, nil, append(inputs, value.OfInt(1)))); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// createPlain defines a table without constraints: rows come in no order that references would accept.
func createPlain(t *schema.Table) string {
	var cols []string
	for _, f := range t.Fields {
		typ := "TEXT"
		switch f.Type {
		case schema.Int, schema.Decimal, schema.Bool, schema.Timestamp:
			typ = "INTEGER"
		case schema.Float:
			typ = "REAL"
		}
		if f.Name == "id" {
			typ += " PRIMARY KEY"
		}
		cols = append(cols, quote(f.Name)+" "+typ)
	}
	return "CREATE TABLE " + quote(t.Name) + " (" + strings.Join(append(cols, `"_rev" INTEGER`), ", ") + ") STRICT"
}

// stored is an oracle's value as the database takes it.
func stored(f *schema.Field, v ref.Val) value.Value {
	switch v := v.(type) {
	case types.Int:
		return value.OfInt(int64(v))
	case types.Double:
		n, _ := value.Finite(float64(v))
		return value.OfFloat(n)
	case types.Bool:
		return value.OfBool(bool(v))
	case types.String:
		return value.OfText(string(v))
	case types.Timestamp:
		return value.OfTimestamp(v.UnixMicro())
	case decimal:
		unscaled, scale, err := value.ParseDecimal(v.rat.FloatString(f.Scale))
		if err != nil {
			panic(err)
		}
		return value.OfDecimal(unscaled, scale)
	case types.Null:
		return value.Value{}
	default:
		return value.OfJSON(`{"a":1}`)
	}
}

// callers picks who asks, and the arguments.
func (w *world) callers() {
	who := []caller.Caller{
		{}, caller.User(caller.Identity{ID: "a", Email: "x", Roles: []string{"editor"}}),
		caller.User(caller.Identity{ID: uuidPool[2], Roles: []string{"reader", "a"}, Verified: true}),
	}[w.IntN(3)]
	auth := map[string]any{"kind": who.Kind().String(), "roles": who.Roles(), "verified": who.Verified(), "mfa": who.MFA()}
	if id, ok := who.ID(); ok {
		auth["id"] = id
	}
	if email, ok := who.Email(); ok {
		auth["email"] = email
	}
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	args := map[string]value.Value{"int": value.OfInt(2), "text": value.OfText("ab"), "bool": value.OfBool(true),
		"float": value.OfFloat(2.5), "timestamp": value.OfTimestamp(now.UnixMicro())}
	w.env = rule.Env{Caller: who, Now: now.UnixMicro(), Args: args}
	w.vars = map[string]any{"auth": auth, "now": now,
		"arg": map[string]any{"int": 2, "text": "ab", "bool": true, "float": 2.5, "timestamp": now}}
}

// field is a field of a row in somebody's eyes.
func (w *world) field(f *schema.Field, rec map[string]ref.Val, client bool) ref.Val {
	if mask, ok := w.masks[f]; ok && client && !w.holds(f.Table, mask, rec) {
		return types.NullValue
	}
	return rec[f.Name]
}

func (w *world) visible(t *schema.Table, rec map[string]ref.Val, client bool) bool {
	rule, ok := w.read[t]
	if t.Name == "users" {
		rule, ok = "row.id == auth.id", true
	}
	return !client || !ok || w.holds(t, rule, rec)
}

// holds evaluates a rule of the model, which sees everything.
func (w *world) holds(t *schema.Table, rule string, rec map[string]ref.Val) bool {
	key := fmt.Sprint(t.Name, rec["id"], rule)
	known, ok := w.seen[key]
	if !ok {
		known = w.ask(rule, celRow{w, t, rec, false}) == 't'
		w.seen[key] = known
	}
	return known
}

// ask evaluates an expression of the oracle's: t, f, or x for a failure.
func (w *world) ask(expr string, row celRow) byte {
	p, ok := w.progs[expr]
	if !ok {
		ast, iss := w.cel.Parse(expr)
		if iss.Err() != nil {
			panic(fmt.Sprintf("%s: %v", expr, iss.Err()))
		}
		var err error
		if p, err = w.cel.Program(ast, cel.CustomDecoratorV2(finite)); err != nil {
			panic(err)
		}
		w.progs[expr] = p
	}
	vars := map[string]any{"row": row}
	for k, v := range w.vars {
		vars[k] = v
	}
	out, _, err := p.Eval(vars)
	switch {
	case err != nil || out.Type() != types.BoolType:
		return 'x'
	case out == types.True:
		return 't'
	default:
		return 'f'
	}
}

// compare generates an expression and compares.
func (w *world) compare(t *testing.T, tally *tally) {
	t.Helper()
	table := w.model.Tables[w.IntN(len(w.model.Tables))]
	g := &exprGen{Rand: w.Rand, self: table, steps: 4, args: true, asked: map[string]bool{}}
	expr := g.cond(1 + w.IntN(3))
	tally.exprs++
	node, _, problems := w.rules.Filter(table, expr.ash)
	if len(problems) > 0 {
		tally.refused++
		return
	}
	for _, client := range []bool{false, true} {
		got, loosely := w.database(t, table, node, client)
		for i, rec := range w.rows[table.Name] {
			want := w.ask(expr.cel, celRow{w, table, rec, client})
			tally.pairs++
			tally.outcomes[want]++
			if got[i] != want || loosely[i] != (want == 't') {
				t.Fatalf("%s of row %v (client %v): database says %c (admits: %v), cel-go says %c\nas %s\ntree %s\nrow %v\nrule %q\nmodel %s",
					expr.ash, rec["id"], client, got[i], loosely[i], want, expr.cel, rule.Format(node), rec, w.read[table], describe(w.model))
			}
		}
	}
}

// database evaluates a filter over the rows of a table, exactly and as a condition that admits rows.
func (w *world) database(t *testing.T, table *schema.Table, node rule.Node, client bool) (outcomes []byte, admits []bool) {
	t.Helper()
	slots := rule.Slots{Base: len(w.rules.Slots.List)}
	extracted := slots.Extract(node)
	n := len(w.rules.Slots.List) + len(slots.List)
	states, values := make([]rule.State, n), make([]value.Value, n)
	w.rules.Slots.Bind(&w.env, states, values)
	slots.Bind(&w.env, states[slots.Base:], values[slots.Base:])
	g := &Generator{Dialect: SQLite{}, Rules: w.rules, Folder: rule.Folder{States: states}}
	sc := g.self(table, "t0")
	sc.client = client
	folded := g.fold(extracted)
	sql := "SELECT " + g.cond(folded, sc, exact) + ", " + g.cond(folded, sc, loose) + " AS admits" +
		from(table, "t0") + " ORDER BY rowid"
	stmt, err := g.finish(sql)
	if err != nil {
		t.Fatal(err)
	}
	err = w.db.Read(context.Background(), func(r store.Reader) error {
		return r.Query(stmt.SQL, stmt.Bind(nil, values, nil), func(row value.Row) error {
			switch {
			case row.Null(0):
				outcomes = append(outcomes, 'x')
			case row.Int(0) == 1:
				outcomes = append(outcomes, 't')
			default:
				outcomes = append(outcomes, 'f')
			}
			admits = append(admits, !row.Null(1) && row.Int(1) == 1)
			return nil
		})
	})
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, rule.Format(node), stmt.SQL)
	}
	return outcomes, admits
}

func describe(m *schema.Model) string {
	var b strings.Builder
	for _, t := range m.Tables {
		fmt.Fprintf(&b, "\n%s:", t.Name)
		for _, f := range t.Fields {
			fmt.Fprintf(&b, " %s %s", f.Name, f.Type)
			if f.Optional {
				b.WriteByte('?')
			}
			if f.Read != nil {
				fmt.Fprintf(&b, " (read %s)", f.Read.Text)
			}
		}
	}
	return b.String()
}
