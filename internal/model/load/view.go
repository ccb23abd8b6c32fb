package load

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/suggest"
)

// maxQuery is how many bytes the query of a view may have: it is part of every statement about the view.
const maxQuery = 16 << 10

func viewKeys() []string { return []string{"doc", "key", "reads", "query", "fields", "access"} }

func queryKeys() []string { return []string{"sqlite", "postgres"} }

// declareViews takes up what stands under `views:`.
func (l *loader) declareViews(n *node) {
	if n.kind == null {
		return
	}
	if !l.isObject(n, "views") {
		l.unread = true
		return
	}
	for _, m := range n.members {
		l.declareView(m)
	}
}

func (l *loader) declareView(m member) {
	l.checkTableName(m.pos, "view", m.name)
	if m.name == usersTable {
		l.fault(m.pos, "every model has a table %s: name this view otherwise", usersTable)
		return
	}
	if l.taken(m, "view") {
		return
	}
	t := newTable(m.name, m.pos)
	t.View = &model.View{}
	d := &tableDecl{t: t, obj: m.value}
	if !l.isObject(m.value, "a view") {
		d.obj, d.opaque = &node{pos: m.pos, holes: true}, true
	}
	l.knownOfView(d)
	l.m.Add(t)
	l.views = append(l.views, d)
}

// knownOfView says a fault for each key that a view does not have, be it one of tables.
func (l *loader) knownOfView(d *tableDecl) {
	kept := d.obj.members[:0:0]
	for _, m := range d.obj.members {
		if slices.Contains(tableKeys(), m.name) && !slices.Contains(viewKeys(), m.name) {
			l.fault(m.pos, "a view cannot have %s: its rows are those of its query, and nobody writes them", m.name)
			continue
		}
		kept = append(kept, m)
	}
	d.obj.members = kept
	l.known(d.obj, "a view", viewKeys())
}

// uselessIn says why a field of a view cannot have the key, "" where it can, as every field of a table.
func (k fieldKey) uselessIn(t *model.Table) string {
	if t.View == nil {
		return ""
	}
	switch k.name {
	case "type", "ref", "reverse", "doc", "optional", "read", "precision", "scale", "values", "as":
		return ""
	case "secret":
		return "leave it out of the query"
	case "unique", "index":
		return "its query goes by the indexes of the tables that it reads"
	case "on_delete", "was":
		return "a view keeps no rows"
	}
	return "its value is what the query returns, and nobody writes it"
}

// readView reads what a view has instead of keys and rules of writing.
func (l *loader) readView(d *tableDecl) {
	l.limitIndexedText(d)
	for _, m := range d.obj.members {
		switch m.name {
		case "reads":
			l.readReads(d.t.View, m.value)
		case "query":
			l.readQueries(d.t.View, m.value)
		case "access":
			l.readViewAccess(d.t, m.value)
		}
	}
	l.require(d.obj, d.t.Pos, "a view", "reads", "query")
	if d.opaque {
		d.t.Access = model.Access{}
	}
}

func (l *loader) readReads(v *model.View, n *node) {
	for _, item := range l.readList(n, "reads") {
		name, ok := l.readText(item, "a table of reads")
		if !ok {
			continue
		}
		t := l.m.Table(name)
		switch {
		case t == nil && l.unread:
		case t == nil:
			l.fault(item.pos, "there is no table %s%s", quoteShort(name), suggest.DidYouMean(name, l.tableNames()))
		case t.View != nil:
			l.fault(item.pos, "%s is a view: a view reads tables", name)
		case slices.ContainsFunc(v.Reads, func(r model.Read) bool { return r.Table == t }):
			l.fault(item.pos, "%s is named twice", name)
		default:
			v.Reads = append(v.Reads, model.Read{Table: t, Pos: item.pos})
		}
	}
}

// readQueries reads one query for both engines, or one for each.
func (l *loader) readQueries(v *model.View, n *node) {
	if n.kind != object {
		v.SQLite = l.readQuery(n)
		v.Postgres = v.SQLite
		return
	}
	for _, m := range l.known(n, "query", queryKeys()) {
		if m.name == "sqlite" {
			v.SQLite = l.readQuery(m.value)
		} else {
			v.Postgres = l.readQuery(m.value)
		}
	}
	if len(n.members) == 0 {
		l.fault(n.pos, "query is a SELECT, or has one as sqlite and one as postgres")
	}
}

func (l *loader) readQuery(n *node) *model.Expr {
	query, ok := l.readText(n, "a query")
	if !ok {
		return nil
	}
	switch end := strings.TrimSpace(query); {
	case end == "":
		l.fault(n.pos, "the query is empty: write a SELECT")
	case len(query) > maxQuery:
		l.fault(n.pos, "the query has %d bytes; %d are the most", len(query), maxQuery)
	case strings.HasSuffix(end, ";"):
		e := l.expr(n)
		l.fault(e.At(len([]rune(strings.TrimRight(query, " \t\r\n")))-1), "a query is one SELECT without a semicolon at its end")
	default:
		return l.expr(n)
	}
	return nil
}

func viewAccessKeys() []string { return []string{"read"} }

func (l *loader) readViewAccess(t *model.Table, n *node) {
	if n.kind == null || !l.isObject(n, "access") {
		return
	}
	for _, m := range n.members {
		switch {
		case m.name == "read":
			t.Access.Read = l.readExpr(m.value, "read")
		case slices.Contains(accessKeys(), m.name):
			l.fault(m.pos, "a view is read only: its access has no %s", m.name)
		default:
			l.known(&node{members: []member{m}}, "the access of a view", viewAccessKeys())
		}
	}
}
