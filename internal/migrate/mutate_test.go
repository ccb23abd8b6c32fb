package migrate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// mutation edits a world at random; from is the world of before the step. It returns whether it found something to edit.
// What the loader of models refuses is thrown away by the caller.
type mutation struct {
	name string
	edit func(m *mutator) bool
}

// mutator makes the edits of one step.
type mutator struct {
	*rand.Rand
	from, w *world
}

func mutations() []mutation {
	return []mutation{
		{"table added", func(m *mutator) bool { return m.addTable() != nil }},
		{"table dropped", (*mutator).dropTable},
		{"table renamed", (*mutator).renameTable},
		{"tables swapped", (*mutator).swapTables},
		{"table dropped, another takes its name", (*mutator).replaceTable},
		{"field added", (*mutator).addSomeField},
		{"reference added", (*mutator).addReference},
		{"field dropped", (*mutator).dropField},
		{"field renamed", (*mutator).renameField},
		{"fields swapped", (*mutator).swapFields},
		{"field dropped, another takes its name", (*mutator).replaceField},
		{"type", (*mutator).changeType},
		{"type of what is unique", (*mutator).changeKeyedType},
		{"optional", (*mutator).flipOptional},
		{"unique", (*mutator).flipUnique},
		{"index", (*mutator).flipIndex},
		{"combination added", (*mutator).addCombination},
		{"combination added", (*mutator).addCombination},
		{"combination dropped", (*mutator).dropCombination},
		{"field becomes a reference", (*mutator).bindReference},
		{"reference becomes a field", (*mutator).unbindReference},
		{"reference to another table", (*mutator).retarget},
		{"on_delete", (*mutator).changeOnDelete},
		{"reverse", (*mutator).flipReverse},
		{"key", (*mutator).changeKey},
		{"decimal", (*mutator).changeDecimal},
		{"values", (*mutator).changeValues},
		{"default", (*mutator).changeDefault},
	}
}

// free returns one of the names that is not taken, "" if there is none.
func (m *mutator) free(names []string, taken ...string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(taken, n) })
	if len(names) == 0 {
		return ""
	}
	return pick(m.Rand, names)
}

func (w *world) names() (all []string) {
	for _, t := range w.tables {
		all = append(all, t.name)
	}
	return all
}

func (t *wTable) columns() (all []string) {
	if t != nil {
		for _, f := range t.fields {
			all = append(all, f.column)
		}
	}
	return all
}

func (m *mutator) anyTable() *wTable { return pick(m.Rand, m.w.tables) }

// other is a table that the server has no hand in.
func (m *mutator) other() *wTable {
	if t := m.anyTable(); t.name != "users" {
		return t
	}
	return nil
}

func (m *mutator) anyField(want func(*wField) bool) (*wTable, *wField) {
	for range 10 {
		table := m.anyTable()
		if len(table.fields) > 0 {
			if f := pick(m.Rand, table.fields); want(f) {
				return table, f
			}
		}
	}
	return nil, nil
}

func (m *mutator) addTable() *wTable {
	if len(m.w.tables) > 5 {
		return nil
	}
	table := &wTable{uid: m.w.uid(), key: pick(m.Rand, []model.Type{model.Int, model.UUID, model.Text})}
	if table.name = m.free(tableNamesOf(), append(m.w.names(), m.from.names()...)...); table.name == "" {
		return nil
	}
	m.w.tables = append(m.w.tables, table)
	for range m.IntN(5) {
		m.addField(table)
	}
	return table
}

func (m *mutator) dropTable() bool {
	table := m.other()
	if table == nil || len(m.w.tables) < 3 {
		return false
	}
	m.forget(table)
	return true
}

// forget drops a table, and what refers to it becomes plain or goes too.
func (m *mutator) forget(t *wTable) {
	m.w.tables = slices.DeleteFunc(m.w.tables, func(o *wTable) bool { return o == t })
	for _, table := range m.w.tables {
		for _, field := range slices.Clone(table.fields) {
			if field.ref != t.uid {
				continue
			}
			if chance(m.Rand, 50) {
				m.forgetField(table, field)
			} else {
				field.plain()
			}
		}
	}
}

