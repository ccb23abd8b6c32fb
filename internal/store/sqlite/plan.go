package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Plan implements store.DB.
func (db *DB) Plan(ctx context.Context, sql string) (plan string, err error) {
	err = db.Read(ctx, func(r store.Reader) error {
		reader, ok := r.(*reader)
		if !ok {
			return engine.Internal(fmt.Errorf("a reader of type %T", r))
		}
		plan, err = reader.conn.plan(sql)
		return err
	})
	return plan, err
}

// plan returns the lines of EXPLAIN QUERY PLAN. Each begins with as many spaces as it is deep.
func (c *conn) plan(sql string) (string, error) {
	stmt, err := c.statements.take("EXPLAIN QUERY PLAN " + sql)
	if err != nil {
		return "", c.translate(err, sql)
	}
	defer c.statements.release(stmt)
	var lines []string
	depth := map[int64]int{} // of the lines that others are below
	for {
		more, err := stmt.raw.Step()
		if err != nil {
			return "", c.translate(err, sql)
		}
		if !more {
			return strings.Join(lines, "\n"), nil
		}
		own := depth[stmt.Int(1)]
		depth[stmt.Int(0)] = own + 1
		lines = append(lines, strings.Repeat("  ", own)+string(stmt.Bytes(planDetail)))
	}
}
