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

// kind is what an expression is on both engines.
type kind uint8

const (
	bad       kind = iota // a fault was reported about it
	null                  // NULL of no type
	quote                 // a string whose type depends on what it meets
	words                 // text
	whole                 // int
	fraction              // a number such as 0.5, which is numeric on PostgreSQL and a float on SQLite
	float                 // double precision, or the numeric that PostgreSQL's avg returns
	decimal               // numeric on PostgreSQL, an integer in units of 10^-scale on SQLite
	boolean               //
	timestamp             // timestamptz on PostgreSQL, microseconds on SQLite
	date                  //
	uuid                  //
	json                  //
)

// typ is the type of an expression.
type typ struct {
	kind     kind
	scale    int  // of a decimal
	nullable bool // it may be NULL
	ordered  bool // of text: PostgreSQL orders it by code points, as SQLite does
	// narrow says that PostgreSQL computes with 32 bits. The value is then from low to high.
	narrow    bool
	low, high int64
	literal   *literal // it is this constant
}

func (t typ) is(kinds ...kind) bool {
	for _, k := range kinds {
		if t.kind == k {
			return true
		}
	}
	return false
}

// isZero says whether it is the constant 0, which is the same in any unit.
func (t typ) isZero() bool { return t.kind == whole && t.narrow && t.low == 0 && t.high == 0 }

// isText says whether it is text, also as a string that meets nothing else.
func (t typ) isText() bool { return t.is(words, quote) }

