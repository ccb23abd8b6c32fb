package rule

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// StartsIndex says whether an index of its table starts with a field.
func (r *Rules) StartsIndex(f *model.Field) bool {
	return slices.ContainsFunc(r.Table(f.Table).Indexes, func(i []*model.Field) bool { return i[0] == f })
}

// indexes are the fields of the indexes of a table, of which those that are not unique end with the id.
func indexes(t *model.Table) [][]*model.Field {
	if t.View != nil {
		return nil
	}
	id := t.ID()
	all := [][]*model.Field{{id}}
	for _, f := range t.Fields {
		switch {
		case f.Unique:
			all = append(all, []*model.Field{f})
		case f.Indexed():
			all = append(all, []*model.Field{f, id})
		}
	}
	all = append(all, t.Unique...)
	for _, fields := range t.Indexes {
		if !slices.Contains(fields, id) {
			fields = append(slices.Clone(fields), id)
		}
		all = append(all, fields)
	}
	return all
}

// Unindexed are the fields that a rule compares with the caller's id or address and that no index starts with. A list that
// admits the caller's own rows by such a field looks at the rows of everybody. A comparison that is negated, or that must hold
// of all items, finds no rows and is left out.
func (r *Rules) Unindexed(n Node) []*model.Field {
	var found []*model.Field
	switch n := n.(type) {
	case *And:
		for _, x := range n.Xs {
			found = append(found, r.Unindexed(x)...)
		}
		if slices.ContainsFunc(n.Xs, r.namesCaller) { // the other conditions are asked of few rows
			return nil
		}
	case *Or:
		for _, x := range n.Xs {
			found = append(found, r.Unindexed(x)...)
		}
	case *Many:
		if n.Ask == Exists {
			found = r.Unindexed(n.Body)
		}
	case *Compare:
		if c, ok := comparedWithCaller(n); ok && c.Path.Table().View == nil && !r.StartsIndex(c.Field) {
			found = append(found, c.Field)
		}
	}
	return found
}

// namesCaller says whether a condition compares an indexed field with the caller.
func (r *Rules) namesCaller(n Node) bool {
	compare, ok := n.(*Compare)
	if !ok {
		return false
	}
	c, ok := comparedWithCaller(compare)
	return ok && r.StartsIndex(c.Field)
}

func comparedWithCaller(n *Compare) (*Column, bool) {
	l, r := n.L, n.R
	if _, slot := l.(*Slot); slot {
		l, r = r, l
	}
	c, isColumn := l.(*Column)
	s, isSlot := r.(*Slot)
	return c, n.Op == Eq && isColumn && isSlot && IsWho(s.Node)
}
