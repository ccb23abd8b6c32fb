package model

import "regexp"

// Field is one column of a table, one member of its JSON, and one name in its expressions.
type Field struct {
	Table *Table
	Name  string // name in JSON, SQL and expressions: author_id for the reference author
	Was   string // former Name, or ""
	Doc   string
	Type  Type

	Ref      *Table   // target of a reference, or nil
	RefName  string   // name of a reference in the model file: author for author_id; "" for other fields
	OnDelete OnDelete // effect on this row when the referenced row is deleted

	System    bool  // id, created_at or updated_at
	Optional  bool  // the value may be missing
	Default   *Expr // or nil
	Unique    bool
	Index     bool
	Immutable bool // only a create sets it
	Secret    bool // clients write it and never read it
	Caseless  bool // Unique ignores the case of the letters A to Z
	ReadOnly  bool // only the system writes it
	Sparse    bool // no index with this field has the rows without a value; system tables only
	Link      bool // clients may set the reference to a row hidden from them
	Read      *Expr
	Write     *Expr

	AsString           bool     // Int: JSON holds a string of digits
	Min, Max           *int64   // inclusive. Text: code points; Int: value; Decimal: value × 10^Scale
	MinFloat, MaxFloat *float64 // inclusive, Float only
	Pattern            *regexp.Regexp
	Format             string // Text: "", email, url or slug
	Precision, Scale   int    // Decimal: 1 ≤ Precision ≤ 18, 0 ≤ Scale ≤ Precision
	Values             []EnumValue
	JSONSchema         Validator // JSON: nil accepts any value
	JSONSchemaText     string    // source of JSONSchema as compact JSON, or ""

	Pos Pos
}

// Validator checks a decoded JSON value. *jsonschema.Schema is one.
type Validator interface {
	Validate(value any) error
}

// EnumValue is one value of an enum.
type EnumValue struct {
	Name string
	Was  string // former name, or ""
}

// OnDelete is the effect of deleting a row on the rows that refer to it.
type OnDelete uint8

const (
	Restrict OnDelete = iota // the deletion is refused
	Cascade                  // the referring rows are deleted too
	Clear                    // their reference becomes missing
)

// String returns the word of the model file.
func (d OnDelete) String() string { return [...]string{"restrict", "cascade", "clear"}[d] }

// HasValue reports whether an enum has a value of that name.
func (f *Field) HasValue(name string) bool {
	for _, member := range f.Values {
		if member.Name == name {
			return true
		}
	}
	return false
}

// Reverse returns the relation that leads back along a reference, or nil.
func (f *Field) Reverse() *Relation {
	if f.Ref == nil {
		return nil
	}
	for _, relation := range f.Ref.Relations {
		if relation.Many && relation.Field == f {
			return relation
		}
	}
	return nil
}
