package sqlite

import (
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// logState is what the header of the log's index says about the log.
type logState struct {
	pages    int64 // in the log
	moved    int64 // pages of the log that are in the database
	salt     int64 // changes when the log begins anew
	database int64 // size of the database in bytes
}

// checkpointed reports whether pages moved into the database between two states.
func checkpointed(before, after logState) bool {
	return after.moved > 0 && (after.moved != before.moved || after.salt != before.salt)
}

// tally counts the work of the writer.
type tally struct {
	engine.Commits
	busy        atomic.Int64
	opened      atomic.Int64 // connections of the writer after the first
	checkpoints atomic.Int64
	moving      atomic.Int64 // nanoseconds of commits with a checkpoint
}

// committed counts a commit. SQLite moves pages at the end of one. So such a commit takes about as long as the move.
func (t *tally) committed(ok bool, before, after logState, began time.Time) {
	t.Ended(ok)
	if checkpointed(before, after) {
		t.checkpoints.Add(1)
		t.moving.Add(int64(time.Since(began)))
	}
}

// Stats implements store.DB. It asks the file system for two numbers. The rest is in memory.
//
// The hits of SQLite's page cache are missing: zombiezen.com/go/sqlite has no sqlite3_db_status, and keeps the pointer of a
// connection to itself.
func (db *DB) Stats() store.Stats {
	w := db.writer
	reopened := w.tally.opened.Load()
	writer := w.tally.Writer(w.jobs.len())
	writer.Queue, writer.Wait = w.jobs.size, w.jobs.newcomerWait()
	return store.Stats{
		Pools:  []store.Pool{db.readers.stats()},
		Writer: writer,
		Log:    db.logStats(),
		Opened: int64(db.readers.size) + 1 + reopened,
		Lost:   reopened,
		Busy:   w.tally.busy.Load(),
		Size:   db.size(),
		Free:   freeSpace(filepath.Dir(w.path)),
	}
}

func (p *readers) stats() store.Pool {
	gate := p.gate.Stats()
	pool := store.Pool{Name: "read", Size: p.size, InUse: gate.Taken, Waiting: gate.Waiting, Wait: gate.Wait}
	p.waited.AddTo(&pool)
	return pool
}

func (db *DB) logStats() *store.Log {
	state := db.state()
	return &store.Log{
		Bytes:       max(0, fileSize(db.writer.path+"-wal")),
		Pages:       state.pages,
		Pending:     max(0, state.pages-state.moved),
		Checkpoints: db.writer.tally.checkpoints.Load(),
		Moving:      time.Duration(db.writer.tally.moving.Load()),
	}
}

// state is the zero state after Close, which takes the memory of the index away.
func (db *DB) state() (none logState) {
	db.closing.RLock()
	defer db.closing.RUnlock()
	if db.closed {
		return none
	}
	return db.index.state()
}

// size returns the size of the database with what is still in the log.
func (db *DB) size() int64 {
	if size := db.state().database; size > 0 {
		return size
	}
	return fileSize(db.writer.path)
}

// fileSize asks for the size without opening the file, or returns -1.
func fileSize(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}
