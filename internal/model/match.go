package model

// Match says what of a model was there in an earlier one, by the same name or by another.
//
// A former name (`was`) counts once: where the earlier model has it at the same name, it has been applied, and means
// nothing more. Until then it goes before the name itself, so that two fields can change places.
type Match struct {
	Old, New *Model

	oldTables map[*Table]*Table // of New → of Old
	oldFields map[*Field]*Field
	newTables map[*Table]*Table // of Old → of New
	newFields map[*Field]*Field
}

// NewMatch matches a model with an earlier one.
func NewMatch(old, m *Model) *Match {
	x := &Match{Old: old, New: m, oldTables: map[*Table]*Table{}, oldFields: map[*Field]*Field{},
		newTables: map[*Table]*Table{}, newFields: map[*Field]*Field{}}
	for _, t := range m.Tables {
		if was := old.byName[t.Was]; was != nil && !applied(old.byName[t.Name], t.Was) {
			x.pair(was, t)
		}
	}
	for _, t := range m.Tables {
		if was := old.byName[t.Name]; was != nil && x.oldTables[t] == nil && x.newTables[was] == nil {
			x.pair(was, t)
		}
	}
	for _, t := range m.Tables {
		if was := x.oldTables[t]; was != nil {
			x.matchFields(was, t)
		}
	}
	return x
}

// applied says whether the earlier table of this name became it from the same former name.
func applied(same *Table, was string) bool { return same != nil && same.Was == was }

func (x *Match) pair(was, t *Table) { x.oldTables[t], x.newTables[was] = was, t }

func (x *Match) matchFields(was, t *Table) {
	pair := func(before, f *Field) { x.oldFields[f], x.newFields[before] = before, f }
	for _, f := range t.Fields {
		if before, same := was.fields[f.Was], was.fields[f.Name]; before != nil && !(same != nil && same.Was == f.Was) {
			pair(before, f)
		}
	}
	for _, f := range t.Fields {
		if before := was.fields[f.Name]; before != nil && x.oldFields[f] == nil && x.newFields[before] == nil {
			pair(before, f)
		}
	}
}

// OldTable returns what the table of the new model was in the old one, nil where it is new.
func (x *Match) OldTable(t *Table) *Table { return x.oldTables[t] }

// NewTable returns what has become of the table of the old model, nil where it is dropped.
func (x *Match) NewTable(t *Table) *Table { return x.newTables[t] }

// OldField returns what the field of the new model was in the old one, nil where it is new.
func (x *Match) OldField(f *Field) *Field { return x.oldFields[f] }

// NewField returns what has become of the field of the old model, nil where it is dropped.
func (x *Match) NewField(f *Field) *Field { return x.newFields[f] }

// OldValue returns the name that a value of an enum had in the earlier field, "" where the value is new.
func OldValue(before *Field, v EnumValue) string {
	switch {
	case before.HasValue(v.Name):
		return v.Name
	case before.HasValue(v.Was):
		return v.Was
	}
	return ""
}
