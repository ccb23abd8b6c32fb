package advise

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	callsTried  = 5   // calls of a shape that are run again and again, with other values each
	callsDrawn  = 24  // calls of which these are chosen
	shapesTried = 100 // shapes with the most time

	// An index is worth a line of the model if it saves a call this much. A row that SQLite looks at takes about 8 steps.
	leastSaved  = 250 // steps
	leastFactor = 2

	maxRounds     = 4  // indexes advised at once for one table
	maxCandidates = 16 // indexes tried on one table
)

// A trial runs the shapes of an app on a bench.
type trial struct {
	cfg      Config
	report   *Report
	deadline time.Time
	db       *watched
	plays    []*play
	added    []Index // to the bench so far
}

// A play is a shape to be run again and again.
type play struct {
	shape   Shape
	query   query
	calls   []call
	columns []*indexing.Columns
	now     store.Work // of a call, with the indexes of the bench
	sql     []string   // its statements
}

// reads returns true if the play reads a table.
func (p *play) reads(table string) bool {
	return slices.ContainsFunc(p.columns, func(c *indexing.Columns) bool { return c.Table.Name == table })
}

// A variant is the app with some indexes more or less.
type variant struct{ rules *rule.Rules }

// rows returns the rows of the app, with no total in the cache.
func (t *trial) rows(v *variant) *record.DB {
	return record.New(t.db, v.rules, record.Config{Now: t.cfg.Now})
}

// variant returns the app with further indexes, and without one.
func (t *trial) variant(more []Index, without *Index) (*variant, error) {
	m, err := t.cfg.Model()
	if err != nil {
		return nil, err
	}
	m.Limits.Query = model.QueryLimit{} // the bench is nobody else's
	for _, index := range more {
		if table, fields := index.In(m); fields != nil {
			table.Indexes = append(table.Indexes, fields)
		}
	}
	if without != nil {
		without.RemoveFrom(m)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		return nil, faults
	}
	return &variant{rules}, nil
}

func newTrial(ctx context.Context, cfg Config, report *Report) (*trial, error) {
	t := &trial{cfg: cfg, report: report, deadline: time.Now().Add(cfg.Budget), db: &watched{DB: cfg.Bench.DB}}
	v, err := t.variant(nil, nil)
	if err != nil {
		return nil, err
	}
	sampler := newSampler(cfg.Bench.DB)
	for i := range cfg.Usage.Shapes {
		shape := &cfg.Usage.Shapes[i]
		if !isRead(shape) {
			continue
		}
		if len(t.plays) == shapesTried || time.Now().After(t.deadline) {
			t.report.TimedOut = true
			break
		}
		cfg.Progress("running " + shape.Text)
		p, why, err := t.newPlay(ctx, v, sampler, shape)
		if err != nil {
			return nil, err
		}
		if why != "" {
			report.Untried = append(report.Untried, Untried{shape.Text, why})
			continue
		}
		t.plays = append(t.plays, p)
	}
	return t, nil
}

// isRead returns true if a shape reads rows of the app.
func isRead(shape *Shape) bool {
	return shape.Text != "" && shape.Table != "" && slices.Contains([]string{"list", "get", "view"}, shape.Operation)
}

// newPlay prepares a shape and runs it. If it cannot be run, why has the reason.
func (t *trial) newPlay(ctx context.Context, v *variant, s *sampler, shape *Shape) (p *play, why string, err error) {
	q, err := parseQuery(shape.Text)
	if err != nil {
		return nil, err.Error(), nil
	}
	table := v.rules.Model.Table(q.table)
	if table == nil {
		return nil, "the model has no such table any more", nil
	}
	if q.operation != "get" {
		q.operation = "list"
	}
	p = &play{shape: *shape, query: q, columns: columnsOf(v.rules, &q)}
	p.query.limit = cmp.Or(q.limit, shape.Limit, apilimit.DefaultLimit)
	p.query.total = q.total || slices.ContainsFunc(shape.Statements, func(s Statement) bool { return sqlgen.IsCount(s.SQL) })
	calls, err := s.callsOf(ctx, v.rules, &p.query, shape.CallerKind, callsDrawn)
	if err != nil {
		return nil, "", err
	}
	if calls, err = t.withRoles(ctx, v, p, calls); err != nil {
		return nil, "", err
	}
	if len(calls) == 0 {
		return nil, "no caller with the roles of the model gets an answer to it", nil
	}
	p.calls = p.likely(calls)
	p.now, err = t.measure(ctx, v, p)
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", err
		}
		return nil, err.Error(), nil
	}
	return p, "", nil
}

// page returns the recorded statement with the most rows, or nil.
func (p *play) page() *Statement {
	var page *Statement
	for i := range p.shape.Statements {
		if stmt := &p.shape.Statements[i]; stmt.Calls > 0 && (page == nil || stmt.Rows > page.Rows) {
			page = stmt
		}
	}
	return page
}

// likely returns the calls with about as many rows as the recorded ones had. So a query that always asks for a rare value is
// tried with rare values. Of calls alike it takes those with other values first.
func (p *play) likely(calls []call) []call {
	mean := 0.0
	if page := p.page(); page != nil {
		mean = page.Rows / page.Calls
	}
	repeats := map[string]int{}
	for i := range calls {
		name := calls[i].id
		if len(calls[i].args) > 0 {
			name = fmt.Sprint(calls[i].args)
		}
		calls[i].repeats = repeats[name]
		repeats[name]++
	}
	slices.SortStableFunc(calls, func(a, b call) int {
		return cmp.Or(cmp.Compare(math.Abs(float64(a.most)-mean), math.Abs(float64(b.most)-mean)), cmp.Compare(a.repeats, b.repeats))
	})
	return calls[:min(len(calls), callsTried)]
}

