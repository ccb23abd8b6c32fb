package telemetry

import (
	"log/slog"
	"time"
)

// Lines say which records become lines of the log. The zero value logs every record.
type Lines struct {
	Sample float64       // share of the healthy and quick requests that are logged; 0 means 1
	Slow   time.Duration // a request that takes longer is always logged; 0 means 200 ms
}

// DefaultSlow is when work counts as slow, unless something else is configured.
const DefaultSlow = 200 * time.Millisecond

// To returns a sink that logs records. It leaves out healthy requests that the server made to itself.
func (l Lines) To(log *slog.Logger) Sink { return lineSink{l, log} }

type lineSink struct {
	lines Lines
	log   *slog.Logger
}

// Take implements Sink.
func (s lineSink) Take(r *Record) {
	if r.Work != WorkProbe || r.Failed() {
		s.lines.Log(s.log, r)
	}
}

// Log logs a record, unless it is left out. Its line has its weight.
func (l Lines) Log(log *slog.Logger, r *Record) {
	weight := l.Weight(r)
	if weight == 0 {
		return
	}
	own := r.Weight
	r.Weight = weight
	r.Log(log)
	r.Weight = own
}

// Weight returns how many records the line of a record stands for, or 0 if it is left out. The choice depends on the span,
// which no client can choose.
func (l Lines) Weight(r *Record) float64 {
	if l.Sample <= 0 || l.Sample >= 1 || !r.healthy() || r.Busy() >= orDefault(l.Slow) {
		return 1
	}
	if r.lot() >= l.Sample {
		return 0
	}
	return 1 / l.Sample
}

func orDefault(slow time.Duration) time.Duration {
	if slow <= 0 {
		return DefaultSlow
	}
	return slow
}

// healthy reports whether nobody has made a mistake.
func (r *Record) healthy() bool {
	return r.Problem == "" && r.Err == nil && r.Stack == "" && r.Limit == "" && r.Status < 400
}
