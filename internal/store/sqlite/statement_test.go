package sqlite

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestStatementsAreBounded: filters vary without end, prepared statements do not; the ones in use stay.
func TestStatementsAreBounded(t *testing.T) {
	db := openRows(t, Config{Readers: 1})
	query := func(sql string) {
		t.Helper()
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(sql, nil, func(value.Row) error { return nil })
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const hot = `SELECT 'hot'`
	r := db.readers.pop() // to look at; nobody else uses the pool here
	db.readers.put(r)
	query(hot)
	first, _ := r.statements.kept.Get(hot)
	for i := range 3 * maxStatements {
		query(fmt.Sprintf(`SELECT %d`, i))
		if i%100 == 0 {
			query(hot)
		}
	}
	if n := r.statements.kept.Len(); n != maxStatements {
		t.Errorf("%d statements are kept, want %d", n, maxStatements)
	}
	if again, _ := r.statements.kept.Get(hot); again != first {
		t.Error("a statement that is used all the time was dropped")
	}
	if _, kept := r.statements.kept.Get(`SELECT 0`); kept {
		t.Error("the statement used longest ago was kept")
	}
}

func TestArgumentsMustMatch(t *testing.T) {
	db := openRows(t, Config{})
	for _, tt := range []struct {
		sql  string
		args []value.Value
	}{
		{`SELECT ?1, ?2`, []value.Value{value.OfInt(1)}},
		{`SELECT 1`, []value.Value{value.OfInt(1)}},
		{`SELECT ?1`, []value.Value{{Kind: 99}}},
		{`SELECT 1; SELECT 2`, nil},
		{`SELECT nothing FROM nowhere`, nil},
	} {
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(tt.sql, tt.args, func(value.Row) error { return nil })
		})
		if errs.KindOf(err) != errs.Internal {
			t.Errorf("Query(%s, %v) = %v, want internal", tt.sql, tt.args, err)
		}
	}
}

// TestBinding: SQLite stores each kind of value as expected, and no binding is left from the run before.
func TestBinding(t *testing.T) {
	db := openRows(t, Config{Readers: 1})
	long := strings.Repeat("é", largeText)
	for _, tt := range []struct {
		value value.Value
		want  string
	}{
		{value.OfInt(5), "integer:5"},
		{value.Value{}, "null:"},
		{value.OfText(long), "text:" + long},
		{value.OfBool(true), "integer:1"},
		{value.OfText(""), "text:"},
		{value.OfFloat(2), "real:2.0"},
		{value.OfDecimal(-1250, 2), "integer:-1250"},
		{value.OfTimestamp(math.MinInt64), "integer:-9223372036854775808"},
		{value.OfDuration(7), "integer:7"},
		{value.OfDate("2026-01-31"), "text:2026-01-31"},
		{value.OfUUID("0190a5c8-0000-7000-8000-000000000001"), "text:0190a5c8-0000-7000-8000-000000000001"},
		{value.OfJSON(`{"a":1}`), `text:{"a":1}`},
		{value.OfList(nil), "text:[]"},
		{value.OfList([]string{"a", `"`}), `text:["a","\""]`},
	} {
		got := ""
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query(`SELECT typeof(?1), ?1`, []value.Value{tt.value}, func(row value.Row) error {
				got = string(row.Bytes(0)) + ":" + string(row.Bytes(1))
				return nil
			})
		})
		if err != nil || got != tt.want {
			t.Errorf("%v is bound as %.80q, %v; want %.80q", tt.value.Kind, got, err, tt.want)
		}
	}
}

func TestSplitColumns(t *testing.T) {
	for _, tt := range []struct {
		message, table string
		columns        []string
	}{
		{"constraint failed: UNIQUE constraint failed: posts.author_id, posts.title", "posts", []string{"author_id", "title"}},
		{"UNIQUE constraint failed: posts.id", "posts", []string{"id"}},
		{"UNIQUE constraint failed: index 'posts_lower'", "", nil},
		{"something else", "", nil},
	} {
		table, columns := splitColumns(tt.message, uniqueMessage)
		if table != tt.table || !cmp.Equal(columns, tt.columns) {
			t.Errorf("splitColumns(%q) = %q, %q", tt.message, table, columns)
		}
	}
}

func TestConstraintOfAnIndexOnAnExpression(t *testing.T) {
	db := openRows(t, Config{})
	write(t, db, `CREATE UNIQUE INDEX rows_length ON rows (length(body))`, insertTestRowOne)
	err := db.Write(t.Context(), func(tx store.Tx) error { return insert(tx, 2) })
	e, ok := errors.AsType[*store.ConstraintError](err)
	if !ok || e.Constraint != store.Unique || e.Table != "" {
		t.Errorf("Exec() = %v, want a unique constraint that names nothing", err)
	}
}
