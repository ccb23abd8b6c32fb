package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

const (
	// outageProbe is how often an engine that cannot write tries to. An outage is over when no write has failed for as
	// long, because small writes may still find room when large ones do not.
	outageProbe = 2 * time.Second

	// outageProbeTimeout bounds one try.
	outageProbeTimeout = 10 * time.Second

	// outageRepeat is how often the log repeats a long outage, and the shortest time between two new ones in the log.
	outageRepeat = time.Minute
)

// An Outage knows whether an engine can write: its disk may be full, broken or read-only. While it cannot, the Outage tries
// every two seconds, so that the outage ends by itself, and logs one line each minute.
type Outage struct {
	log    *slog.Logger
	probe  func(context.Context) error // a small write; the engine reports its result
	advice string
	where  []any // attributes of the log lines

	down atomic.Bool // same as cause != nil

	mu        sync.Mutex
	cause     error
	announced bool      // this outage is in the log
	told      time.Time // time of the last line about any outage
	failed    time.Time // time of the last failed write
	failures  int64     // since the outage began
	closed    bool
	stop      chan struct{}
	probing   sync.WaitGroup
}

// NewOutage returns an Outage that tries with probe. Its log lines have the advice, and the attributes in where.
func NewOutage(log *slog.Logger, probe func(context.Context) error, advice string, where ...any) *Outage {
	return &Outage{log: log, probe: probe, advice: advice, where: where, stop: make(chan struct{})}
}

// Err returns why nothing can be written, or nil.
func (o *Outage) Err() error {
	if !o.down.Load() {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}

// Failed reports that the engine could not write.
func (o *Outage) Failed(cause error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if !o.down.Load() {
		o.failures, o.announced = 0, false
	}
	o.cause, o.failed = cause, now
	o.failures++
	if o.told.IsZero() || now.Sub(o.told) >= outageRepeat {
		o.told, o.announced = now, true
		attrs := append([]any{"error", cause.Error(), "failures", o.failures, "advice", o.advice}, o.where...)
		o.log.Error("writes fail; reads go on", attrs...)
	}
	if !o.down.Swap(true) && !o.closed {
		o.probing.Add(1)
		background.Go("the probe of an outage", o.try, func(err error) {
			defer o.probing.Done()
			background.Report(o.log)(err)
		})
	}
}

// Succeeded reports that a write succeeded. It ends an outage in which no write has failed for a moment.
func (o *Outage) Succeeded() {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cause == nil || time.Since(o.failed) < outageProbe {
		return
	}
	o.cause = nil
	o.down.Store(false)
	if o.announced {
		o.log.Warn("writes go on", append([]any{"failures", o.failures}, o.where...)...)
	}
}

// try writes at intervals until the outage is over.
func (o *Outage) try() error {
	ticker := time.NewTicker(outageProbe)
	defer ticker.Stop()
	for o.down.Load() {
		select {
		case <-o.stop:
			return nil
		case <-ticker.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), outageProbeTimeout)
		_ = o.probe(ctx) // the engine reports the result
		cancel()
	}
	return nil
}

// Close ends the probe, and waits for a try that is under way.
func (o *Outage) Close() {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.stop)
	}
	o.mu.Unlock()
	o.probing.Wait()
}
