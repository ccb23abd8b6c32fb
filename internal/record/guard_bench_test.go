package record

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// BenchmarkGuard measures what the guard of a session costs requests: docs/decisions/0017-ended-sessions.md.
func BenchmarkGuard(b *testing.B) {
	path := filepath.Join(b.TempDir(), "test.db")
	for _, engine := range []struct {
		name string
		open func() (store.DB, error)
	}{
		{"SQLite", func() (store.DB, error) { return sqlite.Open(b.Context(), path, sqlite.Config{}) }},
		{"PostgreSQL", func() (store.DB, error) { return postgres.Open(b.Context(), pgtest.URL(b), postgres.Config{}) }},
	} {
		if engine.name == "PostgreSQL" && !pgtest.Available() {
			continue
		}
		b.Run(engine.name, func(b *testing.B) {
			n := guardedNodes(b, 1, engine.open)[0]
			folders := n.model.Table("folders")
			for i := range 1000 {
				body := fmt.Sprintf(`{"id": %d, "name": "folder %[1]d", "data": {"text": %q}}`, i+1, "a text of some length, as rows have")
				if _, err := n.Create(b.Context(), system, folders, members(b, body)); err != nil {
					b.Fatal(err)
				}
			}
			with, without := make([]caller.Caller, 1000), []caller.Caller{caller.User(caller.Identity{ID: guardedUser})}
			for i := range with {
				with[i] = n.signIn(b)
			}
			for _, bb := range []struct {
				name    string
				callers []caller.Caller
			}{{"without", without}, {"with", with}} {
				b.Run("get/"+bb.name, func(b *testing.B) {
					dst := make([]byte, 0, 4096)
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						id := value.OfInt(int64(1 + i*7%1000))
						if _, err := n.Get(context.Background(), bb.callers[i*13%len(bb.callers)], folders, id, Selection{}, dst); err != nil {
							b.Fatal(err)
						}
					}
				})
				b.Run("list/"+bb.name, func(b *testing.B) {
					dst := make([]byte, 0, 64<<10)
					b.ReportAllocs()
					for i := 0; b.Loop(); i++ {
						if _, err := n.List(context.Background(), bb.callers[i*13%len(bb.callers)], folders, Query{Limit: 30}, dst); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}
