package archive

import (
	"fmt"

	lite "zombiezen.com/go/sqlite"
)

const (
	minSize = 16_000_000    // the least bound
	maxSize = 1_000_000_000 // the bound if nobody chose one and the disk is large
)

// DefaultSize returns the bound of the file at path if nobody chose one: 5 % of its disk, and 1 GB at most.
func DefaultSize(path string) int64 {
	disk := diskSize(folderOf(path))
	if disk <= 0 {
		return maxSize
	}
	return min(maxSize, disk/20)
}

// limits divide the bound between the database and its log. SQLite itself refuses a page too many, so the database cannot
// exceed its part. The log cannot exceed its part because a batch is small against it, and none is written while the log is
// half full.
type limits struct {
	pages int64 // of the database
	log   int64 // bytes of the log
	batch int   // bytes of a batch
}

func limitsOf(size int64) limits {
	log := min(16<<20, size/8)
	return limits{pages: (size - log - log/64 - 64<<10) / pageSize, log: log, batch: int(log / 16)}
}

// apply sets the limits of SQLite.
func (l limits) apply(conn *lite.Conn) error {
	return script(conn, fmt.Sprintf("PRAGMA max_page_count = %d; PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d;",
		l.pages, l.log/4/pageSize, l.log/2))
}

// usage is how the pages of the database are used.
type usage struct{ pages, free int64 }

func (f *file) usage() (u usage, err error) {
	if u.pages, err = numberOf(f.writer, "PRAGMA page_count"); err != nil {
		return u, err
	}
	u.free, err = numberOf(f.writer, "PRAGMA freelist_count")
	return u, err
}

// crowded reports whether something must be removed before more is written.
func (l limits) crowded(u usage) bool { return u.pages-u.free > l.pages-l.pages/10 }
