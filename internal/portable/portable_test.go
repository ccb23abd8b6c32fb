package portable

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
)

const shop = `
ashlar: 1
name: portable
tables:
  posts:
    key: int
    fields:
      title: {type: text}
      price: {type: decimal, precision: 8, scale: 2}
      stars: {type: int, optional: true}
      score: {type: float}
      at:    {type: timestamp}
      open:  {type: bool}
views:
  v:
    key: int
    reads: [posts]
    query: SELECT id FROM posts
    fields: {x: {type: int}}
`

func viewOf(t testing.TB) (*model.Model, *model.Table) {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(shop)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return m, m.Table("v")
}

func TestReservedIsSorted(t *testing.T) {
	if !slices.IsSorted(reserved[:]) {
		t.Error("reserved is not sorted, and is searched as if it were")
	}
}

// Each refused query stops at rest and gives the message want.
func TestParse(t *testing.T) {
	for _, tt := range []struct{ query, rest, want string }{
		{"SELECT id FROM posts", "", ""},
		{"SELECT id FROM posts x", "", ""},
		{"SELECT id more FROM posts", "more", "write AS before more"},
		{"SELECT id FROM main.posts", ".posts", "name the table alone"},
		{"SELECT id FROM (SELECT 1 AS id)", "(SELECT", "give the query in FROM an alias"},
		{"SELECT id FROM json_each('[]')", "json_each", "function of one engine"},
		{"SELECT a.id FROM posts AS a JOIN posts AS b USING (id)", "USING", "write ON"},
		{"SELECT a.id FROM posts AS a NATURAL JOIN posts AS b", "NATURAL", "JOIN … ON"},
		{"SELECT a.id FROM posts AS a JOIN posts AS b", "", "the query ends here, where ON was expected"},
		{"SELECT id FROM posts LIMIT 1, 2", ", 2", "LIMIT … OFFSET"},
		{"SELECT id FROM posts LIMIT (SELECT 1)", "(SELECT", "whole number"},
		{"SELECT id FROM posts UNION SELECT 1 INTERSECT SELECT 2", "SELECT id", "INTERSECT before UNION"},
		{"SELECT id FROM posts EXCEPT ALL SELECT 2", "ALL", "SQLite has no EXCEPT ALL"},
		{"SELECT x'00'", "x'00'", "a string has no prefix"},
		{"SELECT 1.", "1.", "digits before and after"},
		{"SELECT 0x10", "0x10", "write numbers as 12 or 0.5"},
		{"SELECT 1_000", "1_000", "write numbers as 12 or 0.5"},
		{"SELECT 'a", "'a", "this quote has no end"},
		{"SELECT 1 /* a", "/* a", "this comment has no end"},
		{"SELECT title == 'a' FROM posts", "== 'a'", "write ="},
		{"SELECT stars & 1 FROM posts", "& 1", "do not both know &"},
		{"SELECT stars::text FROM posts", "::text", "CAST"},
		{"SELECT title COLLATE NOCASE FROM posts", "COLLATE", "collations"},
		{"SELECT title GLOB 'a' FROM posts", "GLOB", "known to one engine"},
		{"SELECT stars IS 1 FROM posts", "1 FROM", "behind IS"},
		{"SELECT stars ISNULL FROM posts", "ISNULL", "IS NULL"},
		{"SELECT stars IN () FROM posts", ")", "no empty list"},
		{"SELECT stars NOT 1 FROM posts", "1 FROM", "IN, LIKE or BETWEEN"},
		{"SELECT lower(title) LIKE 'a' ESCAPE '!' FROM posts", "ESCAPE", "ESCAPE"},
		{"SELECT sum(stars) OVER (ORDER BY id ROWS 1 PRECEDING) FROM posts", "ROWS", "frame"},
		{"SELECT CURRENT_DATE", "CURRENT_DATE", "cannot ask for the time"},
		{"SELECT user FROM posts", "user FROM", "a word of SQL"},
		{"SELECT id FROM posts ORDER", "ORDER", "where the end of the query was expected"},
		{"SELECT " + strings.Repeat("(", 200) + "1" + strings.Repeat(")", 200), "", "nested more than"},
		{"SELECT " + strings.Repeat("NOT ", 200) + "open FROM posts", "", "nested more than"},
		{"SELECT " + strings.Repeat("- ", 200) + "1 FROM posts", "", "nested more than"},
	} {
		_, fault := parse(tt.query)
		switch {
		case fault == nil && tt.want != "":
			t.Errorf("parse(%q) = no fault, want %q", tt.query, tt.want)
		case fault == nil:
		case tt.want == "" || !strings.Contains(fault.Message, tt.want) || !strings.HasPrefix(tt.query[fault.Offset:], tt.rest):
			t.Errorf("parse(%q) = %q at %q, want %q at %q", tt.query, fault.Message, tt.query[fault.Offset:], tt.want, tt.rest)
		}
	}
}

// A long chain of operators takes time in proportion to its length.
func TestLongChains(t *testing.T) {
	m, v := viewOf(t)
	long := "SELECT id, " + strings.Repeat("stars + ", 950) + "1 AS x FROM posts GROUP BY id"
	v.View.SQLite.Text = long
	if got := Check(m, v); len(got) > 0 {
		t.Errorf("Check = %v", got)
	}
}

// Each query of the WITH doubles the columns. They must be counted before they are made.
func TestDoublingColumns(t *testing.T) {
	m, v := viewOf(t)
	query := "WITH a0 AS (SELECT * FROM posts)"
	for i := range 60 {
		query += fmt.Sprintf(", a%d AS (SELECT * FROM a%d AS l, a%d AS r)", i+1, i, i)
	}
	v.View.SQLite.Text = query + " SELECT 1 AS id FROM a60"
	if got := Check(m, v); len(got) == 0 || !strings.Contains(got[0].Message, "more than 1664 columns") {
		t.Errorf("Check = %v", got)
	}
}

func FuzzCheck(f *testing.F) {
	m, v := viewOf(f)
	for _, query := range []string{
		"SELECT id, price + 1 AS x FROM posts", "WITH RECURSIVE a(id) AS (SELECT id FROM posts UNION ALL SELECT a.id FROM a) SELECT id FROM a ORDER BY 1 LIMIT 1",
		"SELECT min(id) AS id, count(*) FILTER (WHERE open) AS x FROM posts AS p GROUP BY title HAVING avg(score) > 1.5",
		"SELECT id, CASE WHEN at > '2026-01-01' THEN 1 END AS x FROM posts WHERE title LIKE 'ä%' OR price IN (1, 2.5)",
		"SELECT id, row_number() OVER (PARTITION BY open ORDER BY stars NULLS FIRST, id) AS x FROM posts", "SELECT (SELECT title FROM posts WHERE id = p.id) FROM posts p",
		"SELECT CAST(nullif(stars, 0) AS text) || \"title\" /* ä */ FROM posts EXCEPT SELECT 'x' -- ü",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if !utf8.ValidString(query) || len(query) > 2000 {
			return
		}
		v.View.SQLite.Text = query
		start := time.Now()
		defer func() {
			if wait := time.Since(start); wait > 5*time.Second {
				t.Errorf("Check(%q) takes %v", query, wait)
			}
		}()
		for _, problem := range Check(m, v) {
			if problem.Offset < 0 || problem.Offset > utf8.RuneCountInString(query) || problem.Message == "" {
				t.Errorf("Check(%q) = %+v", query, problem)
			}
		}
	})
}
