package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxQuery is the largest query of a view in bytes: every statement about the view contains it.
const maxQuery = 16 << 10

func viewKeys() []string {
	return []string{"doc", "key", "reads", "query", "fields", "access", "cache"}
}

func queryKeys() []string { return []string{"sqlite", "postgres"} }

func viewAccessKeys() []string { return []string{"read"} }

// declareViews declares each view of a group.
func (l *loader) declareViews(group *node) {
	if group.kind == null {
		return
	}
	if !l.isObject(group, "views") {
		l.missing = true
		return
	}
	for _, declared := range group.members {
		l.declareView(declared)
	}
}

func (l *loader) declareView(declared member) {
	l.checkTableName(declared.pos, "view", declared.name)
	if declared.name == usersTable {
		l.fault(declared.pos, "every model has a table %s: choose another name for this view", usersTable)
		return
	}
	if l.isTaken(declared, "view") {
		return
	}
	view := &model.Table{Name: declared.name, Pos: declared.pos, Key: model.UUID, View: &model.View{}}
	decl := l.newDecl(view, declared)
	l.checkViewKeys(decl)
	l.model.Add(view)
	l.views = append(l.views, decl)
}

// checkViewKeys reports each key forbidden in a view, and removes keys that only tables have.
func (l *loader) checkViewKeys(decl *tableDecl) {
	kept := decl.value.members[:0:0]
	for _, key := range decl.value.members {
		if slices.Contains(tableKeys(), key.name) && !slices.Contains(viewKeys(), key.name) {
			l.fault(key.pos, "a view cannot have %s: its query makes its rows, and nobody writes them", key.name)
			continue
		}
		kept = append(kept, key)
	}
	decl.value.members = kept
	l.known(decl.value, "a view", viewKeys())
}

// readView reads the keys of views that tables do not have.
func (l *loader) readView(decl *tableDecl) {
	l.limitIndexedText(decl)
	for _, key := range decl.value.members {
		switch key.name {
		case "reads":
			l.readReads(decl.table.View, key.value)
		case "query":
			l.readQueries(decl.table.View, key.value)
		case "access":
			l.readViewAccess(decl.table, key.value)
		}
	}
	l.require(decl.value, decl.table.Pos, "a view", "reads", "query")
	if decl.unreadable {
		decl.table.Access = model.Access{}
	}
}

func (l *loader) readReads(view *model.View, value *node) {
	for _, item := range l.readList(value, "reads") {
		name, ok := l.readText(item, "a table of reads")
		if !ok {
			continue
		}
		table := l.model.Table(name)
		switch {
		case table == nil && l.missing:
		case table == nil:
			l.noTable(item.pos, name)
		case table.View != nil:
			l.fault(item.pos, "%s is a view: a view can read only tables", name)
		case slices.ContainsFunc(view.Reads, func(read model.Read) bool { return read.Table == table }):
			l.fault(item.pos, "%s is repeated", name)
		default:
			view.Reads = append(view.Reads, model.Read{Table: table, Pos: item.pos})
		}
	}
}

// readQueries reads one query for both engines, or one for each.
func (l *loader) readQueries(view *model.View, value *node) {
	if value.kind != object {
		view.SQLite = l.readQuery(value)
		view.Postgres = view.SQLite
		return
	}
	for _, engine := range l.known(value, "query", queryKeys()) {
		if engine.name == "sqlite" {
			view.SQLite = l.readQuery(engine.value)
		} else {
			view.Postgres = l.readQuery(engine.value)
		}
	}
	if len(value.members) == 0 {
		l.fault(value.pos, "query must be a SELECT, or have one as sqlite and one as postgres")
	}
}

func (l *loader) readQuery(value *node) *model.Expr {
	query, ok := l.readText(value, "a query")
	if !ok {
		return nil
	}
	trimmed := strings.TrimRight(query, " \t\r\n")
	switch {
	case strings.TrimSpace(query) == "":
		l.fault(value.pos, "the query is empty: write a SELECT")
	case len(query) > maxQuery:
		l.fault(value.pos, "the query has %d bytes, but may have at most %d", len(query), maxQuery)
	case strings.HasSuffix(trimmed, ";"):
		semicolon := l.expr(value).At(len([]rune(trimmed)) - 1)
		l.fault(semicolon, "a query must be one SELECT without a semicolon at its end")
	default:
		return l.expr(value)
	}
	return nil
}

func (l *loader) readViewAccess(view *model.Table, value *node) {
	if value.kind == null || !l.isObject(value, "access") {
		return
	}
	for _, rule := range value.members {
		switch {
		case rule.name == "read":
			view.Access.Read = l.readExpr(rule.value, "read")
		case slices.Contains(accessKeys(), rule.name):
			l.fault(rule.pos, "a view is read-only: its access has no %s", rule.name)
		default:
			l.known(&node{members: []member{rule}}, "the access of a view", viewAccessKeys())
		}
	}
}
