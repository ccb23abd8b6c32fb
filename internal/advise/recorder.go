package advise

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Bounds of the sums of a Recorder. A shape with its statements takes some 2 KB, so all of them take about 1 MB.
const (
	maxShapes     = 500
	maxStatements = 8       // of a shape
	maxSQL        = 8 << 10 // bytes of a statement
	maxText       = 4 << 10 // bytes of the name of a shape
)

// After maxSpan the sums are halved. So queries of long ago lose their weight.
const maxSpan = 14 * 24 * time.Hour

// shapeKey identifies a shape.
type shapeKey struct{ operation, table, text, callerKind string }

// shapeSum sums one shape.
type shapeSum struct {
	Shape
	statements map[string]*Statement
}

// A Recorder sums the queries of a server. It is a telemetry.Sink, and safe for concurrent use.
type Recorder struct {
	file    string // where Run keeps the sums
	now     func() time.Time
	sample  telemetry.Sampler
	failing bool // the last write of the file failed; only Run uses it

	mu        sync.Mutex
	since     time.Time
	forgotten int64
	shapes    map[shapeKey]*shapeSum
	changed   bool // since the last write of the file
}

var _ telemetry.Sink = (*Recorder)(nil)

// NewRecorder returns a Recorder that goes on with the sums in a file, if there is one. If it cannot read the file, it starts
// with no sums, and returns the error too.
func NewRecorder(file string, now func() time.Time) (*Recorder, error) {
	r := &Recorder{file: file, now: now, since: now(), shapes: map[shapeKey]*shapeSum{}}
	r.sample.Free, r.sample.Share = allOf, shareOf
	usage, err := ReadUsage(file)
	if err != nil || usage == nil {
		return r, err
	}
	r.since, r.forgotten = usage.Since, usage.Forgotten
	for _, shape := range usage.Shapes {
		sum := &shapeSum{Shape: shape, statements: map[string]*Statement{}}
		for i := range shape.Statements {
			sum.statements[shape.Statements[i].SQL] = &shape.Statements[i]
		}
		r.shapes[shapeKey{shape.Operation, shape.Table, shape.Text, shape.CallerKind}] = sum
	}
	return r, nil
}

// Of the quick queries of a second, the first are all summed, then a share with its weight. A sum of many needs no more.
const (
	allOf   = 100
	shareOf = 0.1
)

// Take implements telemetry.Sink.
func (r *Recorder) Take(record *telemetry.Record) {
	refused := record.Limit == budget.LimitName
	if record.Work == telemetry.WorkJob || (record.Statements.Count == 0 && !refused) || record.Failed() || len(record.Shape) > maxText {
		return
	}
	weight := cmp.Or(record.Weight, 1)
	if record.Busy() < telemetry.DefaultSlow {
		weight *= r.sample.Weigh(record, record.Start.Unix())
	}
	if weight == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = true
	sum := r.sumOf(record)
	sum.Calls += weight
	if refused {
		sum.Refused += weight
	}
	sum.Took += time.Duration(weight * float64(record.Statements.Took))
	sum.Longest = max(sum.Longest, record.Statements.Took)
	for i := range record.Statements.List {
		stmt := &record.Statements.List[i]
		sum.add(stmt, weight)
		if record.Rows > 0 && stmt.Rows == record.Rows+1 { // a full page reads one row more
			sum.Limit = record.Rows
		}
	}
}

// sumOf returns the sum of a record's shape.
func (r *Recorder) sumOf(record *telemetry.Record) *shapeSum {
	key := shapeKey{record.Operation, record.Table, record.Shape, record.CallerKind}
	sum := r.shapes[key]
	if sum != nil {
		return sum
	}
	if len(r.shapes) >= maxShapes {
		r.forgetOne()
	}
	sum = &shapeSum{statements: map[string]*Statement{}}
	sum.Operation, sum.Table, sum.Text, sum.CallerKind = key.operation, key.table, key.text, key.callerKind
	r.shapes[key] = sum
	return sum
}

