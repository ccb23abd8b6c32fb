// Package indexing knows which indexes may help to find rows.
package indexing

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// An Index is an index of a model by the names of its fields.
type Index struct {
	Table  string
	Fields []string // as in expressions: author_id for the reference author
}

func (i Index) Key() string { return i.Table + " " + strings.Join(i.Fields, ",") }

// Bounds of the trials.
const (
	maxFields = 4 // of an index
	maxEqual  = 3 // fields compared by ==, of which combinations are made
)

// Columns are the fields of a table by which a query finds rows.
type Columns struct {
	Table  *model.Table
	Equal  []*model.Field // compared by == or in
	Ranged []*model.Field // compared by < or >
	Sort   []*model.Field // order of the list
}

// Candidates returns the indexes that may help to find the rows of these columns. Fields compared by == come first, then
// the field of a range or the fields of the order. Of two indexes that find the rows alike, the one with fewer fields comes first.
func (c *Columns) Candidates() (all []Index) {
	add := func(parts ...[]*model.Field) {
		var fields []*model.Field
		for _, field := range slices.Concat(parts...) {
			if field.Name == "id" { // ends every index
				break
			}
			if !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
		if mayIndex(c.Table, fields) && !isStart(c.Table, fields) && !c.isCovered(fields) {
			index := Of(c.Table, fields)
			if !slices.ContainsFunc(all, func(other Index) bool { return other.Key() == index.Key() }) {
				all = append(all, index)
			}
		}
	}
	equal := c.Equal[:min(len(c.Equal), maxEqual)]
	for _, field := range equal {
		add([]*model.Field{field})
	}
	for _, field := range c.Ranged {
		add([]*model.Field{field})
	}
	add(c.Sort)
	for _, field := range equal {
		add([]*model.Field{field}, c.Sort)
		for _, ranged := range c.Ranged {
			add([]*model.Field{field}, []*model.Field{ranged})
		}
		for _, other := range equal {
			add([]*model.Field{field}, []*model.Field{other})
		}
	}
	add(equal)
	add(equal, c.Sort)
	for _, ranged := range c.Ranged {
		add(equal, []*model.Field{ranged})
	}
	return all
}

// Of returns the index of a table on fields.
func Of(table *model.Table, fields []*model.Field) Index {
	index := Index{Table: table.Name}
	for _, field := range fields {
		index.Fields = append(index.Fields, field.Name)
	}
	return index
}

// mayIndex returns true if the model could declare an index on these fields, with the same bounds of their values.
func mayIndex(table *model.Table, fields []*model.Field) bool {
	if len(fields) == 0 || len(fields) > maxFields || table.View != nil {
		return false
	}
	for _, field := range fields {
		if field.Secret || field.Type == model.JSON || field.Type == model.Invalid {
			return false
		}
		if field.Type == model.Text && (field.Max == nil || *field.Max > model.MaxIndexedText) {
			return false
		}
	}
	texts, room := model.IndexRoom(append(slices.Clone(fields), table.ID()))
	for _, field := range texts {
		room -= textBytes(field)
	}
	return room >= 0
}

// textBytes returns the most bytes of a text or enum.
func textBytes(field *model.Field) int {
	const maxCharacter = 4 // bytes
	if field.Max != nil {
		return maxCharacter * int(*field.Max)
	}
	longest := 0
	for _, member := range field.Values {
		longest = max(longest, len(member.Name))
	}
	return longest
}

// isStart returns true if an index of the model starts with these fields.
func isStart(table *model.Table, fields []*model.Field) bool {
	starts := func(index []*model.Field) bool {
		return len(index) >= len(fields) && slices.Equal(index[:len(fields)], fields)
	}
	return slices.ContainsFunc(table.UniqueFields(), starts) || slices.ContainsFunc(table.IndexedFields(), starts)
}

// isCovered reports whether the model has an index on the same fields in another order, and one that starts with the first.
// Of fields that are all compared by ==, these two find the rows as well.
func (c *Columns) isCovered(fields []*model.Field) bool {
	within := func(some, all []*model.Field) bool {
		return !slices.ContainsFunc(some, func(field *model.Field) bool { return !slices.Contains(all, field) })
	}
	same := func(index []*model.Field) bool {
		return len(index) >= len(fields) && within(fields, index[:len(fields)])
	}
	known := slices.Concat(c.Table.UniqueFields(), c.Table.IndexedFields())
	return within(fields, c.Equal) && slices.ContainsFunc(known, same) && isStart(c.Table, fields[:1])
}

// In returns the table and the fields of the index in a model, or nil.
func (i Index) In(m *model.Model) (*model.Table, []*model.Field) {
	table := m.Table(i.Table)
	if table == nil {
		return nil, nil
	}
	var fields []*model.Field
	for _, name := range i.Fields {
		field := table.Field(name)
		if field == nil {
			return nil, nil
		}
		fields = append(fields, field)
	}
	return table, fields
}

// RemoveFrom removes the index from a model.
func (i Index) RemoveFrom(m *model.Model) {
	table, fields := i.In(m)
	if table == nil {
		return
	}
	table.Indexes = slices.DeleteFunc(table.Indexes, func(other []*model.Field) bool { return slices.Equal(other, fields) })
	if len(fields) == 1 {
		fields[0].Index = false
	}
}

// Names returns the names of the index's fields in the model file: author for author_id.
func (i Index) Names(m *model.Model) (names []string) {
	_, fields := i.In(m)
	for _, field := range fields {
		names = append(names, cmp.Or(field.RefName, field.Name))
	}
	return names
}

// Line returns indexes of one table as a line of the model file, such as indexes: [[author, created_at]].
func Line(m *model.Model, all ...Index) string {
	var lists []string
	for _, index := range all {
		lists = append(lists, "["+strings.Join(index.Names(m), ", ")+"]")
	}
	return "indexes: [" + strings.Join(lists, ", ") + "]"
}
