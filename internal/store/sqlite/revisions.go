package sqlite

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	// reservedAtOnce is how many revisions a transaction reserves. An UPDATE for each revision would cost half as much as
	// an insert, and would write one more page of the log. A process that ends leaves the rest of its revisions unused.
	reservedAtOnce = 4096

	// fewRevisions is when the writer reserves more. It is more than the jobs that can wait, by default, so that a script
	// always finds one.
	fewRevisions = 2048
)

const reserveRevisions = `UPDATE ashlar_counters SET value = value + ?1 WHERE name = 'revision' RETURNING value`

// reserve reserves revisions in the transaction under way. They are its own until it is committed.
func (w *writer) reserve() error {
	var last int64
	err := w.conn.query(reserveRevisions, []value.Value{value.OfInt(reservedAtOnce)}, func(row value.Row) error {
		last = row.Int(0)
		return nil
	})
	if err == nil && last == 0 {
		err = engine.Internal(errors.New("the counter of revisions is missing"))
	}
	if err != nil {
		return err
	}
	w.reserved = engine.Span{Next: last - reservedAtOnce + 1, Last: last}
	return nil
}

// dropReserved drops all revisions that are reserved. A function calls it, on the writer's goroutine.
func (w *writer) dropReserved() {
	w.reserved = engine.Span{}
	w.spare.Drop()
}
