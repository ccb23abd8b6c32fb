package snapshot

import (
	"encoding/json"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func storedModelOf(m *model.Model) *storedModel {
	s := &storedModel{Format: currentFormat, Name: m.Name, Roles: m.Roles}
	for _, t := range m.Tables {
		s.Tables = append(s.Tables, storedTableOf(t))
	}
	return s
}

func storedTableOf(t *model.Table) storedTable {
	s := storedTable{Name: t.Name, Was: t.Was, Doc: t.Doc, Key: t.Key.String(), Search: columns(t.Search)}
	for _, f := range t.Fields {
		s.Fields = append(s.Fields, storedFieldOf(f))
	}
	for _, fields := range t.Unique {
		s.Unique = append(s.Unique, columns(fields))
	}
	for _, fields := range t.Indexes {
		s.Indexes = append(s.Indexes, columns(fields))
	}
	a := t.Access
	s.Access = storedAccess{
		Read: a.Read.String(), Create: a.Create.String(), Delete: a.Delete.String(),
		UpdateFrom: a.UpdateFrom.String(), UpdateTo: a.UpdateTo.String(),
	}
	for _, c := range t.Checks {
		s.Checks = append(s.Checks, storedCheck{c.Expr.Text, c.Message})
	}
	return s
}

func storedFieldOf(f *model.Field) storedField {
	s := storedField{
		Name: f.Name, Was: f.Was, Doc: f.Doc, Type: f.Type.String(), System: f.System,
		Optional: f.Optional, Unique: f.Unique, Caseless: f.Caseless, Index: f.Index, Immutable: f.Immutable, Secret: f.Secret,
		Default: f.Default.String(), ConstantDefault: f.Default != nil && f.Default.Constant,
		Read: f.Read.String(), Write: f.Write.String(),
		Min: f.Min, Max: f.Max, MinFloat: f.MinFloat, MaxFloat: f.MaxFloat, Format: f.Format,
		Precision: f.Precision, Scale: f.Scale,
	}
	if f.Ref != nil {
		s.Ref, s.OnDelete = f.Ref.Name, f.OnDelete.String()
	}
	if r := f.Reverse(); r != nil {
		s.Reverse = r.Name
	}
	if f.Pattern != nil {
		s.Pattern = f.Pattern.String()
	}
	for _, v := range f.Values {
		s.Values = append(s.Values, storedValue(v))
	}
	if f.JSONSchemaText != "" {
		raw := json.RawMessage(f.JSONSchemaText)
		s.Schema = &raw
	}
	return s
}

func columns(fields []*model.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}
