package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// An Effector adds effects to the writes of rows. It must not wait for anything.
type Effector interface {
	// Effects returns the effects of a write.
	Effects(w *Written) (Effects, error)

	// NeedsOld reports whether the effects of an update of a table need Written.Old. Such an update reads the old row first, and
	// is no script.
	NeedsOld(table *model.Table) bool

	// MaxCascade returns how many rows a deletion in a table may reach, if its effects depend on the rows that go with it, or 0.
	MaxCascade(reach *sqlgen.Reach) int
}

// Effects are further statements in the transaction of a write. They are undone with the write, and the write is undone if
// one of them is refused.
type Effects struct {
	Before  []store.Step // run before the write, on the locked row
	Steps   []store.Step // run after it
	Tables  []string     // tables that the steps write to
	NoGroup bool         // see store.Script
}

// A Written is a write as its effects see it.
type Written struct {
	*statement.Binding // the caller and the time
	Table              *model.Table
	Op                 Op
	ID                 value.Value
	Revision           int64  // of the new row; 0 for a deletion
	Trace              string // traceparent of the request; "" if there is none

	Fields []*model.Field // that an update sets
	Values []value.Value  // of Fields
	Old    []value.Value  // the old row of an update; nil if nothing has read it

	Reach *sqlgen.Reach // what a deletion reaches; nil if that is the row alone
	Swept bool          // a sweep has collected the rows of Reach
}

// effectsOf returns the effects of a write.
func (r *request) effectsOf(w *Written) (Effects, error) {
	if r.db.effects == nil {
		return Effects{}, nil
	}
	w.Binding, w.Trace = r.Binding, r.trace
	return r.db.effects.Effects(w)
}

// noteTrace keeps the trace of a request for the effects of its write.
func (r *request) noteTrace(ctx context.Context) {
	if r.db.effects == nil {
		return
	}
	if own := telemetry.RecordOf(ctx); own != nil && own.Trace != (telemetry.TraceID{}) {
		r.trace = telemetry.TraceContext{Trace: own.Trace, Span: own.Span, Sampled: own.Sampled}.Traceparent()
	}
}

// addEffects adds the effects of a write. On an engine with several writers, steps before the write need a lock of the row: a
// statement sees the row as it was before it waited.
func (r *request) addEffects(w *rowWrite, written *Written, locked bool) (err error) {
	if w.effects, err = r.effectsOf(written); err != nil || len(w.effects.Before) == 0 || locked || !r.locks() {
		return err
	}
	return r.addRevisionCheck(w, written.ID, func(int64) bool { return true })
}

// locks reports whether others may write while a transaction does.
func (r *request) locks() bool { return r.db.dialect.LockRow("t0") != "" }

// runBefore runs the steps before a write.
func (e Effects) runBefore(tx store.Tx) error {
	if len(e.Before) > 0 {
		tx.MarkChanged(e.Tables...)
	}
	return runEffects(tx, e.Before)
}

// run runs the steps after a write.
func (e Effects) run(tx store.Tx) error {
	tx.MarkChanged(e.Tables...)
	return runEffects(tx, e.Steps)
}

func runEffects(tx store.Tx, steps []store.Step) error {
	for _, step := range steps {
		found, err := runStep(tx, step)
		switch {
		case err != nil:
			return errs.Wrapf(err, errs.KindOf(err), "%s", effectRefused)
		case !found:
			return errs.New(errs.Conflict, effectRefused)
		}
	}
	return nil
}

const effectRefused = "a statement that belongs to this write was refused"