func (f *wField) plain() { f.ref, f.onDelete, f.reverse, f.given = 0, "", "", given{} }

func (m *mutator) forgetField(table *wTable, field *wField) {
	table.fields = slices.DeleteFunc(table.fields, func(o *wField) bool { return o == field })
	without := func(combo []int) bool { return slices.Contains(combo, field.uid) }
	table.unique, table.indexes = slices.DeleteFunc(table.unique, without), slices.DeleteFunc(table.indexes, without)
}

// call gives a table a name. The former one is its name before the step.
func (m *mutator) call(table *wTable, name string) {
	table.name, table.was = name, ""
	if before := m.from.table(table.uid); before != nil && before.name != name {
		table.was = before.name
	}
}

func (m *mutator) callField(table *wTable, field *wField, column string) {
	field.column, field.was = column, ""
	if before := m.from.table(table.uid); before != nil && before.field(field.uid) != nil && before.field(field.uid).column != column {
		field.was = before.field(field.uid).column
	}
}

func (m *mutator) renameTable() bool {
	table := m.other()
	if table == nil {
		return false
	}
	name := m.free(tableNamesOf(), append(m.w.names(), m.from.names()...)...)
	if name == "" {
		return false
	}
	m.call(table, name)
	return true
}

func (m *mutator) swapTables() bool {
	table, b := m.other(), m.other()
	if table == nil || b == nil || table == b {
		return false
	}
	nameA, nameB := table.name, b.name
	m.call(table, nameB)
	m.call(b, nameA)
	return true
}

func (m *mutator) replaceTable() bool {
	a, table := m.other(), m.other()
	if a == nil || table == nil || a == table || m.from.table(table.uid) == nil {
		return false
	}
	m.forget(a)
	m.call(table, a.name)
	return true
}

// addField adds a field that has no former self.
func (m *mutator) addField(table *wTable) *wField {
	field := &wField{uid: m.w.uid()}
	if field.column = m.free(columnNamesOf(), append(table.columns(), m.from.table(table.uid).columns()...)...); field.column == "" {
		return nil
	}
	field.optional = chance(m.Rand, 50)
	m.become(field, m.anyType())
	if strings.HasSuffix(field.column, "_id") && chance(m.Rand, 60) {
		m.bind(field, m.anyTable())
	}
	if chance(m.Rand, 50) {
		field.given = m.newDefault(field)
	}
	field.unique = chance(m.Rand, 15) && field.typ != model.JSON
	field.index = !field.unique && chance(m.Rand, 20) && field.typ != model.JSON
	table.fields = slices.Insert(table.fields, m.IntN(len(table.fields)+1), field)
	return field
}

func (m *mutator) anyType() model.Type {
	return model.Type(1 + m.IntN(int(model.JSON)))
}

// become gives a field another type, and what that needs.
func (m *mutator) become(field *wField, typ model.Type) {
	was := field.typ
	field.typ, field.given = typ, given{}
	switch typ {
	case model.Decimal:
		field.precision = 1 + m.IntN(18)
		field.scale = m.IntN(field.precision + 1)
		if chance(m.Rand, 70) {
			field.precision, field.scale = 18, pick(m.Rand, []int{0, 1, 2, 4})
		}
	case model.Enum:
		field.values = nil
		if was == model.Text && chance(m.Rand, 70) {
			m.valuesOfRows(field)
		}
		for _, name := range enumNames() {
			if (was != model.Invalid || chance(m.Rand, 40)) && !hasValue(field, name) {
				field.values = append(field.values, model.EnumValue{Name: name})
			}
		}
		if len(field.values) == 0 {
			field.values = []model.EnumValue{{Name: "a"}}
		}
	case model.JSON:
		field.unique, field.index = false, false
		for _, t := range m.w.tables {
			has := func(combo []int) bool { return slices.Contains(combo, field.uid) }
			t.unique, t.indexes = slices.DeleteFunc(t.unique, has), slices.DeleteFunc(t.indexes, has)
		}
	}
}

