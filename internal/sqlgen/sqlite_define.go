package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sqliteType is the storage of each type: times and decimals as integers compare and sort exactly.
func sqliteType(t model.Type) string {
	switch t {
	case model.Int, model.Decimal, model.Bool, model.Timestamp:
		return "INTEGER"
	case model.Float:
		return "REAL"
	}
	return "TEXT"
}

// table writes a STRICT table: SQLite then refuses a value of another type than the column's.
func (s sqlite) table(t *model.Table) string {
	columns := make([]string, 0, len(t.Fields)+1)
	for _, f := range t.Fields {
		columns = append(columns, s.column(f))
	}
	columns = append(columns, Quote(Revision)+" INTEGER NOT NULL")
	return "CREATE TABLE " + Quote(t.Name) + " (\n  " + strings.Join(columns, ",\n  ") + "\n) STRICT"
}

// reference: a table may refer to one that is not there yet.
func (sqlite) reference(*model.Field) []string { return nil }

func (sqlite) column(f *model.Field) string {
	c := Quote(f.Name) + " " + sqliteType(f.Type)
	switch {
	case f.Name == "id" && f.Type == model.Int:
		return c + " PRIMARY KEY" // the rowid itself, never null
	case f.Name == "id":
		return c + " NOT NULL PRIMARY KEY"
	case !f.Optional:
		c += " NOT NULL"
	}
	if f.Ref != nil {
		c += " REFERENCES " + Quote(f.Ref.Name) + ` ("id") ON DELETE ` + onDelete(f.OnDelete)
	}
	return c + domain(f)
}

// onDelete writes restrict as NO ACTION. Both refuse at once; but where one deletion reaches a row by a cascade and by
// the reference that restricts, RESTRICT answers by the order of the engine's steps, NO ACTION by what is left at the
// end of the statement.
func onDelete(o model.OnDelete) string {
	switch o {
	case model.Cascade:
		return "CASCADE"
	case model.Clear:
		return "SET NULL"
	}
	return "NO ACTION"
}

// plain is column: SQLite has a reference only there.
func (s sqlite) plain(f *model.Field) string { return s.column(f) }

// Literal implements Dialect.
func (sqlite) Literal(_ *model.Field, v value.Value) string {
	switch v.Kind {
	case value.Null:
		return "NULL"
	case value.Bool, value.Int, value.Decimal, value.Timestamp:
		return strconv.FormatInt(v.Int, 10)
	case value.Float:
		s := strconv.FormatFloat(v.Float, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	}
	return literal(v.Text)
}

// HasTable implements Dialect.
func (sqlite) HasTable() string {
	return "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
}

// Tables implements Dialect.
func (sqlite) Tables() string {
	return "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
}

// DropTable implements Dialect.
func (sqlite) DropTable(table string) string { return "DROP TABLE " + Quote(table) }

// Analyze implements Dialect. The engine plans without statistics, so there is nothing to update.
func (sqlite) Analyze(string) []string { return nil }

// domain writes what a type of SQLite does not say. A missing value passes every CHECK.
func domain(f *model.Field) string {
	switch f.Type {
	case model.Bool:
		return " CHECK (" + Quote(f.Name) + " IN (0, 1))"
	case model.Enum:
		values := make([]string, len(f.Values))
		for i, v := range f.Values {
			values[i] = literal(v.Name)
		}
		slices.Sort(values) // their order changes no table
		return " CHECK (" + Quote(f.Name) + " IN (" + strings.Join(values, ", ") + "))"
	}
	return ""
}

// triggers writes, for a reference that is cleared, the trigger that gives the row a new revision when the foreign key's
// action clears it. A write of ours sets the revision in the same statement, which is how the two are told apart.
func (sqlite) triggers(f *model.Field) []string {
	if f.Ref == nil || f.OnDelete != model.Clear {
		return nil
	}
	table, column, revision := Quote(f.Table.Name), Quote(f.Name), Quote(Revision)
	return []string{"CREATE TRIGGER " + Quote(fit("c_"+f.Table.Name+"__"+f.Name)) +
		" AFTER UPDATE OF " + column + " ON " + table +
		" WHEN OLD." + column + " IS NOT NULL AND NEW." + column + " IS NULL AND OLD." + revision + " = NEW." + revision +
		" BEGIN\n" +
		"  UPDATE \"ashlar_counters\" SET \"value\" = \"value\" + 1 WHERE \"name\" = 'revision';\n" +
		"  UPDATE " + table + " SET " + revision +
		" = (SELECT \"value\" FROM \"ashlar_counters\" WHERE \"name\" = 'revision') WHERE \"id\" = NEW.\"id\";\n" +
		"END"}
}

// tracked writes nothing: SQLite says when another connection has committed (store/sqlite).
func (sqlite) tracked(string) []string { return nil }
