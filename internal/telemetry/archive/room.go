package archive

import (
	"errors"
	"time"
)

// errLog is the error of a log that cannot be moved into the database, because a read needs it.
var errLog = errors.New("a read of the telemetry database holds its log")

// makeRoom keeps the file and its log within their bounds. The caller holds a.mu.
func (a *Archive) makeRoom() error {
	f := a.file
	if sizeOf(a.path+"-wal") > f.limits.log/2 {
		if err := f.checkpoint(); err != nil {
			return err
		}
		if sizeOf(a.path+"-wal") > f.limits.log/2 {
			return errLog
		}
	}
	for range 64 {
		u, err := f.usage()
		if err != nil || !f.limits.crowded(u) {
			return err
		}
		if err := a.removeOldest(); err != nil {
			return err
		}
	}
	return nil
}

// checkpoint moves the log into the database and cuts it, if no read needs the log. It does not wait for reads.
func (f *file) checkpoint() error {
	f.writer.SetBusyTimeout(0)
	defer f.writer.SetBusyTimeout(busyTime)
	return query(f.writer, "PRAGMA wal_checkpoint(TRUNCATE)", nil)
}

// removal is one step of making room: the oldest rows of a table.
type removal struct {
	remove string
	recent bool // takes the last hour too
}

// portionRemoved is how many rows one step removes. Their pages are used again.
const portionRemoved = 2000

// recentTime is the time that the first steps leave alone. Failed records are told apart from healthy ones of the same time.
const recentTime = time.Hour

// The statements that remove the oldest rows. ?1 is the key of the first row that stays, ?2 the number of rows.
const (
	removeHealthy = `DELETE FROM healthy WHERE key <= (SELECT max(key) FROM (SELECT key FROM healthy WHERE key < ?1 ORDER BY key LIMIT ?2))`
	removeKept    = `DELETE FROM kept WHERE key <= (SELECT max(key) FROM (SELECT key FROM kept WHERE key < ?1 ORDER BY key LIMIT ?2))`
	removeTraces  = `DELETE FROM traces WHERE key <= (SELECT max(key) FROM (SELECT key FROM traces WHERE key < ?1 ORDER BY key LIMIT (?2 / 20)))`
	removeEvents  = `DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < (?1 >> 10) ORDER BY at LIMIT (?2 / 20))`
	removeBlocks  = `DELETE FROM blocks WHERE key >= ?1 AND key <= (SELECT (min(key) + max(key)) / 2 FROM blocks WHERE key >= ?1 AND key < ?2)`
)

// removals are the steps of making room, tried in this order.
func (a *Archive) removals() []removal {
	steps := []removal{{removeHealthy, false}, {removeTraces, false}, {removeKept, false}, {removeTraces, true}}
	// Nothing but the last hour is left. What fills it gives way, so that neither a flood of failures nor a flood of healthy
	// records removes what an incident compares.
	if a.fresh.more() == tableKept {
		steps = append(steps, removal{removeKept, true}, removal{removeHealthy, true})
	} else {
		steps = append(steps, removal{removeHealthy, true}, removal{removeKept, true})
	}
	return append(steps, removal{removeEvents, true})
}

const (
	tableHealthy = iota
	tableKept
	tableCount
)

// fresh says how much was written to each table of records lately: in this half hour and in the one before.
type fresh struct {
	half  int64 // number of the half hour since 1970
	bytes [2][tableCount]int64
}

func (f *fresh) add(table int, now time.Time, size int) {
	if half := now.Unix() / 1800; half != f.half {
		f.half = half
		f.bytes[0], f.bytes[1] = f.bytes[1], [tableCount]int64{}
	}
	f.bytes[1][table] += int64(size)
}

// more returns the table that got more.
func (f *fresh) more() int {
	if f.bytes[0][tableKept]+f.bytes[1][tableKept] > f.bytes[0][tableHealthy]+f.bytes[1][tableHealthy] {
		return tableKept
	}
	return tableHealthy
}

