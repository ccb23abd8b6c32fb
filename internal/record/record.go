// Package record is the only door to the rows of a model: every read and write passes it, and it builds the rules into
// the statements themselves.
package record

import (
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Config tunes a DB. Its zero value works.
type Config struct {
	Now func() time.Time // nil means time.Now
}

// DB is the rows of a model. It is safe for concurrent use.
type DB struct {
	store   store.DB
	rules   *rule.Rules
	dialect sqlgen.Dialect
	now     func() time.Time
	tables  map[*model.Table]*table
	shapes  *shapes
	gate    *admit.Gate[caller.Client]
	totals  *cache.Cache[int64]
	bounds  render.Bounds // of an answer

	counting flights // of totals that are not remembered

	blocks sync.Pool // of *render.Block

	requests sync.Pool // of *request
	refusals refusals
	merging  turns
	farReach int // see there
	maxReach int // see there

	effects func(t *model.Table, op Op, id value.Value, revision int64) Effects // nil: writes have no effects

	probeReach func(level int) (bound, window int)
}

// New returns the rows of the model that the rules are about. The database must have the model's tables.
func New(db store.DB, rules *rule.Rules, cfg Config) *DB {
	d := &DB{store: db, rules: rules, dialect: db.Dialect(), now: cfg.Now, shapes: newShapes(), bounds: render.Bounds{Rows: maxRows, Bytes: maxAnswer}, farReach: farReach, maxReach: maxReach, probeReach: probeReach}
	d.gate = newGate(db)
	d.totals = cache.New[int64](totalsSize)
	if d.now == nil {
		d.now = time.Now
	}
	d.tables = map[*model.Table]*table{}
	for _, t := range rules.Model.All() {
		d.tables[t] = newTable(rules, t)
		d.tables[t].row = d.rowShape(d.tables[t].plain)
		d.tables[t].list = d.listShape(t)
	}
	return d
}

// Op is what a caller wants to do with the rows of a table.
type Op uint8

const (
	Read Op = iota
	Create
	Update
	Delete
)

// Allow says whether the caller may do it to any row at all: errs.Unauthenticated or errs.Forbidden where a rule can
// only refuse, whatever the row. It asks no database.
func (d *DB) Allow(who caller.Caller, t *model.Table, op Op) error {
	if d.tables[t].open[op] {
		return nil
	}
	r := d.request(who)
	defer r.done()
	return r.allow(t, op)
}

// request is what every statement of one request shares: who asks, when, and what the slots of the rules came to.
type request struct {
	db     *DB
	env    rule.Env
	states []rule.State // of the model's slots, then of the filter's
	values []value.Value
	bound  []value.Value   // by the statement that is about to run
	blocks []*render.Block // released when the answer is written
	single *single

	passage *passage
	allowed permission // the last one that was found
}

// permission says that the caller may do something to rows of a table.
type permission struct {
	table *model.Table
	op    Op
}

// request returns a request of the caller, to be given back with done.
func (d *DB) request(who caller.Caller) *request {
	n := len(d.rules.Slots.List)
	r, _ := d.requests.Get().(*request)
	if r == nil {
		r = &request{db: d, states: make([]rule.State, n, n+8), values: make([]value.Value, n, n+8)}
		r.single, r.passage = newSingle(r), newPassage(d)
	}
	r.env = rule.Env{Caller: who}
	r.begin(d.now().UnixMicro())
	return r
}

// begin evaluates the slots of the rules at a time.
func (r *request) begin(now int64) {
	r.env.Now = now
	r.unbindFilter()
	r.db.rules.Slots.Bind(&r.env, r.states, r.values)
	r.allowed = permission{}
}

// unbindFilter drops the slots of a filter.
func (r *request) unbindFilter() {
	n := len(r.db.rules.Slots.List)
	r.env.Args = nil
	r.states, r.values = r.states[:n], r.values[:n]
}

// done gives the memory of a request to another. Nothing of it is used afterwards.
func (r *request) done() {
	r.release()
	r.single.forget()
	r.passage.forget()
	r.env, r.allowed = rule.Env{}, permission{}
	clear(r.values[:cap(r.values)])
	clear(r.bound[:cap(r.bound)])
	r.db.requests.Put(r)
}

func (r *request) who() caller.Caller { return r.env.Caller }

// bindFilter evaluates the slots of a filter.
func (r *request) bindFilter(slots *rule.Slots, args map[string]value.Value) {
	r.env.Args = args
	n := slots.Base + len(slots.List)
	for len(r.states) < n {
		r.states, r.values = append(r.states, 0), append(r.values, value.Value{})
	}
	slots.Bind(&r.env, r.states[slots.Base:n], r.values[slots.Base:n])
}

func (r *request) allow(t *model.Table, op Op) error {
	if t.View != nil && op != Read {
		return &errs.Error{Kind: errs.MethodNotAllowed, Allow: []string{"GET", "HEAD"}, Message: t.Name + " is a view, and views are read-only"}
	}
	if r.allowed == (permission{t, op}) {
		return nil
	}
	if !r.allows(t, op) {
		return r.denied()
	}
	r.allowed = permission{t, op}
	return nil
}

func (r *request) allows(t *model.Table, op Op) bool {
	return r.db.tables[t].open[op] || r.who().IsSystem() || r.db.tables[t].allowed[op].holds(r, func() bool { return r.possible(t, op) })
}

// possible says whether any row at all can pass the rules of an operation.
func (r *request) possible(t *model.Table, op Op) bool {
	f := rule.Folder{States: r.states, NoOld: op == Create}
	for _, n := range needed(r.db.rules.Table(t), op) {
		if rule.NeverTrue(f.Fold(n)) {
			return false
		}
	}
	return true
}

// needed are the rules that must hold for an operation.
func needed(rules *rule.Table, op Op) []rule.Node {
	switch op {
	case Create:
		return []rule.Node{rules.Create}
	case Update:
		return []rule.Node{rules.Read, rules.UpdateFrom, rules.UpdateTo}
	case Delete:
		return []rule.Node{rules.Read, rules.Delete}
	}
	return []rule.Node{rules.Read}
}

// deniedFields is denied where the write rules of fields say no.
func (r *request) deniedFields(fields []*model.Field) error {
	err := r.denied()
	for _, f := range fields {
		err.Faults = append(err.Faults, errs.Fault{Pointer: pointer(f.Name), Code: "write", Detail: "the write rule of this field does not allow it"})
	}
	return err
}

// denied is the answer of a rule that says no: who you are may help anonymous, nobody else.
func (r *request) denied() *errs.Error {
	if r.who().IsAnonymous() {
		return errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	return errs.New(errs.Forbidden, "the access rules do not allow this")
}

// generator returns a fresh generator for callers of this request's class.
func (r *request) generator() *sqlgen.Generator {
	return &sqlgen.Generator{
		Dialect: r.db.dialect, Rules: r.db.rules, System: r.who().IsSystem(),
		Folder: rule.Folder{States: r.states},
	}
}

// query runs a statement that reads.
func (r *request) query(q store.Reader, s *sqlgen.Statement, inputs []value.Value, row func(value.Row) error) error {
	return q.Query(s.SQL, r.bind(s, inputs), row)
}

func (r *request) exec(tx store.Tx, s *sqlgen.Statement, inputs []value.Value) error {
	_, err := tx.Exec(s.SQL, r.bind(s, inputs))
	return err
}

// bind returns the values of a statement, good until the next one of this request: none runs inside another.
func (r *request) bind(s *sqlgen.Statement, inputs []value.Value) []value.Value {
	r.bound = s.Bind(r.bound[:0], r.values, inputs)
	return r.bound
}

// notFound is the answer for a row that is not there and for one that the caller may not read: the same, byte for byte.
func notFound(t *model.Table) error {
	return errs.New(errs.NotFound, "there is no such row in %s", t.Name)
}
