package sqlite

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// catalog holds the definitions of a database by object, such as "column posts.title" or "index i_posts__rank".
type catalog map[string]string

// selectCatalog leaves out the triggers of package feed, which makes sure of them itself.
const selectCatalog = `SELECT s.type, s.name, s.tbl_name, s.sql, (SELECT l.strict FROM pragma_table_list AS l WHERE l.schema = 'main' AND l.name = s.name)
FROM sqlite_schema AS s WHERE s.sql IS NOT NULL AND s.name NOT LIKE 'sqlite\_%' ESCAPE '\' AND s.name NOT GLOB 'ashlar_watched_*'`

// Catalogs returns the definitions of the database by object, and the definitions that new tables of the model have.
func (Engine) Catalogs(session store.Session, m *model.Model, skip []string) (got, want map[string]string, err error) {
	found, err := readCatalog(session, skip)
	found.acceptFormer(m)
	return found, definedCatalog(m), err
}

// readCatalog splits the definitions of tables into columns, because the order of columns depends on their history.
func readCatalog(session store.Session, skip []string) (catalog, error) {
	objects := catalog{}
	err := session.Query(selectCatalog, nil, func(row value.Row) error {
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

// definedCatalog returns the catalog of a database whose tables were just made.
func definedCatalog(m *model.Model) catalog {
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

// acceptFormer replaces the definitions that an earlier Ashlar made by today's, which mean the same.
func (c catalog) acceptFormer(m *model.Model) {
	for _, table := range m.Tables {
		for _, field := range table.Fields {
			former, differs := sqlgen.FormerColumn(field)
			if name := "column " + table.Name + "." + field.Name; differs && c[name] == oneLine(former.Type) {
				c.addColumn(table.Name, field.Name, sqlgen.DefineColumn(sqlgen.SQLite, field).Type)
			}
		}
	}
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
