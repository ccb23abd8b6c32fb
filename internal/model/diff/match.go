package diff

import "github.com/ashlar-dev/ashlar/internal/model"

// Match pairs the tables and fields of an old model with a new one's, by name or by former name.
//
// A former name (`was`) applies once. It is ignored if the old table or field of the same name already has it: an
// earlier change carried out that rename. Otherwise it takes precedence over the name, so that two fields can swap
// their names.
type Match struct {
	Old, New *model.Model

	oldTables map[*model.Table]*model.Table // by the new table
	newTables map[*model.Table]*model.Table // by the old table
	oldFields map[*model.Field]*model.Field // by the new field
	newFields map[*model.Field]*model.Field // by the old field
}

// NewMatch matches a new model with an old one.
func NewMatch(oldModel, newModel *model.Model) *Match {
	match := &Match{
		Old: oldModel, New: newModel,
		oldTables: map[*model.Table]*model.Table{}, newTables: map[*model.Table]*model.Table{},
		oldFields: map[*model.Field]*model.Field{}, newFields: map[*model.Field]*model.Field{},
	}
	for _, table := range newModel.Tables {
		if old := match.oldNamed(table.Was); old != nil && !renamedBefore(match.oldNamed(table.Name), table) {
			match.pairTables(old, table)
		}
	}
	for _, table := range newModel.Tables {
		if old := match.oldNamed(table.Name); old != nil && match.OldTable(table) == nil && match.NewTable(old) == nil {
			match.pairTables(old, table)
		}
	}
	for _, table := range newModel.Tables {
		if old := match.OldTable(table); old != nil {
			match.matchFields(old, table)
		}
	}
	return match
}

// oldNamed returns the table of the old model with that name, or nil. Views are no tables.
func (m *Match) oldNamed(name string) *model.Table {
	table := m.Old.Table(name)
	if table == nil || table.View != nil {
		return nil
	}
	return table
}

// renamedBefore reports whether an earlier change renamed the old table of the same name from the former name of
// table.
func renamedBefore(sameName, table *model.Table) bool {
	return sameName != nil && sameName.Was == table.Was
}

func (m *Match) pairTables(old, table *model.Table) {
	m.oldTables[table], m.newTables[old] = old, table
}

func (m *Match) pairFields(old, field *model.Field) {
	m.oldFields[field], m.newFields[old] = old, field
}

func (m *Match) matchFields(oldTable, newTable *model.Table) {
	for _, field := range newTable.Fields {
		sameName := oldTable.Field(field.Name)
		if old := oldTable.Field(field.Was); old != nil && (sameName == nil || sameName.Was != field.Was) {
			m.pairFields(old, field)
		}
	}
	for _, f := range newTable.Fields {
		if old := oldTable.Field(f.Name); old != nil && m.OldField(f) == nil && m.NewField(old) == nil {
			m.pairFields(old, f)
		}
	}
}

// OldTable returns the old table that became a table of the new model, or nil for an added table.
func (m *Match) OldTable(table *model.Table) *model.Table { return m.oldTables[table] }

// NewTable returns the new table that a table of the old model became, or nil for a dropped table.
func (m *Match) NewTable(table *model.Table) *model.Table { return m.newTables[table] }

// OldField returns the old field that became a field of the new model, or nil for an added field.
func (m *Match) OldField(field *model.Field) *model.Field { return m.oldFields[field] }

// NewField returns the new field that a field of the old model became, or nil for a dropped field.
func (m *Match) NewField(field *model.Field) *model.Field { return m.newFields[field] }

// OldValue returns the name that a value of an enum has in the old field, or "" for an added value.
func OldValue(old *model.Field, value model.EnumValue) string {
	switch {
	case old.HasValue(value.Name):
		return value.Name
	case old.HasValue(value.Was):
		return value.Was
	}
	return ""
}
