package archive

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// calm is how long nothing must fail before a trouble is over. Small writes may find room on a full disk where others do
// not, and the log would repeat itself.
const calm = 10 * time.Second

// health knows whether telemetry is kept, and logs each change once.
type health struct {
	log     *slog.Logger
	path    string
	now     func() time.Time
	dropped *atomic.Int64

	mu     sync.Mutex
	file   trouble // with the file
	queue  trouble // with the queue, which is full
	reason error   // of the trouble with the file
}

// trouble is one thing that may be wrong.
type trouble struct {
	on     bool
	last   time.Time // of the last failure
	before int64     // records dropped before it began
}

// fails notes a failure, and reports whether it is the first.
func (t *trouble) fails(now time.Time, dropped int64) bool {
	first := !t.on
	if first {
		t.before = dropped
	}
	t.on, t.last = true, now
	return first
}

// works notes a success, and reports whether it ends the trouble.
func (t *trouble) works(now time.Time) bool {
	ends := t.on && (now.Sub(t.last) >= calm || now.Before(t.last))
	t.on = t.on && !ends
	return ends
}

func (h *health) problem() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.file.on {
		return nil
	}
	return h.reason
}

// failed notes that the file could not be written. lost records were dropped for that reason.
func (h *health) failed(err error, lost int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason = err
	if h.file.fails(h.now(), h.dropped.Load()-lost) {
		h.log.Warn("telemetry is not kept: records are dropped and counted until this is mended", "file", h.path, "error", err)
	}
}

// succeeded notes that the file was written.
func (h *health) succeeded() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file.works(h.now()) {
		h.log.Info("telemetry is kept again", "file", h.path, "dropped", h.dropped.Load()-h.file.before)
	}
}

// overflowed notes that the queue had no room since the last look, or had.
func (h *health) overflowed(lost int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case lost > 0 && h.queue.fails(h.now(), h.dropped.Load()-lost):
		h.log.Warn("telemetry comes faster than it can be written: records are dropped and counted", "file", h.path)
	case lost == 0 && h.queue.works(h.now()):
		h.log.Info("telemetry is written as it comes again", "file", h.path, "dropped", h.dropped.Load()-h.queue.before)
	}
}
