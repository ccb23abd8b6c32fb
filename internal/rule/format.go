package rule

import (
	"fmt"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/value"
)

var opNames = [...]string{"==", "!=", "<", "<=", ">", ">="}

func (op Op) String() string { return opNames[op] }

var funcNames = [...]string{"+", "contains", "startsWith", "endsWith", "size", "lowerAscii", "upperAscii"}

var askNames = [...]string{"exists", "all", "exists_one", "size"}

// Format writes a tree as text, with parentheses around every operation. Two expressions without a row are equal if
// their texts are.
func Format(node Node) string {
	switch n := node.(type) {
	case *Const:
		return formatValue(n.Value)
	case *Failed:
		return "fail"
	case *Column:
		return formatPath(n.Path) + n.Field.Name
	case *Auth:
		return "auth." + attrs[n.Attr].name
	case *Now:
		return "now"
	case *Arg:
		return fmt.Sprintf("arg.%s:%s", n.Name, n.Type)
	case *Slot:
		return Format(n.Node)
	case *Param:
		return "{" + Format(n.Slot.Node) + "}"
	case *Not:
		return "!" + Format(n.X)
	case *And:
		return formatAll(n.Xs, " && ")
	case *Or:
		return formatAll(n.Xs, " || ")
	case *If:
		return "(" + Format(n.Cond) + " ? " + Format(n.Then) + " : " + Format(n.Else) + ")"
	case *Compare:
		return "(" + Format(n.L) + " " + n.Op.String() + " " + Format(n.R) + ")"
	case *In:
		return "(" + Format(n.X) + " in " + formatAll(n.Items, ", ") + ")"
	case *InList:
		return "(" + Format(n.X) + " in " + Format(n.List) + ")"
	case *Arith:
		return fmt.Sprintf("(%s %c %s)", Format(n.L), n.Op, Format(n.R))
	case *Neg:
		return "-" + Format(n.X)
	case *Call:
		return funcNames[n.Func] + formatAll(n.Args, ", ")
	case *Has:
		return "has(" + Format(n.X) + ")"
	case *Rounded:
		return fmt.Sprintf("decimal(%s, %d, %d)", Format(n.X), n.Scale, n.Round)
	case *Quantified:
		text := formatPath(n.From) + n.Relation.Name + "." + askNames[n.Quantifier]
		if n.Body == nil {
			return text + "()"
		}
		return text + "(" + Format(n.Body) + ")"
	case *rowValue:
		return Format(n.id)
	}
	return fmt.Sprintf("%T", node)
}

func formatAll(xs []Node, sep string) string {
	parts := make([]string, len(xs))
	for i, operand := range xs {
		parts[i] = Format(operand)
	}
	return "(" + strings.Join(parts, sep) + ")"
}

func formatPath(p Path) string {
	var out strings.Builder
	switch p.Root.Role {
	case Old:
		out.WriteString("old.")
	case Item:
		out.WriteString(p.Root.Table.Name + "#.")
	}
	for _, s := range p.Steps {
		out.WriteString(s.Name + ".")
	}
	return out.String()
}

func formatValue(v value.Value) string {
	switch v.Kind {
	case value.Null:
		return "null"
	case value.Text:
		return fmt.Sprintf("%q", v.Text)
	case value.Date:
		return "date(" + v.Text + ")"
	case value.Duration:
		return fmt.Sprintf("duration(%dus)", v.Int)
	case value.Decimal:
		return fmt.Sprintf("decimal(%de-%d)", v.Int, v.Scale)
	default:
		return string(value.AppendValue(nil, v))
	}
}