// forgetOne drops the shape with the least time.
func (r *Recorder) forgetOne() {
	var least shapeKey
	first := true
	for key, sum := range r.shapes {
		if first || sum.Took < r.shapes[least].Took {
			least, first = key, false
		}
	}
	delete(r.shapes, least)
	r.forgotten++
}

// add adds one run of a statement.
func (s *shapeSum) add(ran *telemetry.Statement, weight float64) {
	stmt := s.statements[ran.SQL]
	if stmt == nil {
		if len(s.statements) >= maxStatements || len(ran.SQL) > maxSQL {
			return
		}
		stmt = &Statement{SQL: ran.SQL}
		s.statements[ran.SQL] = stmt
	}
	stmt.Calls += weight
	stmt.Took += time.Duration(weight * float64(ran.Took))
	stmt.Rows += weight * float64(ran.Rows)
	stmt.Most = max(stmt.Most, ran.Rows)
}

// Usage returns the sums so far.
func (r *Recorder) Usage() *Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.fade(now)
	usage := &Usage{Since: r.since, Until: now, Forgotten: r.forgotten}
	for _, sum := range r.shapes {
		shape := sum.Shape
		shape.Statements = nil
		for _, stmt := range sum.statements {
			shape.Statements = append(shape.Statements, *stmt)
		}
		slices.SortFunc(shape.Statements, func(a, b Statement) int { return cmp.Or(cmp.Compare(b.Took, a.Took), cmp.Compare(a.SQL, b.SQL)) })
		usage.Shapes = append(usage.Shapes, shape)
	}
	slices.SortFunc(usage.Shapes, func(a, b Shape) int {
		return cmp.Or(cmp.Compare(b.Took, a.Took), cmp.Compare(a.Table, b.Table), cmp.Compare(a.Text, b.Text), cmp.Compare(a.CallerKind, b.CallerKind))
	})
	return usage
}

// Totals calls each for every shape with its sums so far. The shape has one statement, the one with the most time.
func (r *Recorder) Totals(each func(Shape)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sum := range r.shapes {
		shape := sum.Shape
		var most *Statement
		for _, stmt := range sum.statements {
			if most == nil || stmt.Took > most.Took {
				most = stmt
			}
		}
		if shape.Statements = nil; most != nil {
			shape.Statements = []Statement{*most}
		}
		each(shape)
	}
}

// fade halves the sums and the time if the time is long.
func (r *Recorder) fade(now time.Time) {
	span := now.Sub(r.since)
	if span < maxSpan {
		return
	}
	r.since = r.since.Add(span / 2)
	for _, sum := range r.shapes {
		sum.Calls, sum.Refused, sum.Took = sum.Calls/2, sum.Refused/2, sum.Took/2
		for _, stmt := range sum.statements {
			stmt.Calls, stmt.Took, stmt.Rows = stmt.Calls/2, stmt.Took/2, stmt.Rows/2
		}
	}
	const faded = 0.5 // calls; less than one call in the last weeks
	maps.DeleteFunc(r.shapes, func(_ shapeKey, sum *shapeSum) bool { return sum.Calls < faded })
}

// saveEvery is the time between two writes of the file.
const saveEvery = time.Minute

// Run implements background.Service: it writes the sums into the file every minute and at the end.
func (r *Recorder) Run(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "advise.Recorder.Run")
	ticker := time.NewTicker(saveEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.save()
		case <-ticker.C:
			failedBefore := r.failing
			if err := r.save(); err != nil && !failedBefore { // a full disk is told once
				return err
			}
		}
	}
}

// save writes the file, unless nothing has changed.
func (r *Recorder) save() error {
	r.mu.Lock()
	changed := r.changed || r.failing
	r.changed = false
	r.mu.Unlock()
	if !changed {
		return nil
	}
	err := WriteUsage(r.file, r.Usage())
	r.failing = err != nil
	return err
}
