package feed

import (
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
)

var (
	// ErrSlow ends a watcher that does not read its events. It can resume.
	ErrSlow = errors.New("the watcher reads too slowly")
	// ErrStopping ends all watchers when the server stops. They can resume elsewhere.
	ErrStopping = errors.New("the server stops")
	errClosed   = errors.New("the watcher is closed")
)

// The bounds of the events that wait for a watcher.
const (
	maxQueued      = 2 * maxRows
	maxQueuedBytes = 8 << 20
)

// A Watcher gets the events of a window. One goroutine uses it.
type Watcher struct {
	window *window
	who    caller.Caller
	client caller.Client
	check  store.GuardCheck // of its session
	guards bool             // it has a session
	began  time.Time
	proven int64 // generation of the table of sessions when it was last proven; the hub's

	signal chan struct{} // has room for one; filled when there are events or an end

	// Guarded by window.mu.
	queue  []*Batch
	events int   // that wait
	bytes  int   // that wait
	told   int64 // events since the begin
	err    error // why it has ended
}

// push adds events. The caller holds window.mu, and wakes the watcher later.
func (r *Watcher) push(b *Batch) {
	if r.err != nil || b == nil {
		return
	}
	r.queue = append(r.queue, b)
	r.events += len(b.Events)
	r.bytes += len(b.Text)
	if r.events > maxQueued || r.bytes > maxQueuedBytes {
		r.finish(ErrSlow)
		return
	}
	r.told += int64(len(b.Events))
	r.window.hub.counts.events.Add(uint64(len(b.Events)))
}

// wake lets the goroutine of the watcher take its events.
func (r *Watcher) wake() {
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// finish ends the watcher. Events that wait are lost, unless it can take them first. The caller holds window.mu.
func (r *Watcher) finish(err error) {
	if r.err != nil {
		return
	}
	r.err = err
	if errors.Is(err, ErrSlow) {
		r.queue = nil
		r.window.hub.counts.slow.Add(1)
	}
	if !errors.Is(err, errClosed) {
		r.window.hub.noteEnd(r, err)
	}
	delete(r.window.watchers, r)
	r.wake()
}

// Signal returns a channel that is filled when Take has something new.
func (r *Watcher) Signal() <-chan struct{} { return r.signal }

// Take returns the events that wait, and why the watcher has ended, if it has.
func (r *Watcher) Take() ([]*Batch, error) {
	r.window.mu.Lock()
	defer r.window.mu.Unlock()
	all := r.queue
	r.queue, r.events, r.bytes = nil, 0, 0
	return all, r.err
}

// Token returns the id of an event that says nothing new, so that a quiet watcher can resume for as long as a busy one. It is
// "" if there is none at the moment.
func (r *Watcher) Token() string {
	position := r.window.hub.told()
	w := r.window
	w.mu.Lock()
	defer w.mu.Unlock()
	if position == "" || w.working || !w.pending.isEmpty() || len(r.queue) > 0 || r.err != nil || w.position == "" {
		return ""
	}
	select {
	case w.evaluating <- struct{}{}:
	default:
		return ""
	}
	defer func() { <-w.evaluating }()
	if w.position != position {
		w.position, w.token = position, ""
	}
	return w.currentToken()
}

// Close ends the watcher.
func (r *Watcher) Close() {
	r.window.end(r, errClosed)
	r.window.hub.left(r)
}

// end ends a watcher of the window.
func (w *window) end(watcher *Watcher, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	watcher.finish(err)
}

// endAll ends all watchers of the window.
func (w *window) endAll(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for watcher := range w.watchers {
		watcher.finish(err)
	}
}
