package budget

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// conditions are the conditions of a filter that must all hold, by what an index can do for them.
type conditions struct {
	equal  map[*model.Field]int // the field has one of so many values
	null   []*model.Field       // of equal: the field has no value
	ranged []*model.Field
	others int // conditions that no index of the table serves

	row    *rule.Row // whose conditions they are; nil: the list's own row
	masked func(*model.Field) bool
}

func conditionsOf(filter rule.Node, masked func(*model.Field) bool) *conditions {
	c := &conditions{equal: map[*model.Field]int{}, masked: masked}
	if filter != nil {
		c.add(filter)
	}
	return c
}

func (c *conditions) add(node rule.Node) {
	switch n := node.(type) {
	case *rule.And:
		for _, operand := range n.Xs {
			c.add(operand)
		}
		return
	case *rule.Const:
		if rule.AlwaysTrue(n) {
			return
		}
	case *rule.Column:
		if field := c.ownField(n); field != nil && field.Type == model.Bool {
			c.equal[field] = 1
			return
		}
	case *rule.Not:
		if column, ok := n.X.(*rule.Column); ok && c.ownField(column) != nil {
			c.equal[column.Field] = 1
			return
		}
		if has, ok := n.X.(*rule.Has); ok && c.ownField(has.X) != nil {
			c.addNull(c.ownField(has.X))
			return
		}
	case *rule.In:
		if field := c.ownField(n.X); field != nil && !slices.ContainsFunc(n.Items, readsRow) {
			c.equal[field] = len(n.Items)
			return
		}
	case *rule.Compare:
		if c.addComparison(n) {
			return
		}
	}
	c.others++
}

func (c *conditions) addComparison(n *rule.Compare) bool {
	field, other := c.ownField(n.L), n.R
	if field == nil {
		field, other = c.ownField(n.R), n.L
	}
	constant, isConst := other.(*rule.Const)
	switch {
	case field == nil || c.readsOwn(other) || n.Op == rule.Ne:
		return false
	case isConst && constant.Value.IsNull():
		c.addNull(field)
	case n.Op == rule.Eq:
		c.equal[field] = 1
	case !slices.Contains(c.ranged, field):
		c.ranged = append(c.ranged, field)
	}
	return true
}

func (c *conditions) addNull(field *model.Field) {
	c.equal[field] = 1
	c.null = append(c.null, field)
}

// ownField returns the field if a node is a column of the list's own row, else nil. No index serves a masked column.
func (c *conditions) ownField(node rule.Node) *model.Field {
	column, ok := node.(*rule.Column)
	if !ok || len(column.Path.Steps) > 0 || !c.isOwn(column.Path.Root) || c.masked(column.Field) {
		return nil
	}
	return column.Field
}

func (c *conditions) isOwn(row *rule.Row) bool {
	if c.row != nil {
		return row == c.row
	}
	return row.Role == rule.Self
}

// readsOwn reports whether a node is neither a value nor, of an item's conditions, a column of a row around it.
func (c *conditions) readsOwn(node rule.Node) bool {
	column, ok := node.(*rule.Column)
	return readsRow(node) && (c.row == nil || !ok || column.Path.Root == c.row)
}

// readsRow reports whether a node is anything but a value.
func readsRow(node rule.Node) bool {
	switch node.(type) {
	case *rule.Const, *rule.Param:
		return false
	}
	return true
}

// coveredBy reports whether an index finds exactly the rows of the filter by these columns.
func (c *conditions) coveredBy(equal, ranged []string) bool {
	if c.others > 0 {
		return false
	}
	for field := range c.equal {
		if !slices.Contains(equal, field.Name) {
			return false
		}
	}
	for _, field := range c.ranged {
		if !slices.Contains(ranged, field.Name) && !slices.Contains(equal, field.Name) {
			return false
		}
	}
	return true
}

// prefix returns how many fields of an index are compared with a value, and whether the next has a bound.
func (c *conditions) prefix(index []*model.Field) (equal int, ranged bool) {
	for equal < len(index) && c.equal[index[equal]] > 0 {
		equal++
	}
	return equal, equal < len(index) && slices.Contains(c.ranged, index[equal])
}

// servedBy reports whether an index finds exactly the rows of the filter.
func (c *conditions) servedBy(index []*model.Field) bool {
	n, ranged := c.prefix(index)
	rest := 0
	if ranged {
		rest = 1
	}
	return c.others == 0 && n == len(c.equal) && len(c.ranged) == rest
}
