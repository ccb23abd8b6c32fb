package portable

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// kind is the type of an expression on both engines.
type kind uint8

const (
	bad       kind = iota // a fault was reported about it
	null                  // NULL of no type
	quote                 // a string; its type depends on the other operand
	words                 // text
	whole                 // int
	fraction              // a number such as 0.5: numeric on PostgreSQL, a float on SQLite
	float                 // double precision, or numeric from PostgreSQL's avg
	decimal               // numeric on PostgreSQL, an integer in units of 10^-scale on SQLite
	boolean               //
	timestamp             // timestamptz on PostgreSQL, microseconds on SQLite
	date                  //
	uuid                  //
	json                  //
)

// typ is the type of an expression.
type exprType struct {
	kind     kind
	scale    int  // of a decimal
	nullable bool // it may be NULL
	ordered  bool // a text in order of code points on PostgreSQL too
	// narrow means 32-bit arithmetic on PostgreSQL. The value is then from low to high.
	narrow    bool
	low, high int64
	literal   *literal // it is this constant
}

func (t exprType) is(kinds ...kind) bool {
	for _, k := range kinds {
		if t.kind == k {
			return true
		}
	}
	return false
}

// isZero reports whether it is the constant 0, equal in every unit.
func (t exprType) isZero() bool { return t.kind == whole && t.narrow && t.low == 0 && t.high == 0 }

// isText reports whether it is text, including a string literal.
func (t exprType) isText() bool { return t.is(words, quote) }

// String names the type in messages.
func (t exprType) String() string {
	if t.literal != nil && t.kind != null {
		if t.kind == quote {
			return "the text '" + errs.Clip(t.literal.text, 40) + "'"
		}
		return "the number " + t.literal.text
	}
	switch t.kind {
	case null:
		return "NULL"
	case words, quote:
		return "a text"
	case whole:
		return "an int"
	case fraction, float:
		return "a float"
	case decimal:
		if t.scale == 0 {
			return "a numeric of PostgreSQL without decimals, as sum(…) of ints is"
		}
		return "a decimal of scale " + strconv.Itoa(t.scale)
	case boolean:
		return "a bool"
	case timestamp:
		return "a timestamp"
	case date:
		return "a date"
	case uuid:
		return "a uuid"
	case json:
		return "a json"
	}
	return "nothing"
}

// typeOf is the type of a table's column.
func typeOf(field *model.Field) exprType {
	typ := exprType{nullable: field.Optional}
	switch field.Type {
	case model.Text, model.Enum:
		typ.kind, typ.ordered = words, true
	case model.Int:
		typ.kind = whole
	case model.Float:
		typ.kind = float
	case model.Decimal:
		typ.kind, typ.scale = decimal, field.Scale
	case model.Bool:
		typ.kind = boolean
	case model.Timestamp:
		typ.kind = timestamp
	case model.Date:
		typ.kind = date
	case model.UUID:
		typ.kind = uuid
	case model.JSON:
		typ.kind = json
	}
	return typ
}

// typeOfLiteral returns the type of a constant.
func typeOfLiteral(lit literal) (typ exprType, problem string) {
	typ = exprType{kind: lit.kind, literal: &lit, nullable: lit.kind == null}
	switch lit.kind {
	case whole:
		n, err := strconv.ParseInt(lit.text, 10, 64)
		if err != nil {
			return exprType{}, "this number does not fit 64 bits"
		}
		if math.MinInt32 < n && n <= math.MaxInt32 {
			typ.narrow, typ.low, typ.high = true, n, n
		}
	case fraction:
		if len(strings.Trim(lit.text, "-")) > 16 {
			return exprType{}, "write at most 15 digits: SQLite reads this number as a float, which has no more"
		}
	case boolean:
		typ.literal = nil
	}
	return typ, ""
}

// stored returns the type of a value in a column of a query in FROM: a string is a text there.
func (t exprType) stored() exprType {
	switch t.kind {
	case quote, null:
		t.kind = words
	case fraction:
		t.kind = float
	}
	t.literal = nil
	return t
}

// maxExactFloat bounds the integers with an exact float.
const maxExactFloat = 1 << 53

// exactFloat reports whether an int is a constant with an exact float.
func (t exprType) exactFloat() bool {
	if t.literal == nil {
		return false
	}
	n, err := strconv.ParseInt(t.literal.text, 10, 64)
	return err == nil && -maxExactFloat <= n && n <= maxExactFloat
}

const asFloat = "write CAST(… AS double precision) around the int"

// whyIncomparable explains why two values cannot be compared, or returns "".
func whyIncomparable(a, b exprType) string {
	if a.kind > b.kind {
		a, b = b, a
	}
	switch {
	case a.is(bad, null), a.kind == quote && b.isText():
		return ""
	case a.kind == quote:
		return whyNotType(*a.literal, b)
	case a.kind == json:
		return "PostgreSQL does not compare json"
	case a.kind == whole && b.kind == float && !a.exactFloat():
		return "SQLite compares an int with a float exactly, and PostgreSQL makes a float of the int first: " + asFloat
	case b.kind == decimal && a.is(whole, fraction, float, decimal):
		return whyNotDecimal(a, b)
	case a.kind == b.kind, a.is(whole, fraction, float) && b.is(fraction, float):
		return ""
	}
	return "PostgreSQL does not compare " + a.String() + " with " + b.String()
}