// valuesOfRows gives an enum the values in the rows.
func (m *mutator) valuesOfRows(field *wField) {
	for _, table := range m.from.tables {
		for _, row := range table.rows {
			s := row.values[field.uid].Text
			if len(s) < 100 && strings.TrimSpace(s) == s && s != "" && !hasValue(field, s) {
				field.values = append(field.values, model.EnumValue{Name: s})
			}
		}
	}
}

func hasValue(f *wField, name string) bool {
	return slices.ContainsFunc(f.values, func(v model.EnumValue) bool { return v.Name == name || v.Was == name })
}

// newDefault is a constant, or now; none where the type has no constants.
func (m *mutator) newDefault(field *wField) given {
	var all []given
	switch {
	case field.ref != 0:
		if target := m.from.table(field.ref); target != nil && len(target.rows) > 0 && chance(m.Rand, 80) {
			id := show(pick(m.Rand, target.rows).id)
			if m.w.table(field.ref).key != model.Int {
				id = strings.Trim(id, `"`)
				return given{"'" + strings.ReplaceAll(id, "'", `\'`) + "'", quoted(id)}
			}
			return given{strings.Trim(id, `"`), strings.Trim(id, `"`)}
		}
		return given{}
	case field.typ == model.Enum:
		name := pick(m.Rand, field.values).Name
		return given{quoted(name), quoted(name)}
	case field.typ == model.Decimal:
		s := "0"
		if field.precision > field.scale {
			s = "7"
		}
		return given{s, quoted(s)}
	case field.typ == model.Text:
		all = []given{{"'x'", `"x"`}, {`"it's"`, `"it's"`}, {"''", `""`}, {"'1'", `"1"`}, {`'\\'`, `"\\"`}}
	case field.typ == model.Int:
		all = []given{{"3", "3"}, {"-1", "-1"}, {"0", "0"}}
	case field.typ == model.Float:
		all = []given{{"1.5", "1.5"}, {"2.0", "2"}, {"-0.1", "-0.1"}}
	case field.typ == model.Bool:
		all = []given{{"true", "true"}, {"false", "false"}}
	case field.typ == model.Timestamp:
		all = []given{{now, now}, {"timestamp('2026-01-31T12:00:00Z')", `"2026-01-31T12:00:00Z"`}}
	case field.typ == model.Date:
		all = []given{{"date('2026-01-31')", `"2026-01-31"`}}
	case field.typ == model.UUID:
		all = []given{{"'018f0000-0000-7000-8000-0000000000a1'", `"018f0000-0000-7000-8000-0000000000a1"`}}
	default:
		return given{}
	}
	return pick(m.Rand, all)
}

func (m *mutator) addSomeField() bool {
	t := m.anyTable()
	return len(t.fields) < 8 && m.addField(t) != nil
}

func (m *mutator) addReference() bool {
	table := m.anyTable()
	field := m.addField(table)
	if field == nil || !strings.HasSuffix(field.column, "_id") {
		return false
	}
	m.bind(field, m.anyTable())
	if field.unique = false; !field.optional && chance(m.Rand, 70) {
		field.given = m.newDefault(field)
	}
	return true
}

// bind makes a field a reference.
func (m *mutator) bind(field *wField, to *wTable) {
	field.ref, field.typ, field.given = to.uid, to.key, given{}
	field.onDelete = pick(m.Rand, []string{"restrict", "cascade", "clear"})
	if field.onDelete == "clear" {
		field.optional = true
	}
	if chance(m.Rand, 30) {
		field.reverse = fmt.Sprintf("back%d", field.uid)
	}
}

func (m *mutator) dropField() bool {
	table, field := m.anyField(func(*wField) bool { return true })
	if table == nil {
		return false
	}
	m.forgetField(table, field)
	return true
}

func (m *mutator) renameField() bool {
	table, field := m.anyField(func(*wField) bool { return true })
	if table == nil {
		return false
	}
	column := m.free(columnNamesOf(), append(table.columns(), m.from.table(table.uid).columns()...)...)
	if column == "" || (field.ref != 0 && !strings.HasSuffix(column, "_id")) {
		return false
	}
	m.callField(table, field, column)
	return true
}

