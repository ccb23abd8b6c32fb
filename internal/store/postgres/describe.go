package postgres

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// describeTimeout bounds the whole work of describing one query.
const describeTimeout = 10 * time.Second

// describedView is a temporary view, which ends with the transaction that makes it.
const describedView = "pg_temp.ashlar_described"

// Describe implements store.DB.
//
// It makes a view of the query, because the server explains nothing else completely: for a view it resolves every name, and
// keeps what it understood as a tree. The protocol's description of a statement has no tables, and EXPLAIN leaves out what
// the result does not need.
func (db *DB) Describe(ctx context.Context, query string) (described store.Description, err error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	err = db.withSession(ctx, func(ctx context.Context, raw *pgconn.PgConn) error {
		if err := checkText(ctx, raw, query); err != nil {
			return err
		}
		if err := execAll(ctx, raw, begin); err != nil {
			return err
		}
		described, err = describe(ctx, raw, query)
		return errors.Join(err, execAll(ctx, raw, rollback))
	})
	if _, refused := errors.AsType[*store.QueryError](err); err != nil && !refused {
		return described, translate(ctx, err)
	}
	return described, err
}

// A view's query stands between these in a statement. It must be a whole query there too.
const aroundBefore, aroundAfter = "SELECT * FROM (", "\n) AS q"

func checkText(ctx context.Context, raw *pgconn.PgConn, query string) error {
	alone, err := raw.Prepare(ctx, "", query, nil)
	switch {
	case err != nil:
		return queryError(err, query, 0)
	case len(alone.ParamOIDs) > 0:
		return &store.QueryError{Offset: -1, Message: "a query has no parameters, as $1"}
	case len(alone.Fields) == 0:
		return &store.QueryError{Offset: -1, Message: "a query is one SELECT"}
	}
	_, err = raw.Prepare(ctx, "", aroundBefore+query+aroundAfter, nil)
	return queryError(err, query, len(aroundBefore))
}

// queryError makes a *store.QueryError of an error about a text that has so many characters before the query.
func queryError(err error, query string, before int) error {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !aboutQuery(failed) {
		return err
	}
	at := -1
	if failed.Position > 0 {
		at = min(max(int(failed.Position)-1-before, 0), utf8.RuneCountInString(query))
	}
	message := "PostgreSQL: " + failed.Message
	if failed.Hint != "" {
		message += " (" + strings.TrimSuffix(failed.Hint, ".") + ")"
	}
	return &store.QueryError{Offset: at, Message: message, Refused: true}
}

// aboutQuery reports whether an error is about the text, and not about the server or the connection.
func aboutQuery(failed *pgconn.PgError) bool {
	switch classOf(failed) {
	case defect, outdated, large: // large: the statement is beyond a limit of the server
		return true
	}
	return false
}

const createDescribed = `CREATE TEMPORARY VIEW ashlar_described AS `

func describe(ctx context.Context, raw *pgconn.PgConn, query string) (described store.Description, err error) {
	if err := execAll(ctx, raw, createDescribed+query); err != nil {
		return described, queryError(err, query, len(createDescribed))
	}
	if described.Columns, err = describedColumns(ctx, raw); err != nil {
		return described, err
	}
	if described.Reads, err = columnsRead(ctx, raw); err != nil {
		return described, err
	}
	tree, err := one(ctx, raw, selectTree)
	if err != nil {
		return described, err
	}
	tables, err := tablesOf(ctx, raw, tree)
	if err != nil {
		return described, err
	}
	for _, t := range tables { // tables of which no column is named, and the server's own, which it does not track
		if !slices.ContainsFunc(described.Reads, func(r store.Column) bool { return r.Table == t }) {
			described.Reads = append(described.Reads, store.Column{Table: t})
		}
	}
	described.Refused, err = refused(ctx, raw, tree)
	return described, err
}

// A table is named with its schema, unless it is in the schema of the server's own tables.
const tableName = `CASE WHEN c.relnamespace = current_schema()::regnamespace THEN c.relname::text
ELSE c.relnamespace::regnamespace::text || '.' || c.relname END`

const (
	selectColumns = `SELECT attname::text, format_type(atttypid, NULL), atttypid::regtype::text FROM pg_attribute
WHERE attrelid = '` + describedView + `'::regclass AND attnum > 0 ORDER BY attnum`
	selectTree = `SELECT ev_action::text FROM pg_rewrite WHERE ev_class = '` + describedView + `'::regclass`
	selectRead = `SELECT DISTINCT ` + tableName + `, a.attname::text
FROM pg_rewrite r
JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_class c ON c.oid = d.refobjid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE r.ev_class = '` + describedView + `'::regclass AND c.oid <> r.ev_class AND d.refobjsubid > 0
ORDER BY 1, 2`
	selectTables = `SELECT ` + tableName + `
FROM pg_class c WHERE c.oid = ANY($1::oid[]) AND c.oid <> '` + describedView + `'::regclass ORDER BY 1`
	selectFunctions = `SELECT p.proname::text, p.provolatile::text, p.pronargs::text, (p.pronamespace = 'pg_catalog'::regnamespace)::text
FROM pg_proc p WHERE p.oid = ANY($1::oid[]) ORDER BY 1`
)

