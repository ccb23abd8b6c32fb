package sqlite

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"
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
	if _, ok := steps(stmt.raw); !ok {
		return work, engine.Internal(fmt.Errorf("this driver does not say how many steps a statement took"))
	}
	start := time.Now()
	if err := stmt.finish(); err != nil {
		return work, c.translate(err, s.SQL)
	}
	work.Took = time.Since(start)
	work.Steps, _ = steps(stmt.raw)
	return work, nil
}

// steps returns the instructions that a statement ran since the last call. ok is false if the driver does not tell.
func steps(stmt *lite.Stmt) (n int64, ok bool) { return statusOf(stmt, lib.Xsqlite3_stmt_status) }

// statusOf calls a function of SQLite that zombiezen lacks. It takes the pointers out of zombiezen's structs, and reports
// whether they are where they were. T is the thread's state of modernc's C library.
func statusOf[T any](stmt *lite.Stmt, status func(tls *T, stmt uintptr, counter, reset int32) int32) (n int64, ok bool) {
	fields := reflect.ValueOf(stmt).Elem()
	conn, raw := fields.FieldByName("conn"), fields.FieldByName("stmt")
	if conn.Kind() != reflect.Pointer || conn.IsNil() || raw.Kind() != reflect.Uintptr {
		return 0, false
	}
	tls := conn.Elem().FieldByName("tls")
	if !tls.IsValid() || tls.Type() != reflect.TypeFor[*T]() || tls.IsNil() {
		return 0, false
	}
	return int64(status((*T)(tls.UnsafePointer()), uintptr(raw.Uint()), lib.SQLITE_STMTSTATUS_VM_STEP, 1)), true
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
