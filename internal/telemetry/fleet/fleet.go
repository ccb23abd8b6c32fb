// Package fleet shares what the servers of one database count, so that the console of each shows all of them.
//
// Each server is a node. Every two minutes a node writes one row with its sums to a system table, and every half minute it
// reads the rows of all nodes. Records, traces and profiles stay with the node that made them.
//
// The files form layers. From the top down:
//   - fleet.go is the service.
//   - history.go answers for charts, from the rows of all nodes. together.go answers for events, errors and incidents.
//   - things.go tells the other nodes of these.
//   - count.go makes the rows of this node and writes them, roll.go sums up old ones.
//   - roster.go says which nodes there are now.
//   - view.go is what this node knows of the others.
//   - table.go has the table and its statements, sums.go what a row holds.
package fleet

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
)

// Config says what a Fleet needs. Process and Store are required. The node of Process differs from node to node.
type Config struct {
	Process    telemetry.Process
	Store      store.DB                 // has the table of Tables
	Points     func() []telemetry.Point // present values of the metrics; nil: none
	Objectives []objective.Objective
	Counts     func() []objective.Counts // of Objectives, since the last call; nil: none
	Archive    Archive                   // has what is single; nil: this node tells nothing of it
	Alerts     func(objective.Alert)     // is told of alerts about all nodes together; nil: nobody
	Logger     *slog.Logger              // default: no log
	Now        func() time.Time          // default: time.Now
}

// A Fleet is the nodes of one database, as one of them knows them. It is a background.Service.
type Fleet struct {
	cfg     Config
	process string // tells this process from all others
	clock   func(store.Reader) (time.Time, error)

	counter counter // only Run uses it
	teller  teller

	mu     sync.Mutex
	offset time.Duration // from the clock of this machine to the clock of the database
	view   view
}

// New returns the fleet of a node that starts.
func New(cfg Config) *Fleet {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Points == nil {
		cfg.Points = func() []telemetry.Point { return nil }
	}
	if cfg.Counts == nil {
		cfg.Counts = func() []objective.Counts { return nil }
	}
	if cfg.Alerts == nil {
		cfg.Alerts = func(objective.Alert) {}
	}
	f := &Fleet{cfg: cfg, process: newProcess(), clock: readClock}
	f.view = newView(cfg.Process.Node, f.process, cfg.Objectives)
	return f
}

// newProcess returns a text that no other process has.
func newProcess() string {
	const letters, length = "abcdefghijklmnopqrstuvwxyz234567", 10
	text := make([]byte, length)
	for i := range text {
		text[i] = letters[rand.N(len(letters))]
	}
	return string(text)
}

const (
	pollPause = 30 * time.Second // between two reads of the rows of all nodes
	jitter    = 4 * time.Second  // the longest wait before a node writes, so that not all write at once
	callTime  = 5 * time.Second  // bounds a read or a write
	loadTime  = time.Minute      // bounds the first read
	stopTime  = 3 * time.Second  // bounds the last write
)

// Run shares what this node counts until ctx ends. While the database is away, rows wait in memory.
func (f *Fleet) Run(ctx context.Context) error {
	f.poll(ctx)
	f.counter.begin(f.now())
	for {
		select {
		case <-ctx.Done():
			f.stop(ctx)
			return ctx.Err()
		case <-time.After(untilNext(f.now(), pollPause)):
		}
		f.count(f.now())
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(jitter)):
			f.write(ctx)
			f.tell(ctx)
			f.roll(ctx)
			f.poll(ctx)
		}
	}
}

// stop writes what was counted since the last step.
func (f *Fleet) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	f.finish(f.now())
	f.write(ctx)
	f.tell(ctx)
}

// now returns the time of the database, as far as this node knows it.
func (f *Fleet) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cfg.Now().Add(f.offset)
}

// untilNext returns the time until the next multiple of a pause.
func untilNext(now time.Time, pause time.Duration) time.Duration {
	return now.Truncate(pause).Add(pause).Sub(now)
}
