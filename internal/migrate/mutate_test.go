package migrate

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

// free returns one of the names that is not among those that are taken, "" where there is none.
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
		t := m.anyTable()
		if len(t.fields) > 0 {
			if f := pick(m.Rand, t.fields); want(f) {
				return t, f
			}
		}
	}
	return nil, nil
}

func (m *mutator) addTable() *wTable {
	if len(m.w.tables) > 5 {
		return nil
	}
	t := &wTable{uid: m.w.uid(), key: pick(m.Rand, []model.Type{model.Int, model.UUID, model.Text})}
	if t.name = m.free(tableNamesOf(), append(m.w.names(), m.from.names()...)...); t.name == "" {
		return nil
	}
	m.w.tables = append(m.w.tables, t)
	for range m.IntN(5) {
		m.addField(t)
	}
	return t
}

func (m *mutator) dropTable() bool {
	t := m.other()
	if t == nil || len(m.w.tables) < 3 {
		return false
	}
	m.forget(t)
	return true
}

// forget drops a table, and what refers to it becomes plain or goes too.
func (m *mutator) forget(t *wTable) {
	m.w.tables = slices.DeleteFunc(m.w.tables, func(o *wTable) bool { return o == t })
	for _, o := range m.w.tables {
		for _, f := range slices.Clone(o.fields) {
			if f.ref != t.uid {
				continue
			}
			if chance(m.Rand, 50) {
				m.forgetField(o, f)
			} else {
				f.plain()
			}
		}
	}
}

func (f *wField) plain() { f.ref, f.onDelete, f.reverse, f.given = 0, "", "", given{} }

func (m *mutator) forgetField(t *wTable, f *wField) {
	t.fields = slices.DeleteFunc(t.fields, func(o *wField) bool { return o == f })
	without := func(combo []int) bool { return slices.Contains(combo, f.uid) }
	t.unique, t.indexes = slices.DeleteFunc(t.unique, without), slices.DeleteFunc(t.indexes, without)
}

// call gives a table a name; the former one is that of before the step.
func (m *mutator) call(t *wTable, name string) {
	t.name, t.was = name, ""
	if before := m.from.table(t.uid); before != nil && before.name != name {
		t.was = before.name
	}
}

func (m *mutator) callField(t *wTable, f *wField, column string) {
	f.column, f.was = column, ""
	if before := m.from.table(t.uid); before != nil && before.field(f.uid) != nil && before.field(f.uid).column != column {
		f.was = before.field(f.uid).column
	}
}

func (m *mutator) renameTable() bool {
	t := m.other()
	if t == nil {
		return false
	}
	name := m.free(tableNamesOf(), append(m.w.names(), m.from.names()...)...)
	if name == "" {
		return false
	}
	m.call(t, name)
	return true
}

func (m *mutator) swapTables() bool {
	a, b := m.other(), m.other()
	if a == nil || b == nil || a == b {
		return false
	}
	nameA, nameB := a.name, b.name
	m.call(a, nameB)
	m.call(b, nameA)
	return true
}

func (m *mutator) replaceTable() bool {
	a, b := m.other(), m.other()
	if a == nil || b == nil || a == b || m.from.table(b.uid) == nil {
		return false
	}
	m.forget(a)
	m.call(b, a.name)
	return true
}

// addField adds a field that has no former self.
func (m *mutator) addField(t *wTable) *wField {
	f := &wField{uid: m.w.uid()}
	if f.column = m.free(columnNamesOf(), append(t.columns(), m.from.table(t.uid).columns()...)...); f.column == "" {
		return nil
	}
	f.optional = chance(m.Rand, 50)
	m.become(f, m.anyType())
	if strings.HasSuffix(f.column, "_id") && chance(m.Rand, 60) {
		m.bind(f, m.anyTable())
	}
	if chance(m.Rand, 50) {
		f.given = m.newDefault(f)
	}
	f.unique = chance(m.Rand, 15) && f.typ != model.JSON
	f.index = !f.unique && chance(m.Rand, 20) && f.typ != model.JSON
	t.fields = slices.Insert(t.fields, m.IntN(len(t.fields)+1), f)
	return f
}

func (m *mutator) anyType() model.Type {
	return model.Type(1 + m.IntN(int(model.JSON)))
}