func describedColumns(ctx context.Context, raw *pgconn.PgConn) ([]store.Column, error) {
	rows, err := textRows(ctx, raw, selectColumns)
	var columns []store.Column
	for _, row := range rows {
		columns = append(columns, store.Column{Name: row[0], Type: row[1], Holds: kindsOf(row[2])})
	}
	return columns, err
}

// kindsOf returns the kinds as which a column of a type can be read, with a cast that never fails.
func kindsOf(typ string) []value.Kind {
	switch typ {
	case "smallint", "integer", "bigint":
		return []value.Kind{value.Int, value.Float, value.Decimal}
	case "real", "double precision":
		return []value.Kind{value.Float}
	case "numeric":
		return []value.Kind{value.Decimal, value.Float}
	case "text", "character varying", "character", "name":
		return []value.Kind{value.Text}
	case "boolean":
		return []value.Kind{value.Bool}
	case "timestamp with time zone":
		return []value.Kind{value.Timestamp}
	case "date":
		return []value.Kind{value.Date}
	case "uuid":
		return []value.Kind{value.UUID}
	case "json", "jsonb":
		return []value.Kind{value.JSON}
	}
	return nil
}

func columnsRead(ctx context.Context, raw *pgconn.PgConn) ([]store.Column, error) {
	rows, err := textRows(ctx, raw, selectRead)
	var columns []store.Column
	for _, row := range rows {
		columns = append(columns, store.Column{Table: row[0], Name: row[1]})
	}
	return columns, err
}

// In the text of a tree a blank ends a word, and a blank within a name has a backslash before it. So no name of a query can
// look like a member of the tree.
var (
	relations  = regexp.MustCompile(` :relid ([1-9][0-9]*)`)
	functionOf = regexp.MustCompile(` :(?:funcid|opfuncid|aggfnoid|winfnoid) ([1-9][0-9]*)`)
)

func numbers(re *regexp.Regexp, tree string) string {
	var found []string
	for _, m := range re.FindAllStringSubmatch(tree, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return "{" + strings.Join(slices.Compact(found), ",") + "}"
}

func tablesOf(ctx context.Context, raw *pgconn.PgConn, tree string) ([]string, error) {
	rows, err := textRows(ctx, raw, selectTables, numbers(relations, tree))
	var tables []string
	for _, row := range rows {
		tables = append(tables, row[0])
	}
	return tables, err
}

// refused lists what may change something, and what may return something else while no table changes.
func refused(ctx context.Context, raw *pgconn.PgConn, tree string) ([]string, error) {
	rows, err := textRows(ctx, raw, selectFunctions, numbers(functionOf, tree))
	var found []string
	for _, row := range rows {
		if nondeterministic(row[0], row[1], row[2] == "0", row[3] == "true") {
			found = append(found, row[0]+store.Nondeterministic)
		}
	}
	for _, r := range refusedNodes {
		if strings.Contains(tree, r.mark) {
			found = append(found, r.what)
		}
	}
	slices.Sort(found)
	return slices.Compact(found), err
}

// refusedNodes are the nodes of a tree that a view's query must not have, besides functions.
var refusedNodes = [...]struct{ mark, what string }{
	{"{SQLVALUEFUNCTION ", "CURRENT_TIMESTAMP, CURRENT_USER or their like" + store.Nondeterministic},
	{"{TABLESAMPLECLAUSE ", "TABLESAMPLE" + store.Nondeterministic},
	{" :hasForUpdate true", "FOR UPDATE, which locks rows"},
	{" :varattno 0 ", "a row as a whole, which may hold what is secret: name its columns"},
}

// nondeterministic judges a function by the server's volatility: i depends only on the arguments; s also on settings, which
// all our connections share, or on the time, the session and tables; v on anything.
func nondeterministic(name, volatility string, noArgs, builtIn bool) bool {
	switch {
	case volatility == "i":
		return false
	case volatility != "s" || noArgs || !builtIn:
		return true
	}
	return readsContext.MatchString(name)
}

// readsContext matches the built-in functions that the server calls stable and that read the session, the time or the
// catalogue.
var readsContext = regexp.MustCompile(`^(pg_.*|has_.*|to_reg.*|.*_to_xml.*|current_.*|[a-z]+_description|age|txid_.*|inet_.*|row_security_active|format_type)$`)

// textRows runs a query with text parameters and returns its rows as text.
func textRows(ctx context.Context, raw *pgconn.PgConn, sql string, args ...string) ([][]string, error) {
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	result := raw.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	rows := make([][]string, len(result.Rows))
	for i, r := range result.Rows {
		rows[i] = make([]string, len(r))
		for j, v := range r {
			rows[i][j] = string(v)
		}
	}
	return rows, result.Err
}
