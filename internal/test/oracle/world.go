package oracle

import (
	"math/rand/v2"
	"testing"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A World is a model with rules, a caller and a time.
type World struct {
	*rand.Rand
	Model  *model.Model
	Source string // the model file
	Rules  *rule.Rules
	Caller caller.Caller
	Now    time.Time
	Args   map[string]string // arguments for expressions with Uses.Args, as in a request
	Writes map[string]Writes // by table; empty in a World of New

	cel      *cel.Env
	programs map[string]cel.Program
	read     map[*model.Table]string // read rules in the oracle's spelling
	masks    map[*model.Field]string // masks in the oracle's spelling
	vars     map[string]any          // values of auth, now and arg
}

// New makes a random model of three tables, with read rules and masks.
func New(t testing.TB, random *rand.Rand) *World { return newWorld(t, random, nil) }

// NewWithWrites makes a random model with rules of reading and writing, and with checks.
func NewWithWrites(t testing.TB, random *rand.Rand) *World {
	return newWorld(t, random, randomWrites)
}

// NewOpen makes a random model in which everybody may write the rows that they may read.
func NewOpen(t testing.TB, random *rand.Rand) *World { return newWorld(t, random, openWrites) }

func newWorld(t testing.TB, random *rand.Rand, writes func(*rand.Rand, *model.Table) Writes) *World {
	t.Helper()
	env, err := newEnv()
	if err != nil {
		t.Fatal(err)
	}
	w := &World{Rand: random, Now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC), cel: env, programs: map[string]cel.Program{},
		read: map[*model.Table]string{}, masks: map[*model.Field]string{}}
	w.setCaller(w.IntN(Callers))
	w.load(t, writes)
	return w
}

// load makes the model. It loads the tables without rules first, because the rules are generated for loaded tables.
func (w *World) load(t testing.TB, writes func(*rand.Rand, *model.Table) Writes) {
	t.Helper()
	tables := randomTables(w.Rand)
	bare := parseModel(t, source(tables, ruleTexts{}))
	rules := ruleTexts{map[string]Expr{}, map[string]Expr{}, map[string]Writes{}}
	for _, table := range tables {
		if w.IntN(3) > 0 {
			rules.read[table.name] = w.readRule(bare.Table(table.name))
		}
		for _, field := range table.fields {
			if w.IntN(5) == 0 {
				rules.masks[table.name+"."+nameOf(field)] = randomRule(w.Rand, bare.Table(table.name), Uses{})
			}
		}
	}
	if writes != nil {
		for _, table := range tables {
			rules.writes[table.name] = writes(w.Rand, bare.Table(table.name))
		}
	}
	w.Source, w.Writes = source(tables, rules), rules.writes
	w.Model = parseModel(t, w.Source)
	var faults model.Faults
	w.Rules, faults = rule.CompileModel(w.Model)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	w.keep(tables, rules)
}

// readRule writes a rule about the caller half of the time.
func (w *World) readRule(table *model.Table) Expr {
	if w.IntN(2) == 0 {
		return accepted(w.Rand, table, Uses{}, func(g *generator) Expr { return g.callerRule(1) })
	}
	return randomRule(w.Rand, table, Uses{})
}

// keep stores the read rules and masks by the tables and fields of the model.
func (w *World) keep(tables []table, rules ruleTexts) {
	for _, table := range tables {
		loaded := w.Model.Table(table.name)
		if read, ok := rules.read[table.name]; ok {
			w.read[loaded] = read.CEL
		}
		for _, declaration := range table.fields {
			name := nameOf(declaration)
			mask, ok := rules.masks[table.name+"."+name]
			if !ok {
				continue
			}
			field := loaded.Field(name)
			if field == nil {
				field = loaded.Field(name + "_id") // a reference
			}
			w.masks[field] = mask.CEL
		}
	}
}

func parseModel(t testing.TB, source string) *model.Model {
	t.Helper()
	loaded, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatalf("%v\n%s", faults, source)
	}
	return loaded
}

// Condition writes a random condition about the rows of a table. depth limits the nesting of connectives. The compiler may
// refuse the condition.
func (w *World) Condition(table *model.Table, depth int, uses Uses) Expr {
	return newGenerator(w.Rand, table, uses).condition(depth)
}

// Env returns the environment for the slots of a request's expressions.
func (w *World) Env() rule.Env {
	return rule.Env{Caller: w.Caller, Now: w.Now.UnixMicro(), Args: map[string]value.Value{
		"int": value.OfInt(2), "text": value.OfText("ab"), "bool": value.OfBool(true),
		"float": value.OfFloat(2.5), "timestamp": value.OfTimestamp(w.Now.UnixMicro()),
	}}
}

// Callers is the number of callers: an anonymous client and two users.
const Callers = 3

// setCaller makes caller i the caller of the World. The arguments are the same for all callers.
func (w *World) setCaller(i int) {
	who := []caller.Caller{
		{}, caller.User(caller.Identity{ID: "a", Email: "x", Roles: []string{"editor"}}),
		caller.User(caller.Identity{
			ID: uuidPool[0], Roles: []string{"reader", "a"}, Verified: true, MFA: true, Methods: []string{"password", "totp", "a"},
			Since: w.Now.Add(-time.Minute), Proof: caller.Proof{Kind: caller.ProofSession, ID: "ab"},
		}),
	}[i]
	auth := map[string]any{"kind": who.Kind().String(), "roles": who.Roles(), "verified": who.Verified(), "mfa": who.MFA(), "methods": who.Methods()}
	if id, ok := who.ID(); ok {
		auth["id"] = id
	}
	if email, ok := who.Email(); ok {
		auth["email"] = email
	}
	if since, ok := who.Since(); ok {
		auth["since"] = since
	}
	if session, ok := who.Session(); ok {
		auth["session"] = session
	}
	w.Caller = who
	w.Args = map[string]string{"int": "2", "text": "ab", "bool": "true", "float": "2.5", "timestamp": "2026-11-23T10:00:00Z"}
	w.vars = map[string]any{"auth": auth, "now": w.Now,
		"arg": map[string]any{"int": 2, "text": "ab", "bool": true, "float": 2.5, "timestamp": w.Now}}
}

// program returns the program of an expression in the oracle's spelling.
func (w *World) program(expr string) cel.Program {
	if known, ok := w.programs[expr]; ok {
		return known
	}
	ast, issues := w.cel.Parse(expr)
	if issues.Err() != nil {
		panic(expr + ": " + issues.Err().Error())
	}
	program, err := w.cel.Program(ast, cel.CustomDecoratorV2(bounded))
	if err != nil {
		panic(err)
	}
	w.programs[expr] = program
	return program
}
