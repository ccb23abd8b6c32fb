package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// Transact runs f on the rows of a caller in one transaction, all or nothing. The engine may run f more than once: see
// store.DB.
func (d *DB) Transact(ctx context.Context, who caller.Caller, f func(*Tx) error) error {
	return d.store.Write(withOrigin(ctx, who), func(tx store.Tx) error {
		rows := d.In(tx, who)
		defer rows.Done()
		rows.request.noteTrace(ctx)
		return f(rows)
	})
}

// Store returns the transaction itself, for the statements of a package that keeps system tables.
func (x *Tx) Store() store.Tx { return x.tx }

// Table returns the table of that name whose rows d has, or nil.
func (d *DB) Table(name string) *model.Table {
	for table := range d.tables {
		if table.Name == name {
			return table
		}
	}
	return nil
}
