package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

var _ store.Meter = (*DB)(nil)

// Measure implements store.Meter.
func (db *DB) Measure(ctx context.Context, stmt store.Statement) (work store.Work, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		reader, ok := r.(*reader)
		if !ok {
			return engine.Internal(fmt.Errorf("a reader of type %T", r))
		}
		work, err = reader.conn.measure(stmt)
		return err
	})
	return work, err
}

// measure runs a statement to its end. It counts neither the parsing nor the copying of rows.
func (c *conn) measure(s store.Statement) (work store.Work, err error) {
	stmt, err := c.begin(s.SQL, s.Args)
	if err != nil {
		return work, err
	}
	defer c.statements.release(stmt)
	if _, err := steps(c.raw, stmt.raw); err != nil {
		return work, engine.Internal(err)
	}
	start := time.Now()
	if err := stmt.finish(); err != nil {
		return work, c.translate(err, s.SQL)
	}
	work.Took = time.Since(start)
	work.Steps, err = steps(c.raw, stmt.raw)
	return work, err
}

// UsedIndexes implements store.Meter. It leaves out statements that no longer fit the tables.
func (db *DB) UsedIndexes(ctx context.Context, statements []string) (names []string, _ time.Time, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		reader, ok := r.(*reader)
		if !ok {
			return engine.Internal(fmt.Errorf("a reader of type %T", r))
		}
		names = nil
		for _, sql := range statements {
			used, err := reader.conn.plannedIndexes(sql)
			if lite.ErrCode(err).ToPrimary() == lite.ResultError {
				continue
			}
			if err != nil {
				return reader.translate(err, sql)
			}
			names = append(names, used...)
		}
		slices.Sort(names)
		names = slices.Compact(names)
		return nil
	})
	return names, time.Time{}, err
}

// plannedIndexes returns the indexes in the plan of a statement. The error is SQLite's.
func (c *conn) plannedIndexes(sql string) (names []string, err error) {
	stmt, err := c.statements.take("EXPLAIN QUERY PLAN " + sql)
	if err != nil {
		return nil, err
	}
	defer c.statements.release(stmt)
	for {
		more, err := stmt.raw.Step()
		if err != nil || !more {
			return names, err
		}
		if name := indexOfPlan(string(stmt.Bytes(planDetail))); name != "" {
			names = append(names, name)
		}
	}
}

// planDetail is the column of EXPLAIN QUERY PLAN with the text.
const planDetail = 3

// indexOfPlan returns the name of the index in a line such as "SEARCH t0 USING COVERING INDEX posts_state (state=?)". It is
// "" for a line without one, and for an index that SQLite makes by itself for the statement.
func indexOfPlan(line string) string {
	_, rest, found := strings.Cut(line, " INDEX ")
	if !found || strings.Contains(line, "USING AUTOMATIC") {
		return ""
	}
	name, _, _ := strings.Cut(rest, " (")
	return name
}

const selectIndexSize = `SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?1`

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
