package portable

import (
	"math"
	"strings"
)

// arithmetic types + - * / and %.
func (c *checker) arithmetic(n binary, l, r typ) typ {
	if l.kind == bad || r.kind == bad {
		return typ{}
	}
	for _, t := range []typ{l, r} {
		if !t.is(whole, fraction, float, decimal) {
			return c.fault(n.place(), "the engines do not both compute %s of %s and %s with the same result", n.op, l, r)
		}
	}
	t := typ{nullable: l.nullable || r.nullable}
	switch {
	case l.kind == decimal || r.kind == decimal:
		t = c.decimals(n, l, r)
	case l.kind == whole && r.kind == whole:
		t = c.wholes(n, l, r)
	case l.kind == float || r.kind == float:
		t.kind = float
		if n.op == "%" {
			return c.fault(n.place(), "PostgreSQL has no %% of floats")
		}
	case l.kind == fraction && r.kind == fraction:
		return c.fault(n.place(), "PostgreSQL computes with these numbers exactly and SQLite with floats: write the result")
	default:
		return c.fault(n.place(), "PostgreSQL computes this exactly and SQLite with floats: "+asFloat)
	}
	if (n.op == "/" || n.op == "%") && t.kind != bad && !nonzero(n.r) {
		return c.fault(n.place(), "divided by 0, PostgreSQL fails and SQLite returns NULL: divide by nullif(…, 0), which is NULL on both")
	}
	return t
}

// nonzero says whether a divisor cannot be 0.
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

func (l literal) is(kinds ...kind) bool { return typ{kind: l.kind}.is(kinds...) }

// maxScale is that of a decimal field.
const maxScale = 18

func (c *checker) decimals(n binary, l, r typ) typ {
	t := typ{kind: decimal, nullable: l.nullable || r.nullable, scale: max(l.scale, r.scale)}
	d, other := l, r
	if d.kind != decimal {
		d, other = r, l
	}
	switch {
	case n.op == "/" || n.op == "%":
		return c.fault(n.place(), "%s of %s and %s: the engines round what a decimal is divided by differently", n.op, l, r)
	case n.op == "*" && other.is(whole, decimal):
		if t.scale = l.scale + r.scale; t.scale <= maxScale {
			return t
		}
		return c.fault(n.place(), "the product has %d digits behind the point, and a decimal has at most %d", t.scale, maxScale)
	case n.op == "*" && other.literal != nil:
		return c.fault(n.place(), "SQLite stores the decimal in units of %s, and would make a float of it", unit(d.scale))
	}
	if problem := decimalBeside(other, d); problem != "" {
		return c.fault(n.place(), "%s of %s and %s: %s", n.op, l, r, problem)
	}
	return t
}

// maxNarrow is the largest number of 32 bits.
const maxNarrow = math.MaxInt32

// wholes follows the range of what PostgreSQL computes with 32 bits.
func (c *checker) wholes(n binary, l, r typ) typ {
	t := typ{kind: whole, nullable: l.nullable || r.nullable, narrow: l.narrow && r.narrow}
	if !t.narrow {
		return t
	}
	switch n.op {
	case "+":
		t.low, t.high = l.low+r.low, l.high+r.high
	case "-":
		t.low, t.high = l.low-r.high, l.high-r.low
	case "*":
		a, b, d, e := l.low*r.low, l.low*r.high, l.high*r.low, l.high*r.high
		t.low, t.high = min(a, b, d, e), max(a, b, d, e)
	default: // no quotient is larger
		t.high = max(l.high, -l.low)
		t.low = -t.high
	}
	if t.low < -maxNarrow || t.high > maxNarrow {
		return c.fault(n.place(), "PostgreSQL computes this with 32 bits, which may be too few: write CAST(… AS bigint) around one of the numbers")
	}
	return t
}
