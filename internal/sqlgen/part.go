package sqlgen

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// part is one of the conditions that must all hold.
type part struct {
	node    rule.Node
	client  bool
	equals  *model.Field // it is a comparison of this field with a value
	indexed []rule.Node  // an index serves each of them, and the part holds of no other rows than they do; nil: none does
	usesSet bool         // one of leads is asked from the caller's side
}

func (g *Generator) part(t *model.Table, n rule.Node, client bool) part {
	p := part{node: n, client: client}
	if t.View != nil {
		return p
	}
	p.indexed, p.usesSet = g.indexConditions(n, client)
	if c, ok := n.(*rule.Compare); ok && len(p.indexed) == 1 && !p.usesSet {
		p.equals = comparedField(c)
	}
	return p
}

// parts are the conditions of a list about the rows of a table.
func (g *Generator) parts(t *model.Table, filter rule.Node) []part {
	var all []part
	add := func(n rule.Node, client bool) {
		folded := g.fold(n)
		if rule.AlwaysTrue(folded) {
			return
		}
		for _, c := range conjuncts(folded) {
			all = append(all, g.part(t, withoutImpossible(c), client))
		}
	}
	if !g.System {
		add(g.Rules.Table(t).Read, false)
	}
	if filter != nil {
		add(filter, !g.System)
	}
	for i, p := range all {
		if slices.ContainsFunc(all[:i], func(before part) bool { return contradict(p.node, before.node) }) {
			return []part{{node: &rule.Const{Value: value.OfBool(false)}}}
		}
		if or, ok := p.node.(*rule.Or); ok {
			if left := compatibleBranches(or, all); len(left.Xs) < len(or.Xs) {
				all[i] = g.part(t, withoutImpossible(left), p.client)
			}
		}
	}
	return all
}

func (g *Generator) partScope(t *model.Table, alias string, client bool) *scope {
	if client {
		return g.clientScope(t, alias)
	}
	sc := g.modelScope(t, alias)
	sc.allowSets = true
	return sc
}

// withoutImpossible is a condition without the branches that cannot be true: for conditions that admit rows.
func withoutImpossible(n rule.Node) rule.Node {
	or, ok := n.(*rule.Or)
	if !ok {
		return n
	}
	left := slices.DeleteFunc(slices.Clone(or.Xs), rule.NeverTrue)
	if len(left) == 1 {
		return left[0]
	}
	return &rule.Or{Xs: left}
}

// compatibleBranches are the branches that can be true where the other parts hold: of a rule that admits what is published and what
// the caller wrote, a filter for drafts leaves the second. One is left where none can be.
func compatibleBranches(or *rule.Or, parts []part) *rule.Or {
	left := slices.DeleteFunc(slices.Clone(or.Xs), func(n rule.Node) bool {
		return slices.ContainsFunc(parts, func(p part) bool { return contradict(n, p.node) })
	})
	if len(left) == 0 {
		left = or.Xs[:1]
	}
	return &rule.Or{Xs: left}
}

// contradict says whether two conditions compare one field of the row with two constants.
func contradict(a, b rule.Node) bool {
	fieldA, valueA := comparedConstant(a)
	fieldB, valueB := comparedConstant(b)
	return fieldA != nil && fieldA == fieldB && valueA.Kind == value.Text && valueB.Kind == value.Text && valueA.Text != valueB.Text
}

func comparedConstant(n rule.Node) (f *model.Field, v value.Value) {
	c, ok := n.(*rule.Compare)
	if !ok || c.Op != rule.Eq {
		return nil, v
	}
	l, r := c.L, c.R
	if _, ok := l.(*rule.Const); ok {
		l, r = r, l
	}
	column, isColumn := l.(*rule.Column)
	constant, isConst := r.(*rule.Const)
	if !isColumn || !isConst || len(column.Path.Steps) > 0 || column.Path.Root.Role != rule.Self {
		return nil, v
	}
	return column.Field, constant.Value
}

func comparedField(n *rule.Compare) *model.Field {
	for _, side := range []rule.Node{n.L, n.R} {
		if c, ok := side.(*rule.Column); ok {
			return c.Field
		}
	}
	return nil
}

// comparesKey says whether a condition compares the first key of an order with a value: an index that gives the order
// starts where it holds.
func comparesKey(n rule.Node, key *model.Field) bool {
	c, ok := n.(*rule.Compare)
	if !ok || c.Op == rule.Ne || comparedField(c) != key {
		return false
	}
	l, isL := c.L.(*rule.Column)
	r, isR := c.R.(*rule.Column)
	switch {
	case isL && isValue(c.R):
		return len(l.Path.Steps) == 0 && l.Path.Root.Role == rule.Self
	case isR && isValue(c.L):
		return len(r.Path.Steps) == 0 && r.Path.Root.Role == rule.Self
	}
	return false
}

func isValue(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Param:
		return true
	case *rule.Const:
		return !n.Value.IsNull()
	}
	return false
}
