package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Snapshot is a model as it is kept in a database, to be compared with a later one: plain values, without positions.
type Snapshot struct {
	Format int             `json:"ashlar"` // of the snapshot itself
	Name   string          `json:"name"`
	Roles  []string        `json:"roles,omitempty"`
	Tables []TableSnapshot `json:"tables"`
}

// snapshotFormat is the version of Snapshot; a later server raises it where an earlier one would misread. A snapshot of
// format 1 reads as one of format 2 in which nothing is caseless.
const snapshotFormat = 2

// TableSnapshot is one table. Lists of fields hold column names.
type TableSnapshot struct {
	Name    string          `json:"name"`
	Was     string          `json:"was,omitempty"`
	Doc     string          `json:"doc,omitempty"`
	Key     string          `json:"key"`
	Fields  []FieldSnapshot `json:"fields"`
	Unique  [][]string      `json:"unique,omitempty"`
	Indexes [][]string      `json:"indexes,omitempty"`
	Search  []string        `json:"search,omitempty"`
	Access  AccessSnapshot  `json:"access"`
	Checks  []CheckSnapshot `json:"checks,omitempty"`
}

// FieldSnapshot is one field; Name is the column.
type FieldSnapshot struct {
	Name      string `json:"name"`
	Was       string `json:"was,omitempty"`
	Doc       string `json:"doc,omitempty"`
	Type      string `json:"type"`
	Ref       string `json:"ref,omitempty"`
	Reverse   string `json:"reverse,omitempty"`
	OnDelete  string `json:"on_delete,omitempty"`
	System    bool   `json:"system,omitempty"`
	Optional  bool   `json:"optional,omitempty"`
	Unique    bool   `json:"unique,omitempty"`
	Caseless  bool   `json:"caseless,omitempty"` // since format 2
	Index     bool   `json:"index,omitempty"`
	Immutable bool   `json:"immutable,omitempty"`
	Secret    bool   `json:"secret,omitempty"`

	Default string `json:"default,omitempty"`
	Bare    bool   `json:"default_is_constant,omitempty"`
	Read    string `json:"read,omitempty"`
	Write   string `json:"write,omitempty"`

	Min       *int64           `json:"min,omitempty"` // in the unit of Field.Min
	Max       *int64           `json:"max,omitempty"`
	MinFloat  *float64         `json:"min_float,omitempty"`
	MaxFloat  *float64         `json:"max_float,omitempty"`
	Pattern   string           `json:"pattern,omitempty"`
	Format    string           `json:"format,omitempty"`
	Precision int              `json:"precision,omitempty"`
	Scale     int              `json:"scale,omitempty"`
	Values    []ValueSnapshot  `json:"values,omitempty"`
	Schema    *json.RawMessage `json:"schema,omitempty"`
}

// ValueSnapshot is one value of an enum.
type ValueSnapshot struct {
	Name string `json:"name"`
	Was  string `json:"was,omitempty"`
}

// AccessSnapshot is the text of a table's rules, "" for none.
type AccessSnapshot struct {
	Read       string `json:"read,omitempty"`
	Create     string `json:"create,omitempty"`
	UpdateFrom string `json:"update_from,omitempty"`
	UpdateTo   string `json:"update_to,omitempty"`
	Delete     string `json:"delete,omitempty"`
}

// CheckSnapshot is one check.
type CheckSnapshot struct {
	Expr    string `json:"expr"`
	Message string `json:"message"`
}

// Encode returns the model's snapshot as JSON. Equal models give equal bytes. The model has no faults.
func Encode(m *Model) []byte {
	return snapshot(m).encode()
}

