package audit

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const app = `
ashlar: 1
name: app
tables:
  notes: {key: int, fields: {title: {type: text}}}
`

// A node is one server on a database.
type node struct {
	store.DB
	rows *record.DB
	log  *Log
}

// each runs a test on each engine, with two nodes of one database. On SQLite both are the same.
func each(t *testing.T, test func(t *testing.T, a, b *node)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		if err != nil {
			t.Fatal(err)
		}
		n := newNode(t, db)
		test(t, n, n)
	})
	for _, serializable := range []bool{false, true} {
		t.Run(fmt.Sprintf("PostgreSQL serializable %t", serializable), func(t *testing.T) {
			url := pgtest.URL(t)
			open := func() *node {
				db, err := postgres.Open(t.Context(), url, postgres.Config{Serializable: serializable, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				return newNode(t, db)
			}
			test(t, open(), open())
		})
	}
}

func newNode(t testing.TB, db store.DB) *node {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	if _, err := migrate.Apply(t.Context(), db, modeltest.Rules(t, app), migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	rows := record.New(db, modeltest.Compile(t, system.Model(&model.Model{}, migrate.Tables, Tables)), record.Config{})
	return &node{db, rows, New(rows, Config{})}
}

func (n *node) append(t testing.TB, events ...Event) {
	t.Helper()
	err := n.rows.Transact(t.Context(), own(), func(tx *record.Tx) error {
		if err := system.ReadCommitted(tx.Store()); err != nil {
			return err
		}
		for _, event := range events {
			if err := n.log.Append(tx, event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exec is what somebody with the database's password can do.
func (n *node) exec(t *testing.T, sql string, args ...value.Value) {
	t.Helper()
	err := n.Write(t.Context(), func(tx store.Tx) error {
		tx.MarkChanged(tableName, system.MetaTable)
		changed, err := tx.Exec(sql, args)
		if err == nil && changed == 0 {
			err = errors.New("changed nothing: " + sql)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (n *node) verify(t *testing.T, known string) (Result, error) {
	t.Helper()
	return n.log.Verify(t.Context(), known, nil)
}

// some returns events that differ.
func some(n int) []Event {
	events := make([]Event, n)
	for i := range events {
		events[i] = Event{Action: "session.ended", ActorKind: "user", ActorID: fmt.Sprint("u", i%3), Account: fmt.Sprint("a", i), Address: "2001:db8::1"}
	}
	return events
}
