package start

import (
	"context"
	"encoding/json"
	"log/slog"
	"sort"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A world is the rows of a model whose writes start jobs.
type world struct {
	t     testing.TB
	db    store.DB
	rules *rule.Rules
	queue *job.Queue
	start *Starter
	rows  *record.DB
}

// each runs a test on each engine, with scripts and without.
func each(t *testing.T, source string, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, tt := range []struct {
		name    string
		engine  modeltest.Engine
		scripts bool
	}{
		{"SQLite", modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()}), true},
		{"SQLite, functions", modeltest.SQLite(sqlite.Config{Readers: 2, Logger: quiet()}), false},
		{"PostgreSQL", modeltest.Postgres(postgres.Config{Readers: 2, Writers: 4, Groups: 2}), true},
		{"PostgreSQL, functions", modeltest.Postgres(postgres.Config{Readers: 2, Writers: 4, Serializable: true}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := tt.engine.Empty(t)
			if !tt.scripts {
				db = withoutScripts{db}
			}
			test(t, open(t, db, source))
		})
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// withoutScripts is an engine that runs each write as a function.
type withoutScripts struct{ store.DB }

// Script runs no script.
func (withoutScripts) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	return false, nil
}

// open opens the rows of a model, and makes their tables.
func open(t testing.TB, db store.DB, source string) *world {
	t.Helper()
	rules := modeltest.Rules(t, source)
	options := migrate.Options{System: []system.Fragment{job.Tables, Tables}}
	if _, err := migrate.Apply(t.Context(), db, rules, options); err != nil {
		t.Fatal(err)
	}
	return attach(db, rules, t)
}

func attach(db store.DB, rules *rule.Rules, t testing.TB) *world {
	var queues []job.QueueConfig
	for _, own := range rules.Model.Queues {
		cfg := job.QueueConfig{Name: own.Name}
		if own.Each != nil {
			cfg.Each = &job.Each{AtOnce: own.Each.AtOnce}
		}
		queues = append(queues, cfg)
	}
	w := &world{t: t, db: db, rules: rules, queue: job.Open(db, job.Config{Queues: queues, Logger: quiet()})}
	w.start = New(db, rules, w.queue, Config{Logger: quiet()})
	w.rows = record.New(db, rules, record.Config{Effects: w.start})
	return w
}

var anybody = caller.User(caller.Identity{ID: "ann", Roles: []string{"editor"}})

func (w *world) table(name string) *model.Table { return w.rules.Model.Table(name) }

func members(t testing.TB, body string) []value.Member {
	t.Helper()
	all, err := value.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func id(table *model.Table, text string) value.Value {
	v, _ := idOf(table, text)
	return v
}

// write does "create T BODY", "update T/ID BODY" or "delete T/ID".
func (w *world) try(do string) error {
	w.t.Helper()
	op, rest, _ := strings.Cut(do, " ")
	path, body, _ := strings.Cut(rest, " ")
	name, key, _ := strings.Cut(path, "/")
	table := w.table(name)
	var err error
	switch op {
	case "create":
		_, err = w.rows.Create(w.t.Context(), anybody, table, members(w.t, body))
	case "update":
		_, err = w.rows.Update(w.t.Context(), anybody, table, id(table, key), members(w.t, body), nil)
	default:
		err = w.rows.Delete(w.t.Context(), anybody, table, id(table, key), nil)
	}
	return err
}

func (w *world) must(all ...string) {
	w.t.Helper()
	for _, do := range all {
		if err := w.try(do); err != nil {
			w.t.Fatalf("%s: %v", do, err)
		}
	}
}

// query returns the rows of a query as texts with spaces between columns.
func (w *world) query(columns int, sql string) (all []string) {
	w.t.Helper()
	err := w.db.Read(w.t.Context(), func(r store.Reader) error {
		all = nil
		return r.Query(sql, nil, func(row value.Row) error {
			parts := make([]string, columns)
			for i := range parts {
				if !row.Null(i) {
					parts[i] = string(row.Bytes(i))
				}
			}
			all = append(all, strings.TrimRight(strings.Join(parts, " "), " "))
			return nil
		})
	})
	if err != nil {
		w.t.Fatal(err)
	}
	sort.Strings(all)
	return all
}

// jobs returns what has been added: the name, the operation, the row.
func (w *world) jobs() []string {
	w.t.Helper()
	var all []string
	for _, row := range w.query(3, `SELECT name, CAST(args AS TEXT), row_id FROM ashlar_jobs`) {
		name, rest, _ := strings.Cut(row, " ")
		args, key, _ := strings.Cut(rest, " ")
		var parsed struct{ Op string }
		if err := json.Unmarshal([]byte(args), &parsed); err != nil {
			w.t.Fatalf("the arguments are %s: %v", args, err)
		}
		all = append(all, name+" "+parsed.Op+" "+key)
	}
	sort.Strings(all)
	return all
}

func (w *world) exec(all ...string) {
	w.t.Helper()
	err := w.db.Write(w.t.Context(), func(tx store.Tx) error {
		for _, sql := range all {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) forget() { w.exec(`DELETE FROM ashlar_jobs`) }
