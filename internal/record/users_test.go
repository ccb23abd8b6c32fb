package record

import (
	"context"
	"fmt"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// orgs own users, whom a deletion of an org deletes too.
const orgs = `
ashlar: 1
name: orgs
tables:
  orgs:
    key: int
    access: {read: true, write: true}
  users:
    fields:
      org: {ref: orgs, optional: true, on_delete: cascade}
    access: {read: true, write: true}
`

// accountWorld is a database of orgs with system tables behind the users.
type accountWorld struct {
	db    store.DB
	rows  *DB
	model *model.Model
	own   *model.Model
}

// onAccounts runs a test on each engine, with scripts where an engine has them.
func onAccounts(t *testing.T, test func(t *testing.T, w accountWorld)) {
	t.Helper()
	for _, engine := range []modeltest.Engine{modeltest.SQLite(sqlite.Config{Readers: 2}), modeltest.Postgres(postgres.Config{Readers: 4, Writers: 4})} {
		t.Run(engine.Name, func(t *testing.T) {
			db, rules, own := engine.OpenWithAccounts(t, orgs)
			test(t, accountWorld{db, New(db, rules, Config{System: own}), rules.Model, own})
		})
	}
}

func (w accountWorld) create(t *testing.T, table *model.Table, body string, args ...any) {
	t.Helper()
	if _, err := w.rows.Create(t.Context(), system, table, members(t, fmt.Sprintf(body, args...))); err != nil {
		t.Fatalf("%s "+body+": %v", append(append([]any{table.Name}, args...), err)...)
	}
}

func numberedUUID(n int) string { return fmt.Sprintf("018f0000-0000-7000-8000-%012d", n) }

// addUsers makes users of an org, each with an account, a session and a mail. Their numbers start at first.
func (w accountWorld) addUsers(t *testing.T, org, first, count int) {
	t.Helper()
	w.create(t, w.model.Table("orgs"), `{"id": %d}`, org)
	for n := first; n < first+count; n++ {
		w.create(t, w.model.Table("users"), `{"id": %q, "email": "u%d@example.com", "org_id": %d}`, numberedUUID(n), n, org)
		w.create(t, w.own.Table("ashlar_test_accounts"), `{"id": %q, "user_id": %q}`, numberedUUID(10_000+n), numberedUUID(n))
		w.create(t, w.own.Table("ashlar_test_sessions"), `{"account_id": %q, "stamp": 0}`, numberedUUID(10_000+n))
		w.create(t, w.own.Table("ashlar_test_mails"), `{"user_id": %q}`, numberedUUID(n))
	}
}

// left returns how many rows a query counts.
func (w accountWorld) left(t *testing.T, query string) (n int64) {
	t.Helper()
	err := w.db.Read(t.Context(), func(reader store.Reader) error {
		return reader.Query("SELECT count(*) FROM "+query, nil, func(cols value.Row) error {
			n = cols.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantUsers checks that so many users are left, each with its rows of system tables, and that no row dangles.
func (w accountWorld) wantUsers(t *testing.T, users, mails int64) {
	t.Helper()
	for query, want := range map[string]int64{
		"users": users, "ashlar_test_accounts": users, "ashlar_test_sessions": users, "ashlar_test_mails": mails,
		"ashlar_test_accounts AS a JOIN users AS u ON u.id = a.user_id":                   users,
		"ashlar_test_sessions AS s JOIN ashlar_test_accounts AS a ON a.id = s.account_id": users,
		"ashlar_test_mails AS m JOIN users AS u ON u.id = m.user_id":                      users,
		"ashlar_test_mails WHERE user_id IS NULL":                                         mails - users,
	} {
		if n := w.left(t, query); n != want {
			t.Errorf("SELECT count(*) FROM %s = %d, want %d", query, n, want)
		}
	}
	if drift, err := migrate.Verify(t.Context(), w.db); err != nil || len(drift) > 0 {
		t.Errorf("Verify() = %v, %v", drift, err)
	}
}

func (w accountWorld) delete(t *testing.T, table string, id value.Value) {
	t.Helper()
	if err := w.rows.Delete(context.Background(), nobody, w.model.Table(table), id, nil); err != nil {
		t.Fatalf("Delete(%s, %v) = %v", table, id, err)
	}
}

// A deletion takes the rows of system tables behind a user along: of one user, of an org with few users, and of one with
// so many that SQLite sweeps.
func TestDeletionsReachSystemTables(t *testing.T) {
	onAccounts(t, func(t *testing.T, w accountWorld) {
		w.addUsers(t, 1, 0, 3)
		w.addUsers(t, 2, 100, 5)
		w.addUsers(t, 3, 200, 60) // with 240 rows, more than limits.cascadeRows
		w.addUsers(t, 4, 300, 2)
		generation := func() (n int64) {
			err := w.db.Read(t.Context(), func(reader store.Reader) (err error) {
				n, err = reader.Generation("ashlar_test_sessions")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for _, tt := range []struct {
			table string
			id    value.Value
			users int64
		}{
			{"users", value.OfUUID(numberedUUID(1)), 69},
			{"orgs", value.OfInt(2), 64},
			{"orgs", value.OfInt(3), 4},
			{"orgs", value.OfInt(4), 2},
		} {
			before := generation()
			w.delete(t, tt.table, tt.id)
			w.wantUsers(t, tt.users, 70)
			if generation() == before {
				t.Errorf("Delete(%s, %v): the generation of the sessions did not move", tt.table, tt.id)
			}
		}
	})
}

// A user with many sessions is one deletion too.
func TestDeletionOfAUserWithManySessions(t *testing.T) {
	onAccounts(t, func(t *testing.T, w accountWorld) {
		w.addUsers(t, 1, 0, 2)
		for range 150 {
			w.create(t, w.own.Table("ashlar_test_sessions"), `{"account_id": %q, "stamp": 0}`, numberedUUID(10_000))
		}
		w.delete(t, "users", value.OfUUID(numberedUUID(0)))
		w.wantUsers(t, 1, 2)
	})
}
