// Package pgledger keeps the limits that nodes share in a table of their PostgreSQL database.
//
// The files form layers: pgledger.go is the ledger, table.go has the table and its statements.
package pgledger

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Ledger is a limit.Ledger. As a background.Service it deletes the rows of buckets that are full again.
type Ledger struct{ db store.DB }

// New returns the ledger in a database that has the table of Tables.
func New(db store.DB) *Ledger { return &Ledger{db} }

// Reserve implements limit.Ledger. It runs one statement in one transaction. The statement locks rows in the order of their
// keys, so two nodes do not deadlock.
func (l *Ledger) Reserve(ctx context.Context, wants []limit.Want) ([]limit.Grant, error) {
	args := arguments(wants)
	index := make(map[string]int, len(wants))
	for i := range wants {
		index[key(wants[i].Bucket)] = i
	}
	grants := make([]limit.Grant, len(wants))
	err := l.db.Write(ctx, func(tx store.Tx) error {
		found := 0
		err := tx.ExecThenQuery(store.Statement{SQL: readCommitted}, store.Statement{SQL: reserve, Args: args}, func(row value.Row) error {
			if i, ok := index[string(row.Bytes(0))]; ok {
				grants[i] = limit.Grant{Taken: row.Int(1), Full: time.Duration(max(0, row.Int(2)))}
				found++
			}
			return nil
		})
		if err == nil && found != len(wants) {
			err = fmt.Errorf("%d of %d buckets came back", found, len(wants))
		}
		return err
	})
	return grants, err
}

// arguments returns a list for each column of a want, in the order of the keys.
func arguments(wants []limit.Want) []value.Value {
	sorted := slices.Clone(wants)
	slices.SortFunc(sorted, func(a, b limit.Want) int { return cmpKeys(a.Bucket, b.Bucket) })
	var columns [6][]string
	for i := range sorted {
		want := &sorted[i]
		step, depth := want.Ticks()
		columns[0] = append(columns[0], key(want.Bucket))
		for c, n := range [...]int64{step, depth, min(want.Debt, want.MostDebt()), want.Need, want.Take} {
			columns[c+1] = append(columns[c+1], strconv.FormatInt(n, 10))
		}
	}
	args := make([]value.Value, len(columns))
	for c, column := range columns {
		args[c] = value.OfList(column)
	}
	return args
}

// key returns the id of a bucket. All keys have the same length, so they sort as numbers do.
func key(bucket uint64) string { return fmt.Sprintf("%016x", bucket) }

func cmpKeys(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

const (
	sweepPause = time.Minute
	sweepTime  = 5 * time.Second
	sweepRows  = 1000 // of one transaction
	sweepTurns = 100  // transactions of one sweep
)

// Run deletes the rows of full buckets until ctx ends. Each node does so about once a minute. A node that fails tries
// again with the next turn.
func (l *Ledger) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(sweepPause/2 + rand.N(sweepPause)):
			_, _ = l.sweep(ctx)
		}
	}
}

// sweep deletes rows of full buckets in batches, and returns how many.
func (l *Ledger) sweep(ctx context.Context) (deleted int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTime)
	defer cancel()
	for range sweepTurns {
		var n int64
		err := l.db.Write(ctx, func(tx store.Tx) error {
			n = 0
			return tx.ExecThenQuery(store.Statement{SQL: readCommitted}, store.Statement{SQL: deleteFull, Args: []value.Value{value.OfInt(sweepRows)}}, func(value.Row) error {
				n++
				return nil
			})
		})
		deleted += n
		if err != nil || n < sweepRows {
			return deleted, err
		}
	}
	return deleted, nil
}
