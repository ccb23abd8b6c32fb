package feed

import (
	"context"
	"hash/fnv"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// The pauses of Run. On SQLite a look whether anything was committed costs no statement. On PostgreSQL it is a query.
const (
	pollSQLite   = 2 * time.Millisecond
	pollPostgres = 10 * time.Millisecond
	pollOthers   = 100 * time.Millisecond // between two looks at the other tables, on PostgreSQL
	tickPause    = time.Second            // between two looks at the sessions, and at what depends on the time
	trimPause    = 10 * time.Minute
	errorPause   = 250 * time.Millisecond
	logTime      = 10 * time.Second // bounds one read of the log
)

// Run follows the log until ctx ends. Then it ends all watchers with ErrStopping.
func (h *Hub) Run(ctx context.Context) error {
	h.mu.Lock()
	h.stopping = false // Run begins again after a panic
	h.mu.Unlock()
	defer h.Stop()
	trimmed := time.Now() // at a start there is other work
	f := &follower{hub: h}
	for ctx.Err() == nil {
		if len(h.tables) > 0 && time.Since(trimmed) >= trimPause {
			trimmed = time.Now()
			if _, err := h.log.Trim(ctx, h.cfg.Now()); err != nil && ctx.Err() == nil {
				h.cfg.Logger.Error("old changes were not deleted from the log", "error", err)
			}
		}
		pause, err := f.look(ctx)
		if err != nil && ctx.Err() == nil {
			if !f.failing {
				h.cfg.Logger.Error("the log of changes cannot be read: watchers wait", "error", err)
			}
			pause = errorPause
		}
		f.failing = err != nil
		select {
		case <-ctx.Done():
		case <-h.wake:
		case <-time.After(pause):
		}
	}
	return ctx.Err()
}

// A follower is the state of Run.
type follower struct {
	hub      *Hub
	state    store.State // of the last look
	lookedAt time.Time   // at the other tables
	tickedAt time.Time
	failing  bool        // the last look failed
	checking atomic.Bool // sessions are being looked up
}

// look reads the log if something may be new. It returns how long Run may rest.
func (f *follower) look(ctx context.Context) (pause time.Duration, err error) {
	h := f.hub
	if h.isIdle() {
		h.rest()
		h.looked.Store(0)
		return trimPause, nil
	}
	pause = pollPostgres
	state, known := h.db.State()
	if known {
		pause = pollSQLite
	}
	now := time.Now()
	ticks := now.Sub(f.tickedAt) >= tickPause
	if ticks {
		f.tickedAt = now
		h.refreshTimed()
	}
	if !known || state != f.state || f.failing {
		if err := h.step(ctx); err != nil {
			return pause, err
		}
		h.looked.Store(time.Now().UnixMicro())
		if known || now.Sub(f.lookedAt) >= pollOthers {
			f.lookedAt = now
			if err := h.stepOthers(ctx); err != nil {
				return pause, err
			}
		}
		f.state = state
	} else {
		h.looked.Store(time.Now().UnixMicro())
	}
	if ticks {
		return pause, f.proveAll(ctx)
	}
	return pause, nil
}

func (h *Hub) isIdle() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers) == 0 && h.waiting == 0
}

// rest forgets the position when nobody watches.
func (h *Hub) rest() {
	h.following <- struct{}{} // each holder ends within logTime
	defer func() { <-h.following }()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.windows) == 0 {
		h.position = ""
	}
}

// proveAll ends the watchers whose sessions have ended. It looks at a session when its table has changed. It works on a
// goroutine of its own, because there may be thousands.
func (f *follower) proveAll(ctx context.Context) error {
	h := f.hub
	h.mu.Lock()
	var guarded []*Watcher
	var tables []string
	for watcher := range h.watchers {
		if watcher.guards {
			guarded = append(guarded, watcher)
			if !slices.Contains(tables, watcher.check.Table) {
				tables = append(tables, watcher.check.Table)
			}
		}
	}
	h.mu.Unlock()
	if len(guarded) == 0 || !f.checking.CompareAndSwap(false, true) {
		return nil
	}
	generations, err := h.generations(ctx, tables)
	if err != nil {
		f.checking.Store(false)
		return err
	}
	background.Go("watch sessions", func() error {
		for _, watcher := range guarded {
			if now := generations[watcher.check.Table]; watcher.proven != now {
				h.prove(ctx, watcher, now)
			}
		}
		return nil
	}, func(err error) {
		f.checking.Store(false)
		background.Report(h.cfg.Logger)(err)
	})
	return nil
}

// generations returns numbers that change when tables do. Outside changes count too.
func (h *Hub) generations(ctx context.Context, tables []string) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	versions, err := h.versions(ctx, tables)
	if err != nil {
		return nil, err
	}
	all := map[string]int64{}
	for i, table := range tables {
		hash := fnv.New64a()
		for _, part := range append(versions[i].version, versions[i].generation) {
			for shift := range 8 {
				_, _ = hash.Write([]byte{byte(part >> (8 * shift))})
			}
		}
		all[table] = int64(hash.Sum64())
		if versions[i].version == nil { // unknown: look at each
			all[table] = time.Now().UnixNano()
		}
	}
	return all, nil
}

func (h *Hub) prove(ctx context.Context, watcher *Watcher, generation int64) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	if err := h.rows.Prove(ctx, watcher.who); err != nil {
		if refused(err) {
			watcher.window.end(watcher, err)
		}
		return // at the next tick again
	}
	watcher.proven = generation
}
