package load

import "github.com/ashlar-dev/ashlar/internal/model"

// maxFields is the largest number of declared fields in a table. SQLite allows 2,000 columns, PostgreSQL 1,600.
const maxFields = 500

func tableKeys() []string {
	return []string{"was", "doc", "key", "fields", "indexes", "unique", "search", "access", "checks", "cache", "watch"}
}

// declareTables declares each table of a group.
func (l *loader) declareTables(group *node) {
	if group.kind == null {
		return
	}
	if !l.isObject(group, "tables") {
		l.missing = true
		return
	}
	for _, declared := range group.members {
		l.declareTable(declared)
	}
}

func (l *loader) declareTable(declared member) {
	l.checkTableName(declared.pos, "table", declared.name)
	if l.isTaken(declared, "table") {
		return
	}
	decl := l.newDecl(&model.Table{Name: declared.name, Pos: declared.pos, Key: model.UUID}, declared)
	l.known(decl.value, "a table", tableKeys())
	l.model.Add(decl.table)
	l.tables = append(l.tables, decl)
}

// newDecl returns the declaration of a table or a view.
func (l *loader) newDecl(table *model.Table, declared member) *tableDecl {
	if !l.isObject(declared.value, "a "+kindOf(table)) {
		return &tableDecl{table: table, value: &node{pos: declared.pos, incomplete: true}, unreadable: true}
	}
	return &tableDecl{table: table, value: declared.value}
}

// isTaken reports whether another table or view has the name.
func (l *loader) isTaken(declared member, what string) bool {
	first := l.model.Table(declared.name)
	switch {
	case first == nil:
		return false
	case kindOf(first) == what:
		l.fault(declared.pos, "the %s %s is declared twice: it is already in %s, line %d", what, declared.name, first.Pos.File, first.Pos.Line)
	default:
		l.fault(declared.pos, "a %s in %s, line %d, has the name %s already: tables and views share their names",
			kindOf(first), first.Pos.File, first.Pos.Line, declared.name)
	}
	return true
}

// readHead reads the keys of a table that need no other table.
func (l *loader) readHead(decl *tableDecl) {
	for _, key := range decl.value.members {
		switch key.name {
		case "was":
			decl.table.Was = l.readWas(key.value, decl.table.Name)
		case "doc":
			decl.table.Doc, _ = l.readText(key.value, "doc")
		case "key":
			decl.table.Key = l.readKey(decl.table, key.value)
		case "cache":
			l.readCache(decl.table, key.value)
		case "watch":
			decl.table.Watch = l.readBool(key.value, "watch")
		}
	}
}

func (l *loader) readKey(table *model.Table, value *node) model.Type {
	word, ok := l.readText(value, "key")
	switch {
	case !ok:
		return model.Invalid
	case table.Name == usersTable && word == "int":
		l.fault(value.pos, "the key of %s must be uuid or text: rules compare it with auth.id, which is text", usersTable)
		return model.Invalid
	}
	switch key := model.ParseType(word); key {
	case model.UUID, model.Int, model.Text:
		return key
	}
	l.fault(value.pos, "key cannot be %s: a key is uuid, int or text", quote(word))
	return model.Invalid
}

// buildFields adds the fields of a table: id, the fields of users, the declared ones and, unless it is a view, the
// two times.
func (l *loader) buildFields(decl *tableDecl) {
	table := decl.table
	table.AddField(&model.Field{Name: "id", Type: table.Key, System: true, Immutable: true, Pos: table.Pos})
	if table.Name == usersTable {
		addUserFields(table)
	}
	if fields := decl.value.given("fields"); fields != nil {
		l.declareFields(decl, fields)
	}
	if table.View != nil {
		return
	}
	for _, name := range []string{"created_at", "updated_at"} {
		table.AddField(&model.Field{Name: name, Type: model.Timestamp, System: true, Immutable: name == "created_at", Pos: table.Pos})
	}
}

func (l *loader) declareFields(decl *tableDecl, fields *node) {
	if !l.isObject(fields, "fields") {
		decl.unreadable = true
	}
	for _, declared := range fields.members {
		l.declareField(decl, declared)
	}
	if count := len(fields.members); count > maxFields {
		l.fault(fields.pos, "the %s %s has %d fields, but may have at most %d", kindOf(decl.table), decl.table.Name, count, maxFields)
	}
}
