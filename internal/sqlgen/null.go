package sqlgen

import "github.com/ashlar-dev/ashlar/internal/rule"

// isNull reports whether a node is the literal null.
func isNull(n rule.Node) bool {
	c, ok := n.(*rule.Const)
	return ok && c.Value.IsNull()
}

// mayBeNull reports whether a node can be missing.
func mayBeNull(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Column:
		return columnMayBeNull(n)
	case *rule.Const:
		return n.Value.IsNull()
	case *rule.If:
		return mayBeNull(n.Then) || mayBeNull(n.Else)
	}
	return false
}

// canFail reports whether a node can fail.
func canFail(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Column, *rule.Const, *rule.Param, *rule.Has:
		return false
	case *rule.Failed:
		return true
	case *rule.Not:
		return operandFails(n.X)
	case *rule.And:
		return operandsFail(n.Xs)
	case *rule.Or:
		return operandsFail(n.Xs)
	case *rule.If:
		return operandFails(n.Cond) || canFail(n.Then) || canFail(n.Else)
	case *rule.Compare:
		if n.Op == rule.Eq || n.Op == rule.Ne {
			return canFail(n.L) || canFail(n.R)
		}
		return operandFails(n.L) || operandFails(n.R)
	case *rule.In:
		return canFail(n.X)
	case *rule.InList:
		return canFail(n.X)
	case *rule.Quantified:
		return len(n.From.Steps) > 0 || n.From.Root.Role == rule.Old || (n.Body != nil && operandFails(n.Body))
	default: // arithmetic, functions
		return true
	}
}

// operandFails reports whether an operand can be missing or fail.
func operandFails(n rule.Node) bool {
	return mayBeNull(n) || canFail(n)
}

func operandsFail(xs []rule.Node) bool {
	for _, node := range xs {
		if operandFails(node) {
			return true
		}
	}
	return false
}

// columnMayBeNull reports whether a column can be missing: because of its field, its mask, its path, or an old row that
// does not exist.
func columnMayBeNull(c *rule.Column) bool {
	return c.Field.Optional || len(c.Path.Steps) > 0 || c.Field.Read != nil || c.Path.Root.Role == rule.Old
}
