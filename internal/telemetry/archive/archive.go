// Package archive keeps the telemetry of a server in a database file of its own, bounded in size.
//
// The archive never gets in the way of the work that it describes. A record waits in a bounded queue in memory, and one
// goroutine writes the queue to the file. What cannot be written is dropped and counted, and the log says so once. The file
// may be full, missing, damaged or in use by another process: the server runs all the same, without telemetry.
package archive

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Config tunes an Archive. Its zero value works.
type Config struct {
	Process telemetry.Process

	Size   int64         // bound of the file and its log, in bytes; 0 means DefaultSize
	Slow   time.Duration // a record that took as long is kept; 0 means 200 ms
	Sample float64       // share of the other records that is kept when they come fast; 0 means 0.1
	Keep   time.Duration // records and traces are removed after it; 0 means 7 days

	Points  func() []telemetry.Point // metrics, sampled every 15 seconds; nil means none
	OnError func(ErrorGroup)         // called for each new group of errors, after it is written; nil means nobody
	Logger  *slog.Logger             // nil means no log
	Now     func() time.Time         // nil means time.Now

	least int64 // least bound; 0 means minSize
}

func (c Config) withDefaults(path string) Config {
	c.Size = max(cmp.Or(c.least, minSize), cmp.Or(c.Size, DefaultSize(path)))
	c.Slow = cmp.Or(c.Slow, 200*time.Millisecond)
	c.Sample = cmp.Or(c.Sample, 0.1)
	c.Keep = cmp.Or(c.Keep, 7*24*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// An Archive keeps telemetry. It implements telemetry.Sink. Its Run writes what Take and the Put methods were given.
type Archive struct {
	path   string
	cfg    Config
	queue  queue
	sample telemetry.Sampler
	health health
	tiers  tiers
	errors groups

	written atomic.Int64

	mu     sync.Mutex // held by whoever writes
	file   *file      // nil while there is none
	next   time.Time  // when to try to open the file again
	last   int64      // key of the newest record
	fresh  fresh
	closed bool

	kept []job // events that could not be written; guarded by mu too

	started bool // the begin of this process is noted; guarded by mu too

	reading sync.RWMutex // guards shown
	shown   *file        // file for readers; nil while there is none
	reason  error        // why there is none
}

// Open opens the archive in the file path, and makes it if it is missing. Open always returns an Archive: without a usable
// file the Archive drops what it gets, and Run tries again.
func Open(path string, cfg Config) *Archive {
	a := &Archive{path: path, cfg: cfg.withDefaults(path)}
	a.queue.init()
	a.health = health{log: a.cfg.Logger, path: path, now: a.cfg.Now, dropped: &a.queue.dropped}
	a.sample.Free, a.sample.Share = freely, a.cfg.Sample
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.ready(); err != nil {
		a.health.failed(err, 0)
	}
	return a
}

// Close closes the file. What still waits is written first.
func (a *Archive) Close() error {
	a.Flush()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	a.queue.dropped.Add(int64(len(a.kept)))
	a.kept = nil
	return a.leave(errClosed)
}

var errClosed = errs.New(errs.Unavailable, "the telemetry database is closed")

// Stats says how an Archive does.
type Stats struct {
	Written int64 // records written since the start
	Dropped int64 // records, traces and events that could not be written
	Waiting int   // records in the queue
	Bytes   int64 // of the file and its log
	Bound   int64 // of Bytes
	Problem error // why nothing is kept; nil if all is well
}

// Stats returns how the archive does.
func (a *Archive) Stats() Stats {
	s := Stats{
		Written: a.written.Load(),
		Dropped: a.queue.dropped.Load(),
		Waiting: a.queue.length(),
		Bytes:   sizeOnDisk(a.path),
		Bound:   a.cfg.Size,
		Problem: a.health.problem(),
	}
	a.reading.RLock()
	defer a.reading.RUnlock()
	if s.Problem == nil && a.shown == nil {
		s.Problem = a.reason
	}
	return s
}

// Dropped returns how many records, traces and events could not be written.
func (a *Archive) Dropped() int64 { return a.queue.dropped.Load() }

const (
	gather      = 250 * time.Millisecond // a record waits as long for others
	upkeepEvery = time.Minute
	retryEvery  = 10 * time.Second // between two attempts to open the file
)

// Run writes what waits, samples the metrics and removes what is old, until ctx ends. It implements background.Service.
func (a *Archive) Run(ctx context.Context) error {
	defer a.Flush()
	sample := time.NewTimer(untilNext(a.cfg.Now(), tickStep))
	defer sample.Stop()
	upkeep := time.NewTicker(upkeepEvery)
	defer upkeep.Stop()
	a.Sample()
	for {
		select {
		case <-ctx.Done():
			a.Sample()
			return nil
		case <-a.queue.wake:
			a.queue.gather(ctx, gather)
			a.Flush()
		case <-sample.C:
			a.Sample()
			sample.Reset(untilNext(a.cfg.Now(), tickStep))
		case <-upkeep.C:
			a.upkeep()
		}
	}
}

// untilNext returns the time until the next multiple of step.
func untilNext(now time.Time, step time.Duration) time.Duration {
	return now.Truncate(step).Add(step).Sub(now)
}
