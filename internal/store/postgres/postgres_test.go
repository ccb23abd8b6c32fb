package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// opener opens one database for each test.
func opener(cfg Config) func(*testing.T) store.DB {
	urls := map[string]string{}
	var mu sync.Mutex
	return func(t *testing.T) store.DB {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if urls[t.Name()] == "" {
			urls[t.Name()] = pgtest.URL(t)
		}
		return open(t, urls[t.Name()], cfg)
	}
}

func open(t *testing.T, url string, cfg Config) *DB {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler) // the server of the tests syncs nothing, and is told of it each time
	db, err := Open(context.Background(), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func TestStore(t *testing.T) {
	for _, cfg := range []Config{{Writers: 1}, {Writers: 8}, {Writers: 8, Serializable: true}} {
		if effort.Raced && !cfg.Serializable {
			continue // the same goroutines run, and each takes long
		}
		t.Run(fmt.Sprintf("%d writers, serializable %t", cfg.Writers, cfg.Serializable), func(t *testing.T) {
			storetest.RunParallel(t, cfg.Writers, opener(cfg))
		})
	}
}
