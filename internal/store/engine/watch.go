package engine

import (
	"context"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Cutter cuts short what a connection does.
type Cutter interface {
	// Cut ends the statement under way, and refuses further ones. It waits for nothing.
	Cut(ctx context.Context)

	// Mend makes the connection usable again after Cut. No statement of the work is running.
	Mend()
}

// A Watch ends the work of one connection when its context ends or its deadline passes.
//
// It looks at intervals, so it notices late. Most work is over before the first look, and the timer runs on from one piece of
// work to the next. So a watch costs next to nothing. A goroutine or a context.AfterFunc for each piece of work would cost
// more than the statement's own bookkeeping.
type Watch struct {
	interval time.Duration
	cutter   Cutter
	timer    *time.Timer

	mu       sync.Mutex
	idle     func()          // called when a look finds no work; may be nil
	ctx      context.Context // of the work under way; nil if there is none
	deadline time.Time       // of the work under way; zero means none
	running  bool            // a look will come
	cause    error           // why the work was cut short; nil if it was not
}

// NewWatch returns a watch that looks once each interval while there is work.
func NewWatch(interval time.Duration, cutter Cutter) *Watch {
	w := &Watch{interval: interval, cutter: cutter}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}

// WhenIdle makes the watch call f when it finds no work, at most once for each start of the timer. Nobody uses the connection
// while f runs. WhenIdle is called before the first Begin.
func (w *Watch) WhenIdle(f func()) { w.idle = f }

// Begin watches over the work that begins now, until End. A zero deadline means none.
func (w *Watch) Begin(ctx context.Context, deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.deadline, w.cause = ctx, deadline, nil
	w.start()
}

// LookAgain makes the watch look though there is no work, for WhenIdle.
func (w *Watch) LookAgain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
}

func (w *Watch) start() {
	if !w.running {
		w.running = true
		w.timer.Reset(w.interval)
	}
}

func (w *Watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	if w.ctx == nil {
		if w.idle != nil {
			w.idle()
		}
		return
	}
	w.cause = w.ctx.Err()
	if w.cause == nil && !w.deadline.IsZero() && time.Now().After(w.deadline) {
		w.cause = errs.Wrapf(store.ErrStatementTimeout, errs.Unavailable, "the database took too long")
	}
	if w.cause != nil {
		w.cutter.Cut(w.ctx)
		return
	}
	w.start()
}

// Cause returns why the work was cut short, or nil.
func (w *Watch) Cause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// End makes the connection usable again. It returns why the work was cut short, or nil. No statement of the work may be
// running.
func (w *Watch) End() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx = nil
	cause := w.cause
	if cause != nil {
		w.cause = nil
		w.cutter.Mend()
	}
	return cause
}

// Close ends the looks. No work is under way.
func (w *Watch) Close() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = nil // a look may have begun already
}
