package record

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	system_ "github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sessionsModel has tables for every kind of read and write. Everybody may do everything.
const sessionsModel = `
ashlar: 1
name: guarded
tables:
  folders:
    key: int
    fields:
      name: {type: text, unique: true}
      data: {type: json, optional: true}
    access: {read: true, write: true}
  papers:
    key: int
    fields:
      folder: {ref: folders, on_delete: cascade, reverse: papers}
    access: {read: true, write: true}
  secrets:
    key: int
    access: {read: id > 5, write: true}
views:
  counts:
    key: int
    reads: [folders]
    query: SELECT id, name FROM folders
    fields: {name: {type: text}}
    access: {read: true}
`

// A guardedNode is one server of a database whose callers have sessions.
type guardedNode struct {
	*DB
	store    store.DB
	model    *model.Model
	sessions *model.Table
}

const selectStamp = `SELECT stamp FROM ashlar_test_sessions WHERE id = $1`

// sessionGuard is a Guard as package identity/account has one.
func sessionGuard(who caller.Caller) (store.Step, bool) {
	proof := who.Proof()
	if proof.Kind != caller.ProofSession {
		return store.Step{}, false
	}
	return store.Step{
		Statement: store.Statement{SQL: selectStamp, Args: []value.Value{value.OfUUID(proof.ID)}},
		Row: func(cols value.Row) error {
			if cols.Int(0) != proof.Stamp {
				return errors.New("another stamp")
			}
			return nil
		},
		Check: store.GuardCheck{Table: "ashlar_test_sessions", ID: proof.ID, Stamp: proof.Stamp},
	}, true
}

// guardedNodes opens nodes of one database.
func guardedNodes(t testing.TB, n int, open func() (store.DB, error)) (nodes []*guardedNode) {
	t.Helper()
	rules := modeltest.Rules(t, sessionsModel)
	options := migrate.Options{System: []system_.Fragment{modeltest.Accounts}}
	for range n {
		db, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if _, err := migrate.Apply(t.Context(), db, rules, options); err != nil {
			t.Fatal(err)
		}
		own, err := migrate.SystemModel(t.Context(), db, rules.Model, options)
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, &guardedNode{New(db, rules, Config{System: own, Guard: sessionGuard}), db, rules.Model, own.Table("ashlar_test_sessions")})
	}
	return nodes
}

// onGuarded runs a test on nodes of one database: on SQLite two processes could have it open like this.
func onGuarded(t *testing.T, n int, test func(t *testing.T, nodes []*guardedNode)) {
	t.Run("SQLite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "test.db")
		test(t, guardedNodes(t, n, func() (store.DB, error) { return sqlite.Open(t.Context(), path, sqlite.Config{Readers: 2}) }))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		if !pgtest.Available() {
			t.Skip("no PostgreSQL")
		}
		url := pgtest.URL(t)
		test(t, guardedNodes(t, n, func() (store.DB, error) {
			return postgres.Open(t.Context(), url, postgres.Config{Readers: 4, Writers: 4})
		}))
	})
}

var guardedUser = uuid.NewString()

// signIn makes a session and returns its caller.
func (n *guardedNode) signIn(t testing.TB) caller.Caller {
	t.Helper()
	account, session := uuid.NewString(), uuid.NewString()
	for _, row := range []struct{ table, body string }{
		{"ashlar_test_accounts", fmt.Sprintf(`{"id": %q}`, account)},
		{"ashlar_test_sessions", fmt.Sprintf(`{"id": %q, "account_id": %q, "stamp": 7}`, session, account)},
	} {
		if _, err := n.Create(t.Context(), system, n.Table(row.table), members(t, row.body)); err != nil {
			t.Fatal(err)
		}
	}
	return caller.User(caller.Identity{ID: guardedUser, Proof: caller.Proof{Kind: caller.ProofSession, ID: session, Stamp: 7}})
}

func (n *guardedNode) signOut(t testing.TB, who caller.Caller) {
	t.Helper()
	id, _ := who.Session()
	if err := n.Delete(context.Background(), system, n.sessions, value.OfUUID(id), nil); err != nil {
		t.Fatal(err)
	}
}

// operation is one request of a caller.
type operation struct {
	name string
	run  func(who caller.Caller) error
}

