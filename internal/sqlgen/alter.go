package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func alterTable(name string) string { return "ALTER TABLE " + Quote(name) }

// AddColumn returns the statement that adds a column to a table with rows, without triggers and indexes. The rows get
// the value given. It stays the column's default, since a server on the former model does not know the column. Other
// servers never rely on the default.
//
// If given is null, the rows have no value, even if the field has a default. The column then accepts NULL even if the
// field is required.
func AddColumn(dialect Dialect, field *model.Field, given value.Value) string {
	form := columnForm{def: given}
	if given.IsNull() {
		form = columnForm{mayMiss: true, references: true}
	}
	return alterTable(field.Table.Name) + " ADD COLUMN " + dialect.column(field, form).String()
}

// RenameTable returns the statement that renames a table.
func RenameTable(from, to string) string { return alterTable(from) + " RENAME TO " + Quote(to) }

// RenameColumn returns the statement that renames a column.
func RenameColumn(table, from, to string) string {
	return alterTable(table) + " RENAME COLUMN " + Quote(from) + " TO " + Quote(to)
}

// The statements below are for PostgreSQL.

// DropColumn returns the statement that drops a column.
func DropColumn(table, column string) string {
	return alterTable(table) + " DROP COLUMN " + Quote(column)
}

// AlterColumn returns the statement that changes a column, such as SET NOT NULL.
func AlterColumn(table, column, change string) string {
	return alterTable(table) + " ALTER COLUMN " + Quote(column) + " " + change
}

// RenameIndex returns the statement that renames an index.
func RenameIndex(from, to string) string {
	return "ALTER INDEX " + Quote(from) + " RENAME TO " + Quote(to)
}

// RenameConstraint returns the statement that renames a constraint.
func RenameConstraint(table, from, to string) string {
	return alterTable(table) + " RENAME CONSTRAINT " + Quote(from) + " TO " + Quote(to)
}

// RenameTrigger returns the statement that renames a trigger.
func RenameTrigger(table, from, to string) string {
	return "ALTER TRIGGER " + Quote(from) + " ON " + Quote(table) + " RENAME TO " + Quote(to)
}
