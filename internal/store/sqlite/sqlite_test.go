package sqlite

import (
	"log/slog"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
)

func TestStore(t *testing.T) {
	var mu sync.Mutex
	paths := map[*testing.T]string{}
	storetest.Run(t, 1, func(t *testing.T) store.DB {
		mu.Lock()
		defer mu.Unlock()
		if paths[t] == "" {
			paths[t] = filepath.Join(t.TempDir(), "data.db")
		}
		return openTest(t, paths[t], Config{})
	})
}

// openTest opens a database that logs to the test. The test closes it, or its cleanup does.
func openTest(t testing.TB, path string, cfg Config) *DB {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	db, err := Open(t.Context(), path, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
