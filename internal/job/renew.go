package job

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A claim is the right to work on a job.
type claim struct{ id, lease string }

// renew makes leases last until a time, and returns the ids of the jobs that have the new end. lost are the ones whose lease is
// over for sure. The rest is locked by somebody else at the moment, who may be about to settle it.
func (q *Queue) renew(ctx context.Context, claims []claim, until time.Time) (renewed, lost map[string]bool, err error) {
	err = q.write(ctx, func(tx store.Tx) (err error) {
		renewed, lost = map[string]bool{}, map[string]bool{}
		if renewed, err = q.idsOf(tx, q.sql.renew, claims, stamp(until), stamp(q.now())); err != nil || len(renewed) == len(claims) {
			return err
		}
		held, err := q.idsOf(tx, q.sql.held, claims)
		if err != nil {
			return err
		}
		for _, c := range claims {
			if !held[c.id] {
				lost[c.id] = true
			}
		}
		return nil
	})
	return renewed, lost, err
}

// idsOf runs a statement about claims, and returns the ids of the jobs that it found. SQLite takes the claims one by one.
func (q *Queue) idsOf(tx store.Tx, sql string, claims []claim, args ...value.Value) (found map[string]bool, err error) {
	found = map[string]bool{}
	if tx.Dialect() == sqlgen.Postgres {
		var ids, leases []string
		for _, c := range claims {
			ids, leases = append(ids, c.id), append(leases, c.lease)
		}
		return found, tx.Query(sql, append(args, value.OfList(ids), value.OfList(leases)), func(row value.Row) error {
			found[string(row.Bytes(0))] = true
			return nil
		})
	}
	for _, c := range claims {
		err := tx.Query(sql, append(args[:len(args):len(args)], value.OfUUID(c.id), value.OfText(c.lease)), func(value.Row) error {
			found[c.id] = true
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
