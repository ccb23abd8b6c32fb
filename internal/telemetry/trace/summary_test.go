package trace

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummaryNamesTheTable(t *testing.T) {
	for _, tt := range []struct{ name, sql, want string }{
		{"a read", `SELECT t0."id" FROM "posts" AS t0 WHERE t0."id" = ?1`, "SELECT posts"},
		{"lower case", `select 1 from posts`, "SELECT posts"},
		{"a subquery in the columns", `SELECT (SELECT 1 FROM members), 2 FROM posts`, "SELECT posts"},
		{"a subquery in the condition", `SELECT 1 FROM posts WHERE EXISTS (SELECT 1 FROM members)`, "SELECT posts"},
		{"only a subquery", `SELECT COALESCE((SELECT 1 FROM "members"), -1)`, "SELECT members"},
		{"a function of SQLite", `SELECT 1 FROM json_each(?1) AS k CROSS JOIN "posts" AS t0`, "SELECT posts"},
		{"a function of PostgreSQL", `SELECT 1 FROM unnest($1::text[]) AS k(key) CROSS JOIN LATERAL (SELECT 1 FROM "posts") AS f`, "SELECT posts"},
		{"a nested query", `SELECT c0 FROM (SELECT 1 FROM (SELECT 'from x' FROM posts, members) AS q) AS r WHERE a IN (SELECT 1 FROM teams)`, "SELECT posts"},
		{"joined in parentheses", `SELECT 1 FROM (posts JOIN members ON 1)`, "SELECT posts"},
		{"a schema", `SELECT 1 FROM "public"."posts"`, "SELECT posts"},
		{"IS DISTINCT FROM", `SELECT a IS NOT DISTINCT FROM b FROM posts`, "SELECT posts"},
		{"values only", `SELECT a FROM (SELECT ?1 AS a) AS t0`, "SELECT"},
		{"an insert", `INSERT INTO "posts" ("id") SELECT ?1 FROM members`, "INSERT posts"},
		{"an insert or replace", `INSERT OR REPLACE INTO posts VALUES (1)`, "INSERT posts"},
		{"an update", `UPDATE "posts" SET "a" = (SELECT 1 FROM members) WHERE 1`, "UPDATE posts"},
		{"an update of one", `UPDATE ONLY posts SET a = 1`, "UPDATE posts"},
		{"a delete", `DELETE FROM "posts" WHERE "id" = ?1 RETURNING "id"`, "DELETE posts"},
		{"a name of WITH", `WITH f AS MATERIALIZED (SELECT 1 FROM posts), g(a, b) AS (SELECT 2 FROM members) SELECT 1 FROM g, f`, "SELECT members"},
		{"a recursive name", `WITH RECURSIVE d(t, id) AS (SELECT 0, $1::text COLLATE "C" UNION SELECT 1, 2 FROM d CROSS JOIN LATERAL (SELECT 1 FROM nodes) AS e) SELECT 1 FROM (SELECT t FROM d LIMIT 1) AS n`, "SELECT nodes"},
		{"a write in WITH", `WITH gone AS (DELETE FROM posts RETURNING *) SELECT count(*) FROM gone`, "DELETE posts"},
		{"a write after WITH", `WITH d AS (SELECT 1 FROM members) DELETE FROM posts WHERE id IN (SELECT 1 FROM d)`, "DELETE posts"},
		{"comments", "-- FROM a\n/* FROM b /* c */ */ SELECT 1 -- x\nFROM posts", "SELECT posts"},
		{"strings", `SELECT 'it''s FROM a', E'\' FROM b', $x$ FROM c $x$ FROM posts`, "SELECT posts"},
		{"a quoted name", `SELECT 1 FROM "we""ird ( name"`, `SELECT we"ird ( name`},
		{"a name like a keyword", `SELECT 1 FROM "where"`, "SELECT where"},
		{"a new table", `CREATE TABLE IF NOT EXISTS "posts" ("id" TEXT) STRICT`, "CREATE TABLE posts"},
		{"a new index", `CREATE UNIQUE INDEX CONCURRENTLY "i" ON "posts" ("a")`, "CREATE INDEX i"},
		{"a changed table", `ALTER TABLE "posts" ADD COLUMN "a" text`, "ALTER TABLE posts"},
		{"a transaction", `BEGIN IMMEDIATE`, "BEGIN"},
		{"a setting", `SELECT set_config('lock_timeout', '3s', false)`, "SELECT"},
		{"a pragma", `PRAGMA wal_checkpoint(PASSIVE)`, "PRAGMA"},
		{"nothing", ``, "statement"},
		{"no statement", `(((`, "statement"},
		{"WITH alone", `WITH`, "WITH"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := summarize(tt.sql).String(); got != tt.want {
				t.Errorf("summarize(%q) = %q, want %q", tt.sql, got, tt.want)
			}
		})
	}
}