// withRoles gives the callers the roles with which they send the recorded statements. Records have no roles, but a rule with
// other roles becomes another statement. Calls that are refused are left out.
func (t *trial) withRoles(ctx context.Context, v *variant, p *play, calls []call) (best []call, err error) {
	roles := [][]string{nil}
	if p.shape.CallerKind != caller.KindAnonymous.String() {
		for _, name := range v.rules.Model.Roles {
			roles = append(roles, []string{name})
		}
		if len(v.rules.Model.Roles) > 1 {
			roles = append(roles, v.rules.Model.Roles)
		}
	}
	most := -1
	for _, held := range roles {
		able, matches, err := t.able(ctx, v, p, calls, held)
		if err != nil {
			return nil, err
		}
		if len(able) > 0 && matches > most {
			best, most = able, matches
		}
	}
	return best, nil
}

// able returns the calls that are answered if their callers hold these roles, and how many recorded statements they send.
func (t *trial) able(ctx context.Context, v *variant, p *play, calls []call, roles []string) (able []call, matches int, err error) {
	rows, table := t.rows(v), v.rules.Model.Table(p.query.table)
	for _, c := range calls {
		c.roles = roles
		statements, err := t.db.run(ctx, rows, table, &p.query, &c, t.cfg.Now())
		if ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		if err != nil && p.query.operation != "get" { // the row of a get may be one that the caller cannot see
			continue
		}
		c.most = t.db.most
		able = append(able, c)
		for _, stmt := range statements {
			if slices.ContainsFunc(p.shape.Statements, func(s Statement) bool { return s.SQL == stmt.SQL }) {
				matches++
			}
		}
	}
	return able, matches, nil
}

// measure returns the mean work of the calls of a play.
func (t *trial) measure(ctx context.Context, v *variant, p *play) (mean store.Work, err error) {
	rows, table := t.rows(v), v.rules.Model.Table(p.query.table)
	p.sql = p.sql[:0]
	for i := range p.calls {
		statements, err := t.db.run(ctx, rows, table, &p.query, &p.calls[i], t.cfg.Now())
		if err != nil && (p.query.operation != "get" || ctx.Err() != nil) {
			return mean, err
		}
		for _, stmt := range slices.Clone(statements) {
			p.sql = append(p.sql, stmt.SQL)
			work, err := t.fastest(ctx, stmt)
			if err != nil {
				return mean, err
			}
			mean.Add(work)
		}
	}
	n := int64(len(p.calls))
	return store.Work{Steps: mean.Steps / n, Took: mean.Took / time.Duration(n)}, nil
}

// fastest runs a statement a few times, since other work on the machine only makes it slower.
func (t *trial) fastest(ctx context.Context, stmt store.Statement) (best store.Work, err error) {
	const runs, enough = 3, 20 * time.Millisecond
	for i := range runs {
		work, err := t.cfg.Bench.Meter.Measure(ctx, stmt)
		if err != nil {
			return best, err
		}
		if i == 0 || work.Took < best.Took {
			best = work
		}
		if work.Took > enough {
			break
		}
	}
	return best, nil
}

// create makes an index on the bench.
func (t *trial) create(ctx context.Context, v *variant, index Index) (took time.Duration, err error) {
	table, fields := index.In(v.rules.Model)
	err = t.cfg.Bench.DB.Alter(ctx, func(s store.Session) error {
		start := time.Now()
		_, err := s.Exec(sqlgen.NewIndex(table, false, fields).Create(), nil)
		took = time.Since(start)
		return err
	})
	return took, err
}

// drop takes an index from the bench.
func (t *trial) drop(ctx context.Context, v *variant, index Index) error {
	table, fields := index.In(v.rules.Model)
	return t.cfg.Bench.DB.Alter(ctx, func(s store.Session) error {
		_, err := s.Exec(sqlgen.NewIndex(table, false, fields).Drop(), nil)
		return err
	})
}

// count returns the rows of a table of the bench.
func (t *trial) count(ctx context.Context, table string) (n int64, err error) {
	err = t.cfg.Bench.DB.Read(ctx, func(r store.Reader) error {
		return r.Query(sqlgen.RawTable{Name: table}.Count(), nil, func(row value.Row) error {
			n = row.Int(0)
			return nil
		})
	})
	return n, err
}

// lineOf returns the key indexes of a table as a line of the model file.
func lineOf(m *model.Model, name string) string {
	var all []indexing.Index
	for _, fields := range m.Table(name).Indexes {
		all = append(all, indexing.Of(m.Table(name), fields))
	}
	return indexing.Line(m, all...)
}

// writes returns the writes to a table each day.
func (t *trial) writes(table string) (n float64) {
	for i := range t.cfg.Usage.Shapes {
		shape := &t.cfg.Usage.Shapes[i]
		if shape.Table == table && !isRead(shape) {
			n += shape.Calls
		}
	}
	return t.cfg.Usage.PerDay(n)
}

func (t *trial) step(format string, args ...any) { t.cfg.Progress(fmt.Sprintf(format, args...)) }
