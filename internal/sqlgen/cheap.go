package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// isCheap reports whether a condition only compares short values, whatever the rows hold.
func (g *Generator) isCheap(node rule.Node, sc *scope) bool {
	switch n := node.(type) {
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
	return false // arithmetic, text functions, other rows, ?:
}

func (g *Generator) areCheap(xs []rule.Node, sc *scope) bool {
	for _, node := range xs {
		if !g.isCheap(node, sc) {
			return false
		}
	}
	return true
}

// isNullCheap reports whether a test for NULL is cheap. The test reads no value, however long.
func (g *Generator) isNullCheap(node rule.Node, sc *scope) bool {
	if c, ok := node.(*rule.Column); ok {
		return g.isUnmasked(c, sc)
	}
	return g.isCheap(node, sc)
}

// isUnmasked reports whether a column belongs to the row itself and has no mask.
func (g *Generator) isUnmasked(c *rule.Column, sc *scope) bool {
	return len(c.Path.Steps) == 0 && (!sc.client || g.mask(c.Field) == nil)
}

// isShort reports whether all values of a field are short enough for an index.
func isShort(field *model.Field) bool {
	switch field.Type {
	case model.JSON:
		return false
	case model.Text:
		return field.Max != nil && *field.Max <= model.MaxIndexedText
	}
	return true
}

// isCheapKey reports whether comparing a sort key is cheap. A client chooses the value to compare with, since cursors
// are not signed.
func (g *Generator) isCheapKey(f *model.Field) bool { return isShort(f) && g.mask(f) == nil }

// splitCheap splits a conjunction into cheap conditions and the rest. Either is nil if there are none.
func (g *Generator) splitCheap(node rule.Node, sc *scope) (cheap, rest rule.Node) {
	if g.isCheap(node, sc) {
		return node, nil
	}
	and, ok := node.(*rule.And)
	if !ok {
		return nil, node
	}
	var cheaps, others []rule.Node
	for _, node := range and.Xs {
		if g.isCheap(node, sc) {
			cheaps = append(cheaps, node)
		} else {
			others = append(others, node)
		}
	}
	return conjunction(cheaps), conjunction(others)
}

// conjunction joins conditions that admit rows, and returns nil for none.
func conjunction(xs []rule.Node) rule.Node {
	switch len(xs) {
	case 0:
		return nil
	case 1:
		return xs[0] // here a missing bool is the same as a failure
	}
	return &rule.And{Xs: xs}
}
