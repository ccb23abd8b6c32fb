package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// Index is an index of a table. Both dialects write it alike.
type Index struct {
	Name     string
	Table    string
	Columns  []string
	Unique   bool
	Caseless bool   // the index is on Caseless of its one column
	Where    string // condition of the rows in the index; "" for all rows

	// Concurrently builds the index while others write to the table. Only PostgreSQL can, outside of a transaction.
	Concurrently bool
}

// Create returns the statement that creates the index.
func (i Index) Create() string {
	create := "CREATE "
	if i.Unique {
		create += "UNIQUE "
	}
	create += "INDEX "
	if i.Concurrently {
		create += "CONCURRENTLY "
	}
	columns := quoteAll(i.Columns)
	if i.Caseless {
		columns = Caseless(columns)
	}
	create += Quote(i.Name) + " ON " + Quote(i.Table) + " (" + columns + ")"
	if i.Where != "" {
		create += " WHERE " + i.Where
	}
	return create
}

// Drop returns the statement that drops the index, if it exists.
func (i Index) Drop() string { return "DROP INDEX IF EXISTS " + Quote(i.Name) }

// Caseless returns the lower-case form of a text. Both engines change only the letters A to Z: SQLite knows no others, and
// PostgreSQL goes by the column's collation, which is "C". lowerAscii of a filter does the same.
func Caseless(column string) string { return "lower(" + column + ")" }

// Indexes returns the indexes of a table, each once. The indexes of its fields come first.
func Indexes(table *model.Table) []Index {
	var all []Index
	add := func(unique bool, fields ...*model.Field) {
		index := NewIndex(table, unique, fields)
		if !slices.ContainsFunc(all, func(other Index) bool { return other.Name == index.Name }) {
			all = append(all, index)
		}
	}
	for _, field := range table.Fields {
		switch {
		case field.Unique:
			add(true, field)
		case field.Indexed():
			add(false, field)
		}
	}
	for _, fields := range table.Unique {
		add(true, fields...)
	}
	for _, fields := range table.Indexes {
		add(false, fields...)
	}
	return all
}

// NewIndex returns the index of a table on these fields.
func NewIndex(table *model.Table, unique bool, fields []*model.Field) Index {
	index := Index{Table: table.Name, Unique: unique, Caseless: unique && len(fields) == 1 && fields[0].Caseless}
	for _, f := range fields {
		index.Columns = append(index.Columns, f.Name)
		if f.Sparse && index.Where == "" {
			index.Where = Quote(f.Name) + " IS NOT NULL"
		}
	}
	index.Name = indexName(table.Name, unique, index.Caseless, index.Columns)
	if id := table.ID().Name; !unique && !slices.Contains(index.Columns, id) {
		index.Columns = append(index.Columns, id) // equal rows are ordered by id, so the index gives the whole order of a page
	}
	return index
}
