package sqlite

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// others counts the commits of connections other than the writer's. Commits of other processes, such as the shell of SQLite,
// move no generation. SQLite tells the writer's connection about them by PRAGMA data_version, which its own commits do not
// change. One step of the count may stand for many commits.
type others struct {
	commits atomic.Int64
	looked  atomic.Int64 // time of the last look, in nanoseconds since begun
	begun   time.Time
	writing atomic.Bool // the writer's transaction is under way, so that nobody else commits
	look    func() bool // looks now if the last look is too old, and reports whether the count is as good as a new look
}

const dataVersionOf = "PRAGMA data_version"

// look counts what others have committed, unless somebody has looked within snapshotAge. While the writer's transaction is
// under way nobody else commits, and the writer has looked when it began. Before and after it the writer may still hold the
// connection. Then look cannot know, and returns false.
func (w *writer) look() bool {
	if time.Since(w.others.begun)-time.Duration(w.others.looked.Load()) < snapshotAge {
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
	before, now := int64(unknownVersion), int64(unknownVersion)
	if w.conn != nil {
		before, now = w.conn.version, w.conn.dataVersion()
		w.conn.version = now
	}
	if now != before || now == unknownVersion {
		w.others.commits.Add(1)
	}
	w.others.looked.Store(int64(time.Since(w.others.begun)))
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

// Outside implements store.Reader. The writer looked when the transaction began, and no other program commits during it.
func (t *tx) Outside() (n int64, known bool) { return t.w.others.commits.Load(), true }
