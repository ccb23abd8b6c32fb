package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var _ store.Meter = (*DB)(nil)

// explained runs the statement and counts without reading the clock at each row, which would cost more than many rows do.
const explained = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "

// planNode is a node of a plan in JSON.
type planNode struct {
	Relation  string     `json:"Relation Name"`
	Rows      float64    `json:"Actual Rows"` // mean of all loops
	Loops     float64    `json:"Actual Loops"`
	Filtered  float64    `json:"Rows Removed by Filter"`
	Rechecked float64    `json:"Rows Removed by Index Recheck"`
	Hit       int64      `json:"Shared Hit Blocks"` // of the node and all below
	Read      int64      `json:"Shared Read Blocks"`
	Plans     []planNode `json:"Plans"`
}

type explanation struct {
	Plan planNode `json:"Plan"`
	Took float64  `json:"Execution Time"` // ms
}

// rowSteps are the steps of a row or a page: see store.Work.
const rowSteps = 8

// Measure implements store.Meter.
func (db *DB) Measure(ctx context.Context, stmt store.Statement) (work store.Work, err error) {
	plan, err := db.explain(ctx, explained+stmt.SQL, stmt.Args)
	if err != nil {
		return work, err
	}
	work.Steps = rowSteps * (int64(plan.Plan.rows()) + plan.Plan.Hit + plan.Plan.Read)
	work.Took = time.Duration(plan.Took * float64(time.Millisecond))
	return work, nil
}

func (db *DB) explain(ctx context.Context, sql string, args []value.Value) (plan explanation, err error) {
	var text []byte
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query(sql, args, func(row value.Row) error {
			text = slices.Clone(row.Bytes(0))
			return nil
		})
	})
	if err != nil {
		return plan, err
	}
	var plans []explanation
	if err := json.Unmarshal(text, &plans); err != nil {
		return plan, err
	}
	if len(plans) != 1 {
		return plan, errors.New("EXPLAIN returned no plan")
	}
	return plans[0], nil
}

// rows returns the rows that a node and those below looked at. Nodes that pass on the rows of others look at none.
func (n *planNode) rows() (sum float64) {
	if n.Relation != "" || len(n.Plans) == 0 {
		sum = (n.Rows + n.Filtered + n.Rechecked) * n.Loops
	}
	for i := range n.Plans {
		sum += n.Plans[i].rows()
	}
	return sum
}

// The server may never have reset its counts. They then began with the database, so with the server's start at the latest.
const (
	selectUsed  = `SELECT indexrelname FROM pg_stat_user_indexes WHERE schemaname = current_schema() AND idx_scan > 0`
	selectSince = `SELECT (extract(epoch FROM coalesce(stats_reset, pg_postmaster_start_time())) * 1000000)::bigint
FROM pg_stat_database WHERE datname = current_database()`
)

// UsedIndexes implements store.Meter.
func (db *DB) UsedIndexes(ctx context.Context, _ []string) (names []string, since time.Time, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		names = nil
		err := r.Query(selectUsed, nil, func(row value.Row) error {
			names = append(names, string(row.Bytes(0)))
			return nil
		})
		if err != nil {
			return err
		}
		return r.Query(selectSince, nil, func(row value.Row) error {
			since = time.UnixMicro(row.Int(0))
			return nil
		})
	})
	return names, since, err
}

const selectIndexSize = `SELECT coalesce(sum(pg_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relname = $1::text AND relkind = 'i' AND relnamespace = current_schema()::regnamespace`

// IndexSize implements store.Meter.
func (db *DB) IndexSize(ctx context.Context, name string) (size int64, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		return r.Query(selectIndexSize, []value.Value{value.OfText(name)}, func(row value.Row) error {
			size = row.Int(0)
			return nil
		})
	})
	return size, err
}