// operations are requests of every kind. Each can be done again and again. want is the kind of error for a caller whose
// session goes on.
func (n *guardedNode) operations(t *testing.T) []operation {
	folders, papers, secrets := n.model.Table("folders"), n.model.Table("papers"), n.model.Table("secrets")
	ctx := t.Context()
	list := func(table *model.Table, q Query) func(caller.Caller) error {
		return func(who caller.Caller) error {
			body, err := n.List(ctx, who, table, q, nil)
			if err != nil && body != nil {
				t.Errorf("List(%s) gives %s beside %v", table.Name, body, err)
			}
			return err
		}
	}
	var next int64 = 1000
	create := func(who caller.Caller) (value.Value, error) {
		next++
		row, err := n.Create(ctx, who, folders, members(t, fmt.Sprintf(`{"id": %d, "name": "n%[1]d"}`, next)))
		return row.ID, err
	}
	one, none := value.OfInt(1), value.OfInt(99)
	return []operation{
		{"get", func(who caller.Caller) error { _, err := n.Get(ctx, who, folders, one, Selection{}, nil); return err }},
		{"get with expansions", func(who caller.Caller) error {
			_, err := n.Get(ctx, who, folders, one, Selection{Expand: "papers"}, nil)
			return err
		}},
		{"get of a view", func(who caller.Caller) error {
			_, err := n.Get(ctx, who, n.model.Table("counts"), one, Selection{}, nil)
			return err
		}},
		{"list", list(folders, Query{Limit: 10})},
		{"list with a total", list(folders, Query{Limit: 10, Total: true})},
		{"list with expansions", list(folders, Query{Limit: 10, Selection: Selection{Expand: "papers"}})},
		{"list of a view", list(n.model.Table("counts"), Query{Limit: 10})},
		{"create", func(who caller.Caller) error { _, err := create(who); return err }},
		{"create with an assigned id", func(who caller.Caller) error {
			_, err := n.Create(ctx, who, papers, members(t, `{"folder_id": 1}`))
			return err
		}},
		{"update", func(who caller.Caller) error {
			_, err := n.Update(ctx, who, folders, one, members(t, `{"name": "renamed"}`), nil)
			return err
		}},
		{"update that merges", func(who caller.Caller) error {
			_, err := n.Update(ctx, who, folders, one, members(t, `{"data": {"a": 1}}`), nil)
			return err
		}},
		{"transaction", func(who caller.Caller) error {
			return n.Transact(ctx, who, func(tx *Tx) error { _, err := tx.Get(folders, one, Selection{}); return err })
		}},
		{"transaction without a statement", func(who caller.Caller) error { return n.Transact(ctx, who, func(*Tx) error { return nil }) }},
		{"delete", func(who caller.Caller) error {
			row, err := n.Create(ctx, system, papers, members(t, `{"folder_id": 1}`))
			if err != nil {
				return err
			}
			return n.Delete(ctx, who, papers, row.ID, nil)
		}},
		{"delete that cascades", func(who caller.Caller) error {
			id, err := create(system)
			if err != nil {
				return err
			}
			return n.Delete(ctx, who, folders, id, nil)
		}},
		{"delete of many", func(who caller.Caller) error {
			id, err := create(system)
			if err != nil {
				return err
			}
			body := fmt.Sprintf(`{"folder_id": %d}`, id.Int)
			for range n.limits.cascadeRows + 1 {
				if _, err := n.Create(ctx, system, papers, members(t, body)); err != nil {
					return err
				}
			}
			return n.Delete(ctx, who, folders, id, nil)
		}},
		// These end with another error if the session goes on.
		{"get of a missing row", notFoundIs(func(who caller.Caller) error { _, err := n.Get(ctx, who, folders, none, Selection{}, nil); return err })},
		{"update of a missing row", notFoundIs(func(who caller.Caller) error {
			_, err := n.Update(ctx, who, folders, none, members(t, `{"name": "none"}`), nil)
			return err
		})},
		{"delete of a missing row", notFoundIs(func(who caller.Caller) error { return n.Delete(ctx, who, folders, none, nil) })},
		{"delete of a hidden row", notFoundIs(func(who caller.Caller) error { return n.Delete(ctx, who, secrets, one, nil) })},
		{"a taken value", kindIs(errs.Conflict, func(who caller.Caller) error {
			_, err := n.Create(ctx, who, folders, members(t, `{"id": 500, "name": "taken"}`))
			return err
		})},
	}
}

// kindIs takes an error of a kind for none.
func kindIs(kind errs.Kind, run func(caller.Caller) error) func(caller.Caller) error {
	return func(who caller.Caller) error {
		err := run(who)
		if err == nil {
			return fmt.Errorf("no error of kind %s", kind)
		}
		if errs.KindOf(err) == kind {
			return nil
		}
		return err
	}
}

func notFoundIs(run func(caller.Caller) error) func(caller.Caller) error {
	return kindIs(errs.NotFound, run)
}

func (n *guardedNode) fill(t *testing.T) {
	t.Helper()
	for _, row := range []struct{ table, body string }{
		{"folders", `{"id": 1, "name": "one", "data": {}}`},
		{"folders", `{"id": 2, "name": "taken"}`},
		{"papers", `{"folder_id": 1}`},
		{"secrets", `{"id": 1}`},
	} {
		if _, err := n.Create(t.Context(), system, n.model.Table(row.table), members(t, row.body)); err != nil {
			t.Fatal(err)
		}
	}
}