// become gives a field another type, and what that needs.
func (m *mutator) become(f *wField, typ model.Type) {
	was := f.typ
	f.typ, f.given = typ, given{}
	switch typ {
	case model.Decimal:
		f.precision = 1 + m.IntN(18)
		f.scale = m.IntN(f.precision + 1)
		if chance(m.Rand, 70) {
			f.precision, f.scale = 18, pick(m.Rand, []int{0, 1, 2, 4})
		}
	case model.Enum:
		f.values = nil
		if was == model.Text && chance(m.Rand, 70) {
			m.valuesOfRows(f)
		}
		for _, name := range enumNames() {
			if (was != model.Invalid || chance(m.Rand, 40)) && !hasValue(f, name) {
				f.values = append(f.values, model.EnumValue{Name: name})
			}
		}
		if len(f.values) == 0 {
			f.values = []model.EnumValue{{Name: "a"}}
		}
	case model.JSON:
		f.unique, f.index = false, false
		for _, t := range m.w.tables {
			has := func(combo []int) bool { return slices.Contains(combo, f.uid) }
			t.unique, t.indexes = slices.DeleteFunc(t.unique, has), slices.DeleteFunc(t.indexes, has)
		}
	}
}

// valuesOfRows makes the values of an enum those that rows have.
func (m *mutator) valuesOfRows(f *wField) {
	for _, t := range m.from.tables {
		for _, r := range t.rows {
			s := r.values[f.uid].Text
			if len(s) < 100 && strings.TrimSpace(s) == s && s != "" && !hasValue(f, s) {
				f.values = append(f.values, model.EnumValue{Name: s})
			}
		}
	}
}

func hasValue(f *wField, name string) bool {
	return slices.ContainsFunc(f.values, func(v model.EnumValue) bool { return v.Name == name || v.Was == name })
}

// newDefault is a constant, or now; none where the type has no constants.
func (m *mutator) newDefault(f *wField) given {
	var all []given
	switch {
	case f.ref != 0:
		if target := m.from.table(f.ref); target != nil && len(target.rows) > 0 && chance(m.Rand, 80) {
			id := show(pick(m.Rand, target.rows).id)
			if m.w.table(f.ref).key != model.Int {
				id = strings.Trim(id, `"`)
				return given{"'" + strings.ReplaceAll(id, "'", `\'`) + "'", quoted(id)}
			}
			return given{strings.Trim(id, `"`), strings.Trim(id, `"`)}
		}
		return given{}
	case f.typ == model.Enum:
		name := pick(m.Rand, f.values).Name
		return given{quoted(name), quoted(name)}
	case f.typ == model.Decimal:
		s := "0"
		if f.precision > f.scale {
			s = "7"
		}
		return given{s, quoted(s)}
	case f.typ == model.Text:
		all = []given{{"'x'", `"x"`}, {`"it's"`, `"it's"`}, {"''", `""`}, {"'1'", `"1"`}, {`'\\'`, `"\\"`}}
	case f.typ == model.Int:
		all = []given{{"3", "3"}, {"-1", "-1"}, {"0", "0"}}
	case f.typ == model.Float:
		all = []given{{"1.5", "1.5"}, {"2.0", "2"}, {"-0.1", "-0.1"}}
	case f.typ == model.Bool:
		all = []given{{"true", "true"}, {"false", "false"}}
	case f.typ == model.Timestamp:
		all = []given{{now, now}, {"timestamp('2026-01-31T12:00:00Z')", `"2026-01-31T12:00:00Z"`}}
	case f.typ == model.Date:
		all = []given{{"date('2026-01-31')", `"2026-01-31"`}}
	case f.typ == model.UUID:
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
	t := m.anyTable()
	f := m.addField(t)
	if f == nil || !strings.HasSuffix(f.column, "_id") {
		return false
	}
	m.bind(f, m.anyTable())
	if f.unique = false; !f.optional && chance(m.Rand, 70) {
		f.given = m.newDefault(f)
	}
	return true
}

// bind makes a field a reference.
func (m *mutator) bind(f *wField, to *wTable) {
	f.ref, f.typ, f.given = to.uid, to.key, given{}
	f.onDelete = pick(m.Rand, []string{"restrict", "cascade", "clear"})
	if f.onDelete == "clear" {
		f.optional = true
	}
	if chance(m.Rand, 30) {
		f.reverse = fmt.Sprintf("back%d", f.uid)
	}
}

func (m *mutator) dropField() bool {
	t, f := m.anyField(func(*wField) bool { return true })
	if t == nil {
		return false
	}
	m.forgetField(t, f)
	return true
}

func (m *mutator) renameField() bool {
	t, f := m.anyField(func(*wField) bool { return true })
	if t == nil {
		return false
	}
	column := m.free(columnNamesOf(), append(t.columns(), m.from.table(t.uid).columns()...)...)
	if column == "" || f.ref != 0 && !strings.HasSuffix(column, "_id") {
		return false
	}
	m.callField(t, f, column)
	return true
}

func (m *mutator) swapFields() bool {
	t, a := m.anyField(func(*wField) bool { return true })
	if t == nil {
		return false
	}
	b := pick(m.Rand, t.fields)
	if a == b || (a.ref != 0) != (b.ref != 0) {
		return false
	}
	columnA, columnB := a.column, b.column
	m.callField(t, a, columnB)
	m.callField(t, b, columnA)
	return true
}

func (m *mutator) replaceField() bool {
	t, a := m.anyField(func(*wField) bool { return true })
	if t == nil {
		return false
	}
	b := pick(m.Rand, t.fields)
	if a == b || b.ref != 0 && !strings.HasSuffix(a.column, "_id") || m.from.table(t.uid) == nil || m.from.table(t.uid).field(b.uid) == nil {
		return false
	}
	m.forgetField(t, a)
	m.callField(t, b, a.column)
	return true
}

func (m *mutator) changeType() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref == 0 })
	if f == nil {
		return false
	}
	m.become(f, m.anyType())
	return true
}

