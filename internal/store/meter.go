package store

import (
	"context"
	"time"
)

// A Meter counts what statements cost. It is for copies of a database on which something is tried: what it counts has to be
// nobody else's work.
type Meter interface {
	// Measure runs a statement that reads, and returns what it cost.
	Measure(ctx context.Context, stmt Statement) (Work, error)

	// UsedIndexes returns the names of indexes that are used, each once. SQLite does not count uses, so it looks into the
	// plans of the statements. PostgreSQL counts them since a time, and looks at no statement.
	UsedIndexes(ctx context.Context, statements []string) (names []string, since time.Time, err error)

	// IndexSize returns the size of an index in bytes.
	IndexSize(ctx context.Context, name string) (int64, error)
}

// Work is what statements cost.
type Work struct {
	// Steps are counted by the engine, so they are the same each time. SQLite counts instructions of its virtual machine,
	// about 8 for each row that it looks at. PostgreSQL counts rows and pages, and each is 8 steps.
	Steps int64
	Took  time.Duration
}

// Add adds the work of another statement.
func (w *Work) Add(other Work) {
	w.Steps += other.Steps
	w.Took += other.Took
}
