// Package render assembles the JSON of rows, and of the rows that they expand.
package render

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// An Output says which members of a row are written, and which related rows within it.
type Output struct {
	Table      *model.Table
	Fields     []*model.Field // columns to read: of the members first, then of keys that only lead to an expansion
	Expansions []*Expansion   // in the order of their members
	members    []member       // in model order
}

// member is one member of the JSON object of a row.
type member struct {
	prefix []byte // `,"title":`, with a brace in place of the comma for the first member
	column int    // index in Fields; none for an expansion
}

// An Expansion is a relation whose rows are written within a row.
type Expansion struct {
	Relation *model.Relation
	Output   *Output
	Number   int // of all expansions of an answer, from 0
	column   int // to-one: column of the reference; to-many: column of the id
}

// CountExpansions returns the number of expansions at all levels.
func (o *Output) CountExpansions() int {
	count := len(o.Expansions)
	for _, expansion := range o.Expansions {
		count += expansion.Output.CountExpansions()
	}
	return count
}

// number gives the expansions of all levels their numbers, and returns the next one.
func (o *Output) number(next int) int {
	for _, expansion := range o.Expansions {
		expansion.Number = next
		next = expansion.Output.number(next + 1)
	}
	return next
}

func (o *Output) prefix(name string) []byte {
	text := []byte(`,"` + name + `":`)
	if len(o.members) == 0 {
		text[0] = '{'
	}
	return text
}

func (o *Output) addField(field *model.Field) {
	o.members = append(o.members, member{prefix: o.prefix(field.Name), column: len(o.Fields)})
	o.Fields = append(o.Fields, field)
}

func (o *Output) addExpansion(rel *model.Relation, out *Output) {
	o.members = append(o.members, member{prefix: o.prefix(rel.Name), column: none})
	o.Expansions = append(o.Expansions, &Expansion{Relation: rel, Output: out})
}

// addColumns sets the column of each expansion. A column that only leads to an expansion stands after the others.
func (o *Output) addColumns() {
	for _, expansion := range o.Expansions {
		key := o.Table.ID()
		if !expansion.Relation.Many {
			key = expansion.Relation.Field
		}
		expansion.column = o.columnOf(key)
	}
}

func (o *Output) columnOf(field *model.Field) int {
	if i := slices.Index(o.Fields, field); i >= 0 {
		return i
	}
	o.Fields = append(o.Fields, field)
	return len(o.Fields) - 1
}
