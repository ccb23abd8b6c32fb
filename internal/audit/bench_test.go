package audit

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

// eachBench runs a benchmark on each engine.
func eachBench(b *testing.B, bench func(b *testing.B, n *node)) {
	b.Run("SQLite", func(b *testing.B) {
		db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "test.db"), sqlite.Config{Readers: 2})
		if err != nil {
			b.Fatal(err)
		}
		bench(b, newNode(b, db))
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		db, err := postgres.Open(b.Context(), pgtest.URL(b), postgres.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		bench(b, newNode(b, db))
	})
}

// BenchmarkAppend appends one event in each transaction, from eight clients. They take turns at the head.
func BenchmarkAppend(b *testing.B) {
	event := some(1)[0]
	eachBench(b, func(b *testing.B, n *node) {
		b.SetParallelism(4)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := n.rows.Transact(b.Context(), own(), func(tx *record.Tx) error { return n.log.Append(tx, event) }); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkVerify verifies and exports 20,000 rows.
func BenchmarkVerify(b *testing.B) {
	eachBench(b, func(b *testing.B, n *node) {
		for range 40 {
			n.append(b, some(500)...)
		}
		b.Run("verify", func(b *testing.B) {
			for b.Loop() {
				if r, err := n.log.Verify(b.Context(), "", nil); err != nil || r.Rows != 20_000 {
					b.Fatal(r, err)
				}
			}
		})
		b.Run("export", func(b *testing.B) {
			for b.Loop() {
				if _, err := n.log.Export(b.Context(), io.Discard, Filter{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
