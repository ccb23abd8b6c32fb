package record

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// withReaders runs a test on a database of each engine that has that many connections for reads.
func withReaders(t *testing.T, source string, readers int, test func(t *testing.T, d *DB)) {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	run := func(t *testing.T, db store.DB, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		if _, err := migrate.Apply(context.Background(), db, rules, migrate.Options{}); err != nil {
			t.Fatal(err)
		}
		test(t, New(db, rules, Config{}))
	}
	t.Run("sqlite", func(t *testing.T) {
		db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Readers: readers})
		run(t, db, err)
	})
	t.Run("postgres", func(t *testing.T) {
		cfg := postgres.Config{Readers: readers, Writers: 2, Logger: slog.New(slog.DiscardHandler)}
		db, err := postgres.Open(context.Background(), pgtest.URL(t), cfg)
		run(t, db, err)
	})
}
