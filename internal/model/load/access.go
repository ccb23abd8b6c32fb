package load

import "github.com/ashlar-dev/ashlar/internal/model"

// readRules reads the access rules and checks of a table.
func (l *loader) readRules(decl *tableDecl) {
	table, access := decl.table, decl.value.get("access")
	if given := decl.value.given("access"); given != nil {
		l.readAccess(table, given)
	}
	if checks := decl.value.given("checks"); checks != nil {
		for _, item := range l.readList(checks, "checks") {
			l.readCheck(table, item)
		}
	}
	if table.Name == usersTable && (access == nil || access.get("read") == nil) {
		table.Access.Read = ownRow(table)
	}
	if decl.unreadable {
		table.Access, table.Checks = model.Access{}, nil
	}
}

func accessKeys() []string { return []string{"read", "create", "update", "delete", "write"} }
func updateKeys() []string { return []string{"from", "to"} }
func checkKeys() []string  { return []string{"expr", "message"} }

func (l *loader) readAccess(table *model.Table, value *node) {
	if !l.isObject(value, "access") {
		return
	}
	rules := &table.Access
	hasWrite := value.get("write") != nil
	for _, rule := range l.known(value, "access", accessKeys()) {
		if hasWrite && rule.name != "read" && rule.name != "write" {
			l.fault(rule.pos, "write stands for create, update and delete: remove write, or %s", rule.name)
			continue
		}
		switch rule.name {
		case "read":
			rules.Read = l.readExpr(rule.value, "read")
		case "create":
			rules.Create = l.readExpr(rule.value, "create")
		case "delete":
			rules.Delete = l.readExpr(rule.value, "delete")
		case "update":
			rules.UpdateFrom, rules.UpdateTo = l.readUpdate(rule)
		case "write":
			expr := l.readExpr(rule.value, "write")
			rules.Create, rules.UpdateFrom, rules.UpdateTo, rules.Delete = expr, expr, expr, expr
		}
	}
}

// readUpdate reads one rule for the old row and the new row, or one rule for each.
func (l *loader) readUpdate(update member) (from, to *model.Expr) {
	if update.value.kind != object {
		expr := l.readExpr(update.value, "update")
		return expr, expr
	}
	for _, rule := range l.known(update.value, "update", updateKeys()) {
		if rule.name == "from" {
			from = l.readExpr(rule.value, "from")
		} else {
			to = l.readExpr(rule.value, "to")
		}
	}
	l.require(update.value, update.pos, "update", updateKeys()...)
	return from, to
}

// maxMessage is the largest length of the message of a check, in bytes.
const maxMessage = 500

func (l *loader) readCheck(table *model.Table, value *node) {
	if value.kind == text {
		l.fault(value.pos, "a check must have a condition and a message: write {expr: …, message: …}")
		return
	}
	if !l.isObject(value, "a check") {
		return
	}
	var check model.Check
	for _, key := range l.known(value, "a check", checkKeys()) {
		if key.name == "expr" {
			check.Expr = l.readExpr(key.value, "expr")
			continue
		}
		check.Message, _ = l.readText(key.value, "message")
		if key.value.kind == text && (check.Message == "" || len(check.Message) > maxMessage) {
			l.fault(key.value.pos, "a message must have 1 to %d bytes", maxMessage)
		}
	}
	if l.require(value, value.pos, "a check", checkKeys()...) && check.Expr != nil {
		table.Checks = append(table.Checks, check)
	}
}
