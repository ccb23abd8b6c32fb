package record

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A Guard returns the step that decides whether a caller may still come to the database: its session may have ended. The
// step looks up one row; if there is none, or its Row returns an error, the request is refused. ok is false for a caller who
// needs no look-up.
//
// Each read runs the step in its snapshot, and each write in its transaction, before anything else.
type Guard func(who caller.Caller) (step store.Step, ok bool)

// errEnded refuses a caller whose guard refuses.
var errEnded = errs.New(errs.Unauthenticated, "the session has ended: sign in again")

// guard is the guard of a request.
type guard struct {
	step store.Step
	on   bool

	read  func(store.Reader) error // the read under way
	bound func(store.Reader) error // the method guardedRead, bound once because binding allocates
}

// setGuard asks the Guard of the DB for the caller.
func (r *request) setGuard(who caller.Caller) {
	if r.db.guard == nil {
		return
	}
	r.guard.step, r.guard.on = r.db.guard(who)
	r.guard.step.Refused = errEnded
}

func (r *request) resetGuard() { r.guard = guard{bound: r.guard.bound} }

// guarded returns a read that runs the guard first. It is valid until the next call.
func (r *request) guarded(read func(store.Reader) error) func(store.Reader) error {
	if !r.guard.on {
		return read
	}
	r.guard.read = read
	return r.guard.bound
}

func (r *request) guardedRead(reader store.Reader) error {
	reader.Guard(r.guard.step)
	return r.guard.read(reader)
}

// guardedFunction returns the function of a write that runs the guard first.
func (r *request) guardedFunction(function func(store.Tx) error) func(store.Tx) error {
	if !r.guard.on {
		return function
	}
	return func(tx store.Tx) error {
		tx.Guard(r.guard.step)
		return function(tx)
	}
}

// guardedScript returns the script of a write that runs the guard first.
func (r *request) guardedScript(write func(revision int64) (*store.Script, error)) func(revision int64) (*store.Script, error) {
	if !r.guard.on {
		return write
	}
	return func(revision int64) (*store.Script, error) {
		script, err := write(revision)
		if script != nil {
			script.Steps = append([]store.Step{r.guard.step}, script.Steps...)
		}
		return script, err
	}
}

// withOrigin returns ctx with the caller as the client of the work, unless ctx has one.
func withOrigin(ctx context.Context, who caller.Caller) context.Context {
	if _, ok := admit.OriginOf(ctx); ok {
		return ctx
	}
	return admit.WithOrigin(ctx, admit.Origin{Client: who.Client()})
}

// write runs a write as a script. If its caller was refused often of late, it runs the function instead. A refused script
// costs all writes in its transaction; a refused function costs only its caller.
func (r *request) write(ctx context.Context, script func(revision int64) (*store.Script, error), function func(store.Tx) error) error {
	d, who := r.db, r.Caller()
	ctx = withOrigin(ctx, who)
	if d.refusals.often(who, time.Now()) {
		return d.store.Write(ctx, r.guardedFunction(function))
	}
	err := store.Run(ctx, d.store, r.guardedScript(script), r.guardedFunction(function))
	switch {
	case err == nil:
	case errors.Is(err, errEnded):
		d.refusals.note(proofKey(who), time.Now())
	case isRefusal(err):
		d.refusals.note(keyOf(who), time.Now())
	}
	return err
}
