package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Dialect is how one engine writes what the engines write differently. Operands are SQL texts that bind tighter than
// any operator. Where a result does not exist (overflow, an operand that is NULL) it is NULL, never an error.
type Dialect interface {
	// Placeholder is the n-th bound value, from 1.
	Placeholder(n int) string
	// Bool is a constant condition.
	Bool(b bool) string
	// Same compares two values, NULL being the same as NULL alone; Differs is its negation.
	Same(l, r string) string
	Differs(l, r string) string
	// Order is -1, 0 or 1 for two numbers of different kinds or scales, by exact value.
	Order(l, r number) string
	// Arith computes.
	Arith(op byte, as value.Kind, l, r number) string
	// Negate is -x.
	Negate(x number) string
	// Call applies a function on text.
	Call(fn rule.Func, args []string) string
	// Elements are the elements of a bound list, as the right side of IN.
	Elements(list string) string
	// Keys are the elements of a bound list of keys, which are given as text, as the right side of IN.
	Keys(list string, key schema.Type) string
	// KeyRows is a bound list of keys as a table of that alias, and the key in it.
	KeyRows(list string, key schema.Type, alias string) (table, column string)
	// ListLen is the length of a bound list.
	ListLen(list string) string
	// Any, Every and One fold the column p of a query of conditions, NULL standing for a failure, as CEL's exists, all
	// and exists_one do.
	Any(query string) string
	Every(query string) string
	One(query string) string
}

// number is an operand of arithmetic.
type number struct {
	sql   string
	kind  value.Kind
	scale uint8
}

// quote quotes an identifier. Names of a model are lower_snake_case and hold no quotes; doubling them is a second lock.
func quote(name string) string {
	out := make([]byte, 0, len(name)+2)
	out = append(out, '"')
	for i := range len(name) {
		if name[i] == '"' {
			out = append(out, '"')
		}
		out = append(out, name[i])
	}
	return string(append(out, '"'))
}
