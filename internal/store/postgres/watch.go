package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// watchInterval is how late a watch notices that a context has ended. Nearly every piece of work is over before the first
// look, and the timer runs on from one to the next, so that a watch costs next to nothing where a context with a deadline
// and its context.AfterFunc cost a tenth of a read. The server keeps the deadline of a statement by itself.
const watchInterval = 10 * time.Millisecond

// watch ends the statements of one connection when the work that they belong to is no longer wanted.
type watch struct {
	handler ctxwatch.Handler // how
	timer   *time.Timer
	idle    func() // called when a look finds no work; nil: nothing is to be done

	mu       sync.Mutex
	ctx      context.Context // of the work under way; nil while there is none
	deadline time.Time
	running  bool // a look will come
	ended    bool // the work was
}

func newWatch(handler ctxwatch.Handler) *watch {
	w := &watch{handler: handler}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}

// begin watches over the work that begins now, until end. A deadline of zero is none.
func (w *watch) begin(ctx context.Context, deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.deadline = ctx, deadline
	w.start()
}

// again sees to it that a look comes though no work is under way.
func (w *watch) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start()
}

func (w *watch) start() {
	if !w.running {
		w.running = true
		w.timer.Reset(watchInterval)
	}
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ctx == nil || w.ended {
		w.running = false
		if w.ctx == nil && w.idle != nil {
			w.idle()
		}
		return
	}
	if w.ctx.Err() != nil || !w.deadline.IsZero() && time.Now().After(w.deadline) {
		w.ended = true
		w.handler.HandleCancel(w.ctx) // waits for nothing
	}
	w.timer.Reset(watchInterval)
}

// end makes the connection usable for other work, unless it is closed.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		w.handler.HandleUnwatchAfterCancel()
	}
	w.ctx, w.ended = nil, false
}
