package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestLongReadsRest(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "test.db"), Config{Readers: 1})
	rests := func(rows int64) bool {
		t.Helper()
		const query = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT count(*) FROM n`
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(query, []value.Value{value.OfInt(rows)}, func(value.Row) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
		return db.readers.idle[0].pauses.rest != nil
	}
	if rests(10) {
		t.Error("a short read rests")
	}
	if !rests(20_000) {
		t.Error("a long read does not rest")
	}
}

// A search in many texts leaves nothing to the garbage collector.
func TestSearchesCopyNoTexts(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "test.db"), Config{})
	const query = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		SELECT count(*) FROM n WHERE ashlar_contains(?1 || i, ?2) OR ashlar_starts_with(?1 || i, ?2) OR ashlar_ends_with(?1 || i, '7')`
	args := []value.Value{value.OfText(strings.Repeat("long text ", 1000)), value.OfText("short")}
	found := int64(0)
	search := func() {
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(query, args, func(row value.Row) error {
				found = row.Int(0)
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
	}
	if allocs := testing.AllocsPerRun(5, search); allocs > 100 {
		t.Errorf("a search in 1,000 texts makes %.0f allocations", allocs)
	}
	if found != 100 {
		t.Errorf("%d texts end with 7, want 100", found)
	}
}
