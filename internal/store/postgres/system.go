package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Statements look for tables in the catalogue itself. to_regclass may answer from a cache that is older than our lock.
const (
	whoseDatabase = `SELECT CASE count(*) FILTER (WHERE relname = 'ashlar_engine') WHEN 1 THEN 'ours'
ELSE CASE count(*) WHEN 0 THEN 'nobody''s' ELSE 'foreign' END END
FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace`
	selectLayout = `SELECT layout::text FROM ashlar_engine`
)

// The tables of a new database. Rows of the generations change all the time, so half of each page stays free for that.
const (
	createEngine      = `CREATE TABLE ashlar_engine (layout bigint NOT NULL)`
	createRevision    = `CREATE SEQUENCE ashlar_revision INCREMENT BY 64`
	createGenerations = `CREATE TABLE ashlar_generations (
	"table" text COLLATE "C" NOT NULL,
	stripe bigint NOT NULL,
	generation bigint NOT NULL,
	PRIMARY KEY ("table", stripe)
) WITH (fillfactor = 50)`
	insertLayout = `INSERT INTO ashlar_engine (layout) VALUES (%d)`

	// ashlar_cleared gives a row a new revision when the deletion of another clears its reference: see sqlgen.
	createCleared = `CREATE FUNCTION ashlar_cleared() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW."_rev" := nextval('ashlar_revision');
	RETURN NEW;
END $$`
)

// prepareDatabase checks that the engine can use the server and the database, and makes a new database ours.
func prepareDatabase(ctx context.Context, raw *pgconn.PgConn) error {
	if err := checkServer(raw); err != nil {
		return err
	}
	ours, err := checkLayout(ctx, raw)
	if err != nil {
		return err
	}
	if ours {
		return addFunctions(ctx, raw)
	}
	statements := []string{createEngine, createRevision, createGenerations, createCleared, createChanged, fmt.Sprintf(insertLayout, store.Layout)}
	for _, f := range functions() {
		statements = append(statements, f.create())
	}
	return lockedUnless(ctx, raw, isOurs, statements...)
}

const selectOwnFunctions = `SELECT coalesce(string_agg(proname, ' '), '') FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'ashlar%'`

// addFunctions makes the functions that a database of an earlier release lacks. Servers of that release do not use them.
func addFunctions(ctx context.Context, raw *pgconn.PgConn) error {
	text, err := one(ctx, raw, selectOwnFunctions)
	if err != nil {
		return err
	}
	known := strings.Fields(text)
	var missing []string
	for _, f := range functions() {
		if !slices.Contains(known, f.name()) {
			missing = append(missing, f.create())
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return locked(ctx, raw, missing...)
}

const minMajor = 15

func checkServer(raw *pgconn.PgConn) error {
	version := raw.ParameterStatus("server_version")
	major, err := strconv.Atoi(version[:max(0, strings.IndexFunc(version+".", func(r rune) bool { return r < '0' || r > '9' }))])
	if err == nil && major < minMajor {
		return fmt.Errorf("the database server is PostgreSQL %s: it must be %d or later", version, minMajor)
	}
	if encoding := raw.ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the encoding of the database is %s: make one with ENCODING 'UTF8'", encoding)
	}
	return nil
}

// checkLayout reports whether the database is ours already. A database with tables of somebody else is an error, because a
// model's tables could not be told from them.
func checkLayout(ctx context.Context, raw *pgconn.PgConn) (ours bool, err error) {
	whose, err := one(ctx, raw, whoseDatabase)
	if err == nil && whose == "foreign" {
		err = errors.New("the database holds tables of another program: name one of its own, or another schema (search_path)")
	}
	if err != nil || whose != "ours" {
		return false, err
	}
	text, err := one(ctx, raw, selectLayout)
	if err != nil {
		return false, err
	}
	layout, err := strconv.Atoi(text)
	if err != nil {
		return false, fmt.Errorf("the layout in ashlar_engine is %q, not a number", text)
	}
	return true, store.CheckLayout(layout, func() string { return lastRelease(ctx, raw) })
}

// selectRelease finds who changed the database last. A later layout may have no such table or column.
const selectRelease = `SELECT "value" FROM "ashlar_meta" WHERE "id" = 'release'`

// lastRelease returns who changed the database last, or "".
func lastRelease(ctx context.Context, raw *pgconn.PgConn) string {
	text, err := one(ctx, raw, selectRelease)
	if err != nil {
		return ""
	}
	return text
}

// one returns the text of a query's only column and row.
func one(ctx context.Context, raw *pgconn.PgConn, sql string) (string, error) {
	result := raw.ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if result.Err != nil {
		return "", result.Err
	}
	if len(result.Rows) != 1 {
		return "", fmt.Errorf("%d rows of %s", len(result.Rows), sql)
	}
	return string(result.Rows[0][0]), nil
}

// isOurs reports whether the database has the engine's tables.
func isOurs(ctx context.Context, raw *pgconn.PgConn) (bool, error) {
	whose, err := one(ctx, raw, whoseDatabase)
	return whose == "ours", err
}

// lockEngine keeps nodes that start together from making the same things at once.
const lockEngine = `SELECT pg_advisory_xact_lock(1634955111, 0)`

// locked runs statements in one transaction, one node at a time.
func locked(ctx context.Context, raw *pgconn.PgConn, statements ...string) error {
	never := func(context.Context, *pgconn.PgConn) (bool, error) { return false, nil }
	return lockedUnless(ctx, raw, never, statements...)
}

// lockedUnless is locked, unless done reports under the lock that another node has run the statements in the meantime.
func lockedUnless(ctx context.Context, raw *pgconn.PgConn, done func(context.Context, *pgconn.PgConn) (bool, error), statements ...string) error {
	if err := execAll(ctx, raw, begin, lockEngine); err != nil {
		return err
	}
	if yes, err := done(ctx, raw); err != nil || yes {
		return errors.Join(err, execAll(ctx, raw, rollback))
	}
	if err := execAll(ctx, raw, append(statements, commit)...); err != nil {
		return errors.Join(err, execAll(ctx, raw, rollback))
	}
	return nil
}

func execAll(ctx context.Context, raw *pgconn.PgConn, statements ...string) error {
	for _, sql := range statements {
		if _, err := raw.ExecParams(ctx, sql, nil, nil, nil, nil).Close(); err != nil {
			return fmt.Errorf("%s: %w", engine.Excerpt(sql), err)
		}
	}
	return nil
}
