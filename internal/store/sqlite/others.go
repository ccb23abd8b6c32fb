package sqlite

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// others counts the commits of connections other than the writer's. Commits of other processes, such as the shell of SQLite,
// move no generation. SQLite tells the writer's connection about them by PRAGMA data_version, which its own commits do not
// change. One step of the count may stand for many commits.
type others struct {
	commits atomic.Int64
	looked  atomic.Int64 // time of the last look, in nanoseconds since begun
	begun   time.Time
	state   atomic.Pointer[indexHeader] // of the last look; nil: unknown
	writing atomic.Bool                 // the writer's transaction is under way, so that nobody else commits
	look    func() bool                 // looks now if the last look is too old, and reports whether the count is as good as a new look
}

const dataVersionOf = "PRAGMA data_version"

// look counts what others have committed, unless nobody has committed since the last look. Without a logIndex, a look is good
// for snapshotAge. While the writer's transaction is under way nobody else commits, and the writer has looked when it began.
// Before and after it the writer may still hold the connection. Then look cannot know, and returns false.
func (w *writer) look() bool {
	if state := w.others.state.Load(); state != nil && *state == w.index.header() {
		return true
	}
	if w.index == nil && time.Since(w.others.begun)-time.Duration(w.others.looked.Load()) < snapshotAge {
		return true
	}
	if !w.using.TryLock() {
		return w.others.writing.Load()
	}
	defer w.using.Unlock()
	w.lookNow()
	return true
}

// lookNow is look for a caller that already holds the connection.
func (w *writer) lookNow() {
	header := w.index.header()
	before, now := int64(unknownVersion), int64(unknownVersion)
	if w.conn != nil {
		before, now = w.conn.version, w.conn.dataVersion()
		w.conn.version = now
	}
	if now != before || now == unknownVersion {
		w.others.commits.Add(1)
	}
	w.others.looked.Store(int64(time.Since(w.others.begun)))
	w.others.state.Store(nil)
	if w.index != nil && header == w.index.header() {
		w.others.state.Store(&header)
	}
}

// dataVersion returns a number that moves when other connections commit. The numbers of two connections cannot be compared.
func (c *conn) dataVersion() int64 {
	version := int64(unknownVersion)
	err := c.query(dataVersionOf, nil, func(row value.Row) error {
		version = row.Int(0)
		return nil
	})
	if err != nil {
		return unknownVersion
	}
	return version
}

// unknownVersion is a number that SQLite never returns.
const unknownVersion = -1

// Outside implements store.Reader. The count was read before the snapshot was taken. If it has moved since, the snapshot
// may have those commits or not.
func (r *reader) Outside() (n int64, known bool) {
	looked := r.others.look()
	if n := r.others.commits.Load(); !looked || n != r.outside {
		r.until = time.Time{} // the next read takes another snapshot
		return 0, false
	}
	return r.outside, true
}

// Version implements store.Reader. Generations only grow, and Outside moves if the rows of a table become older ones.
func (r *reader) Version(dst []int64, tables []string) (version []int64, known bool, err error) {
	if r.refused != nil {
		return nil, false, r.refused
	}
	outside, known := r.Outside()
	if !known {
		return nil, false, nil
	}
	version = append(dst, outside)
	for _, table := range tables {
		generation, err := r.generation(table)
		if err != nil {
			return nil, false, err
		}
		version = append(version, generation)
	}
	return version, true, nil
}

// Version implements store.Reader.
func (*tx) Version([]int64, []string) (version []int64, known bool, err error) {
	return nil, false, nil
}

// State implements store.Reader.
func (r *reader) State() (store.State, bool) { return store.State(r.accepted.state), r.accepted.known }

// State implements store.Reader.
func (*tx) State() (state store.State, known bool) { return state, false }

// State implements store.DB. A commit changes the header of the log's index before its process learns of it.
func (db *DB) State() (state store.State, known bool) {
	if db.index == nil || !db.closing.TryRLock() {
		return state, false
	}
	defer db.closing.RUnlock()
	if db.closed {
		return state, false
	}
	return store.State(db.index.header()), true
}

// Written implements store.DB.
func (db *DB) Written(table string) int64 { return db.writer.written.Of(table) }

// Outside implements store.Reader. The writer looked when the transaction began, and no other program commits during it.
func (t *tx) Outside() (n int64, known bool) { return t.w.others.commits.Load(), true }
