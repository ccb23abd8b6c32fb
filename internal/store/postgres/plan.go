package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// planned is the name of the statement whose plan is asked for, in a session of its own.
const planned = "ashlar_planned"

// Plan implements store.DB. The plan is the generic one: it holds for any values.
func (db *DB) Plan(ctx context.Context, sql string) (plan string, err error) {
	err = db.withSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) error {
		if _, err := one(ctx, raw, "SELECT set_config('plan_cache_mode', 'force_generic_plan', false)"); err != nil {
			return err
		}
		described, err := raw.Prepare(ctx, "", sql, nil)
		if err != nil {
			return err
		}
		if _, err := raw.Exec(ctx, "PREPARE "+planned+" AS "+sql).ReadAll(); err != nil {
			return err
		}
		explain := "EXPLAIN EXECUTE " + planned
		if n := len(described.ParamOIDs); n > 0 {
			explain += "(NULL" + strings.Repeat(", NULL", n-1) + ")"
		}
		results, err := raw.Exec(ctx, explain).ReadAll()
		if err != nil {
			return err
		}
		var lines []string
		for _, result := range results {
			for _, row := range result.Rows {
				lines = append(lines, string(row[0]))
			}
		}
		plan = strings.Join(lines, "\n")
		return nil
	})
	return plan, err
}
