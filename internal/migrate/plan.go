package migrate

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/ddl"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// additive says whether a change only adds, so that no row can be lost and no earlier reader be misled.
func additive(c schema.Change) bool {
	switch c.Kind {
	case schema.TableAdded, schema.IndexAdded, schema.UniqueAdded:
		return true
	case schema.FieldAdded:
		return c.Optional
	}
	return false
}

// refused returns a fault for each change that is not additive, with what to do about it.
func refused(m *schema.Model, changes []schema.Change) schema.Faults {
	var faults schema.Faults
	for _, c := range changes {
		if !additive(c) {
			faults = append(faults, m.Fault(c.Pos, "the database cannot follow this change by itself: %v; %s", c, advice(c)))
		}
	}
	return faults
}

// advice says what the writer of the model can do.
func advice(c schema.Change) string {
	switch c.Kind {
	case schema.FieldAdded:
		return "its rows have no value for a required field: make it optional"
	case schema.TableDropped, schema.FieldDropped, schema.UniqueDropped, schema.IndexDropped:
		return "put it back, or begin with a new data folder"
	case schema.TableRenamed, schema.FieldRenamed:
		return "keep the old name, or begin with a new data folder"
	}
	return "leave it as it was, or begin with a new data folder"
}

// contradicted returns a fault for each new unique index that rows contradict.
func contradicted(r store.Reader, m *schema.Model, changes []schema.Change) (schema.Faults, error) {
	var faults schema.Faults
	added := addedFields(changes)
	for _, c := range changes {
		if c.Kind != schema.UniqueAdded || slices.ContainsFunc(c.Columns, func(column string) bool { return added[c.Table+"."+column] }) {
			continue // a field that is missing in every row contradicts nothing
		}
		found, err := hasRow(r, ddl.Duplicates(dialectOf(r), index(m, c)))
		if err != nil {
			return nil, err
		}
		if found {
			faults = append(faults, m.Fault(c.Pos, "rows of the database have the same values already: %v; change them, or remove this", c))
		}
	}
	return faults, nil
}

func addedFields(changes []schema.Change) map[string]bool {
	added := make(map[string]bool)
	for _, c := range changes {
		if c.Kind == schema.FieldAdded {
			added[c.Table+"."+c.Field] = true
		}
	}
	return added
}

// statements returns the SQL of additive changes: tables, then their references, then fields, then indexes, since each may need the former.
func statements(dialect ddl.Dialect, m *schema.Model, changes []schema.Change) []string {
	var tables, references, fields, indexes []string
	for _, c := range changes {
		t := m.Table(c.Table)
		switch c.Kind {
		case schema.TableAdded:
			tables = append(tables, ddl.CreateTable(dialect, t)...)
			references = append(references, ddl.CreateReferences(dialect, t)...)
			indexes = append(indexes, ddl.CreateIndexes(dialect, t)...)
		case schema.FieldAdded:
			fields = append(fields, ddl.AddColumn(dialect, t.Field(c.Field))...)
		case schema.UniqueAdded, schema.IndexAdded:
			indexes = append(indexes, ddl.CreateIndex(dialect, index(m, c)))
		}
	}
	return slices.Concat(tables, references, fields, indexes)
}

// index returns the index that a change adds.
func index(m *schema.Model, c schema.Change) ddl.Index {
	t := m.Table(c.Table)
	fields := make([]*schema.Field, len(c.Columns))
	for i, column := range c.Columns {
		fields[i] = t.Field(column)
	}
	return ddl.NewIndex(t, c.Kind == schema.UniqueAdded, fields)
}
