package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// tableDecl is a table as the file has it, while the model is built.
type tableDecl struct {
	t      *model.Table
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
	first := l.m.Table(m.name)
	switch {
	case first == nil:
		return false
	case kindOf(first) == what:
		l.fault(m.pos, "the %s %s is declared twice: it is already in %s, line %d", what, m.name, first.Pos.File, first.Pos.Line)
	default:
		l.fault(m.pos, "%s is the name of a %s already, in %s, line %d: tables and views share their names", m.name, kindOf(first), first.Pos.File, first.Pos.Line)
	}
	return true
}

func kindOf(t *model.Table) string {
	if t.View != nil {
		return "view"
	}
	return "table"
}

func newTable(name string, at model.Pos) *model.Table {
	return &model.Table{Name: name, Pos: at, Key: model.UUID}
}

func (l *loader) addTable(d *tableDecl) {
	l.m.Add(d.t)
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
		l.limitIndexedText(d)
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

func (l *loader) readKey(t *model.Table, n *node) model.Type {
	word, ok := l.readText(n, "key")
	switch {
	case !ok:
		return model.Invalid
	case t.Name == usersTable && word == "int":
		l.fault(n.pos, "the key of %s is uuid or text: auth.id, which it is compared with, is text", usersTable)
		return model.Invalid
	case word == "uuid":
		return model.UUID
	case word == "int":
		return model.Int
	case word == "text":
		return model.Text
	}
	l.fault(n.pos, "key cannot be %s: a key is uuid, int or text", quoteShort(word))
	return model.Invalid
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
			other := l.m.Table(t.Was)
			l.checkFormer(l.wasPos(t.Name, ""), t.Was, other != nil && other.Was == "" || tables[t.Was])
			tables[t.Was] = true
		}
		former := make(map[string]bool)
		for _, f := range t.Fields {
			if f.Was != "" {
				other := t.Field(f.Was)
				l.checkFormer(l.wasPos(t.Name, f.Name), f.Was, other != nil && other.Was == "" || former[f.Was])
				former[f.Was] = true
			}
		}
	}
}

func (l *loader) checkFormer(at model.Pos, was string, taken bool) {
	if taken {
		l.fault(at, "%s cannot have become this, since another one has or had that name", was)
	}
}

// wasPos returns where the former name of a table, or of a field of it, stands.
func (l *loader) wasPos(table, field string) model.Pos {
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
	t.AddField(&model.Field{Name: "id", Type: t.Key, System: true, Immutable: true, Pos: t.Pos})
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
			l.fault(fields.pos, "the %s %s has %d fields; %d are the most", kindOf(t), t.Name, len(fields.members), maxFields)
		}
	}
	if t.View != nil {
		return
	}
	for _, name := range []string{"created_at", "updated_at"} {
		t.AddField(&model.Field{Name: name, Type: model.Timestamp, System: true, Immutable: name == "created_at", Pos: t.Pos})
	}
}

// link makes the relations of a table's references: one there, and where it is named, one back.
func (l *loader) link(d *tableDecl) {
	for _, fd := range d.fields {
		f := fd.f
		if f.RefName == "" {
			continue
		}
		if f.Ref == nil {
			d.t.Suppress(f.RefName)
			continue
		}
		l.relate(fd.pos, &model.Relation{Name: f.RefName, From: d.t, To: f.Ref, Field: f})
		back := fd.obj.get("reverse")
		if back == nil {
			continue
		}
		name, ok := l.readText(back, "reverse")
		switch {
		case !ok:
		case l.checkMemberName(back.pos, "relation", name):
			l.relate(back.pos, &model.Relation{Name: name, From: f.Ref, To: d.t, Field: f, Many: true})
		default:
			f.Ref.Suppress(name)
		}
	}
}

// relate adds a relation to the table that it starts from, if the name is free there.
func (l *loader) relate(at model.Pos, r *model.Relation) {
	t := r.From
	if other := t.Field(r.Name); other != nil {
		l.fault(at, "%s has a field named %s already: name this relation otherwise", t.Name, r.Name)
		return
	}
	if other := t.Relation(r.Name); other != nil {
		l.fault(at, "%s has a relation named %s already, made by %s.%s: name this one otherwise",
			t.Name, r.Name, other.Field.Table.Name, other.Field.RefName)
		return
	}
	t.AddRelation(r)
}

// fieldNames lists the names that the file may use for fields: a reference has two.
func fieldNames(t *model.Table) []string {
	var names []string
	for _, f := range t.Fields {
		if f.RefName != "" {
			names = append(names, f.RefName)
		}
		names = append(names, f.Name)
	}
	return names
}

// byYAMLName returns the field that the file calls by name, by the column or by the reference.
func byYAMLName(t *model.Table, name string) *model.Field {
	i := slices.IndexFunc(t.Fields, func(f *model.Field) bool { return f.Name == name || f.RefName == name && name != "" })
	if i < 0 {
		return nil
	}
	return t.Fields[i]
}

// yamlName is how the file calls a field.
func yamlName(f *model.Field) string {
	if f.RefName != "" {
		return f.RefName
	}
	return f.Name
}

func yamlNames(fields []*model.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = yamlName(f)
	}
	return strings.Join(names, ", ")
}
