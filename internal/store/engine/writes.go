package engine

import (
	"sync"
	"sync/atomic"
)

// Writes counts the writes of this process to each table. An engine counts a write before it acknowledges it, and one whose
// outcome is unknown too. The zero value is ready. It is safe for concurrent use.
type Writes struct {
	tables sync.Map // name → *atomic.Int64
}

// Of returns the number of writes to a table.
func (w *Writes) Of(table string) int64 {
	if count, ok := w.tables.Load(table); ok {
		return count.(*atomic.Int64).Load()
	}
	return 0
}

// Add counts a write to tables.
func (w *Writes) Add(tables []string) {
	for _, table := range tables {
		count, ok := w.tables.Load(table)
		if !ok {
			count, _ = w.tables.LoadOrStore(table, new(atomic.Int64))
		}
		count.(*atomic.Int64).Add(1)
	}
}
