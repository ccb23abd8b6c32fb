package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// tally counts the work of all pools.
type tally struct {
	engine.Commits
	opened, lost, conflicts atomic.Int64
}

// Stats implements store.DB. The size and the replicas come from the server. A call that finds them older than sampleAge
// starts a look for the next call.
func (db *DB) Stats() store.Stats {
	pools := []store.Pool{db.readers.stats("read"), db.writers.stats("write"), db.groups.stats()}
	size, replicas := db.sample()
	return store.Stats{
		Pools:     pools,
		Writer:    db.tally.Writer(pools[1].Waiting + pools[2].Waiting),
		Opened:    db.tally.opened.Load(),
		Lost:      db.tally.lost.Load(),
		Conflicts: db.tally.conflicts.Load(),
		Size:      size,
		Free:      -1,
		Replicas:  replicas,
	}
}

func (p *pool) stats(name string) store.Pool {
	gate := p.gate.Stats()
	stats := store.Pool{Name: name, Size: p.size, InUse: gate.Taken, Waiting: gate.Waiting, Wait: gate.Wait}
	p.waited.AddTo(&stats)
	return stats
}

// stats counts groups: their scripts wait in the line of the groups, not for a turn of the pool.
func (g *groups) stats() store.Pool {
	g.mu.Lock()
	defer g.mu.Unlock()
	stats := store.Pool{Name: "group", Size: g.size, InUse: g.running, Waiting: g.line.Len(), Wait: g.line.NewcomerWait(g.size)}
	g.waited.AddTo(&stats)
	return stats
}

const (
	sampleAge     = 10 * time.Second
	sampleTimeout = 2 * time.Second
)

// sampled is what the server said about itself lately.
type sampled struct {
	looking atomic.Bool

	mu       sync.Mutex
	at       time.Time // of the last look; zero before the first
	size     int64
	replicas []store.Replica
}

// sample returns what is known, and starts a look if that is old.
func (db *DB) sample() (size int64, replicas []store.Replica) {
	s := &db.sampled
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) > sampleAge && s.looking.CompareAndSwap(false, true) {
		background.Go("a look at the database server", db.look, func(err error) {
			s.looking.Store(false)
			background.Report(db.cfg.Logger)(err)
		})
	}
	if s.at.IsZero() {
		return -1, nil
	}
	return s.size, s.replicas
}

const (
	selectSize = `SELECT pg_database_size(current_database())`

	// selectReplicas has no rows for a user who may not see them: the columns are then null.
	selectReplicas = `SELECT application_name, coalesce(extract(epoch FROM replay_lag), 0)::float8 FROM pg_stat_replication
WHERE state IS NOT NULL ORDER BY application_name LIMIT 16`
)

// look asks the server. It forgets what it cannot ask: a server that is away is reported elsewhere.
func (db *DB) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), sampleTimeout)
	defer cancel()
	size, replicas := int64(-1), []store.Replica(nil)
	_ = db.Read(ctx, func(r store.Reader) error {
		if err := r.Query(selectSize, nil, func(row value.Row) error {
			size = row.Int(0)
			return nil
		}); err != nil {
			return err
		}
		return r.Query(selectReplicas, nil, func(row value.Row) error {
			lag := time.Duration(row.Float(1) * float64(time.Second))
			replicas = append(replicas, store.Replica{Name: string(row.Bytes(0)), Lag: lag})
			return nil
		})
	})
	s := &db.sampled
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.size, s.replicas = time.Now(), size, replicas
	return nil
}
