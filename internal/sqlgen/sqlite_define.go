package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sqliteType returns the type of a column. Timestamps and decimals are integers, which compare and sort exactly.
func sqliteType(t model.Type) string {
	switch t {
	case model.Int, model.Decimal, model.Bool, model.Timestamp:
		return "INTEGER"
	case model.Float:
		return "REAL"
	}
	return "TEXT"
}

// Literal implements Dialect.
func (sqlite) Literal(_ *model.Field, val value.Value) string {
	switch val.Kind {
	case value.Null:
		return "NULL"
	case value.Bool, value.Int, value.Decimal, value.Timestamp:
		return strconv.FormatInt(val.Int, 10)
	case value.Float:
		s := strconv.FormatFloat(val.Float, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	}
	return literal(val.Text)
}

// column always has the reference, since SQLite adds no constraint to a table that exists.
func (s sqlite) column(field *model.Field, form columnForm) Column {
	column2 := sqliteType(field.Type)
	switch {
	case field.Name == "id" && field.Type == model.Int:
		return Column{field.Name, column2 + " PRIMARY KEY"} // the rowid itself, which is never NULL
	case field.Name == "id":
		return Column{field.Name, column2 + " NOT NULL PRIMARY KEY"}
	case !field.Optional && !form.mayMiss:
		column2 += " NOT NULL"
	}
	if field.Ref != nil {
		column2 += " " + references(field)
	}
	switch field.Type {
	case model.Bool:
		column2 += " CHECK (" + Quote(field.Name) + " IN (0, 1))"
	case model.Enum:
		column2 += " " + enumChoice(field)
	}
	if !form.def.IsNull() {
		column2 += " DEFAULT " + s.Literal(field, form.def)
	}
	return Column{field.Name, column2}
}

// mostChoices is how many values of an enum are compared one by one. The depth of an expression is limited (store/sqlite).
const mostChoices = 100

// enumChoice is enumRule for SQLite. For IN with more than two values, SQLite fills a temporary table at each INSERT: 1.6 µs
// for four values.
func enumChoice(field *model.Field) string {
	if len(field.Values) > mostChoices {
		return enumRule(field)
	}
	equals := make([]string, len(field.Values))
	for i, v := range field.Values {
		equals[i] = Quote(field.Name) + " = " + literal(v.Name)
	}
	slices.Sort(equals) // as in enumRule
	return "CHECK (" + strings.Join(equals, " OR ") + ")"
}

// FormerColumn returns the definition of an enum's column in a table of SQLite that an earlier Ashlar made, if it differs.
// Such a table stays as it is until it is rebuilt.
func FormerColumn(field *model.Field) (_ Column, differs bool) {
	if field.Type != model.Enum {
		return Column{}, false
	}
	column := DefineColumn(SQLite, field)
	former := strings.Replace(column.Type, enumChoice(field), enumRule(field), 1)
	return Column{column.Name, former}, former != column.Type
}

func (sqlite) definesReferences() bool { return true }

// tableOptions makes tables STRICT: SQLite then refuses a value of another type than the column's.
func (sqlite) tableOptions() string { return " STRICT" }

// Triggers implements Dialect.
func (sqlite) Triggers(field *model.Field) []Trigger {
	if field.Ref == nil || field.OnDelete != model.Clear {
		return nil
	}
	name, table := TriggerName(field), Quote(field.Table.Name)
	return []Trigger{{name, "CREATE TRIGGER " + Quote(name) + " AFTER UPDATE OF " + Quote(field.Name) + " ON " + table +
		" WHEN " + clearedOnly(field) +
		" BEGIN\n" +
		"  UPDATE \"ashlar_counters\" SET \"value\" = \"value\" + 1 WHERE \"name\" = 'revision';\n" +
		"  UPDATE " + table + " SET " + Quote(Revision) +
		" = (SELECT \"value\" FROM \"ashlar_counters\" WHERE \"name\" = 'revision') WHERE \"id\" = NEW.\"id\";\n" +
		"END"}}
}

// changeTriggers returns none: SQLite says when another connection has committed (store/sqlite).
func (sqlite) changeTriggers(string) []Trigger { return nil }

// DropTrigger implements Dialect.
func (sqlite) DropTrigger(f *model.Field) string {
	return "DROP TRIGGER IF EXISTS " + Quote(TriggerName(f))
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
