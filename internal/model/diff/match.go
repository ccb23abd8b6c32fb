package diff

import "github.com/ashlar-dev/ashlar/internal/model"

// Match pairs the tables and fields of an old model with those of a new one, by name or by former name.
//
// A former name (`was`) applies once. It is ignored if the old table or field of the same name already has it: an earlier
// change carried out that rename. Otherwise it takes precedence over the name, so that two fields can swap their names.
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
	for _, t := range newModel.Tables {
		if old := match.oldNamed(t.Was); old != nil && !renamedBefore(match.oldNamed(t.Name), t) {
			match.pairTables(old, t)
		}
	}
	for _, t := range newModel.Tables {
		if old := match.oldNamed(t.Name); old != nil && match.OldTable(t) == nil && match.NewTable(old) == nil {
			match.pairTables(old, t)
		}
	}
	for _, t := range newModel.Tables {
		if old := match.OldTable(t); old != nil {
			match.matchFields(old, t)
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

// renamedBefore reports whether the old table of the same name was already renamed from the former name of t.
func renamedBefore(sameName, t *model.Table) bool { return sameName != nil && sameName.Was == t.Was }

func (m *Match) pairTables(old, t *model.Table) { m.oldTables[t], m.newTables[old] = old, t }

func (m *Match) pairFields(old, f *model.Field) { m.oldFields[f], m.newFields[old] = old, f }

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
func (m *Match) OldTable(t *model.Table) *model.Table { return m.oldTables[t] }

// NewTable returns the new table that a table of the old model became, or nil for a dropped table.
func (m *Match) NewTable(t *model.Table) *model.Table { return m.newTables[t] }

// OldField returns the old field that became a field of the new model, or nil for an added field.
func (m *Match) OldField(f *model.Field) *model.Field { return m.oldFields[f] }

// NewField returns the new field that a field of the old model became, or nil for a dropped field.
func (m *Match) NewField(f *model.Field) *model.Field { return m.newFields[f] }

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
