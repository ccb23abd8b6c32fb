// Package modeltest opens the databases of models for tests, on each engine.
package modeltest

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// Open opens a SQLite database with the tables of a model. It is closed when the test ends. The Rules have the model.
func Open(t testing.TB, source string) (store.DB, *rule.Rules) {
	t.Helper()
	return SQLite(sqlite.Config{Readers: 2}).Open(t, source)
}

// Each runs a test on each engine, with the tables of a model. It skips PostgreSQL if that is not installed.
func Each(t *testing.T, source string, test func(t *testing.T, db store.DB, rules *rule.Rules)) {
	t.Helper()
	for _, engine := range []Engine{SQLite(sqlite.Config{Readers: 2}), Postgres(postgres.Config{Readers: 4, Writers: 4})} {
		t.Run(engine.Name, func(t *testing.T) {
			db, rules := engine.Open(t, source)
			test(t, db, rules)
		})
	}
}

// Model parses the text of a model file.
func Model(t testing.TB, source string) *model.Model {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatalf("the model is invalid:\n%v\n%s", faults, source)
	}
	return m
}

// Rules parses the text of a model file and compiles its rules.
func Rules(t testing.TB, source string) *rule.Rules {
	t.Helper()
	return Compile(t, Model(t, source))
}

// Compile compiles the rules of a model.
func Compile(t testing.TB, m *model.Model) *rule.Rules {
	t.Helper()
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatalf("the rules are invalid:\n%v", faults)
	}
	return rules
}

// An Engine opens databases with one configuration.
type Engine struct {
	Name string
	make func(t testing.TB) (open func() (store.DB, error)) // makes an empty database
}

// SQLite returns the embedded engine.
func SQLite(cfg sqlite.Config) Engine {
	return Engine{"SQLite", func(t testing.TB) func() (store.DB, error) {
		path := filepath.Join(t.TempDir(), "test.db")
		return func() (store.DB, error) { return sqlite.Open(t.Context(), path, cfg) }
	}}
}

// Postgres returns PostgreSQL. Without a Logger in the configuration it logs nothing. A test is skipped if PostgreSQL is not
// installed.
func Postgres(cfg postgres.Config) Engine {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return Engine{"PostgreSQL", func(t testing.TB) func() (store.DB, error) {
		if !pgtest.Available() {
			t.Skip("no PostgreSQL")
		}
		url := pgtest.URL(t)
		return func() (store.DB, error) { return postgres.Open(t.Context(), url, cfg) }
	}}
}

// Empty opens an empty database. It is closed when the test ends.
func (e Engine) Empty(t testing.TB) store.DB {
	t.Helper()
	return e.Processes(t)()
}

// Processes makes an empty database. Each call of the result opens it as another process does. The connections are closed
// when the test ends.
func (e Engine) Processes(t testing.TB) (open func() store.DB) {
	t.Helper()
	process := e.make(t)
	return func() store.DB {
		t.Helper()
		db, err := process()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
}

// Open opens a database with the tables of a model. It is closed when the test ends.
func (e Engine) Open(t testing.TB, source string) (store.DB, *rule.Rules) {
	t.Helper()
	rules := Rules(t, source)
	db := e.Empty(t)
	Migrate(t, db, rules)
	return db, rules
}

// Migrate brings the tables of a database to a model.
func Migrate(t testing.TB, db store.DB, rules *rule.Rules) {
	t.Helper()
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
}
