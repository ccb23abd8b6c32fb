package sqlite

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestColumnsOfADefinition(t *testing.T) {
	for _, tt := range []struct {
		name, sql string
		want      []string
	}{
		{"two columns", `CREATE TABLE "t" ("a" INTEGER PRIMARY KEY, "b" TEXT)`, []string{`"a" INTEGER PRIMARY KEY`, `"b" TEXT`}},
		{"a check with commas", `CREATE TABLE "t" ("a" TEXT CHECK ("a" IN ('x', 'y')), "b" INT) STRICT`, []string{`"a" TEXT CHECK ("a" IN ('x', 'y'))`, `"b" INT`}},
		{"a comma in a name", `CREATE TABLE "t" ("a,b" INT, "c" INT)`, []string{`"a,b" INT`, `"c" INT`}},
		{"a parenthesis in a text", `CREATE TABLE "t" ("a" TEXT DEFAULT '(,', "c" INT)`, []string{`"a" TEXT DEFAULT '(,'`, `"c" INT`}},
		{"no columns", `CREATE TABLE "t"`, []string{""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, columnsOf(tt.sql)); diff != "" {
				t.Errorf("columnsOf(%q) (-want +got):\n%s", tt.sql, diff)
			}
		})
	}
}

func TestDefaultIsLeftOut(t *testing.T) {
	for _, tt := range []struct{ column, want string }{
		{`INTEGER NOT NULL DEFAULT 5`, `INTEGER NOT NULL`},
		{`TEXT DEFAULT 'a DEFAULT b'`, `TEXT`},
		{`TEXT CHECK ("a" <> ' DEFAULT ')`, `TEXT CHECK ("a" <> ' DEFAULT ')`},
		{`TEXT`, `TEXT`},
	} {
		if got := withoutDefault(tt.column); got != tt.want {
			t.Errorf("withoutDefault(%q) = %q, want %q", tt.column, got, tt.want)
		}
	}
}

// FuzzColumns splits any definition, as somebody may have written it into the database. The columns are parts of it.
func FuzzColumns(f *testing.F) {
	f.Add(`CREATE TABLE "t" ("a" TEXT CHECK ("a" IN ('x', 'y')), "b" INT) STRICT`)
	f.Add(`)(`)
	f.Add(`('`)
	f.Fuzz(func(t *testing.T, sql string) {
		for _, column := range columnsOf(sql) {
			if !strings.Contains(sql, column) {
				t.Errorf("columnsOf(%q) has %q", sql, column)
			}
			if !strings.HasPrefix(column, withoutDefault(column)) {
				t.Errorf("withoutDefault(%q) = %q", column, withoutDefault(column))
			}
		}
	})
}
