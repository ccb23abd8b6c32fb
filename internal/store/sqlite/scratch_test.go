package sqlite

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// FuzzDescribe describes any text. A text that is no query gets an error with an offset, and does not affect the next one.
func FuzzDescribe(f *testing.F) {
	for _, query := range []string{
		"SELECT id, count(*) AS n FROM notes GROUP BY id", "WITH x AS (SELECT 1 AS id) SELECT * FROM x", "SELECT 1; SELECT 2", "SELECT 1 -- (", "SELECT 1 /*",
		"SELECT id FROM notes) AS q, (SELECT 1", "PRAGMA temp_store_directory = '/'", "ATTACH 'x' AS x", "SELECT ?1, :a, @b, $c", "SELECT 'é' FROM nots", "VALUES (1)", "SELECT random(), date()",
		"DROP VIEW temp.ashlar_described", "SELECT * FROM pragma_table_info('notes')", "CREATE TEMP VIEW ashlar_described AS SELECT 1", "BEGIN", "", ";", "\x00", "SELECT \xff",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		s, err := OpenScratch([]string{"CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT"})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		d, err := s.Describe(query)
		if e, ok := errors.AsType[*store.QueryError](err); ok && (e.Message == "" || e.Offset > utf8.RuneCountInString(query)) {
			t.Errorf("Describe(%q): %+v", query, e)
		}
		if err == nil && len(d.Columns) == 0 {
			t.Errorf("Describe(%q) = %+v", query, d)
		}
		d, err = s.Describe("SELECT id AS a, body FROM notes")
		if err != nil || len(d.Columns) != 2 || d.Columns[0].Type != "INTEGER" || len(d.Reads) != 2 || d.Refused != nil {
			t.Errorf("after %q: %+v, %v", query, d, err)
		}
	})
}
