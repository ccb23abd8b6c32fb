package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Constraint is a constraint that PostgreSQL adds to an existing table. SQLite only has constraints inside the
// definition of a table.
type Constraint struct {
	Table    string
	Name     string
	Rule     string // what rows must fulfil, such as CHECK (…)
	NotValid bool   // binds new rows only, until Validate has checked the others
}

// ForeignKey returns the foreign key of a reference. It is deferrable: the engine checks it once a deletion is complete.
func ForeignKey(f *model.Field) Constraint {
	return Constraint{Table: f.Table.Name, Name: ReferenceName(f), Rule: "FOREIGN KEY (" + Quote(f.Name) + ") " + references(f) + " DEFERRABLE"}
}

// EnumCheck returns the check that a column holds a value of its enum.
func EnumCheck(f *model.Field) Constraint {
	return Constraint{Table: f.Table.Name, Name: CheckName(f), Rule: enumRule(f)}
}

// NotNullCheck returns the check that a column has a value. Once it is validated, PostgreSQL sets NOT NULL without
// reading the rows.
func NotNullCheck(f *model.Field) Constraint {
	return Constraint{Table: f.Table.Name, Name: NotNullName(f), Rule: "CHECK (" + Quote(f.Name) + " IS NOT NULL)"}
}

// ForNewRows returns the constraint with NotValid set.
func (c Constraint) ForNewRows() Constraint {
	c.NotValid = true
	return c
}

// Create returns the statement that adds the constraint.
func (c Constraint) Create() string {
	add := alterTable(c.Table) + " ADD CONSTRAINT " + Quote(c.Name) + " " + c.Rule
	if c.NotValid {
		add += " NOT VALID"
	}
	return add
}

// Validate returns the statement that checks the rows from before the constraint.
func (c Constraint) Validate() string {
	return alterTable(c.Table) + " VALIDATE CONSTRAINT " + Quote(c.Name)
}

// Drop returns the statement that drops the constraint, if it exists.
func (c Constraint) Drop() string {
	return alterTable(c.Table) + " DROP CONSTRAINT IF EXISTS " + Quote(c.Name)
}

// references returns the REFERENCES clause of a field.
func references(f *model.Field) string {
	return "REFERENCES " + Quote(f.Ref.Name) + ` ("id") ON DELETE ` + onDelete(f.OnDelete)
}

// onDelete returns the action of a foreign key. restrict is NO ACTION, which refuses a deletion like RESTRICT. If the
// deletion also reaches the referring row by a cascade, RESTRICT depends on the order of the engine's steps. NO ACTION
// looks at the rows that are left.
func onDelete(o model.OnDelete) string {
	switch o {
	case model.Cascade:
		return "CASCADE"
	case model.Clear:
		return "SET NULL"
	}
	return "NO ACTION"
}

// enumRule returns the CHECK of an enum. A missing value passes every CHECK.
func enumRule(field *model.Field) string {
	values := make([]string, len(field.Values))
	for i, v := range field.Values {
		values[i] = literal(v.Name)
	}
	slices.Sort(values) // so that a new order of the values changes no table
	return "CHECK (" + Quote(field.Name) + " IN (" + strings.Join(values, ", ") + "))"
}
