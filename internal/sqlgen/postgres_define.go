package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// postgresType is the storage of each type. Text has the order of its code points.
func postgresType(f *model.Field) string {
	switch f.Type {
	case model.Int:
		return "bigint"
	case model.Float:
		return "double precision"
	case model.Decimal:
		return "numeric(" + strconv.Itoa(f.Precision) + ", " + strconv.Itoa(f.Scale) + ")"
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

func (p postgres) table(t *model.Table) string {
	columns := make([]string, 0, len(t.Fields)+1)
	for _, f := range t.Fields {
		columns = append(columns, p.plain(f))
	}
	columns = append(columns, Quote(Revision)+" bigint NOT NULL")
	return "CREATE TABLE " + Quote(t.Name) + " (\n  " + strings.Join(columns, ",\n  ") + "\n)"
}

func (p postgres) column(f *model.Field) string {
	if f.Ref == nil {
		return p.plain(f)
	}
	return p.plain(f) + " CONSTRAINT " + named("f_", f) + p.references(f)
}

func (p postgres) reference(f *model.Field) []string {
	return []string{"ALTER TABLE " + Quote(f.Table.Name) + " ADD CONSTRAINT " + named("f_", f) +
		" FOREIGN KEY (" + Quote(f.Name) + ")" + p.references(f)}
}

// references are deferrable: a deletion is checked when all of it is done (store/postgres).
func (postgres) references(f *model.Field) string {
	return " REFERENCES " + Quote(f.Ref.Name) + ` ("id") ON DELETE ` + onDelete(f.OnDelete) + " DEFERRABLE"
}

// plain is a column without its reference.
func (postgres) plain(f *model.Field) string {
	c := Quote(f.Name) + " " + postgresType(f)
	if !f.Optional {
		c += " NOT NULL"
	}
	if f.Name == "id" {
		return c + " CONSTRAINT " + named("p_", f) + " PRIMARY KEY"
	}
	if f.Type == model.Enum {
		c += " CONSTRAINT " + named("k_", f) + domain(f)
	}
	return c
}

// named is the name of a constraint or trigger of a field.
func named(prefix string, f *model.Field) string {
	return Quote(fit(prefix + f.Table.Name + "__" + f.Name))
}

// Literal implements Dialect.
func (postgres) Literal(f *model.Field, v value.Value) string {
	switch v.Kind {
	case value.Null:
		return "NULL"
	case value.Text:
		return literal(v.Text)
	case value.Float:
		return literal(Text(v)) + "::double precision"
	}
	return literal(Text(v)) + "::" + postgresType(f)
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

// triggers writes, for a reference that is cleared, the trigger that gives the row a new revision when the foreign key's
// action clears it. A write of ours sets the revision in the same statement, which is how the two are told apart.
func (postgres) triggers(f *model.Field) []string {
	if f.Ref == nil || f.OnDelete != model.Clear {
		return nil
	}
	column, revision := Quote(f.Name), Quote(Revision)
	return []string{"CREATE TRIGGER " + named("c_", f) + " BEFORE UPDATE OF " + column + " ON " + Quote(f.Table.Name) +
		" FOR EACH ROW WHEN (OLD." + column + " IS NOT NULL AND NEW." + column + " IS NULL AND OLD." + revision + " = NEW." + revision + ")" +
		" EXECUTE FUNCTION ashlar_cleared()"}
}

// Changed is the name of the trigger of tracked, on each table. No name of a model's is like it.
const Changed = "ashlar_changed"

// tracked writes the trigger that moves the generation of a table when SQL from outside changes its rows. Our own
// sessions have the setting ashlar.own, and pay 2 µs for a statement. Once a transaction had the setting, it is empty in
// its session, not missing.
func (postgres) tracked(table string) []string {
	return []string{"CREATE TRIGGER " + Changed + " AFTER INSERT OR DELETE OR UPDATE OR TRUNCATE ON " + Quote(table) +
		" FOR EACH STATEMENT WHEN (current_setting('ashlar.own', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION ashlar_changed()"}
}
