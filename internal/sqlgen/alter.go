package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Column is the definition of a field's column in its table, with its reference where the dialect writes it there.
func Column(d Dialect, f *model.Field) string { return d.plain(f) }

// AddColumn returns the statements that add a field to a table that has rows, without its indexes. given is the value
// that they get; where it is null the field is missing in each of them, whatever its default, and the column may be
// null where the field may not. A given value stays the column's default, since a server on the former model does not
// know the column; servers that do never rely on it.
func AddColumn(d Dialect, f *model.Field, given value.Value) []string {
	add := "ALTER TABLE " + Quote(f.Table.Name) + " ADD COLUMN "
	if given.IsNull() {
		missing := *f
		missing.Optional = true
		return append([]string{add + d.column(&missing)}, d.triggers(f)...)
	}
	column := Column(d, f)
	if d == SQLite { // the default stands before the domain, as it may not stand behind a reference of an added column
		column += " DEFAULT " + d.Literal(f, given)
	} else {
		column = strings.Replace(column, " NOT NULL", " NOT NULL DEFAULT "+d.Literal(f, given), 1)
	}
	return append([]string{add + column}, d.triggers(f)...)
}

// Triggers returns the statements that make the triggers of a field.
func Triggers(d Dialect, f *model.Field) []string { return d.triggers(f) }

// Type is the type of a field's column in PostgreSQL.
func Type(f *model.Field) string { return postgresType(f) }

// Text is a value in the form that PostgreSQL reads as a value of its type.
func Text(v value.Value) string {
	switch v.Kind {
	case value.Text, value.Date, value.UUID, value.JSON:
		return v.Text
	}
	return strings.Trim(string(value.AppendValue(nil, v)), `"`)
}

// RenameTable returns the statement that gives a table another name.
func RenameTable(from, to string) string {
	return "ALTER TABLE " + Quote(from) + " RENAME TO " + Quote(to)
}

// RenameColumn returns the statement that gives a column another name.
func RenameColumn(table, from, to string) string {
	return "ALTER TABLE " + Quote(table) + " RENAME COLUMN " + Quote(from) + " TO " + Quote(to)
}

// RenameIndex returns the statement that gives an index another name, in PostgreSQL.
func RenameIndex(from, to string) string {
	return "ALTER INDEX " + Quote(from) + " RENAME TO " + Quote(to)
}

// RenameConstraint returns the statement that gives a constraint another name, in PostgreSQL.
func RenameConstraint(table, from, to string) string {
	return "ALTER TABLE " + Quote(table) + " RENAME CONSTRAINT " + Quote(from) + " TO " + Quote(to)
}

// RenameTrigger returns the statement that gives a trigger another name, in PostgreSQL.
func RenameTrigger(table, from, to string) string {
	return "ALTER TRIGGER " + Quote(from) + " ON " + Quote(table) + " RENAME TO " + Quote(to)
}

// Fit shortens a name to what an identifier may be, as the names of indexes are.
func Fit(name string) string { return fit(name) }

// KeyName, ReferenceName, CheckName and TriggerName are the names of what belongs to a field: the primary key, the
// foreign key and the check of an enum in PostgreSQL, and in both dialects the trigger of a reference that is cleared.
func KeyName(f *model.Field) string       { return fit("p_" + f.Table.Name + "__" + f.Name) }
func ReferenceName(f *model.Field) string { return fit("f_" + f.Table.Name + "__" + f.Name) }
func CheckName(f *model.Field) string     { return fit("k_" + f.Table.Name + "__" + f.Name) }
func TriggerName(f *model.Field) string   { return fit("c_" + f.Table.Name + "__" + f.Name) }

// AddReference returns the statement that adds the foreign key of a field, in PostgreSQL, for new rows; Validate asks the
// others.
func AddReference(f *model.Field) string {
	return Postgres.reference(f)[0] + " NOT VALID"
}

// AddCheck returns the statement that adds the check of an enum, in PostgreSQL, for new rows.
func AddCheck(f *model.Field) string {
	return "ALTER TABLE " + Quote(f.Table.Name) + " ADD CONSTRAINT " + Quote(CheckName(f)) + domain(f) + " NOT VALID"
}

// Validate returns the statement that checks a constraint against the rows that were there before it, in PostgreSQL.
func Validate(table, constraint string) string {
	return "ALTER TABLE " + Quote(table) + " VALIDATE CONSTRAINT " + Quote(constraint)
}

// DropConstraint returns the statement that drops a constraint, in PostgreSQL.
func DropConstraint(table, constraint string) string {
	return "ALTER TABLE " + Quote(table) + " DROP CONSTRAINT IF EXISTS " + Quote(constraint)
}
