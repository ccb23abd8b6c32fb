package telemetry

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// A Sink takes records. It is called on the goroutine of the work, when the answer is complete. It must not block, and must
// keep neither the record nor its statements after it returns.
type Sink interface{ Take(r *Record) }

// Sinks hand each record to several sinks. A sink that panics harms neither the work nor the other sinks.
type Sinks struct {
	list []Sink
	log  *slog.Logger
	next atomic.Int64 // when the next panic may be logged, in nanoseconds since 1970
}

// panicEvery is the least time between two log lines about panics of sinks.
const panicEvery = time.Minute

// NewSinks returns the sinks of list together.
func NewSinks(log *slog.Logger, list ...Sink) *Sinks { return &Sinks{list: list, log: log} }

// Take implements Sink.
func (s *Sinks) Take(r *Record) {
	for _, sink := range s.list {
		s.take(sink, r)
	}
}

func (s *Sinks) take(sink Sink, r *Record) {
	err := background.Guard("a sink of records", func() error {
		sink.Take(r)
		return nil
	})
	if err == nil {
		return
	}
	now, next := time.Now(), s.next.Load()
	if now.UnixNano() >= next && s.next.CompareAndSwap(next, now.Add(panicEvery).UnixNano()) {
		s.log.Error("a sink of records panicked", "error", err)
	}
}
