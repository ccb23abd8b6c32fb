package modeltest

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
)

// Accounts is a fragment of system tables that refer to users: accounts, their sessions, and mails whose reference a
// deletion clears.
func Accounts(app *model.Model) []*model.Table {
	accounts := system.NewTable("ashlar_test_accounts", model.UUID, system.Optional(system.Unique(system.User("user", app, model.Cascade))))
	sessions := system.NewTable("ashlar_test_sessions", model.UUID, system.Ref("account", accounts, model.Cascade), system.Int("stamp"))
	mails := system.NewTable("ashlar_test_mails", model.Int, system.Optional(system.User("user", app, model.Clear)))
	return []*model.Table{accounts, sessions, mails}
}

// OpenWithAccounts is Open with the tables of Accounts. It returns the system tables too.
func (e Engine) OpenWithAccounts(t testing.TB, source string) (store.DB, *rule.Rules, *model.Model) {
	t.Helper()
	rules, db := Rules(t, source), e.Empty(t)
	options := migrate.Options{System: []system.Fragment{Accounts}}
	if _, err := migrate.Apply(t.Context(), db, rules, options); err != nil {
		t.Fatal(err)
	}
	own, err := migrate.SystemModel(t.Context(), db, rules.Model, options)
	if err != nil {
		t.Fatal(err)
	}
	return db, rules, own
}
