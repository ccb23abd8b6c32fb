package rule

import (
	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// in compiles x in [a, b] and x in auth.roles.
func (c *compiler) in(expr, operand, list ast.Expr) Node {
	if list.Kind() != ast.ListKind {
		return c.inList(operand, list)
	}
	left := c.node(operand)
	if left == nil || c.isRowValue(operand, left) {
		return nil
	}
	in := &In{}
	for _, item := range list.AsList().Elements() {
		node := c.inItem(expr, operand, &left, item)
		if node == nil {
			return nil
		}
		in.Items = append(in.Items, node)
	}
	if arg, ok := left.(*Arg); ok && arg.Type == value.Null {
		c.failf(operand, "cannot tell the type of arg.%s: compare it with a field", arg.Name)
		return nil
	}
	if !comparable(left.Kind()) {
		c.failf(operand, "%s can only be compared with null", kindName(left.Kind()))
		return nil
	}
	in.X = left
	return in
}

// inItem compiles one item of a list and gives it the kind of the left operand.
func (c *compiler) inItem(expr, operand ast.Expr, left *Node, item ast.Expr) Node {
	node := c.node(item)
	if node == nil {
		return nil
	}
	node = c.coerce(item, node, (*left).Kind(), ScaleOf(*left))
	if node == nil {
		return nil
	}
	if *left = c.coerce(operand, *left, node.Kind(), ScaleOf(node)); *left == nil {
		return nil
	}
	_, column := node.(*Column)
	kind, lk := node.Kind(), (*left).Kind()
	switch {
	case c.isRowValue(item, node):
	case !column && !rowIndependent(node):
		c.failf(item, "an item of a list is a literal, a field, or something that needs no row")
	case kind != value.Null && lk != value.Null && !sameKind(kind, lk):
		c.failf(item, "%s is never %s", kindName(lk), kindName(kind))
	case !comparable(kind):
		c.failf(item, "%s can only be compared with null", kindName(kind))
	case c.notAValue(expr, *left, node) || c.notAValue(expr, node, *left):
	default:
		if lk == value.Decimal && rowIndependent(node) && !rowIndependent(*left) && numeric(kind) {
			return &Rounded{X: node, Scale: ScaleOf(*left), Round: Exact}
		}
		return node
	}
	return nil
}

func (c *compiler) inList(operand, list ast.Expr) Node {
	left := c.node(list)
	node := c.withKind(operand, value.Text, 0)
	switch {
	case left == nil || node == nil || c.isRowValue(operand, node) || c.isRowValue(list, left):
		return nil
	case left.Kind() != value.List:
		c.failf(list, "must be a list, as in status in ['open', 'done'] or 'editor' in auth.roles")
		return nil
	case node.Kind() != value.Text && node.Kind() != value.Null:
		c.failf(operand, "%s holds text, never %s", Format(left), kindName(node.Kind()))
		return nil
	case isAuth(left, AuthRoles) && c.notARole(operand, node), isAuth(left, AuthMethods) && c.notAMethod(operand, node):
		return nil
	}
	return &InList{node, left}
}

func isAuth(node Node, attr Attr) bool {
	auth, ok := node.(*Auth)
	return ok && auth.Attr == attr
}
