// Package model holds what a model file declares: tables, fields and rules.
package model

import (
	"regexp"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Type is what a field holds. A reference has the type of the key that it holds.
type Type uint8

const (
	Invalid   Type = iota // the declaration has a fault; only seen in a model that comes with faults
	Text                  // Unicode text
	Int                   // 64-bit signed integer
	Float                 // finite IEEE 754 double; never -0
	Decimal               // exact decimal of Field.Precision digits, Field.Scale of them after the point
	Bool                  //
	Timestamp             // an instant, years 1 to 9999, in microseconds
	Date                  // a calendar day, years 1 to 9999
	UUID                  // lower case
	Enum                  // one of Field.Values
	JSON                  // any JSON but null
)

var typeNames = [...]string{"bad", "text", "int", "float", "decimal", "bool", "timestamp", "date", "uuid", "enum", "json"}

// String returns the type's name in a model file.
func (t Type) String() string { return typeNames[t] }

// Model is what a model file says. A model that was loaded without faults never changes.
type Model struct {
	Name    string
	Version string   // of the API that the model makes, "" where it is not given
	Roles   []string // names that an account may hold
	Tables  []*Table // in the order of the file; users, where it is not declared, comes first
	Views   []*Table // those whose rows a query makes; the database has no table for them

	byName map[string]*Table
	source *source
}

// Table returns the table or the view of that name, or nil.
func (m *Model) Table(name string) *Table { return m.byName[name] }

// All returns the tables, then the views: whatever has rows to read.
func (m *Model) All() []*Table { return slices.Concat(m.Tables, m.Views) }

// Table is one table of a model, or a view.
type Table struct {
	Name      string
	View      *View  // nil: it is a table
	Was       string // the former name, or ""
	Doc       string
	Key       Type        // type of id: UUID, Int or Text
	Fields    []*Field    // id, the declared fields in the order of the file; of a table, created_at, updated_at
	Relations []*Relation // in the order of the references that make them
	Unique    [][]*Field  // combinations of two or more fields, or of one where declared at the table
	Indexes   [][]*Field
	Search    []*Field
	Access    Access
	Checks    []Check
	Pos       Pos

	fields    map[string]*Field
	relations map[string]*Relation
}

// Field returns the field of that name (author_id for a reference author), or nil.
func (t *Table) Field(name string) *Field { return t.fields[name] }

// Relation returns the relation of that name, to-one or to-many, or nil.
func (t *Table) Relation(name string) *Relation { return t.relations[name] }

// ID returns the key field, which is always the first.
func (t *Table) ID() *Field { return t.Fields[0] }

// Field is one column of a table, one member of its JSON, one name in its expressions.
type Field struct {
	Table *Table
	Name  string // as in JSON, SQL and expressions: author_id for the reference author
	Was   string // the former name in the same form, or ""
	Doc   string
	Type  Type

	Ref      *Table   // the table that a reference names, or nil
	RefName  string   // the name in the model file: author for author_id; "" where it is no reference
	OnDelete OnDelete // what happens to this row when the row it refers to is deleted

	System    bool  // id, created_at, updated_at
	Optional  bool  // may be missing
	Default   *Expr // nil: none
	Unique    bool
	Index     bool
	Immutable bool // set at create only
	Secret    bool // can be written, never read
	Caseless  bool // Unique, and values that differ in the case of the letters A to Z alone count as the same
	ReadOnly  bool // written by the system alone
	Link      bool // a reference: whoever may write it may set it to a row that it may not read
	Read      *Expr
	Write     *Expr

	AsString           bool     // Int: JSON has it as a string of digits
	Min, Max           *int64   // inclusive. Text: code points; Int: value; Decimal: value × 10^Scale
	MinFloat, MaxFloat *float64 // inclusive, Float only
	Pattern            *regexp.Regexp
	Format             string // Text: "", email, url or slug
	Precision, Scale   int    // Decimal: 1 ≤ Precision ≤ 18, 0 ≤ Scale ≤ Precision
	Values             []EnumValue
	JSONSchema         *jsonschema.Schema // JSON: nil accepts any
	JSONSchemaText     string             // its source as compact JSON, "" where there is none

	Pos Pos
}

// View is what makes a table a view: it is read only, and its rows are those of a query.
type View struct {
	Reads    []Read // the tables that the query reads, each once
	SQLite   *Expr  // the query for SQLite; nil where there is none
	Postgres *Expr  // the query for PostgreSQL; the same *Expr where one text is for both
}

// Read is a table that a view says it reads.
type Read struct {
	Table *Table
	Pos   Pos
}

// EnumValue is one value of an enum.
type EnumValue struct {
	Name string
	Was  string // the former name, or ""
}

// OnDelete is what the deletion of a row does to the rows that refer to it.
type OnDelete uint8

const (
	Restrict OnDelete = iota // it is refused
	Cascade                  // they are deleted too
	Clear                    // their reference becomes missing
)

// String returns the word of the model file.
func (d OnDelete) String() string { return [...]string{"restrict", "cascade", "clear"}[d] }

// Relation is a way from a row to one other row, or to many.
type Relation struct {
	Name  string
	From  *Table // the table whose rows it starts from
	To    *Table
	Field *Field // the reference: a field of From where Many is false, a field of To where it is true
	Many  bool
}

// Access holds a table's rules. A nil rule admits nobody but the system.
type Access struct {
	Read, Create, Delete *Expr
	UpdateFrom, UpdateTo *Expr // the row as it was and as it becomes; the same *Expr where the model gives one
}

// Check is a condition on a row as it becomes.
type Check struct {
	Expr    *Expr
	Message string
}
