package snapshot

import (
	"encoding/json"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

func storedModelOf(m *model.Model) *storedModel {
	stored := &storedModel{Format: 2, Name: m.Name, Roles: m.Roles}
	if refersElsewhere(m) {
		stored.Format = 3
	}
	for _, table := range m.Tables {
		stored.Tables = append(stored.Tables, storedTableOf(table))
	}
	return stored
}

// refersElsewhere reports whether a table of the model refers to a table of another model.
func refersElsewhere(m *model.Model) bool {
	return slices.ContainsFunc(m.Tables, func(table *model.Table) bool {
		return slices.ContainsFunc(table.Fields, func(field *model.Field) bool {
			return field.Ref != nil && m.Table(field.Ref.Name) != field.Ref
		})
	})
}

func storedTableOf(table *model.Table) storedTable {
	stored := storedTable{Name: table.Name, Was: table.Was, Doc: table.Doc, Key: table.Key.String(), Search: columns(table.Search)}
	for _, field := range table.Fields {
		stored.Fields = append(stored.Fields, storedFieldOf(field))
	}
	for _, fields := range table.Unique {
		stored.Unique = append(stored.Unique, columns(fields))
	}
	for _, fields := range table.Indexes {
		stored.Indexes = append(stored.Indexes, columns(fields))
	}
	rules := table.Access
	stored.Access = storedAccess{
		Read: rules.Read.String(), Create: rules.Create.String(), Delete: rules.Delete.String(),
		UpdateFrom: rules.UpdateFrom.String(), UpdateTo: rules.UpdateTo.String(),
	}
	for _, c := range table.Checks {
		stored.Checks = append(stored.Checks, storedCheck{c.Expr.Text, c.Message})
	}
	return stored
}

func storedFieldOf(field *model.Field) storedField {
	stored := storedField{
		Name: field.Name, Was: field.Was, Doc: field.Doc, Type: field.Type.String(), System: field.System,
		Optional: field.Optional, Unique: field.Unique, Caseless: field.Caseless, Index: field.Index, Sparse: field.Sparse, Immutable: field.Immutable, Secret: field.Secret,
		Default: field.Default.String(), ConstantDefault: field.Default != nil && field.Default.Constant,
		Read: field.Read.String(), Write: field.Write.String(),
		Min: field.Min, Max: field.Max, MinFloat: field.MinFloat, MaxFloat: field.MaxFloat, Format: field.Format,
		Precision: field.Precision, Scale: field.Scale,
	}
	if field.Ref != nil {
		stored.Ref, stored.OnDelete = field.Ref.Name, field.OnDelete.String()
	}
	if relation := field.Reverse(); relation != nil {
		stored.Reverse = relation.Name
	}
	if field.Pattern != nil {
		stored.Pattern = field.Pattern.String()
	}
	for _, member := range field.Values {
		stored.Values = append(stored.Values, storedValue(member))
	}
	if field.JSONSchemaText != "" {
		raw := json.RawMessage(field.JSONSchemaText)
		stored.Schema = &raw
	}
	return stored
}

func columns(fields []*model.Field) []string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.Name
	}
	return names
}
