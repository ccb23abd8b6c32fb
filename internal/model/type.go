package model

import "slices"

// Type is the type of a field. A reference has the type of the key that it refers to.
type Type uint8

const (
	Invalid   Type = iota // the declaration has a fault; only a model with faults has such fields
	Text                  // Unicode text
	Int                   // 64-bit signed integer
	Float                 // finite IEEE 754 double, never -0
	Decimal               // exact decimal of Field.Precision digits, Field.Scale of them after the point
	Bool                  // true or false
	Timestamp             // instant in the years 1 to 9999, in microseconds
	Date                  // calendar day in the years 1 to 9999
	UUID                  // UUID in lower case
	Enum                  // one of Field.Values
	JSON                  // any JSON but null
)

var typeNames = [...]string{"invalid", "text", "int", "float", "decimal", "bool", "timestamp", "date", "uuid", "enum", "json"}

// String returns the type's name in a model file.
func (t Type) String() string { return typeNames[t] }

// Types returns every type that a field can declare.
func Types() []Type {
	types := make([]Type, 0, JSON)
	for typ := Text; typ <= JSON; typ++ {
		types = append(types, typ)
	}
	return types
}

// ParseType returns the type of that name in a model file, or Invalid.
func ParseType(name string) Type {
	return Type(max(slices.Index(typeNames[:], name), 0))
}
