package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A condPart is one of the conditions of a list that must all hold.
type condPart struct {
	node    rule.Node
	client  bool         // the condition is the client's, not the rule's
	equals  *model.Field // the condition compares this field with a value
	indexed []rule.Node  // see indexConditions
	usesSet bool         // one of indexed becomes a set of the caller
}

// part returns a condition as a part.
func (g *Generator) part(table *model.Table, node rule.Node, client bool) condPart {
	part := condPart{node: node, client: client}
	if table.View != nil {
		return part
	}
	part.indexed, part.usesSet = g.indexConditions(node, client)
	if c, ok := node.(*rule.Compare); ok && len(part.indexed) == 1 && !part.usesSet {
		part.equals = comparedField(c)
	}
	return part
}

// parts returns the conditions of a list of the rows of a table: the read rule and the filter.
func (g *Generator) parts(table *model.Table, filter rule.Node) []condPart {
	var all []condPart
	add := func(node rule.Node, client bool) {
		folded := g.fold(node)
		if rule.AlwaysTrue(folded) {
			return
		}
		for _, c := range conjuncts(folded) {
			all = append(all, g.part(table, withoutImpossible(c), client))
		}
	}
	if !g.System {
		add(g.Rules.Table(table).Read, false)
	}
	if filter != nil {
		add(filter, !g.System)
	}
	for i, part := range all {
		if slices.ContainsFunc(all[:i], func(before condPart) bool { return contradict(part.node, before.node) }) {
			return []condPart{{node: &rule.Const{Value: value.OfBool(false)}}}
		}
		if or, ok := part.node.(*rule.Or); ok {
			if left := compatibleBranches(or, all); len(left.Xs) < len(or.Xs) {
				all[i] = g.part(table, withoutImpossible(left), part.client)
			}
		}
	}
	return all
}

// partScope returns the scope of a part.
func (g *Generator) partScope(table *model.Table, alias string, client bool) *scope {
	if client {
		return g.clientScope(table, alias)
	}
	sc := g.modelScope(table, alias)
	sc.allowSets = true
	return sc
}

// withoutImpossible removes the branches of a condition that are never true.
func withoutImpossible(node rule.Node) rule.Node {
	or, ok := node.(*rule.Or)
	if !ok {
		return node
	}
	left := slices.DeleteFunc(slices.Clone(or.Xs), rule.NeverTrue)
	if len(left) == 1 {
		return left[0]
	}
	return &rule.Or{Xs: left}
}

// compatibleBranches returns the branches that can be true together with the other parts. For example, a rule may admit
// what is published and what the caller wrote. With a filter for drafts, only the second branch is left. If no branch
// can be true, it keeps one.
func compatibleBranches(or *rule.Or, parts []condPart) *rule.Or {
	left := slices.DeleteFunc(slices.Clone(or.Xs), func(n rule.Node) bool {
		return slices.ContainsFunc(parts, func(p condPart) bool { return contradict(n, p.node) })
	})
	if len(left) == 0 {
		left = or.Xs[:1]
	}
	return &rule.Or{Xs: left}
}

// contradict reports whether two conditions compare one field of the row with two different texts.
func contradict(left, right rule.Node) bool {
	leftField, leftValue := comparedConstant(left)
	rightField, rightValue := comparedConstant(right)
	texts := leftValue.Kind == value.Text && rightValue.Kind == value.Text
	return leftField != nil && leftField == rightField && texts && leftValue.Text != rightValue.Text
}

// comparedConstant returns the field and the constant of `field == constant`, or nil.
func comparedConstant(node rule.Node) (field *model.Field, val value.Value) {
	compare, ok := node.(*rule.Compare)
	if !ok || compare.Op != rule.Eq {
		return nil, val
	}
	left, right := compare.L, compare.R
	if _, ok := left.(*rule.Const); ok {
		left, right = right, left
	}
	column, isColumn := left.(*rule.Column)
	constant, isConst := right.(*rule.Const)
	if !isColumn || !isConst || len(column.Path.Steps) > 0 || column.Path.Root.Role != rule.Self {
		return nil, val
	}
	return column.Field, constant.Value
}

// comparedField returns the field of a comparison, or nil.
func comparedField(compare *rule.Compare) *model.Field {
	for _, side := range []rule.Node{compare.L, compare.R} {
		if c, ok := side.(*rule.Column); ok {
			return c.Field
		}
	}
	return nil
}

// comparesKey reports whether a condition compares the first key of an order with a value. An index of that order then
// starts at the value.
func comparesKey(node rule.Node, key *model.Field) bool {
	compare, ok := node.(*rule.Compare)
	if !ok || compare.Op == rule.Ne || comparedField(compare) != key {
		return false
	}
	side, other := compare.L, compare.R
	if isValue(side) {
		side, other = other, side
	}
	column, ok := side.(*rule.Column)
	return ok && isValue(other) && len(column.Path.Steps) == 0 && column.Path.Root.Role == rule.Self
}

// isValue reports whether a node has a value without any row.
func isValue(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Param:
		return true
	case *rule.Const:
		return !n.Value.IsNull()
	}
	return false
}
