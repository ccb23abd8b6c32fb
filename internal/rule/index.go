package rule

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// StartsIndex reports whether an index of the table starts with the field.
func (r *Rules) StartsIndex(field *model.Field) bool {
	return slices.ContainsFunc(r.Table(field.Table).Indexes, func(i []*model.Field) bool { return i[0] == field })
}

// indexes returns the fields of each index of a table. An index that is not unique ends with the id.
func indexes(table *model.Table) [][]*model.Field {
	if table.View != nil {
		return nil
	}
	id := table.ID()
	all := [][]*model.Field{{id}}
	for _, field := range table.Fields {
		switch {
		case field.Unique:
			all = append(all, []*model.Field{field})
		case field.Indexed():
			all = append(all, []*model.Field{field, id})
		}
	}
	all = append(all, table.Unique...)
	for _, fields := range table.Indexes {
		if !slices.Contains(fields, id) {
			fields = append(slices.Clone(fields), id)
		}
		all = append(all, fields)
	}
	return all
}

// Unindexed returns the fields without an index that a rule compares with the caller's id or address. A list that
// admits the caller's own rows by such a field reads the rows of everybody. Unindexed ignores comparisons that are
// negated or must hold for all items, since they find no rows.
func (r *Rules) Unindexed(node Node) []*model.Field {
	var found []*model.Field
	switch n := node.(type) {
	case *And:
		for _, operand := range n.Xs {
			found = append(found, r.Unindexed(operand)...)
		}
		if slices.ContainsFunc(n.Xs, r.namesCaller) { // the other conditions are asked of few rows
			return nil
		}
	case *Or:
		for _, operand := range n.Xs {
			found = append(found, r.Unindexed(operand)...)
		}
	case *Quantified:
		if n.Quantifier == Exists {
			found = r.Unindexed(n.Body)
		}
	case *Compare:
		if column, ok := comparedWithCaller(n); ok && column.Path.Table().View == nil && !r.StartsIndex(column.Field) {
			found = append(found, column.Field)
		}
	}
	return found
}

// namesCaller reports whether a condition compares an indexed field with the caller.
func (r *Rules) namesCaller(node Node) bool {
	compare, ok := node.(*Compare)
	if !ok {
		return false
	}
	column, ok := comparedWithCaller(compare)
	return ok && r.StartsIndex(column.Field)
}

func comparedWithCaller(n *Compare) (*Column, bool) {
	left, right := n.L, n.R
	if _, slot := left.(*Slot); slot {
		left, right = right, left
	}
	column, isColumn := left.(*Column)
	s, isSlot := right.(*Slot)
	return column, n.Op == Eq && isColumn && isSlot && IdentifiesCaller(s.Node)
}