func (s *Snapshot) encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // rules stay readable
	if err := e.Encode(s); err != nil {
		panic("model: a sound model that JSON cannot hold: " + err.Error())
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// ErrDamaged is in the chain of the error of a stored model that is not as it was written.
var ErrDamaged = errors.New("the stored model cannot be read")

// Decode reads what Encode wrote.
func Decode(data []byte) (*Snapshot, error) {
	var version struct {
		Format int `json:"ashlar"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if version.Format < 1 || version.Format > snapshotFormat {
		return nil, fmt.Errorf("the stored model has format %d, this server reads formats up to %d: use the version of the server that wrote it, or a later one",
			version.Format, snapshotFormat)
	}
	var s Snapshot
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if d.More() {
		return nil, fmt.Errorf("%w: something follows it", ErrDamaged)
	}
	for _, t := range s.Tables {
		for _, columns := range slices.Concat(t.Unique, t.Indexes) {
			if len(columns) == 0 {
				return nil, fmt.Errorf("%w: an index of %s has no columns", ErrDamaged, t.Name)
			}
		}
	}
	return &s, nil
}

func snapshot(m *Model) *Snapshot {
	s := &Snapshot{Format: snapshotFormat, Name: m.Name, Roles: m.Roles}
	for _, t := range m.Tables {
		s.Tables = append(s.Tables, t.snapshot())
	}
	return s
}

func (t *Table) snapshot() TableSnapshot {
	s := TableSnapshot{Name: t.Name, Was: t.Was, Doc: t.Doc, Key: t.Key.String(), Search: columns(t.Search)}
	for _, f := range t.Fields {
		s.Fields = append(s.Fields, f.snapshot())
	}
	for _, fields := range t.Unique {
		s.Unique = append(s.Unique, columns(fields))
	}
	for _, fields := range t.Indexes {
		s.Indexes = append(s.Indexes, columns(fields))
	}
	a := t.Access
	s.Access = AccessSnapshot{a.Read.text(), a.Create.text(), a.UpdateFrom.text(), a.UpdateTo.text(), a.Delete.text()}
	for _, c := range t.Checks {
		s.Checks = append(s.Checks, CheckSnapshot{c.Expr.Text, c.Message})
	}
	return s
}

func (f *Field) snapshot() FieldSnapshot {
	s := FieldSnapshot{
		Name: f.Name, Was: f.Was, Doc: f.Doc, Type: f.Type.String(), System: f.System,
		Optional: f.Optional, Unique: f.Unique, Caseless: f.Caseless, Index: f.Index, Immutable: f.Immutable, Secret: f.Secret,
		Default: f.Default.text(), Bare: f.Default != nil && f.Default.Constant, Read: f.Read.text(), Write: f.Write.text(),
		Min: f.Min, Max: f.Max, MinFloat: f.MinFloat, MaxFloat: f.MaxFloat, Format: f.Format,
		Precision: f.Precision, Scale: f.Scale,
	}
	if f.Ref != nil {
		s.Ref, s.Reverse, s.OnDelete = f.Ref.Name, f.reverse(), f.OnDelete.String()
	}
	if f.Pattern != nil {
		s.Pattern = f.Pattern.String()
	}
	for _, v := range f.Values {
		s.Values = append(s.Values, ValueSnapshot(v))
	}
	if f.JSONSchemaText != "" {
		raw := json.RawMessage(f.JSONSchemaText)
		s.Schema = &raw
	}
	return s
}

// reverse is the name of the way back along a reference, or "".
func (f *Field) reverse() string {
	for _, r := range f.Ref.Relations {
		if r.Many && r.Field == f {
			return r.Name
		}
	}
	return ""
}

// Indexed says whether the field has an index of its own that is not unique: where it asks for one, and where it is a
// reference. Deleting a row looks for the rows that refer to it, and a way back lists them in the order of their ids. A
// reference without a way back is found by any index that starts with it; a second one made a create 18 % slower.
func (f *Field) Indexed() bool { return f.Table.snapshot().indexed(f.snapshot()) }

func (s TableSnapshot) indexed(f FieldSnapshot) bool {
	starts := func(columns []string) bool { return columns[0] == f.Name }
	switch {
	case f.Unique:
		return false
	case f.Index, f.Reverse != "":
		return true
	}
	return f.Ref != "" && !slices.ContainsFunc(s.Unique, starts) && !slices.ContainsFunc(s.Indexes, starts)
}

// text returns the text of an expression, "" for none.
func (e *Expr) text() string {
	if e == nil {
		return ""
	}
	return e.Text
}

func columns(fields []*Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