func (m *mutator) changeKeyedType() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref == 0 && (f.unique || f.index) })
	if f == nil {
		return false
	}
	m.become(f, m.anyType())
	return true
}

func (m *mutator) flipOptional() bool {
	_, f := m.anyField(func(f *wField) bool { return f.onDelete != "clear" })
	if f == nil {
		return false
	}
	if f.optional = !f.optional; !f.optional && chance(m.Rand, 60) {
		f.given = m.newDefault(f)
	}
	return true
}

func (m *mutator) flipUnique() bool {
	_, f := m.anyField(func(f *wField) bool { return f.typ != model.JSON })
	if f == nil {
		return false
	}
	f.unique, f.index = !f.unique, false
	return true
}

func (m *mutator) flipIndex() bool {
	_, f := m.anyField(func(f *wField) bool { return f.typ != model.JSON })
	if f == nil {
		return false
	}
	f.index, f.unique = !f.index, false
	return true
}

func (m *mutator) addCombination() bool {
	t := m.anyTable()
	if len(t.fields) < 2 {
		return false
	}
	var combo []int
	for _, i := range m.Perm(len(t.fields))[:1+m.IntN(min(3, len(t.fields)))] {
		if t.fields[i].typ != model.JSON {
			combo = append(combo, t.fields[i].uid)
		}
	}
	if len(combo) == 0 {
		return false
	}
	if chance(m.Rand, 50) {
		t.unique = append(t.unique, combo)
	} else {
		t.indexes = append(t.indexes, combo)
	}
	return true
}

func (m *mutator) dropCombination() bool {
	t := m.anyTable()
	if len(t.unique) > 0 && chance(m.Rand, 50) {
		t.unique = slices.Delete(t.unique, 0, 1)
		return true
	}
	if len(t.indexes) > 0 {
		t.indexes = slices.Delete(t.indexes, 0, 1)
		return true
	}
	return false
}

// bindReference makes a field a reference: mostly to a table whose ids it has, or none of whose rows has a value.
func (m *mutator) bindReference() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref == 0 && strings.HasSuffix(f.column, "_id") })
	if f == nil {
		return false
	}
	m.bind(f, m.anyTable())
	return true
}

func (m *mutator) unbindReference() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if f == nil {
		return false
	}
	f.plain()
	if chance(m.Rand, 20) {
		m.become(f, m.anyType())
	}
	return true
}

func (m *mutator) retarget() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if f == nil {
		return false
	}
	m.bind(f, m.anyTable())
	return true
}

