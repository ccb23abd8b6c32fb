package sqlite

import (
	"context"
	"sync"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// watchInterval is how late a watch notices that a context has ended. Nearly every piece of work is over before the
// first look, and the timer runs on from one to the next, so that a watch costs next to nothing where a goroutine or
// context.AfterFunc for each would cost more than the statement's own bookkeeping.
const watchInterval = 5 * time.Millisecond

// watch interrupts the statements of one connection when the work they belong to is no longer wanted.
type watch struct {
	conn  *lite.Conn
	timer *time.Timer
	idle  func() // called when a look finds no work: it may use the connection; nil: nothing is to be done

	mu       sync.Mutex
	ctx      context.Context // of the work under way, which ends before its caller returns
	deadline time.Time
	active   bool
	running  bool          // a look will come
	cause    error         // why the work was interrupted; nil while it was not
	stop     chan struct{} // closed to interrupt; the connection then refuses statements until it gets a new one
}

func newWatch(conn *lite.Conn) *watch {
	w := &watch{conn: conn}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	w.renew()
	return w
}

func (w *watch) renew() {
	w.stop = make(chan struct{})
	w.conn.SetInterrupt(w.stop)
}

// begin watches over the work that begins now, until end.
func (w *watch) begin(ctx context.Context, deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.deadline, w.active, w.cause = ctx, deadline, true, nil
	if !w.running {
		w.again()
	}
}

func (w *watch) again() {
	w.running = true
	w.timer.Reset(watchInterval)
}

func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	switch {
	case !w.active:
		if w.idle != nil {
			w.idle()
		}
		return
	case w.ctx.Err() != nil:
		w.cause = w.ctx.Err()
	case time.Now().After(w.deadline):
		w.cause = errs.Wrapf(store.ErrTooLong, errs.Unavailable, "the database took too long")
	default:
		w.again()
		return
	}
	close(w.stop)
}

// interrupted returns why the work was interrupted, or nil.
func (w *watch) interrupted() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cause
}

// end makes the connection usable again and returns why the work was interrupted, or nil. No statement of the work may
// be running.
func (w *watch) end() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ctx, w.active = nil, false
	if w.cause != nil {
		w.renew()
	}
	return w.cause
}

// close ends the looks. No work is under way.
func (w *watch) close() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = nil // for a look that has begun already
}
