package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// catalog holds the definitions of a database by object, such as "column posts.title" or "index i_posts__rank".
type catalog map[string]string

// postgresCatalog returns what the catalogue of PostgreSQL has in the schema $1: the table, the thing and its definition.
// Defaults are left out, since no server relies on them (sqlgen.AddColumn).
const postgresCatalog = `
SELECT c.relname::text, 'column ' || c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || coalesce(' collate ' || l.collname, '') || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
WHERE c.relkind = 'r' AND c.relnamespace = $1::text::regnamespace
UNION ALL SELECT c.relname::text, 'index ' || i.relname, replace(pg_get_indexdef(x.indexrelid), $1::text || '.', '') || CASE WHEN x.indisvalid THEN '' ELSE ' invalid' END
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = $1::text::regnamespace AND NOT x.indisprimary
UNION ALL SELECT c.relname::text, 'constraint ' || o.conname || ' on ' || c.relname, replace(pg_get_constraintdef(o.oid), $1::text || '.', '')
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = $1::text::regnamespace AND o.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL SELECT c.relname::text, 'trigger ' || t.tgname || ' on ' || c.relname, replace(pg_get_triggerdef(t.oid), $1::text || '.', '') || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' disabled' END
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = $1::text::regnamespace AND NOT t.tgisinternal`

const sqliteCatalog = `SELECT s.type, s.name, s.tbl_name, s.sql, (SELECT l.strict FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.name = s.name)
FROM sqlite_schema AS s WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\'`

// Verify compares the tables of the database with the tables that its models need, and describes each difference. A
// database without a model has none.
func Verify(ctx context.Context, db store.DB) (drift []string, err error) {
	defer errs.Wrap(&err, "migrate.Verify")
	err = db.Alter(ctx, func(session store.Session) error {
		m, skip, err := verified(session, db.EngineTables())
		if err != nil || m == nil {
			return err
		}
		got, want, err := catalogs(session, m, skip)
		drift = differences(got, want)
		return err
	})
	return drift, err
}

// verified returns the model of the tables to compare, nil for a new database, and the tables of the engine, to skip.
// In an older layout the system tables have no model yet, and are skipped too.
func verified(session store.Session, engine []string) (m *model.Model, skip []string, err error) {
	old, err := storedModels(session)
	if err != nil || old.app == nil {
		return nil, nil, err
	}
	layout, err := system.Layout(session)
	if err != nil || layout == store.Layout {
		return old.whole(), engine, err
	}
	skip = slices.Clone(engine)
	for _, t := range old.own.Tables {
		skip = append(skip, t.Name)
	}
	return old.app, skip, nil
}

// catalogs returns the catalog of the database and the catalog that new tables of the model would have.
func catalogs(session store.Session, m *model.Model, skip []string) (got, want catalog, err error) {
	if session.Dialect() == sqlgen.SQLite {
		got, err := readSQLite(session, skip)
		return got, definedSQLite(m), err
	}
	return readBoth(session, m, skip)
}

// readBoth makes the tables of the model in a schema of their own, reads both catalogues, and rolls back.
func readBoth(session store.Session, m *model.Model, skip []string) (got, want catalog, err error) {
	err = session.Transaction(func() (err error) {
		own := ""
		if err := session.Query(`SELECT quote_ident(current_schema())`, nil, func(row value.Row) error {
			own = string(row.Bytes(0))
			return nil
		}); err != nil {
			return err
		}
		if got, err = readPostgres(session, own, skip); err != nil {
			return err
		}
		made := append([]string{`CREATE SCHEMA "ashlar_verify"`, `SET LOCAL search_path = "ashlar_verify", ` + own}, sqlgen.Create(sqlgen.Postgres, m)...)
		for _, sql := range made {
			if _, err := session.Exec(sql, nil); err != nil {
				return err
			}
		}
		if want, err = readPostgres(session, "ashlar_verify", nil); err != nil {
			return err
		}
		return errLooked
	})
	if errors.Is(err, errLooked) {
		err = nil
	}
	return got, want, err
}

// errLooked makes the session roll back the schema that was only made to be looked at.
var errLooked = errors.New("the schema for comparison is rolled back")