// The golden statements of the generator are all kinds that it makes, for both engines.
func TestSummaryOfAllGeneratedStatements(t *testing.T) {
	tables := map[string]bool{
		"teams": true, "members": true, "posts": true, "nodes": true, "leaves": true, "marks": true, "ashlar_doomed": true,
	}
	withoutTable := map[string]bool{"a row that is not stored": true}
	for _, file := range []string{"statements.sql", "statements_postgresql.sql"} {
		f, err := os.Open(filepath.Join("..", "..", "sqlgen", "testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		title, count := "", 0
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		var statement []string
		check := func() {
			sql := strings.TrimSpace(strings.Join(statement, "\n"))
			statement = statement[:0]
			if sql == "" {
				return
			}
			count++
			if s := summarize(sql); s.operation == "" || (!tables[s.collection] && !withoutTable[title]) {
				t.Errorf("%s: %s: summary is %q of %q and %q: %.300s", file, title, s, s.operation, s.collection, sql)
			}
		}
		for lines.Scan() {
			line := lines.Text()
			if strings.HasPrefix(line, "-- ") || strings.HasPrefix(line, "====") {
				check()
				title = strings.TrimPrefix(line, "-- ")
				continue
			}
			statement = append(statement, line)
		}
		check()
		if count < 50 {
			t.Errorf("%s has %d statements, want at least 50", file, count)
		}
	}
}

func TestMaskHidesStrings(t *testing.T) {
	for _, tt := range []struct{ sql, want string }{
		{`SELECT 1 FROM "posts" WHERE a = 'hunter2' AND b = $1`, `SELECT 1 FROM "posts" WHERE a = '?' AND b = $1`},
		{`SELECT E'hun\'ter', $x$hunter$x$, ?1, 12`, `SELECT '?', '?', ?1, 12`},
		{`SELECT 'hunter`, `SELECT '?'`},
		{"SELECT 1 -- hunter\nFROM a", "SELECT 1  \nFROM a"},
	} {
		if got := mask(tt.sql, 1000); got != tt.want {
			t.Errorf("mask(%q) = %q, want %q", tt.sql, got, tt.want)
		}
	}
	if got := mask(strings.Repeat("ä", 3000), 4095); len(got) > 4095 || !strings.HasPrefix(got, "ää") || strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("mask of a long text has %d bytes", len(got))
	}
}

func FuzzSummary(f *testing.F) {
	for _, sql := range []string{
		`SELECT 1 FROM a`, `WITH x AS (SELECT 1) SELECT`, `WITH a(`, `UPDATE`, `'`, `$$`, `/*`, `CREATE INDEX`, "WITH a AS (SELECT 1 FROM a) SELECT 1 FROM a",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		s := summarize(sql)
		if len(s.operation) > 32 || len(s.collection) > maxCollection {
			t.Errorf("summary %q is too long", s)
		}
		if masked := mask(sql, 100); len(masked) > 100 {
			t.Errorf("mask has %d bytes", len(masked))
		}
	})
}
