package oracle

import "fmt"

// An Expr is one expression in two spellings. Ashlar's spelling names the fields of the row directly. The oracle's spelling
// names them as members of `row`, and makes decimals by calls.
type Expr struct{ Ash, CEL string }

// same returns an expression with one text for both spellings.
func same(text string) Expr { return Expr{text, text} }

// join formats both spellings. The format has a %s for each part.
func join(format string, parts ...Expr) Expr {
	ash, cel := make([]any, len(parts)), make([]any, len(parts))
	for i, part := range parts {
		ash[i], cel[i] = part.Ash, part.CEL
	}
	return Expr{fmt.Sprintf(format, ash...), fmt.Sprintf(format, cel...)}
}

// binary returns the expression (left op right).
func binary(left Expr, op string, right Expr) Expr {
	return Expr{"(" + left.Ash + " " + op + " " + right.Ash + ")", "(" + left.CEL + " " + op + " " + right.CEL + ")"}
}

// compareNumbers returns a comparison of two numbers by their exact values, whatever their types.
func compareNumbers(left Expr, op string, right Expr) Expr {
	return Expr{"(" + left.Ash + " " + op + " " + right.Ash + ")", "(num(" + left.CEL + ") " + op + " num(" + right.CEL + "))"}
}

// decimalLiteral returns a decimal with the given digits.
func decimalLiteral(digits string) Expr { return Expr{digits, "dec('" + digits + "')"} }

// member returns the field or relation of a row. prefix is the row with a final dot.
func member(prefix Expr, name string) Expr { return Expr{prefix.Ash + name, prefix.CEL + name} }

// macro returns a call of a macro over many rows, such as many.exists(item, body).
func macro(many Expr, function, item string, body Expr) Expr {
	return join("%s."+function+"("+item+", %s)", many, body)
}
