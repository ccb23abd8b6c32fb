package telemetry

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// A Sink takes records of work that has ended, from any goroutine. It must not block, and must keep neither the record nor its
// statements after it returns.
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
	for next := 0; next < len(s.list); {
		err := background.Guard("a sink of records", func() error {
			for next < len(s.list) {
				next++
				s.list[next-1].Take(r)
			}
			return nil
		})
		if err != nil {
			s.report(err)
		}
	}
}

// report logs the panic of a sink, unless one was logged within the last minute.
func (s *Sinks) report(err error) {
	now, next := time.Now(), s.next.Load()
	if now.UnixNano() >= next && s.next.CompareAndSwap(next, now.Add(panicEvery).UnixNano()) {
		s.log.Error("a sink of records panicked", "error", err)
	}
}
