package migrate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// accounts is a fragment whose tables refer to users, and to one another.
func accounts(app *model.Model) []*model.Table {
	accounts := system.NewTable("ashlar_accounts", model.UUID,
		system.Optional(system.Unique(system.User("user", app, model.Cascade))),
		system.Enum("kind", "user", "operator"), system.JSON("roles"), system.Bool("verified"), system.Int("stamp"))
	sessions := system.NewTable("ashlar_sessions", model.UUID,
		system.Ref("account", accounts, model.Cascade), system.Indexed(system.Timestamp("ends_at")))
	mails := system.NewTable("ashlar_mails", model.Int,
		system.Optional(system.User("user", app, model.Clear)), system.Text("subject"))
	return []*model.Table{accounts, sessions, mails}
}

var withAccounts = migrate.Options{Hazards: plan.Rewrites | plan.Breaks, System: []system.Fragment{accounts}}

// usersOnly returns a model of users, and of posts that refer to them.
func usersOnly(t *testing.T, key, fields string) *rule.Rules {
	t.Helper()
	return load(t, fmt.Sprintf("  users: {key: %s, fields: {%s}}\n  posts: {key: int, fields: {author: {ref: users, on_delete: cascade}}}\n", key, fields))
}

func userID(n int) string { return fmt.Sprintf("018f0000-0000-7000-8000-%012d", n) }

// fillAccounts makes users, each with a post, an account, a session and a mail.
func fillAccounts(t *testing.T, db store.DB, rules *rule.Rules, users int) {
	t.Helper()
	own := withAccounts.OwnModel(rules.Model)
	for n := range users {
		insert(t, db, rules.Model.Table("users"), fmt.Sprintf(`{"id": %q, "email": "u%d@example.com"}`, userID(n), n))
		insert(t, db, rules.Model.Table("posts"), fmt.Sprintf(`{"id": %d, "author_id": %q}`, n, userID(n)))
		insert(t, db, own.Table("ashlar_accounts"), fmt.Sprintf(`{"id": %q, "user_id": %q, "kind": "user", "roles": [], "verified": true, "stamp": 1}`, userID(100+n), userID(n)))
		insert(t, db, own.Table("ashlar_sessions"), fmt.Sprintf(`{"id": %q, "account_id": %q, "ends_at": "2030-01-01T00:00:00Z"}`, userID(200+n), userID(100+n)))
		insert(t, db, own.Table("ashlar_mails"), fmt.Sprintf(`{"id": %d, "user_id": %q, "subject": "s"}`, n, userID(n)))
	}
}

// systemRows returns the rows of the tables of accounts.
func systemRows(t *testing.T, db store.DB, app *model.Model) string {
	t.Helper()
	var all []string
	for _, table := range withAccounts.OwnModel(app).Tables {
		if strings.HasSuffix(table.Name, "_meta") || table.Name == migrate.HistoryTable {
			continue
		}
		all = append(all, table.Name+"\n"+rows(t, db, table))
	}
	return strings.Join(all, "\n")
}

func mustVerify(t *testing.T, db store.DB) {
	t.Helper()
	if drift, err := migrate.Verify(t.Context(), db); err != nil || len(drift) > 0 {
		t.Errorf("Verify() = %v, %v", drift, err)
	}
}

