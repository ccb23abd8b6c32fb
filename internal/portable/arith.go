package portable

import (
	"math"
	"strings"
)

// arithmetic types + - * / and %.
func (c *checker) arithmetic(expr binary, left, right exprType) exprType {
	if left.kind == bad || right.kind == bad {
		return exprType{}
	}
	for _, typ := range []exprType{left, right} {
		if !typ.is(whole, fraction, float, decimal) {
			return c.fault(expr.place(), "the engines do not both compute %s of %s and %s with the same result", expr.op, left, right)
		}
	}
	t := exprType{nullable: left.nullable || right.nullable}
	switch {
	case left.kind == decimal || right.kind == decimal:
		t = c.decimals(expr, left, right)
	case left.kind == whole && right.kind == whole:
		t = c.integers(expr, left, right)
	case left.kind == float || right.kind == float:
		t.kind = float
		if expr.op == "%" {
			return c.fault(expr.place(), "PostgreSQL has no %% of floats")
		}
	case left.kind == fraction && right.kind == fraction:
		return c.fault(expr.place(), "PostgreSQL computes with these numbers exactly and SQLite with floats: write the result")
	default:
		return c.fault(expr.place(), "PostgreSQL computes this exactly and SQLite with floats: "+asFloat)
	}
	if (expr.op == "/" || expr.op == "%") && t.kind != bad && !nonzero(expr.r) {
		return c.fault(expr.place(), "divided by 0, PostgreSQL fails and SQLite returns NULL: divide by nullif(…, 0), which is NULL on both")
	}
	return t
}

// nonzero reports whether a divisor cannot be 0.
func nonzero(operand node) bool {
	switch n := bare(operand).(type) {
	case literal:
		return strings.Trim(n.text, "-0.") != ""
	case unary:
		return nonzero(n.x)
	case cast:
		return nonzero(n.x)
	case call:
		if n.name != "nullif" || len(n.args) != 2 {
			return false
		}
		zero, ok := bare(n.args[1]).(literal)
		return ok && zero.is(whole, fraction) && strings.Trim(zero.text, "-0.") == ""
	}
	return false
}

func (l literal) is(kinds ...kind) bool { return exprType{kind: l.kind}.is(kinds...) }

// maxScale is the largest scale of a decimal field.
const maxScale = 18

func (c *checker) decimals(expr binary, left, right exprType) exprType {
	typ := exprType{kind: decimal, nullable: left.nullable || right.nullable, scale: max(left.scale, right.scale)}
	d, other := left, right
	if d.kind != decimal {
		d, other = right, left
	}
	switch {
	case expr.op == "/" || expr.op == "%":
		return c.fault(expr.place(), "%s of %s and %s: the engines round what a decimal is divided by differently", expr.op, left, right)
	case expr.op == "*" && other.is(whole, decimal):
		if typ.scale = left.scale + right.scale; typ.scale <= maxScale {
			return typ
		}
		return c.fault(expr.place(), "the product has %d digits behind the point, and a decimal has at most %d", typ.scale, maxScale)
	case expr.op == "*" && other.literal != nil:
		return c.fault(expr.place(), "SQLite stores the decimal in units of %s, and would make a float of it", unit(d.scale))
	}
	if problem := whyNotDecimal(other, d); problem != "" {
		return c.fault(expr.place(), "%s of %s and %s: %s", expr.op, left, right, problem)
	}
	return typ
}

// maxNarrow is the largest number of 32 bits.
const maxNarrow = math.MaxInt32

// integers tracks the range of 32-bit arithmetic on PostgreSQL.
func (c *checker) integers(expr binary, left, right exprType) exprType {
	typ := exprType{kind: whole, nullable: left.nullable || right.nullable, narrow: left.narrow && right.narrow}
	if !typ.narrow {
		return typ
	}
	switch expr.op {
	case "+":
		typ.low, typ.high = left.low+right.low, left.high+right.high
	case "-":
		typ.low, typ.high = left.low-right.high, left.high-right.low
	case "*":
		a, b, d, e := left.low*right.low, left.low*right.high, left.high*right.low, left.high*right.high
		typ.low, typ.high = min(a, b, d, e), max(a, b, d, e)
	default: // no quotient is larger
		typ.high = max(left.high, -left.low)
		typ.low = -typ.high
	}
	if typ.low < -maxNarrow || typ.high > maxNarrow {
		return c.fault(expr.place(), "PostgreSQL computes this with 32 bits, which may be too few: write CAST(… AS bigint) around one of the numbers")
	}
	return typ
}
