package model

import (
	"slices"
	"strings"
)

// tableDecl is a table as the file has it, while the model is built.
type tableDecl struct {
	t      *Table
	obj    *node
	fields []*fieldDecl
	opaque bool // its fields cannot be known, so its expressions are not worth a look
}

func tableKeys() []string {
	return []string{"was", "doc", "key", "fields", "indexes", "unique", "search", "access", "checks"}
}

// declareTables takes up what stands under `tables:`.
func (l *loader) declareTables(n *node) {
	if n.kind == null {
		return
	}
	if !l.isObject(n, "tables") {
		l.unread = true
		return
	}
	for _, m := range n.members {
		l.declareTable(m)
	}
}

func (l *loader) declareTable(m member) {
	l.checkTableName(m.pos, "table", m.name)
	if l.taken(m, "table") {
		return
	}
	t := newTable(m.name, m.pos)
	d := &tableDecl{t: t, obj: m.value}
	if !l.isObject(m.value, "a table") {
		d.obj, d.opaque = &node{pos: m.pos, holes: true}, true
	}
	l.known(d.obj, "a table", tableKeys())
	l.addTable(d)
}

// taken says a fault where a table or a view has the name already.
func (l *loader) taken(m member, what string) bool {
	first := l.m.byName[m.name]
	switch {
	case first == nil:
		return false
	case first.kind() == what:
		l.fault(m.pos, "the %s %s is declared twice: it is already in %s, line %d", what, m.name, first.Pos.File, first.Pos.Line)
	default:
		l.fault(m.pos, "%s is the name of a %s already, in %s, line %d: tables and views share their names", m.name, first.kind(), first.Pos.File, first.Pos.Line)
	}
	return true
}

func (t *Table) kind() string {
	if t.View != nil {
		return "view"
	}
	return "table"
}

func newTable(name string, at Pos) *Table {
	return &Table{Name: name, Pos: at, Key: UUID, fields: make(map[string]*Field), relations: make(map[string]*Relation)}
}

func (l *loader) addTable(d *tableDecl) {
	l.m.Tables = append(l.m.Tables, d.t)
	l.m.byName[d.t.Name] = d.t
	l.decls = append(l.decls, d)
}

// build makes the tables of their declarations. Keys come first, since references have the type of the key that they
// hold; relations need all fields; rules are the last.
func (l *loader) build() {
	l.addUsers()
	for _, d := range slices.Concat(l.decls, l.views) {
		l.readTable(d)
	}
	all := slices.Concat(l.decls, l.views)
	for _, d := range all {
		l.buildFields(d)
	}
	for _, d := range all {
		l.link(d)
	}
	for _, d := range l.decls {
		l.readKeys(d)
		l.boundKeys(d)
		l.readRules(d)
	}
	l.boundIndexes()
	for _, d := range l.views {
		l.readView(d)
	}
	l.checkWas()
}

// readTable reads what a table says of itself alone.
func (l *loader) readTable(d *tableDecl) {
	for _, m := range d.obj.members {
		switch m.name {
		case "was":
			d.t.Was = l.readWas(m.value, d.t.Name)
		case "doc":
			d.t.Doc, _ = l.readText(m.value, "doc")
		case "key":
			d.t.Key = l.readKey(d.t, m.value)
		}
	}
}

func (l *loader) readKey(t *Table, n *node) Type {
	word, ok := l.readText(n, "key")
	switch {
	case !ok:
		return Invalid
	case t.Name == usersTable && word == "int":
		l.fault(n.pos, "the key of %s is uuid or text: auth.id, which it is compared with, is text", usersTable)
		return Invalid
	case word == "uuid":
		return UUID
	case word == "int":
		return Int
	case word == "text":
		return Text
	}
	l.fault(n.pos, "key cannot be %s: a key is uuid, int or text", quoteShort(word))
	return Invalid
}

// readWas reads a former name, which must be another.
func (l *loader) readWas(n *node, name string) string {
	was, ok := l.readText(n, "was")
	switch {
	case !ok || !l.checkName(n.pos, "former name", was):
		return ""
	case was == name:
		l.fault(n.pos, "was is the former name, but it is the same as now: remove it")
		return ""
	}
	return was
}

// checkWas refuses a former name that something else still has, or had too. What has that name now may have had another,
// since two fields, or tables, can change places.
func (l *loader) checkWas() {
	tables := make(map[string]bool)
	for _, t := range l.m.Tables {
		if t.Was != "" {
			other := l.m.byName[t.Was]
			l.checkFormer(l.wasPos(t.Name, ""), t.Was, other != nil && other.Was == "" || tables[t.Was])
			tables[t.Was] = true
		}
		former := make(map[string]bool)
		for _, f := range t.Fields {
			if f.Was != "" {
				other := t.fields[f.Was]
				l.checkFormer(l.wasPos(t.Name, f.Name), f.Was, other != nil && other.Was == "" || former[f.Was])
				former[f.Was] = true
			}
		}
	}
}