func readPostgres(session store.Session, namespace string, skip []string) (catalog, error) {
	objects := catalog{}
	err := session.Query(postgresCatalog, []value.Value{value.OfText(namespace)}, func(row value.Row) error {
		if !slices.Contains(skip, string(row.Bytes(0))) {
			objects[string(row.Bytes(1))] = string(row.Bytes(2))
		}
		return nil
	})
	return objects, err
}

// readSQLite splits the definitions of tables into columns, because the order of columns depends on their history.
func readSQLite(session store.Session, skip []string) (catalog, error) {
	objects := catalog{}
	err := session.Query(sqliteCatalog, nil, func(row value.Row) error {
		if !slices.Contains(skip, string(row.Bytes(2))) {
			switch kind, sql := string(row.Bytes(0)), string(row.Bytes(3)); kind {
			case "table":
				objects.addTable(string(row.Bytes(1)), sql, row.Int(4) == 1)
			default:
				objects.addObject(kind, string(row.Bytes(1)), string(row.Bytes(2)), sql)
			}
		}
		return nil
	})
	return objects, err
}

// definedSQLite returns the catalog of a database whose tables were just made.
func definedSQLite(m *model.Model) catalog {
	objects := catalog{}
	for _, table := range m.Tables {
		def := sqlgen.Define(sqlgen.SQLite, table)
		for _, column := range def.Columns {
			objects.addColumn(table.Name, column.Name, column.Type)
		}
		for _, trigger := range def.Triggers {
			objects.addObject("trigger", trigger.Name, table.Name, trigger.Create())
		}
		for _, i := range def.Indexes {
			objects.addObject("index", i.Name, table.Name, i.Create())
		}
	}
	return objects
}

func (c catalog) addColumn(table, name, definition string) {
	c["column "+table+"."+name] = oneLine(definition)
}

func (c catalog) addObject(kind, name, table, sql string) {
	c[kind+" "+name+" on "+table] = oneLine(sql)
}

// addTable adds the columns of a table. SQLite keeps constraints only in the text of the definition.
func (c catalog) addTable(table, sql string, strict bool) {
	for _, column := range columnsOf(oneLine(sql)) {
		name, definition, _ := strings.Cut(column, " ")
		c.addColumn(table, strings.Trim(name, `"`), withoutDefault(definition))
	}
	if !strict {
		c["table "+table] = "not STRICT"
	}
}

func oneLine(sql string) string { return strings.Join(strings.Fields(sql), " ") }

// columnsOf splits the definition of a table at the commas between columns.
func columnsOf(sql string) (all []string) {
	_, body, _ := strings.Cut(sql, "(")
	body = body[:max(0, strings.LastIndex(body, ")"))]
	depth, quote, start := 0, byte(0), 0
	for i := range len(body) {
		switch b := body[i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '\'' || b == '"':
			quote = b
		case b == '(':
			depth++
		case b == ')':
			depth--
		case b == ',' && depth == 0:
			all = append(all, strings.TrimSpace(body[start:i]))
			start = i + 1
		}
	}
	return append(all, strings.TrimSpace(body[start:]))
}

// withoutDefault removes the default of an added column, which stands at the end (sqlgen.AddColumn).
func withoutDefault(column string) string {
	at, quoted := -1, false
	for i := range len(column) {
		if column[i] == '\'' {
			quoted = !quoted
		}
		if !quoted && strings.HasPrefix(column[i:], " DEFAULT ") {
			at = i
		}
	}
	if at < 0 {
		return column
	}
	return column[:at]
}

// differences describes missing, unknown and different objects.
func differences(got, want catalog) (all []string) {
	names := slices.Sorted(maps.Keys(want))
	for _, name := range names {
		is, there := got[name]
		switch {
		case !there:
			all = append(all, fmt.Sprintf("%s is missing: %s", name, want[name]))
		case is != want[name]:
			all = append(all, fmt.Sprintf("%s is %s, not %s", name, is, want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if _, known := want[name]; !known {
			all = append(all, fmt.Sprintf("%s is not the model's: %s", name, got[name]))
		}
	}
	return all
}