func (m *mutator) changeOnDelete() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if f == nil {
		return false
	}
	f.onDelete = pick(m.Rand, []string{"restrict", "cascade", "clear"})
	if f.onDelete == "clear" {
		f.optional = true
	}
	return true
}

func (m *mutator) flipReverse() bool {
	_, f := m.anyField(func(f *wField) bool { return f.ref != 0 })
	if f == nil {
		return false
	}
	if f.reverse == "" {
		f.reverse = fmt.Sprintf("back%d", f.uid)
	} else {
		f.reverse = ""
	}
	return true
}

func (m *mutator) changeKey() bool {
	t := m.anyTable()
	t.key = pick(m.Rand, []model.Type{model.Int, model.UUID, model.Text})
	for _, o := range m.w.tables {
		for _, f := range o.fields {
			if f.ref == t.uid && f.typ != t.key {
				f.typ, f.given = t.key, given{}
			}
		}
	}
	return true
}

func (m *mutator) changeDecimal() bool {
	_, f := m.anyField(func(f *wField) bool { return f.typ == model.Decimal })
	if f == nil {
		return false
	}
	f.precision = min(18, max(1, f.precision+m.IntN(7)-3))
	f.scale = min(f.precision, max(0, f.scale+m.IntN(3)-1))
	f.given = given{}
	return true
}

func (m *mutator) changeValues() bool {
	t, f := m.anyField(func(f *wField) bool { return f.typ == model.Enum })
	if f == nil {
		return false
	}
	var before []string
	if old := m.from.table(t.uid); old != nil && old.field(f.uid) != nil {
		for _, v := range old.field(f.uid).values {
			before = append(before, v.Name)
		}
	}
	name := m.free(enumNames(), before...)
	i := m.IntN(len(f.values))
	f.given = given{}
	switch {
	case chance(m.Rand, 40) && name != "" && !hasValue(f, name):
		if slices.Contains(before, f.values[i].Name) {
			f.values[i] = model.EnumValue{Name: name, Was: f.values[i].Name}
		} else {
			f.values[i] = model.EnumValue{Name: name}
		}
	case chance(m.Rand, 50) && name != "" && !hasValue(f, name):
		f.values = slices.Insert(f.values, i, model.EnumValue{Name: name})
	case len(f.values) > 1:
		f.values = slices.Delete(f.values, i, i+1)
	default:
		return false
	}
	return true
}

func (m *mutator) changeDefault() bool {
	_, f := m.anyField(func(f *wField) bool { return true })
	if f == nil {
		return false
	}
	f.given = m.newDefault(f)
	return true
}

// settle forgets former names that were applied already: some at random, and those that the model has no room for. It
// returns false where a new one would read as one that was applied: names that change places twice, with no model between.
func (m *mutator) settle() bool {
	for _, t := range m.w.tables {
		before := m.from.table(t.uid)
		if before == nil || before.was == t.was && (chance(m.Rand, 50) || slices.Contains(m.w.names(), t.was)) {
			t.was = ""
		}
		for _, f := range t.fields {
			old := before.fieldOf(f.uid)
			if old == nil || old.was == f.was && (chance(m.Rand, 50) || slices.Contains(t.columns(), f.was) || f.ref != 0 && !strings.HasSuffix(f.was, "_id")) {
				f.was = ""
			}
			for i, v := range f.values {
				if old == nil || chance(m.Rand, 50) && slices.Contains(old.values, v) {
					f.values[i].Was = ""
				}
			}
		}
	}
	return !m.ambiguous()
}

func (m *mutator) ambiguous() bool {
	for _, t := range m.w.tables {
		before := m.from.table(t.uid)
		for _, o := range m.from.tables {
			if before == nil && o.name == t.name && m.w.table(o.uid) == nil {
				return true // a new one with the name of one that is dropped is that one
			}
			if before != nil && before.name == t.was && o.name == t.name && o.was == t.was {
				return true
			}
		}
		for _, f := range t.fields {
			if f.ref != 0 && f.was != "" && !strings.HasSuffix(f.was, "_id") {
				return true // a reference was one, or a field whose name ends so
			}
			old, same := before.fieldOf(f.uid), (*wField)(nil)
			if before != nil {
				same = before.named(f.column)
			}
			if old == nil && same != nil && t.field(same.uid) == nil {
				return true
			}
			if old != nil && same != nil && old.column == f.was && same.was == f.was {
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