func (m *mutator) swapFields() bool {
	table, a := m.anyField(func(*wField) bool { return true })
	if table == nil {
		return false
	}
	field := pick(m.Rand, table.fields)
	if a == field || (a.ref != 0) != (field.ref != 0) {
		return false
	}
	columnA, columnB := a.column, field.column
	m.callField(table, a, columnB)
	m.callField(table, field, columnA)
	return true
}

func (m *mutator) replaceField() bool {
	table, a := m.anyField(func(*wField) bool { return true })
	if table == nil {
		return false
	}
	field := pick(m.Rand, table.fields)
	if a == field || (field.ref != 0 && !strings.HasSuffix(a.column, "_id")) || m.from.table(table.uid) == nil || m.from.table(table.uid).field(field.uid) == nil {
		return false
	}
	m.forgetField(table, a)
	m.callField(table, field, a.column)
	return true
}

func (m *mutator) changeType() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref == 0 })
	if field == nil {
		return false
	}
	m.become(field, m.anyType())
	return true
}

func (m *mutator) changeKeyedType() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref == 0 && (f.unique || f.index) })
	if field == nil {
		return false
	}
	m.become(field, m.anyType())
	return true
}

func (m *mutator) flipOptional() bool {
	_, field := m.anyField(func(f *wField) bool { return f.onDelete != "clear" })
	if field == nil {
		return false
	}
	if field.optional = !field.optional; !field.optional && chance(m.Rand, 60) {
		field.given = m.newDefault(field)
	}
	return true
}

func (m *mutator) flipUnique() bool {
	_, field := m.anyField(func(f *wField) bool { return f.typ != model.JSON })
	if field == nil {
		return false
	}
	field.unique, field.index = !field.unique, false
	return true
}

func (m *mutator) flipIndex() bool {
	_, field := m.anyField(func(f *wField) bool { return f.typ != model.JSON })
	if field == nil {
		return false
	}
	field.index, field.unique = !field.index, false
	return true
}

func (m *mutator) addCombination() bool {
	table := m.anyTable()
	if len(table.fields) < 2 {
		return false
	}
	var combo []int
	for _, i := range m.Perm(len(table.fields))[:1+m.IntN(min(3, len(table.fields)))] {
		if table.fields[i].typ != model.JSON {
			combo = append(combo, table.fields[i].uid)
		}
	}
	if len(combo) == 0 {
		return false
	}
	if chance(m.Rand, 50) {
		table.unique = append(table.unique, combo)
	} else {
		table.indexes = append(table.indexes, combo)
	}
	return true
}

func (m *mutator) dropCombination() bool {
	table := m.anyTable()
	if len(table.unique) > 0 && chance(m.Rand, 50) {
		table.unique = slices.Delete(table.unique, 0, 1)
		return true
	}
	if len(table.indexes) > 0 {
		table.indexes = slices.Delete(table.indexes, 0, 1)
		return true
	}
	return false
}

// bindReference makes a field a reference: mostly to a table whose ids it has, or none of whose rows has a value.
func (m *mutator) bindReference() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref == 0 && strings.HasSuffix(f.column, "_id") })
	if field == nil {
		return false
	}
	m.bind(field, m.anyTable())
	return true
}

func (m *mutator) unbindReference() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if field == nil {
		return false
	}
	field.plain()
	if chance(m.Rand, 20) {
		m.become(field, m.anyType())
	}
	return true
}

func (m *mutator) retarget() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if field == nil {
		return false
	}
	m.bind(field, m.anyTable())
	return true
}

func (m *mutator) changeOnDelete() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if field == nil {
		return false
	}
	field.onDelete = pick(m.Rand, []string{"restrict", "cascade", "clear"})
	if field.onDelete == "clear" {
		field.optional = true
	}
	return true
}

func (m *mutator) flipReverse() bool {
	_, field := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if field == nil {
		return false
	}
	if field.reverse == "" {
		field.reverse = fmt.Sprintf("back%d", field.uid)
	} else {
		field.reverse = ""
	}
	return true
}