// String names the type in messages.
func (t typ) String() string {
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
func typeOf(field *model.Field) typ {
	t := typ{nullable: field.Optional}
	switch field.Type {
	case model.Text, model.Enum:
		t.kind, t.ordered = words, true
	case model.Int:
		t.kind = whole
	case model.Float:
		t.kind = float
	case model.Decimal:
		t.kind, t.scale = decimal, field.Scale
	case model.Bool:
		t.kind = boolean
	case model.Timestamp:
		t.kind = timestamp
	case model.Date:
		t.kind = date
	case model.UUID:
		t.kind = uuid
	case model.JSON:
		t.kind = json
	}
	return t
}

// typeOfLiteral is the type of a constant as it is written.
func typeOfLiteral(l literal) (t typ, problem string) {
	t = typ{kind: l.kind, literal: &l, nullable: l.kind == null}
	switch l.kind {
	case whole:
		n, err := strconv.ParseInt(l.text, 10, 64)
		if err != nil {
			return typ{}, "this number does not fit 64 bits"
		}
		if math.MinInt32 < n && n <= math.MaxInt32 {
			t.narrow, t.low, t.high = true, n, n
		}
	case fraction:
		if len(strings.Trim(l.text, "-")) > 16 {
			return typ{}, "write at most 15 digits: SQLite reads this number as a float, which has no more"
		}
	case boolean:
		t.literal = nil
	}
	return t, ""
}

// stored is a value as a column of a query in FROM has it: a string has become text there.
func (t typ) stored() typ {
	switch t.kind {
	case quote, null:
		t.kind = words
	case fraction:
		t.kind = float
	}
	t.literal = nil
	return t
}

// maxExactFloat is up to where every integer is a float.
const maxExactFloat = 1 << 53

// exactFloat says whether an int is a constant that a float holds.
func (t typ) exactFloat() bool {
	if t.literal == nil {
		return false
	}
	n, err := strconv.ParseInt(t.literal.text, 10, 64)
	return err == nil && -maxExactFloat <= n && n <= maxExactFloat
}

const asFloat = "write CAST(… AS double precision) around the int"

// beside says why two values cannot be compared, or "".
func beside(a, b typ) string {
	if a.kind > b.kind {
		a, b = b, a
	}
	switch {
	case a.is(bad, null), a.kind == quote && b.isText():
		return ""
	case a.kind == quote:
		return quoteBeside(*a.literal, b)
	case a.kind == json:
		return "PostgreSQL does not compare json"
	case a.kind == whole && b.kind == float && !a.exactFloat():
		return "SQLite compares an int with a float exactly, and PostgreSQL makes a float of the int first: " + asFloat
	case b.kind == decimal && a.is(whole, fraction, float, decimal):
		return decimalBeside(a, b)
	case a.kind == b.kind, a.is(whole, fraction, float) && b.is(fraction, float):
		return ""
	}
	return "PostgreSQL does not compare " + a.String() + " with " + b.String()
}

// decimalBeside says why a number cannot stand beside a decimal, or "".
func decimalBeside(a, d typ) string {
	switch {
	case a.kind == decimal && a.scale == d.scale, a.isZero(), a.kind == whole && d.scale == 0:
		return ""
	case a.kind == decimal:
		return fmt.Sprintf("SQLite stores the one decimal in units of %s and the other in units of %s", unit(a.scale), unit(d.scale))
	case a.literal != nil:
		return literalBeside(a.literal.text, d.scale)
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

// literalBeside says what a number would have to be for SQLite.
func literalBeside(text string, scale int) string {
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

// quoteBeside says why a string cannot stand for a value of the type, or "".
func quoteBeside(l literal, t typ) string {
	switch t.kind {
	case date:
		if d, err := value.ParseDate(l.text); err != nil || d != l.text {
			return "this is no date as both engines read it: write it as '2026-01-31'"
		}
		return ""
	case uuid:
		if id, ok := value.ParseUUID(l.text); !ok || id != l.text {
			return "this is no uuid as SQLite stores it: write all of it in lower case"
		}
		return ""
	case timestamp:
		problem := "SQLite stores a timestamp in microseconds since 1970"
		text := l.text
		if d, err := value.ParseDate(text); err == nil && d == text {
			text += "T00:00:00Z"
		}
		if micros, err := value.ParseTimestamp(text); err == nil {
			problem += ": '" + l.text + "' is " + strconv.FormatInt(micros, 10) + " there"
		}
		return problem
	case whole, fraction, float, decimal:
		return "a number is written without quotes"
	case boolean:
		return "a bool is written as TRUE or FALSE"
	}
	return "PostgreSQL does not compare " + t.String() + " with a text"
}

// merge is the type of a value that comes from either: of the branches of CASE, the arguments of coalesce, the parts of UNION.
func merge(a, b typ) (t typ, problem string) {
	t = a
	t.nullable = a.nullable || b.nullable
	t.literal = nil
	switch {
	case a.kind == bad || b.kind == bad:
		return typ{}, ""
	case a.kind == null && b.kind == null:
		return typ{kind: words, nullable: true}, ""
	case a.kind == null:
		b.nullable = true
		return b, ""
	case b.kind == null:
		a.nullable = true
		return a, ""
	case a.kind == whole && b.kind == whole:
		t.narrow = a.narrow && b.narrow
		t.low, t.high = min(a.low, b.low), max(a.high, b.high)
		return t, ""
	case a.isText() && b.isText():
		t.kind, t.ordered = words, a.ordered || b.ordered
		return t, ""
	case a.kind == fraction && b.kind == fraction:
		t.kind = float
		return t, ""
	case a.kind == json && b.kind == json:
		return t, ""
	case a.kind == whole && b.is(fraction, float), b.kind == whole && a.is(fraction, float):
		return typ{}, "SQLite would keep an int among the floats: write it as 0.0, or CAST(… AS double precision)"
	case a.kind == decimal && b.is(float, fraction), b.kind == decimal && a.is(float, fraction), a.kind == decimal && b.kind == decimal:
		return t, beside(a, b)
	}
	if problem = beside(a, b); problem != "" {
		return typ{}, problem
	}
	other := a
	if b.kind > a.kind { // a string becomes what it meets, 0 a decimal
		other = b
	}
	t = other
	t.nullable, t.narrow, t.literal = a.nullable || b.nullable, false, nil
	return t, ""
}