// stored returns all rows, and what a client could have changed of them.
func (n *guardedNode) stored(t *testing.T) (all string) {
	t.Helper()
	for _, name := range []string{"folders", "papers", "secrets"} {
		list, err := n.List(t.Context(), system, n.model.Table(name), Query{Limit: 500}, nil)
		if err != nil {
			t.Fatal(err)
		}
		all += string(list)
	}
	return all
}

// Every request of an ended session is refused, on tables that are open to everybody too, and changes nothing. A request of
// a session with another stamp is refused alike. Sessions that go on are not affected.
func TestEndedSessionsAreRefused(t *testing.T) {
	onGuarded(t, 1, func(t *testing.T, nodes []*guardedNode) {
		n := nodes[0]
		n.fill(t)
		n.limits.cascadeRows = 3
		goesOn, ended, older := n.signIn(t), n.signIn(t), n.signIn(t)
		n.signOut(t, ended)
		id, _ := older.Session()
		if _, err := n.Update(t.Context(), system, n.sessions, value.OfUUID(id), members(t, `{"stamp": 8}`), nil); err != nil {
			t.Fatal(err)
		}
		for _, op := range n.operations(t) {
			t.Run(op.name, func(t *testing.T) {
				if err := op.run(goesOn); err != nil {
					t.Fatalf("a session that goes on: %v", err)
				}
				for name, who := range map[string]caller.Caller{"ended": ended, "of another stamp": older} {
					for range manyRefusals + 2 { // first by scripts, then by functions
						if err := op.run(who); !errors.Is(err, errEnded) {
							t.Fatalf("a session that is %s: %v", name, err)
						}
					}
				}
				if err := op.run(goesOn); err != nil {
					t.Errorf("a session that goes on, afterwards: %v", err)
				}
			})
		}
		before := n.stored(t)
		for _, op := range n.operations(t)[7:13] { // each of these writes
			if err := op.run(ended); !errors.Is(err, errEnded) {
				t.Errorf("%s: %v", op.name, err)
			}
		}
		if after := n.stored(t); after != before {
			t.Errorf("an ended session has made of\n%s\n%s", before, after)
		}
	})
}

// Two nodes serve a database. Once one of them has ended a session, the other refuses it. Other clients read and write
// meanwhile, so that snapshots, totals and groups of scripts are there to be shared.
func TestEndedOnAnotherNode(t *testing.T) {
	endings := effort.Cases(400, 10_000)
	onGuarded(t, 2, func(t *testing.T, nodes []*guardedNode) {
		nodes[0].fill(t)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for i, n := range nodes {
			who, table := n.signIn(t), n.model.Table("folders")
			wg.Go(func() {
				for try := 0; ctx.Err() == nil; try++ {
					_, _ = n.List(ctx, who, table, Query{Limit: 5, Total: true}, nil)
					if try%50 == 0 {
						_, _ = n.Update(ctx, who, table, value.OfInt(int64(1+i)), members(t, fmt.Sprintf(`{"data": {"n": %d}}`, try)), nil)
					}
				}
			})
		}
		asks := []func(n *guardedNode, who caller.Caller) error{
			func(n *guardedNode, who caller.Caller) error {
				_, err := n.Get(context.Background(), who, n.model.Table("folders"), value.OfInt(1), Selection{}, nil)
				return err
			},
			func(n *guardedNode, who caller.Caller) error {
				_, err := n.List(context.Background(), who, n.model.Table("folders"), Query{Limit: 5, Total: true}, nil)
				return err
			},
			func(n *guardedNode, who caller.Caller) error {
				_, err := n.Update(context.Background(), who, n.model.Table("folders"), value.OfInt(1), members(t, `{"data": {"x": 1}}`), nil)
				return err
			},
			func(n *guardedNode, who caller.Caller) error {
				_, err := n.Create(context.Background(), who, n.model.Table("papers"), members(t, `{"folder_id": 2}`))
				return err
			},
		}
		for range endings {
			ender := nodes[rand.IntN(2)]
			who := nodes[rand.IntN(2)].signIn(t)
			ask := asks[rand.IntN(len(asks))]
			for _, n := range nodes {
				if _, err := n.Get(context.Background(), who, n.model.Table("folders"), value.OfInt(1), Selection{}, nil); err != nil {
					t.Fatalf("before the end: %v", err)
				}
			}
			ender.signOut(t, who)
			for _, n := range nodes {
				if err := ask(n, who); !errors.Is(err, errEnded) {
					t.Fatalf("after the end: %v", err)
				}
			}
		}
		cancel()
		wg.Wait()
	})
}
