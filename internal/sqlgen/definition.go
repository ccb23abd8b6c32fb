package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A Definition makes one table. Its parts are separate because they run at different times. A foreign key needs the other
// table, and an index is built faster once the table has its rows.
type Definition struct {
	Table       string       // the statement that creates the table
	Columns     []Column     // the columns in Table, the last one for the revision
	Triggers    []Trigger    // run after Table
	ForeignKeys []Constraint // run after all tables exist; none on SQLite, which has them in Table
	Indexes     []Index
}

// Define returns the definition of a table.
func Define(dialect Dialect, table *model.Table) Definition {
	def := Definition{Indexes: Indexes(table)}
	for _, field := range table.Fields {
		def.Columns = append(def.Columns, DefineColumn(dialect, field))
		def.Triggers = append(def.Triggers, dialect.Triggers(field)...)
		if field.Ref != nil && !dialect.definesReferences() {
			def.ForeignKeys = append(def.ForeignKeys, ForeignKey(field))
		}
	}
	def.Columns = append(def.Columns, DefineColumn(dialect, &model.Field{Name: Revision, Type: model.Int}))
	def.Triggers = append(def.Triggers, dialect.changeTriggers(table.Name)...)
	columns := make([]string, len(def.Columns))
	for i, c := range def.Columns {
		columns[i] = c.String()
	}
	def.Table = "CREATE TABLE " + Quote(table.Name) + " (\n  " + strings.Join(columns, ",\n  ") + "\n)" + dialect.tableOptions()
	return def
}

// WithTriggers returns the statements that create the table and its triggers.
func (d Definition) WithTriggers() []string {
	return append([]string{d.Table}, Creates(d.Triggers)...)
}

// Create returns the statements that create all tables of a model, with their indexes.
func Create(dialect Dialect, m *model.Model) []string {
	var tables, foreignKeys, indexes []string
	for _, table := range m.Tables {
		def := Define(dialect, table)
		tables = append(tables, def.WithTriggers()...)
		foreignKeys = append(foreignKeys, Creates(def.ForeignKeys)...)
		indexes = append(indexes, Creates(def.Indexes)...)
	}
	return append(append(tables, foreignKeys...), indexes...)
}

// Creates returns the statements that create triggers, constraints or indexes.
func Creates[T interface{ Create() string }](all []T) []string {
	statements := make([]string, len(all))
	for i, a := range all {
		statements[i] = a.Create()
	}
	return statements
}

// Column is the definition of a column. Two columns that are equal are defined alike.
type Column struct {
	Name string
	Type string // the type and the constraints
}

// String returns the column as CREATE TABLE has it.
func (c Column) String() string { return Quote(c.Name) + " " + c.Type }

// DefineColumn returns the column of a field in a new table.
func DefineColumn(d Dialect, f *model.Field) Column { return d.column(f, columnForm{}) }

// columnForm says how a column differs from the one in a new table.
type columnForm struct {
	mayMiss    bool        // rows may have no value, even if the field is required
	def        value.Value // default of the column; null for none
	references bool        // has the foreign key, which PostgreSQL otherwise adds later
}

// Trigger is a trigger of a table.
type Trigger struct {
	Name string
	sql  string
}

// Create returns the statement that creates the trigger.
func (t Trigger) Create() string { return t.sql }

// clearedOnly returns the condition of a trigger that a foreign key's action has just cleared a reference. A write of
// Ashlar sets the revision in the same statement; the action leaves it as it is.
func clearedOnly(f *model.Field) string {
	column, revision := Quote(f.Name), Quote(Revision)
	return "OLD." + column + " IS NOT NULL AND NEW." + column + " IS NULL AND OLD." + revision + " = NEW." + revision
}
