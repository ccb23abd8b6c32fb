package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// isCheap says whether a condition costs no more than comparisons of short values, whatever the rows hold.
func (g *Generator) isCheap(n rule.Node, sc *scope) bool {
	switch n := n.(type) {
	case *rule.Const, *rule.Failed, *rule.Param:
		return true
	case *rule.Column:
		return g.isUnmasked(n, sc) && isShort(n.Field)
	case *rule.Not:
		return g.isCheap(n.X, sc)
	case *rule.And:
		return g.areCheap(n.Xs, sc)
	case *rule.Or:
		return g.areCheap(n.Xs, sc)
	case *rule.Has:
		return g.isNullCheap(n.X, sc)
	case *rule.Compare:
		if (n.Op == rule.Eq || n.Op == rule.Ne) && (isNull(n.L) || isNull(n.R)) {
			return g.isNullCheap(n.L, sc) && g.isNullCheap(n.R, sc)
		}
		return g.isCheap(n.L, sc) && g.isCheap(n.R, sc) && !g.mixed(n.L, n.R)
	case *rule.In:
		for _, item := range n.Items {
			if !g.isCheap(item, sc) || g.mixed(n.X, item) {
				return false
			}
		}
		return g.isCheap(n.X, sc)
	case *rule.InList:
		return g.isCheap(n.X, sc)
	}
	return false // arithmetic, text, other rows, choices
}

func (g *Generator) areCheap(xs []rule.Node, sc *scope) bool {
	for _, x := range xs {
		if !g.isCheap(x, sc) {
			return false
		}
	}
	return true
}

// isNullCheap says whether asking if n is missing is cheap. That reads no value, however long.
func (g *Generator) isNullCheap(n rule.Node, sc *scope) bool {
	if c, ok := n.(*rule.Column); ok {
		return g.isUnmasked(c, sc)
	}
	return g.isCheap(n, sc)
}

// isUnmasked says whether a column is one of the row itself that no mask stands before.
func (g *Generator) isUnmasked(c *rule.Column, sc *scope) bool {
	return len(c.Path.Steps) == 0 && (!sc.client || g.mask(c.Field) == nil)
}

// short says whether the values of a field are short. An index has no others.
func isShort(f *model.Field) bool {
	switch f.Type {
	case model.JSON:
		return false
	case model.Text:
		return f.Max != nil && *f.Max <= model.MaxIndexedText
	}
	return true
}

// isCheapKey says the same of a sort key. A client chooses the place that it is compared with: a cursor is not signed.
func (g *Generator) isCheapKey(f *model.Field) bool { return isShort(f) && g.mask(f) == nil }

// splitCheap parts the operands of a conjunction into those that are cheap and the others, each nil where there are none.
func (g *Generator) splitCheap(n rule.Node, sc *scope) (cheap, rest rule.Node) {
	if g.isCheap(n, sc) {
		return n, nil
	}
	and, ok := n.(*rule.And)
	if !ok {
		return nil, n
	}
	var cheaps, others []rule.Node
	for _, x := range and.Xs {
		if g.isCheap(x, sc) {
			cheaps = append(cheaps, x)
		} else {
			others = append(others, x)
		}
	}
	return conjunction(cheaps), conjunction(others)
}

func conjunction(xs []rule.Node) rule.Node {
	switch len(xs) {
	case 0:
		return nil
	case 1:
		return xs[0] // of a condition that admits rows, a missing bool and a failed one are the same
	}
	return &rule.And{Xs: xs}
}
