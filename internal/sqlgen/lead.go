package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// indexed are conditions that indexes serve, of which one holds wherever n does.
func (g *Generator) indexConditions(n rule.Node, client bool) (leads []rule.Node, set bool) {
	switch n := n.(type) {
	case *rule.And:
		for _, x := range n.Xs {
			more, isSet := g.indexConditions(x, client)
			if len(more) > 0 && (leads == nil || isSet && !set) {
				leads, set = more, isSet
			}
		}
		return leads, set
	case *rule.Or:
		if !client && g.isUnion(n, &scope{}) {
			return []rule.Node{n}, true
		}
		for _, x := range n.Xs {
			if rule.NeverTrue(x) {
				continue
			}
			more, isSet := g.indexConditions(x, client)
			if len(more) == 0 {
				return nil, false
			}
			leads, set = append(leads, more...), set || isSet
		}
		return leads, set
	}
	if g.indexServes(n, client) {
		return []rule.Node{n}, false
	}
	if !client {
		if _, ok := n.(*rule.Quantified); ok && g.namesCaller(n) {
			return []rule.Node{n}, true
		}
		if _, ok := n.(*rule.Compare); ok && g.namesCaller(n) {
			return []rule.Node{n}, true
		}
	}
	return nil, false
}

// indexServes says whether an index of the row's own table serves a comparison with values.
func (g *Generator) indexServes(n rule.Node, client bool) bool {
	switch n := n.(type) {
	case *rule.Column:
		return g.startsIndex(n, client)
	case *rule.Compare:
		c, other := n.L, n.R
		if _, ok := c.(*rule.Column); !ok {
			c, other = other, c
		}
		column, ok := c.(*rule.Column)
		return ok && n.Op == rule.Eq && isValue(other) && g.startsIndex(column, client) && !g.mixed(c, other)
	case *rule.In:
		column, ok := n.X.(*rule.Column)
		return ok && g.startsIndex(column, client) && !slices.ContainsFunc(n.Items, func(i rule.Node) bool { return !isValue(i) || g.mixed(column, i) })
	}
	return false
}

// startsIndex says whether an index of its table starts with a column of the row itself.
func (g *Generator) startsIndex(c *rule.Column, client bool) bool {
	if len(c.Path.Steps) > 0 || c.Path.Root.Role != rule.Self || client && g.mask(c.Field) != nil {
		return false
	}
	return g.Rules.StartsIndex(c.Field)
}
