package rule

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// notAValue reports a text literal outside the values of an enum or of auth.kind.
func (c *compiler) notAValue(expr ast.Expr, of, literal Node) bool {
	lit, isConst := literal.(*Const)
	if !isConst || lit.Value.Kind != value.Text {
		return false
	}
	name, values := valuesOf(of)
	if values == nil || slices.Contains(values, lit.Value.Text) {
		return false
	}
	c.failf(expr, "%q is no value of %s%s", lit.Value.Text, name, suggestOrList(lit.Value.Text, values))
	return true
}

// valuesOf returns the possible texts of a node, nil if any text is possible.
func valuesOf(node Node) (name string, values []string) {
	switch n := node.(type) {
	case *Column:
		if n.Field.Type != model.Enum {
			return "", nil
		}
		return n.Field.Name, valueNames(n.Field)
	case *Arg:
		if n.Field == nil || n.Field.Type != model.Enum {
			return "", nil
		}
		return "arg." + n.Name, valueNames(n.Field)
	case *Auth:
		if n.Attr == AuthKind {
			return "auth.kind", caller.Kinds()
		}
	}
	return "", nil
}

func valueNames(field *model.Field) []string {
	names := make([]string, len(field.Values))
	for i, member := range field.Values {
		names[i] = member.Name
	}
	return names
}

// maxListed is the largest number of names in a message.
const maxListed = 10

// suggestOrList returns the name that was probably meant, or a short list of all names.
func suggestOrList(name string, names []string) string {
	if meant := suggest.DidYouMean(name, names); meant != "" || len(names) > maxListed {
		return meant
	}
	return ": it is one of " + strings.Join(names, ", ")
}

// notAMethod reports a text that is compared with auth.methods and is no way to sign in.
func (c *compiler) notAMethod(expr ast.Expr, node Node) bool {
	switch n := node.(type) {
	case *Const:
		methods := caller.Methods()
		if n.Value.Kind != value.Text || slices.Contains(methods, n.Value.Text) {
			return false
		}
		c.failf(expr, "%q is no value of auth.methods%s", n.Value.Text, suggestOrList(n.Value.Text, methods))
		return true
	case *If:
		return c.notAMethod(expr, n.Then) || c.notAMethod(expr, n.Else)
	}
	return false
}

// notARole reports a text that is compared with auth.roles and is no role of the model. The condition would never
// hold.
func (c *compiler) notARole(expr ast.Expr, node Node) bool {
	if c.Roles == nil {
		return false
	}
	switch n := node.(type) {
	case *Const:
		if n.Value.Kind != value.Text || slices.Contains(c.Roles, n.Value.Text) {
			return false
		}
		if len(c.Roles) == 0 {
			c.failf(expr, "the model declares no roles: add `roles: [%s]` at its top", n.Value.Text)
		} else {
			c.failf(expr, "the model declares no role %s%s", n.Value.Text, suggestOrList(n.Value.Text, c.Roles))
		}
		return true
	case *If:
		return c.notARole(expr, n.Then) || c.notARole(expr, n.Else)
	}
	name, values := valuesOf(node)
	if values == nil || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(c.Roles, v) }) {
		return false
	}
	c.failf(expr, "no value of %s is a role that the model declares", name)
	return true
}
