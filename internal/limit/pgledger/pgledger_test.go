package pgledger

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/limit/ledgertest"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// openNodes returns a function that opens one more node on a new database.
func openNodes(t *testing.T, cfg postgres.Config) func() store.DB {
	open := modeltest.Postgres(cfg).Processes(t)
	rules := modeltest.Rules(t, "ashlar: 1\nname: app\n")
	if _, err := migrate.Apply(t.Context(), open(), rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	return open
}

func open(cfg postgres.Config) func(t *testing.T) func() limit.Ledger {
	return func(t *testing.T) func() limit.Ledger {
		cfg.Readers, cfg.Writers, cfg.Groups = 2, 2, 1
		open := openNodes(t, cfg)
		return func() limit.Ledger { return New(open()) }
	}
}

func TestLedger(t *testing.T) { ledgertest.Run(t, open(postgres.Config{})) }

// The transactions of the ledger are not serializable, even where all others are. Else they would fail when two nodes meet
// at a bucket.
func TestSerializableDatabase(t *testing.T) {
	ledgertest.RunParallel(t, open(postgres.Config{Serializable: true}))
}
