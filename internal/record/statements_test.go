package record

import (
	"context"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Filters over masked relations make the longest statements.
const masked = `
ashlar: 1
name: masked
tables:
  nodes:
    key: int
    fields:
      up: {ref: nodes, optional: true, reverse: downs, read: "up_id == null || up.n > 0 || up.open"}
      n: {type: int, read: "n > 0 || open"}
      open: {type: bool, default: true}
    access: {read: "open || n > 3", create: true}
`

// longFilter is a filter of its own structure for each number.
func longFilter(i int) string {
	var terms []string
	for j := range 17 {
		term := "up.up.up.up.n > " + strconv.Itoa(j)
		if i>>(j%9)&1 == 1 {
			term = "up.up.up.n < " + strconv.Itoa(j)
		}
		terms = append(terms, term)
	}
	return strings.Join(terms, " || ") + " || n == " + strconv.Itoa(i)
}

// TestExhaustion_StatementMemory sends filters of many structures over one connection. Prepared statements are bounded by
// size, not only by number.
func TestExhaustion_StatementMemory(t *testing.T) {
	effort.SkipRaced(t)
	withReaders(t, masked, 1, func(t *testing.T, db *DB) {
		nodes := db.rules.Model.Table("nodes")
		must(t, db, nobody, "nodes", `{"n":1}`)
		before := statementMemory(t, db)
		for i := range 128 {
			if _, err := db.List(context.Background(), nobody, nodes, Query{Filter: longFilter(i), Limit: 1}, nil); err != nil {
				t.Fatal(err)
			}
		}
		grown := (statementMemory(t, db) - before) >> 20
		t.Logf("%d MiB more", grown)
		if grown > 40 {
			t.Errorf("128 filters took %d MiB on one connection", grown)
		}
	})
}

// statementMemory returns the memory of the connection: of its backend for PostgreSQL, of this process for SQLite.
func statementMemory(t *testing.T, db *DB) (bytes int64) {
	t.Helper()
	const contexts = "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts"
	if db.dialect == sqlgen.SQLite {
		return resident(t)
	}
	err := db.store.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query(contexts, nil, func(row value.Row) error {
			bytes = row.Int(0)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// resident returns the memory of this process outside of Go's heap.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skip("the memory of a process is read from /proc")
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
