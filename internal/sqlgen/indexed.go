package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// indexConditions returns conditions that indexes serve. Wherever the node holds, one of them holds too. usesSet reports
// that one of them becomes a set of the caller. Without such conditions it returns nil.
func (g *Generator) indexConditions(node rule.Node, client bool) (indexed []rule.Node, usesSet bool) {
	switch n := node.(type) {
	case *rule.And:
		for _, operand := range n.Xs {
			more, isSet := g.indexConditions(operand, client)
			if len(more) > 0 && (indexed == nil || (isSet && !usesSet)) {
				indexed, usesSet = more, isSet
			}
		}
		return indexed, usesSet
	case *rule.Or:
		if !client && g.isUnion(n, &scope{}) {
			return []rule.Node{n}, true
		}
		for _, operand := range n.Xs {
			if rule.NeverTrue(operand) {
				continue
			}
			more, isSet := g.indexConditions(operand, client)
			if len(more) == 0 {
				return nil, false
			}
			indexed, usesSet = append(indexed, more...), usesSet || isSet
		}
		return indexed, usesSet
	}
	if g.indexServes(node, client) {
		return []rule.Node{node}, false
	}
	if !client {
		if _, ok := node.(*rule.Quantified); ok && g.namesCaller(node) {
			return []rule.Node{node}, true
		}
		if _, ok := node.(*rule.Compare); ok && g.namesCaller(node) {
			return []rule.Node{node}, true
		}
	}
	return nil, false
}

// indexServes reports whether an index of the row's own table serves a comparison with values.
func (g *Generator) indexServes(node rule.Node, client bool) bool {
	switch n := node.(type) {
	case *rule.Column:
		return g.startsIndex(n, client)
	case *rule.Compare:
		node, other := n.L, n.R
		if _, ok := node.(*rule.Column); !ok {
			node, other = other, node
		}
		column, ok := node.(*rule.Column)
		return ok && n.Op == rule.Eq && isValue(other) && g.startsIndex(column, client) && !g.mixed(node, other)
	case *rule.In:
		column, ok := n.X.(*rule.Column)
		return ok && g.startsIndex(column, client) && !slices.ContainsFunc(n.Items, func(i rule.Node) bool { return !isValue(i) || g.mixed(column, i) })
	}
	return false
}

// startsIndex reports whether a column of the row itself is the first of an index.
func (g *Generator) startsIndex(column *rule.Column, client bool) bool {
	if len(column.Path.Steps) > 0 || column.Path.Root.Role != rule.Self || (client && g.mask(column.Field) != nil) {
		return false
	}
	return g.Rules.StartsIndex(column.Field)
}
