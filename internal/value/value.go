// Package value is one value of a field: it reads values from requests, checks and compares them, and writes them as
// JSON.
package value

import "github.com/ashlar-dev/ashlar/internal/model"

// Kind is the kind of a Value.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Int
	Float
	Decimal   // Int × 10^-Scale
	Text      // also enum
	Timestamp // Int microseconds since 1970-01-01T00:00:00Z
	Date      // Text "2026-01-31"
	UUID      // Text, canonical lower case
	JSON      // Text, compact
	Duration  // Int microseconds; in expressions only
	List      // List of text; in expressions only (auth.roles)
)

var kindNames = [...]string{"null", "bool", "int", "float", "decimal", "text", "timestamp", "date", "uuid", "json", "duration", "list"}

func (k Kind) String() string { return kindNames[k] }

// KindOf returns the kind of the stored values of a field. In expressions a uuid is text instead.
func KindOf(field *model.Field) Kind {
	switch field.Type {
	case model.Int:
		return Int
	case model.Float:
		return Float
	case model.Decimal:
		return Decimal
	case model.Bool:
		return Bool
	case model.Timestamp:
		return Timestamp
	case model.Date:
		return Date
	case model.UUID:
		return UUID
	case model.JSON:
		return JSON
	default:
		return Text
	}
}

// Value is a value of any kind. The zero Value is null: missing.
type Value struct {
	Kind  Kind
	Scale uint8   // Decimal
	Int   int64   // Bool (0 or 1), Int, Decimal, Timestamp, Duration
	Float float64 // Float
	Text  string  // Text, Date, UUID, JSON
	List  []string
}

// IsNull reports whether v is missing.
func (v Value) IsNull() bool { return v.Kind == Null }

// OfBool, OfInt, OfText … return a value of that kind.
func OfBool(b bool) Value {
	if b {
		return Value{Kind: Bool, Int: 1}
	}
	return Value{Kind: Bool}
}
func OfInt(i int64) Value      { return Value{Kind: Int, Int: i} }
func OfFloat(f float64) Value  { return Value{Kind: Float, Float: f} }
func OfText(text string) Value { return Value{Kind: Text, Text: text} }
func OfDecimal(unscaled int64, scale uint8) Value {
	return Value{Kind: Decimal, Int: unscaled, Scale: scale}
}
func OfTimestamp(micros int64) Value { return Value{Kind: Timestamp, Int: micros} }
func OfDuration(micros int64) Value  { return Value{Kind: Duration, Int: micros} }
func OfDate(text string) Value       { return Value{Kind: Date, Text: text} }
func OfUUID(text string) Value       { return Value{Kind: UUID, Text: text} }
func OfJSON(text string) Value       { return Value{Kind: JSON, Text: text} }
func OfList(l []string) Value        { return Value{Kind: List, List: l} }

// Row is one row of an engine's result. Columns count from 0. Reading a column as another kind than the stored one is
// a bug of the caller. The bytes of Bytes are valid until the next row.
type Row interface {
	Null(col int) bool
	Int(col int) int64     // Bool (0 or 1), Int, Timestamp (microseconds since 1970)
	Float(col int) float64 // Float
	Bytes(col int) []byte  // Text, Enum, Date, UUID, JSON
	Decimal(col int, scale int) int64

	// Fits reports whether the column, which is not missing, is stored in the form of the field's values. A table's
	// columns always fit. Verify calls it for the columns of a view.
	Fits(col int, field *model.Field) bool
}