func (m *mutator) changeKey() bool {
	table := m.anyTable()
	table.key = pick(m.Rand, []model.Type{model.Int, model.UUID, model.Text})
	for _, o := range m.w.tables {
		for _, field := range o.fields {
			if field.ref == table.uid && field.typ != table.key {
				field.typ, field.given = table.key, given{}
			}
		}
	}
	return true
}

func (m *mutator) changeDecimal() bool {
	_, field := m.anyField(func(f *wField) bool { return f.typ == model.Decimal })
	if field == nil {
		return false
	}
	field.precision = min(18, max(1, field.precision+m.IntN(7)-3))
	field.scale = min(field.precision, max(0, field.scale+m.IntN(3)-1))
	field.given = given{}
	return true
}

func (m *mutator) changeValues() bool {
	table, field := m.anyField(func(f *wField) bool { return f.typ == model.Enum })
	if field == nil {
		return false
	}
	var before []string
	if old := m.from.table(table.uid); old != nil && old.field(field.uid) != nil {
		for _, v := range old.field(field.uid).values {
			before = append(before, v.Name)
		}
	}
	name := m.free(enumNames(), before...)
	i := m.IntN(len(field.values))
	field.given = given{}
	switch {
	case chance(m.Rand, 40) && name != "" && !hasValue(field, name):
		if slices.Contains(before, field.values[i].Name) {
			field.values[i] = model.EnumValue{Name: name, Was: field.values[i].Name}
		} else {
			field.values[i] = model.EnumValue{Name: name}
		}
	case chance(m.Rand, 50) && name != "" && !hasValue(field, name):
		field.values = slices.Insert(field.values, i, model.EnumValue{Name: name})
	case len(field.values) > 1:
		field.values = slices.Delete(field.values, i, i+1)
	default:
		return false
	}
	return true
}

func (m *mutator) changeDefault() bool {
	_, field := m.anyField(func(f *wField) bool { return true })
	if field == nil {
		return false
	}
	field.given = m.newDefault(field)
	return true
}

// settle forgets former names that were applied already: some at random, and the ones that the model
// has no room for. It returns false if a new one would read as one that was applied: names that change places twice, with no
// model between.
func (m *mutator) settle() bool {
	for _, table := range m.w.tables {
		before := m.from.table(table.uid)
		if before == nil || (before.was == table.was && (chance(m.Rand, 50) || slices.Contains(m.w.names(), table.was))) {
			table.was = ""
		}
		for _, field := range table.fields {
			old := before.fieldOf(field.uid)
			if old == nil || (old.was == field.was && (chance(m.Rand, 50) || slices.Contains(table.columns(), field.was) || (field.ref != 0 && !strings.HasSuffix(field.was, "_id")))) {
				field.was = ""
			}
			for i, val := range field.values {
				if old == nil || (chance(m.Rand, 50) && slices.Contains(old.values, val)) {
					field.values[i].Was = ""
				}
			}
		}
	}
	return !m.ambiguous()
}

func (m *mutator) ambiguous() bool {
	for _, t := range m.w.tables {
		before := m.from.table(t.uid)
		for _, table := range m.from.tables {
			if before == nil && table.name == t.name && m.w.table(table.uid) == nil {
				return true // a new one with the name of one that is dropped is that one
			}
			if before != nil && before.name == t.was && table.name == t.name && table.was == t.was {
				return true
			}
		}
		for _, field := range t.fields {
			if field.ref != 0 && field.was != "" && !strings.HasSuffix(field.was, "_id") {
				return true // a reference was one, or a field whose name ends so
			}
			old, same := before.fieldOf(field.uid), (*wField)(nil)
			if before != nil {
				same = before.named(field.column)
			}
			if old == nil && same != nil && t.field(same.uid) == nil {
				return true
			}
			if old != nil && same != nil && old.column == field.was && same.was == field.was {
				return true
			}
		}
	}
	return false
}

func (t *wTable) fieldOf(uid int) *wField {
	if t == nil {
		return nil
	}
	return t.field(uid)
}
