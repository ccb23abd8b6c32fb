package load

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// build makes the tables of their declarations. Keys come first, since a reference has the type of its target's key.
// Relations need all fields. Rules, accounts, operate, limits and jobs come last.
func (l *loader) build() {
	l.addUsers()
	all := slices.Concat(l.tables, l.views)
	for _, decl := range all {
		l.readHead(decl)
	}
	for _, decl := range all {
		l.buildFields(decl)
	}
	for _, decl := range all {
		l.link(decl)
	}
	for _, decl := range l.tables {
		l.readCombinations(decl)
		l.limitIndexedText(decl)
		l.readRules(decl)
	}
	l.limitIndexRows()
	for _, decl := range l.views {
		l.readView(decl)
	}
	l.checkFormerNames()
	if l.accounts != nil {
		l.readAccounts(*l.accounts)
	}
	l.readWork()
	if l.operate != nil {
		l.readOperate(*l.operate)
	}
	if l.backups != nil {
		l.readBackups(*l.backups)
	}
	l.checkRestorePoints()
	if l.limits != nil {
		l.readLimits(*l.limits)
	}
}

// addUsers declares users as the first table if the model does not declare it.
func (l *loader) addUsers() {
	if l.model.Table(usersTable) != nil {
		return
	}
	users := &model.Table{Name: usersTable, Pos: startOf(model.MainFile), Key: model.UUID}
	l.model.Add(users)
	last := len(l.model.Tables) - 1
	l.model.Tables = slices.Insert(l.model.Tables[:last], 0, users)
	l.tables = slices.Insert(l.tables, 0, &tableDecl{table: users, value: &node{kind: object}})
}