// removeOldest removes the oldest records: healthy ones first, then the rest. The last hour goes last. When no record is
// left, events go, then the finest metrics, then the finest sums. The caller holds a.mu.
func (a *Archive) removeOldest() error {
	border, end := keyAt(a.cfg.Now().Add(-recentTime)), int64(1)<<62
	for _, r := range a.removals() {
		before := border
		if r.recent {
			before = end
		}
		n, err := a.file.remove(r.remove, before, portionRemoved)
		if n > 0 || err != nil {
			return err
		}
	}
	for tier := range len(spans) {
		n, err := a.file.remove(removeBlocks, blockKey(tier, 0, 0), blockKey(tier+1, 0, 0))
		if n > 0 || err != nil {
			return err
		}
	}
	for tier := range sumTierCount {
		n, err := a.file.remove(removeSums, sumKey(tier, 0), sumKey(tier+1, 0))
		if n > 0 || err != nil {
			return err
		}
	}
	return errNothingLeft
}

var errNothingLeft = errors.New("the telemetry database is full, and nothing is left to remove")

// remove runs a deletion in a transaction of its own, and returns the number of rows.
func (f *file) remove(sql string, args ...any) (n int, err error) {
	err = f.write(func(tx *transaction) error {
		err := tx.run(sql, args...)
		n = tx.conn.Changes()
		return err
	})
	return n, err
}

// The time that rows are kept which do not count as records.
const (
	keepErrors = 90 * 24 * time.Hour
	keepEvents = 400 * 24 * time.Hour
)

// ahead is how far in the future a row may lie. Rows beyond were written while the clock was wrong.
const ahead = time.Hour

// upkeep removes what is too old, and returns free pages when the bound became smaller.
func (a *Archive) upkeep() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.try(0, a.expire)
}

// expire removes rows by their time. The caller holds a.mu.
func (a *Archive) expire() error {
	now := a.cfg.Now()
	old, future := keyAt(now.Add(-a.cfg.Keep)), keyAt(now.Add(ahead))
	for _, sql := range [...]string{
		`DELETE FROM healthy WHERE key IN (SELECT key FROM healthy WHERE key < ?1 OR key > ?2 LIMIT ?3)`,
		`DELETE FROM kept WHERE key IN (SELECT key FROM kept WHERE key < ?1 OR key > ?2 LIMIT ?3)`,
		`DELETE FROM traces WHERE key IN (SELECT key FROM traces WHERE key < ?1 OR key > ?2 LIMIT ?3)`,
	} {
		for n := portionRemoved; n == portionRemoved; {
			var err error
			if n, err = a.file.remove(sql, old, future, portionRemoved); err != nil {
				return err
			}
			if err := a.makeRoom(); err != nil { // the log may have grown
				return err
			}
		}
	}
	err := a.file.write(func(tx *transaction) error {
		return errors.Join(
			tx.run(`DELETE FROM errors WHERE last < ?1`, now.Add(-keepErrors).UnixMicro()),
			tx.run(`DELETE FROM events WHERE at < ?1 OR at > ?2`, now.Add(-keepEvents).UnixMicro(), now.Add(ahead).UnixMicro()),
			tx.run(`DELETE FROM notes WHERE incident IN (SELECT id FROM incidents WHERE opened < ?1)`, now.Add(-keepEvents).UnixMicro()),
			tx.run(`DELETE FROM incidents WHERE opened < ?1`, now.Add(-keepEvents).UnixMicro()),
			a.tiers.expire(tx, now),
			expireSums(tx, now),
		)
	})
	if err != nil {
		return err
	}
	return a.shrink()
}

// shrink gives pages back to the file system if the database is larger than its bound, since the bound was lowered.
func (a *Archive) shrink() error {
	u, err := a.file.usage()
	for err == nil && u.pages > a.file.limits.pages && u.free > 0 {
		before := u.free
		if err = query(a.file.writer, "PRAGMA incremental_vacuum(1000)", nil); err == nil {
			err = a.file.checkpoint()
		}
		if err == nil {
			u, err = a.file.usage()
		}
		if u.free == before {
			break
		}
	}
	return err
}