// whyNotDecimal explains why a number cannot be compared with a decimal, or returns "".
func whyNotDecimal(a, d exprType) string {
	switch {
	case a.kind == decimal && a.scale == d.scale, a.isZero(), a.kind == whole && d.scale == 0:
		return ""
	case a.kind == decimal:
		return fmt.Sprintf("SQLite stores the one decimal in units of %s and the other in units of %s", unit(a.scale), unit(d.scale))
	case a.literal != nil:
		return decimalHint(a.literal.text, d.scale)
	case d.scale == 0:
		return "the engines compute with a numeric and a float differently: write CAST(… AS double precision) around the numeric"
	}
	return fmt.Sprintf("SQLite stores the decimal in units of %s, and %s as it is", unit(d.scale), a)
}

func unit(scale int) string {
	if scale == 0 {
		return "1"
	}
	return "0." + strings.Repeat("0", scale-1) + "1"
}

// decimalHint returns the number in SQLite's units.
func decimalHint(text string, scale int) string {
	problem := "SQLite stores the decimal in units of " + unit(scale)
	front, behind, _ := strings.Cut(text, ".")
	if len(behind) > scale {
		return problem + ", and " + text + " is not a whole number of them"
	}
	units := strings.TrimPrefix(front, "-") + behind + strings.Repeat("0", scale-len(behind))
	units = strings.TrimLeft(units, "0")
	if units == "" {
		return problem + ": write 0"
	}
	if strings.HasPrefix(front, "-") {
		units = "-" + units
	}
	return problem + ": " + text + " is " + units + " there"
}

// whyNotType explains why a string is no value of the type, or returns "".
func whyNotType(lit literal, typ exprType) string {
	switch typ.kind {
	case date:
		if d, err := value.ParseDate(lit.text); err != nil || d != lit.text {
			return "this is no date as both engines read it: write it as '2026-01-31'"
		}
		return ""
	case uuid:
		if id, ok := value.ParseUUID(lit.text); !ok || id != lit.text {
			return "this is no uuid as SQLite stores it: write all of it in lower case"
		}
		return ""
	case timestamp:
		problem := "SQLite stores a timestamp in microseconds since 1970"
		text := lit.text
		if d, err := value.ParseDate(text); err == nil && d == text {
			text += "T00:00:00Z"
		}
		if micros, err := value.ParseTimestamp(text); err == nil {
			problem += ": '" + lit.text + "' is " + strconv.FormatInt(micros, 10) + " there"
		}
		return problem
	case whole, fraction, float, decimal:
		return "a number is written without quotes"
	case boolean:
		return "a bool is written as TRUE or FALSE"
	}
	return "PostgreSQL does not compare " + typ.String() + " with a text"
}

// merge returns the common type of the branches of CASE, the arguments of coalesce or the parts of UNION.
func merge(a, b exprType) (typ exprType, problem string) {
	typ = a
	typ.nullable = a.nullable || b.nullable
	typ.literal = nil
	switch {
	case a.kind == bad || b.kind == bad:
		return exprType{}, ""
	case a.kind == null && b.kind == null:
		return exprType{kind: words, nullable: true}, ""
	case a.kind == null:
		b.nullable = true
		return b, ""
	case b.kind == null:
		a.nullable = true
		return a, ""
	case a.kind == whole && b.kind == whole:
		typ.narrow = a.narrow && b.narrow
		typ.low, typ.high = min(a.low, b.low), max(a.high, b.high)
		return typ, ""
	case a.isText() && b.isText():
		typ.kind, typ.ordered = words, a.ordered || b.ordered
		return typ, ""
	case a.kind == fraction && b.kind == fraction:
		typ.kind = float
		return typ, ""
	case a.kind == json && b.kind == json:
		return typ, ""
	case a.kind == whole && b.is(fraction, float), b.kind == whole && a.is(fraction, float):
		return exprType{}, "SQLite would keep an int among the floats: write it as 0.0, or CAST(… AS double precision)"
	case a.kind == decimal && b.is(float, fraction), b.kind == decimal && a.is(float, fraction), a.kind == decimal && b.kind == decimal:
		return typ, whyIncomparable(a, b)
	}
	if problem = whyIncomparable(a, b); problem != "" {
		return exprType{}, problem
	}
	other := a
	if b.kind > a.kind { // a string takes the other type, 0 a decimal's
		other = b
	}
	typ = other
	typ.nullable, typ.narrow, typ.literal = a.nullable || b.nullable, false, nil
	return typ, ""
}
