package sqlite

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// others counts what other connections than the writer's have committed: those of other processes, such as the shell of
// SQLite, which move no generation. SQLite tells the writer's connection by PRAGMA data_version, which its own commits do
// not change. Those of others all look alike: one step of the count may stand for many commits.
type others struct {
	commits atomic.Int64
	looked  atomic.Int64 // when, in nanoseconds since begun
	begun   time.Time
	look    func() // brings it up to date
}

const dataVersionOf = "PRAGMA data_version"

// look counts what others have committed, where nobody has looked within the age of a snapshot. While a transaction of
// the writer is under way nobody else commits, and it has looked when it began.
func (w *writer) look() {
	if time.Since(w.others.begun)-time.Duration(w.others.looked.Load()) < snapshotAge || !w.using.TryLock() {
		return
	}
	defer w.using.Unlock()
	w.lookNow()
}

// lookNow is look for who has the connection.
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

// dataVersion returns a number that moves with the commits of other connections than c. Those of two connections cannot
// be compared.
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

// unknownVersion is none that SQLite has.
const unknownVersion = -1

// Outside implements store.Reader. The count was taken before the snapshot: where it has moved on since, the snapshot may
// have those commits or not.
func (r *reader) Outside() (n int64, known bool) {
	r.others.look()
	if n := r.others.commits.Load(); n != r.outside {
		r.until = time.Time{} // the next read takes another snapshot
		return 0, false
	}
	return r.outside, true
}

// Outside implements store.Reader. The writer looked when the transaction began, and no other program commits during it.
func (t *tx) Outside() (n int64, known bool) { return t.w.others.commits.Load(), true }
