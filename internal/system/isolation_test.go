package system_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ReadCommitted holds for its transaction alone, on a connection that usually has another isolation.
func TestReadCommitted(t *testing.T) {
	db, err := postgres.Open(t.Context(), pgtest.URL(t), postgres.Config{Serializable: true, Writers: 1, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, lower := range []bool{false, true, false} {
		want := map[bool]string{true: "read committed", false: "serializable"}[lower]
		err := db.Write(t.Context(), func(tx store.Tx) error {
			if lower {
				if err := system.ReadCommitted(tx); err != nil {
					return err
				}
			}
			return tx.Query(`SELECT current_setting('transaction_isolation')`, nil, func(row value.Row) error {
				if got := string(row.Bytes(0)); got != want {
					t.Errorf("the isolation is %s, want %s", got, want)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadCommittedDoesNothingOnSQLite(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context(), system.ReadCommitted); err != nil {
		t.Error(err)
	}
}
