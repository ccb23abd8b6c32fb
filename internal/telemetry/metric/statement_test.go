package metric

import (
	"strings"
	"testing"
)

func TestSubjectOfStatements(t *testing.T) {
	s := newStatements("sqlite", []Table{{Name: "posts"}, {Name: "teams"}, {Name: "gaps", View: true}})
	for _, tt := range []struct{ sql, table, verb string }{
		{`SELECT t0."id" FROM "posts" AS t0 WHERE t0."id" = ?1`, "posts", "SELECT"},
		{`SELECT (SELECT 1 FROM "teams" WHERE ')' = "x)"), t0."id" FROM "posts" AS t0`, "posts", "SELECT"},
		{`SELECT t0."id", k.value FROM json_each(?1) AS k CROSS JOIN "teams" AS t0`, "teams", "SELECT"},
		{`SELECT t0."id" FROM unnest($1::text[]) AS k(key) CROSS JOIN LATERAL (SELECT 1 FROM "posts") AS first JOIN "teams" AS t0`, "teams", "SELECT"},
		{`SELECT t0."_rev" FROM "posts" AS t0 WHERE t0."id" = $1 FOR NO KEY UPDATE OF t0`, "posts", "SELECT"},
		{`INSERT INTO "posts" ("id") VALUES (?1) RETURNING 1`, "posts", "INSERT"},
		{`UPDATE "posts" SET "_rev" = ?1`, "posts", "UPDATE"},
		{`DELETE FROM "teams" WHERE "id" = ?1`, "teams", "DELETE"},
		{`WITH gone AS (DELETE FROM "teams" RETURNING "id") SELECT count(*) FROM gone`, Other, "DELETE"},
		{`WITH k AS (SELECT 1) INSERT INTO "posts" ("id") SELECT 1`, "posts", "INSERT"},
		{`WITH k AS (SELECT 1) SELECT 1 FROM "posts" FOR NO KEY UPDATE OF t0`, "posts", "SELECT"},
		{`WITH RECURSIVE n (i) AS (SELECT 1) SELECT * FROM "posts"`, "posts", "SELECT"},
		{`SELECT c0 FROM (SELECT q."id" FROM (SELECT 1 FROM posts) AS q) AS t0`, "", "SELECT"},
		{`SELECT value FROM ashlar_counters WHERE name = ?1`, Other, "SELECT"},
		{`INSERT INTO ashlar_generations ("table") VALUES (?1)`, Other, "INSERT"},
		{`COMMIT`, Other, Other},
		{`PRAGMA data_version`, Other, Other},
		{`SELECT "never closed FROM "posts`, Other, "SELECT"},
		{``, Other, Other},
	} {
		got := s.subjectOf(tt.sql)
		table := ""
		if got.collection != nil {
			table = got.name
		}
		if verb := verbs()[got.verb]; table != tt.table || verb != tt.verb {
			t.Errorf("subjectOf(%q) = %q, %q, want %q, %q", tt.sql, table, verb, tt.table, tt.verb)
		}
	}
}

func FuzzSubjectOfStatements(f *testing.F) {
	for _, seed := range []string{`SELECT 1 FROM "posts"`, `WITH x AS (SELECT '(' FROM (y)) DELETE FROM "posts"`, `FROM "`, `UPDATE `, "\xff' ("} {
		f.Add(seed)
	}
	s := newStatements("sqlite", []Table{{Name: "posts"}})
	f.Fuzz(func(t *testing.T, sql string) {
		got := s.read(sql)
		if got.collection != nil && got.collection != s.other && !strings.Contains(sql, "posts") {
			t.Errorf("read(%q) = %q", sql, got.name)
		}
		if int(got.verb) >= len(s.other.verbs) {
			t.Errorf("read(%q) has verb %d", sql, got.verb)
		}
	})
}
