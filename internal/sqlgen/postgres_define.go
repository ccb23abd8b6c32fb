package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// PostgresType returns the type of a field's column in PostgreSQL. Text is ordered by its code points.
func PostgresType(field *model.Field) string {
	switch field.Type {
	case model.Int:
		return "bigint"
	case model.Float:
		return "double precision"
	case model.Decimal:
		return "numeric(" + strconv.Itoa(field.Precision) + ", " + strconv.Itoa(field.Scale) + ")"
	case model.Bool:
		return "boolean"
	case model.Timestamp:
		return "timestamptz"
	case model.Date:
		return "date"
	case model.UUID:
		return "uuid"
	case model.JSON:
		return "json"
	}
	return `text COLLATE "C"`
}

// PostgresText returns a value in the form that PostgreSQL reads as a value of its type.
func PostgresText(val value.Value) string {
	switch val.Kind {
	case value.Text, value.Date, value.UUID, value.JSON:
		return val.Text
	}
	return strings.Trim(string(value.AppendValue(nil, val)), `"`)
}

// Literal implements Dialect.
func (postgres) Literal(field *model.Field, val value.Value) string {
	switch val.Kind {
	case value.Null:
		return "NULL"
	case value.Text:
		return literal(val.Text)
	case value.Float:
		return literal(PostgresText(val)) + "::double precision"
	}
	return literal(PostgresText(val)) + "::" + PostgresType(field)
}

func (p postgres) column(field *model.Field, form columnForm) Column {
	typ := PostgresType(field)
	if !field.Optional && !form.mayMiss {
		typ += " NOT NULL"
	}
	if !form.def.IsNull() {
		typ += " DEFAULT " + p.Literal(field, form.def)
	}
	switch {
	case field.Name == "id":
		typ += " CONSTRAINT " + Quote(KeyName(field)) + " PRIMARY KEY"
	case field.Type == model.Enum:
		typ += " CONSTRAINT " + Quote(CheckName(field)) + " " + enumRule(field)
	}
	if field.Ref != nil && form.references {
		typ += " CONSTRAINT " + Quote(ReferenceName(field)) + " " + references(field) + " DEFERRABLE"
	}
	return Column{field.Name, typ}
}

func (postgres) definesReferences() bool { return false }

func (postgres) tableOptions() string { return "" }

// Triggers implements Dialect. The foreign key's action is an UPDATE that leaves the revision as it is.
func (postgres) Triggers(field *model.Field) []Trigger {
	if field.Ref == nil || field.OnDelete != model.Clear {
		return nil
	}
	name := TriggerName(field)
	return []Trigger{{name, "CREATE TRIGGER " + Quote(name) + " BEFORE UPDATE OF " + Quote(field.Name) + " ON " + Quote(field.Table.Name) +
		" FOR EACH ROW WHEN (" + clearedOnly(field) + ") EXECUTE FUNCTION ashlar_cleared()"}}
}

// ChangeTriggerName is the name of ChangeTrigger on each table. No name of a model's is like it.
const ChangeTriggerName = "ashlar_changed"

// ChangeTrigger returns the trigger that moves the generation of a table when SQL from outside changes its rows. Ashlar's
// own sessions have the setting ashlar.own, and pay 2 µs for a statement. Once a transaction had the setting, it is empty
// in its session, not missing.
func ChangeTrigger(table string) Trigger {
	return Trigger{ChangeTriggerName, "CREATE TRIGGER " + ChangeTriggerName + " AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON " + Quote(table) +
		" FOR EACH STATEMENT WHEN (current_setting('ashlar.own', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION ashlar_changed()"}
}

func (postgres) changeTriggers(table string) []Trigger { return []Trigger{ChangeTrigger(table)} }

// DropTrigger implements Dialect.
func (postgres) DropTrigger(f *model.Field) string {
	return "DROP TRIGGER IF EXISTS " + Quote(TriggerName(f)) + " ON " + Quote(f.Table.Name)
}

// HasTable implements Dialect. It asks the catalogue itself: to_regclass may answer from a cache that is older than the
// transaction's locks.
func (postgres) HasTable() string {
	return "SELECT 1 FROM pg_class WHERE relname = $1::text AND relkind = 'r' AND relnamespace = current_schema()::regnamespace"
}

// Tables implements Dialect.
func (postgres) Tables() string {
	return "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
}

// DropTable implements Dialect.
func (postgres) DropTable(table string) string { return "DROP TABLE " + Quote(table) + " CASCADE" }

// Analyze implements Dialect.
func (postgres) Analyze(table string) []string { return []string{"ANALYZE " + Quote(table)} }
