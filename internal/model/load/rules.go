package load

import "github.com/ashlar-dev/ashlar/internal/model"

// readRules reads the access rules and checks of a table.
func (l *loader) readRules(d *tableDecl) {
	if access := d.obj.get("access"); access != nil && access.kind != null {
		l.readAccess(d.t, access)
	}
	if checks := d.obj.get("checks"); checks != nil && checks.kind != null {
		for _, n := range l.readList(checks, "checks") {
			l.readCheck(d.t, n)
		}
	}
	if access := d.obj.get("access"); d.t.Name == usersTable && (access == nil || access.get("read") == nil) {
		d.t.Access.Read = ownRow(d.t)
	}
	if d.opaque {
		d.t.Access, d.t.Checks = model.Access{}, nil
	}
}

func accessKeys() []string { return []string{"read", "create", "update", "delete", "write"} }
func updateKeys() []string { return []string{"from", "to"} }
func checkKeys() []string  { return []string{"expr", "message"} }

func (l *loader) readAccess(t *model.Table, n *node) {
	if !l.isObject(n, "access") {
		return
	}
	a := &t.Access
	write := n.get("write")
	for _, m := range l.known(n, "access", accessKeys()) {
		if write != nil && m.name != "read" && m.name != "write" {
			l.fault(m.pos, "write stands for create, update and delete: remove write, or %s", m.name)
			continue
		}
		switch m.name {
		case "read":
			a.Read = l.readExpr(m.value, "read")
		case "create":
			a.Create = l.readExpr(m.value, "create")
		case "delete":
			a.Delete = l.readExpr(m.value, "delete")
		case "update":
			a.UpdateFrom, a.UpdateTo = l.readUpdate(m)
		case "write":
			e := l.readExpr(m.value, "write")
			a.Create, a.UpdateFrom, a.UpdateTo, a.Delete = e, e, e, e
		}
	}
}

// readUpdate reads one rule for a row as it was and as it becomes, or one for each.
func (l *loader) readUpdate(update member) (from, to *model.Expr) {
	n := update.value
	if n.kind != object {
		e := l.readExpr(n, "update")
		return e, e
	}
	for _, m := range l.known(n, "update", updateKeys()) {
		if m.name == "from" {
			from = l.readExpr(m.value, "from")
		} else {
			to = l.readExpr(m.value, "to")
		}
	}
	l.require(n, update.pos, "update", updateKeys()...)
	return from, to
}

// maxMessage is how many bytes the message of a check may have.
const maxMessage = 500

func (l *loader) readCheck(t *model.Table, n *node) {
	if n.kind == text {
		l.fault(n.pos, "a check is a condition and its message: write {expr: …, message: …}")
		return
	}
	if !l.isObject(n, "a check") {
		return
	}
	var c model.Check
	for _, m := range l.known(n, "a check", checkKeys()) {
		if m.name == "expr" {
			c.Expr = l.readExpr(m.value, "expr")
			continue
		}
		c.Message, _ = l.readText(m.value, "message")
		if m.value.kind == text && (c.Message == "" || len(c.Message) > maxMessage) {
			l.fault(m.value.pos, "a message has 1 to %d bytes", maxMessage)
		}
	}
	if l.require(n, n.pos, "a check", checkKeys()...) && c.Expr != nil {
		t.Checks = append(t.Checks, c)
	}
}