// Tables that refer to users come with a new database, or to one with rows. The database enforces the references.
func TestSystemTablesReferToUsers(t *testing.T) {
	rules := usersOnly(t, "uuid", "")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		for _, first := range []migrate.Options{withAccounts, {}} {
			db := eng.Empty(t)
			mustApply(t, db, rules, first)
			insert(t, db, rules.Model.Table("users"), fmt.Sprintf(`{"id": %q, "email": "first@example.com"}`, userID(99)))
			mustApply(t, db, rules, withAccounts)
			mustVerify(t, db)
			fillAccounts(t, db, rules, 2)

			own := withAccounts.OwnModel(rules.Model)
			err := tryInsert(db, own.Table("ashlar_mails"), fmt.Sprintf(`{"id": 100, "user_id": %q, "subject": "to nobody"}`, userID(98)))
			if c, ok := errors.AsType[*store.ConstraintError](err); !ok || c.Constraint != store.ForeignKey {
				t.Errorf("a mail to a missing user: %v", err)
			}
			storetest.Exec(t, db, fmt.Sprintf(`DELETE FROM "users" WHERE "id" = '%s'`, userID(0)))
			want := fmt.Sprintf("ashlar_accounts\n%q %q \"user\" [] true 1\nashlar_sessions\n%q %q \"2030-01-01T00:00:00.000000Z\"\nashlar_mails\n0 null \"s\"\n1 %[2]q \"s\"", userID(101), userID(1), userID(201), userID(101))
			if diff := cmp.Diff(want, systemRows(t, db, rules.Model)); diff != "" {
				t.Errorf("after the deletion of a user (-want +got):\n%s", diff)
			}
			for _, options := range []migrate.Options{withAccounts, {}} { // a release that does not know them leaves them alone
				if result := mustApply(t, db, rules, options); len(result.Applied) > 0 {
					t.Errorf("Apply() again = %v, want nothing", result.Applied)
				}
			}
			mustVerify(t, db)
		}
	})
}

// Changes of users carry the system tables behind them, and so does a release that does not know these tables. On SQLite
// a dropped field makes users anew.
func TestUsersChangeUnderSystemTables(t *testing.T) {
	before := usersOnly(t, "uuid", "age: {type: int, optional: true}, nick: {type: text, optional: true}")
	for _, tt := range []struct {
		name  string
		after *rule.Rules
		drop  []string
		undo  bool
	}{
		{name: "field dropped", after: usersOnly(t, "uuid", "nick: {type: text, optional: true}"), drop: []string{"users.age"}},
		{name: "field converted", after: usersOnly(t, "uuid", "age: {type: text, optional: true}, nick: {type: text, optional: true}"), undo: true},
		{name: "key changed", after: usersOnly(t, "text", "age: {type: int, optional: true}, nick: {type: text, optional: true}"), undo: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onEach(t, func(t *testing.T, eng modeltest.Engine) {
				for _, known := range []bool{true, false} {
					db := eng.Empty(t)
					mustApply(t, db, before, withAccounts)
					fillAccounts(t, db, before, 3)
					want := systemRows(t, db, before.Model)
					options := allow(tt.drop...)
					if known {
						options.System = withAccounts.System
					}
					mustApply(t, db, tt.after, options)
					if diff := cmp.Diff(want, systemRows(t, db, tt.after.Model)); diff != "" {
						t.Errorf("known %t (-want +got):\n%s", known, diff)
					}
					mustVerify(t, db)
					if result := mustApply(t, db, tt.after, withAccounts); len(result.Applied) > 0 {
						t.Errorf("Apply() again = %v, want nothing", result.Applied)
					}
					left := tt.after
					if tt.undo {
						options.Allow = nil
						if _, err := migrate.Undo(t.Context(), db, options); err != nil {
							t.Fatalf("Undo() = %v", err)
						}
						mustVerify(t, db)
						left = before
						if diff := cmp.Diff(want, systemRows(t, db, left.Model)); diff != "" {
							t.Errorf("after Undo (-want +got):\n%s", diff)
						}
					}
					storetest.Exec(t, db, `DELETE FROM "users"`)
					want = "ashlar_accounts\n\nashlar_sessions\n\nashlar_mails\n0 null \"s\"\n1 null \"s\"\n2 null \"s\""
					if diff := cmp.Diff(want, systemRows(t, db, left.Model)); diff != "" {
						t.Errorf("without users (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// A database of an older layout gets the system tables of this release in the same change.
func TestAccountsFromLayout1(t *testing.T) {
	rules := layout1Model(t, "ashlar.yaml")
	onEach(t, func(t *testing.T, eng modeltest.Engine) {
		db := layout1(t, eng)
		mustApply(t, db, rules, withAccounts)
		mustVerify(t, db)
		if result := mustApply(t, db, rules, withAccounts); len(result.Applied) > 0 {
			t.Errorf("Apply() again = %v, want nothing", result.Applied)
		}
	})
}
