package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Other programs change rows by SQL, past all nodes. A trigger on each table (sqlgen.ChangeTrigger) then moves its
// generation, so that no node uses a total that it remembers. The sessions of nodes say by a setting that they move
// generations themselves.
const (
	ownSetting = "ashlar.own"
	own        = "on"
)

// createChanged makes the function that the trigger runs. Whoever may change a row moves the generation, without rights on
// Ashlar's own tables. Each transaction takes a stripe that no other one has, as writers do behind a pooler, so that none
// waits for another.
const createChanged = `CREATE OR REPLACE FUNCTION ashlar_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	stripe bigint := nullif(current_setting('ashlar.stripe', true), '')::bigint;
BEGIN
	IF stripe IS NULL THEN
		stripe := ` + freeStripe + `;
		PERFORM set_config('ashlar.stripe', stripe::text, true);
	END IF;
	EXECUTE format('INSERT INTO %I.ashlar_generations AS g ("table", stripe, generation) VALUES ($1, $2, 1)
		ON CONFLICT ("table", stripe) DO UPDATE SET generation = g.generation + 1', TG_TABLE_SCHEMA) USING TG_TABLE_NAME::text, stripe;
	RETURN NULL;
END $$`

// selectUntracked selects the model's tables without the trigger, which an earlier release has made.
const selectUntracked = `SELECT c.relname::text FROM pg_class AS c
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
AND EXISTS (SELECT 1 FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = '_rev' AND NOT a.attisdropped)
AND NOT EXISTS (SELECT 1 FROM pg_trigger AS t WHERE t.tgrelid = c.oid AND t.tgname = 'ashlar_changed')`

// hasChanged asks whether the function exists.
const hasChanged = `SELECT count(*)::text FROM pg_proc WHERE proname = 'ashlar_changed' AND pronamespace = current_schema()::regnamespace`

// trackPatience is how long the statement that makes the trigger waits for a table. Others would have to wait behind it.
const trackPatience = `SET LOCAL lock_timeout = '80ms'`

// trackTries bounds the tries for one table.
const trackTries = 10

// track makes what a database of an earlier release lacks. It leaves a table that others hold all the time to the next
// start.
func (db *DB) track(ctx context.Context, raw *pgconn.PgConn) error {
	there, err := one(ctx, raw, hasChanged)
	if err != nil {
		return err
	}
	if there == "0" {
		if err := locked(ctx, raw, createChanged); err != nil {
			return err
		}
	}
	tables, err := untracked(ctx, raw)
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := trackTable(ctx, raw, table); err != nil {
			db.cfg.Logger.Warn("totals do not follow rows of this table that are changed by SQL, until the next start", "table", table, "error", err)
		}
	}
	return nil
}

func untracked(ctx context.Context, raw *pgconn.PgConn) (tables []string, err error) {
	result := raw.ExecParams(ctx, selectUntracked, nil, nil, nil, nil).Read()
	for _, row := range result.Rows {
		tables = append(tables, string(row[0]))
	}
	return tables, result.Err
}

func trackTable(ctx context.Context, raw *pgconn.PgConn, table string) (err error) {
	for range trackTries {
		err = locked(ctx, raw, trackPatience, sqlgen.ChangeTrigger(table).Create())
		refusal, refused := errors.AsType[*pgconn.PgError](err)
		switch {
		case refused && refusal.Code == "42710": // another node has made the trigger
			return nil
		case err == nil || classOf(err) != contended:
			return err
		}
	}
	return err
}
