package feed

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// postgresLog is the log on PostgreSQL. It has many writers, and numbers of a sequence are not in the order of their commits. So each row has the id of its
// transaction, and a position is a snapshot: it says which transactions it has seen.
type postgresLog struct{}

const createLogPostgres = `CREATE TABLE IF NOT EXISTS ashlar_changes (
	xid xid8 NOT NULL,
	seq bigint GENERATED ALWAYS AS IDENTITY,
	"table" text COLLATE "C" NOT NULL,
	"row" text COLLATE "C" NOT NULL,
	op text NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (xid, seq)
)`

// watchedFunction is the body of the function that the triggers run. SCHEMA is the schema of the app. A program that may
// change a row logs its change without rights on the log, so the function runs with the rights of its owner. Every name in
// it has a schema: a search path of the program cannot lead it elsewhere.
const watchedFunction = `
DECLARE
	changed text := '';
BEGIN
	IF TG_OP = 'DELETE' THEN
		changed := OLD.id;
	ELSIF TG_OP <> 'TRUNCATE' THEN
		changed := NEW.id;
	END IF;
	INSERT INTO SCHEMA.ashlar_changes (xid, "table", "row", op, at) VALUES (pg_catalog.pg_current_xact_id(), TG_TABLE_NAME, changed,
		CASE TG_OP WHEN 'INSERT' THEN 'c' WHEN 'UPDATE' THEN 'u' WHEN 'DELETE' THEN 'd' ELSE '*' END, pg_catalog.clock_timestamp());
	RETURN NULL;
END `

const (
	selectSchema   = `SELECT quote_ident(current_schema())`
	selectFunction = `SELECT prosrc FROM pg_proc WHERE proname = 'ashlar_watched' AND pronamespace = current_schema()::regnamespace`
)

func (postgresLog) setUp(session store.Session) ([]string, error) {
	schema, err := oneText(session, selectSchema)
	if err != nil {
		return nil, err
	}
	is, err := oneText(session, selectFunction)
	if err != nil {
		return nil, err
	}
	statements := []string{createLogPostgres}
	if body := strings.ReplaceAll(watchedFunction, "SCHEMA", schema); is != body {
		statements = append(statements, "CREATE OR REPLACE FUNCTION ashlar_watched() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$"+body+"$$")
	}
	return statements, nil
}

func oneText(session store.Session, sql string) (text string, err error) {
	err = session.Query(sql, nil, func(row value.Row) error {
		text = string(row.Bytes(0))
		return nil
	})
	return text, err
}

func (postgresLog) triggers(table string) []trigger {
	create := func(name, events string) trigger {
		return trigger{name, table, "CREATE TRIGGER " + name + " AFTER " + events + " EXECUTE FUNCTION ashlar_watched()"}
	}
	on := " ON " + sqlgen.Quote(table)
	return []trigger{
		create("ashlar_watched", "INSERT OR UPDATE OR DELETE"+on+" FOR EACH ROW"),
		create("ashlar_watched_all", "TRUNCATE"+on+" FOR EACH STATEMENT"),
	}
}

func (postgresLog) selectTriggers() string {
	return `SELECT t.tgname::text, c.relname::text, '' FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname IN ('ashlar_watched', 'ashlar_watched_all')`
}

func (postgresLog) drop(t trigger) string {
	return "DROP TRIGGER " + sqlgen.Quote(t.name) + " ON " + sqlgen.Quote(t.table)
}

func (postgresLog) start() string {
	return `INSERT INTO ashlar_changes (xid, "table", "row", op, at)
SELECT pg_current_xact_id(), '', '', 's', clock_timestamp() WHERE NOT EXISTS (SELECT 1 FROM ashlar_changes)`
}

func (postgresLog) everything() string {
	return `INSERT INTO ashlar_changes (xid, "table", "row", op, at) SELECT pg_current_xact_id(), '', '', '*', clock_timestamp()`
}

func (postgresLog) selectLog() string {
	return `SELECT 1 WHERE to_regclass('ashlar_changes') IS NOT NULL`
}

func (postgresLog) sameText() bool { return false }