func (l *loader) checkFormer(at Pos, was string, taken bool) {
	if taken {
		l.fault(at, "%s cannot have become this, since another one has or had that name", was)
	}
}

// wasPos returns where the former name of a table, or of a field of it, stands.
func (l *loader) wasPos(table, field string) Pos {
	i := slices.IndexFunc(l.decls, func(d *tableDecl) bool { return d.t.Name == table })
	if field == "" {
		return l.decls[i].obj.get("was").pos
	}
	for _, f := range l.decls[i].fields {
		if f.f.Name == field {
			return f.obj.get("was").pos
		}
	}
	return l.decls[i].t.Pos
}

// buildFields makes the fields of a table: id, those of users, the declared ones, the two times, which a view has not.
func (l *loader) buildFields(d *tableDecl) {
	t := d.t
	t.addField(&Field{Name: "id", Type: t.Key, System: true, Immutable: true, Pos: t.Pos})
	if t.Name == usersTable {
		addUserFields(t)
	}
	if fields := d.obj.get("fields"); fields != nil && fields.kind != null {
		if !l.isObject(fields, "fields") {
			d.opaque = true
		}
		for _, m := range fields.members {
			l.declareField(d, m)
		}
		if len(fields.members) > maxFields {
			l.fault(fields.pos, "the %s %s has %d fields; %d are the most", t.kind(), t.Name, len(fields.members), maxFields)
		}
	}
	if t.View != nil {
		return
	}
	for _, name := range []string{"created_at", "updated_at"} {
		t.addField(&Field{Name: name, Type: Timestamp, System: true, Immutable: name == "created_at", Pos: t.Pos})
	}
}

func (t *Table) addField(f *Field) {
	f.Table = t
	t.Fields = append(t.Fields, f)
	t.fields[f.Name] = f
}

// link makes the relations of a table's references: one there, and where it is named, one back.
func (l *loader) link(d *tableDecl) {
	for _, fd := range d.fields {
		f := fd.f
		if f.RefName == "" {
			continue
		}
		if f.Ref == nil {
			d.t.veil(f.RefName, f)
			continue
		}
		l.relate(fd.pos, &Relation{Name: f.RefName, From: d.t, To: f.Ref, Field: f})
		back := fd.obj.get("reverse")
		if back == nil {
			continue
		}
		name, ok := l.readText(back, "reverse")
		switch {
		case !ok:
		case l.checkMemberName(back.pos, "relation", name):
			l.relate(back.pos, &Relation{Name: name, From: f.Ref, To: d.t, Field: f, Many: true})
		default:
			f.Ref.veil(name, &Field{Name: name, Table: f.Ref})
		}
	}
}

// relate adds a relation to the table that it starts from, if the name is free there.
func (l *loader) relate(at Pos, r *Relation) {
	t := r.From
	if other := t.fields[r.Name]; other != nil {
		l.fault(at, "%s has a field named %s already: name this relation otherwise", t.Name, r.Name)
		return
	}
	if other := t.relations[r.Name]; other != nil {
		l.fault(at, "%s has a relation named %s already, made by %s.%s: name this one otherwise",
			t.Name, r.Name, other.Field.Table.Name, other.Field.RefName)
		return
	}
	t.Relations = append(t.Relations, r)
	t.relations[r.Name] = r
}

// veil lets a name lead to a faulty field, so that expressions that use it get no second fault.
func (t *Table) veil(name string, f *Field) {
	if t.fields[name] == nil && t.relations[name] == nil {
		t.fields[name] = f
	}
}

// fieldNames lists the names that the file may use for fields: a reference has two.
func (t *Table) fieldNames() []string {
	var names []string
	for _, f := range t.Fields {
		if f.RefName != "" {
			names = append(names, f.RefName)
		}
		names = append(names, f.Name)
	}
	return names
}

// named returns the field that the file calls by name, by the column or by the reference.
func (t *Table) named(name string) *Field {
	i := slices.IndexFunc(t.Fields, func(f *Field) bool { return f.Name == name || f.RefName == name && name != "" })
	if i < 0 {
		return nil
	}
	return t.Fields[i]
}

// fileName is how the file calls a field.
func (f *Field) fileName() string {
	if f.RefName != "" {
		return f.RefName
	}
	return f.Name
}

func fileNames(fields []*Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.fileName()
	}
	return strings.Join(names, ", ")
}
