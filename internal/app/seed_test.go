package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/app/seed"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

const blog = `
-- ashlar.yaml --
ashlar: 1
name: blog
tables:
  posts:
    key: int
    fields:
      author: {ref: authors}
      parent: {ref: posts, optional: true}
      title: {type: text, max: 5, unique: true}
    access: {read: true}
  authors:
    key: int
    fields:
      name: {type: text}
      best: {ref: posts, optional: true}
    access: {read: true}
-- seed/.DS_Store --
what desktops leave
`

func TestSeed(t *testing.T) {
	dir := app(t, blog+`
-- seed/posts.ndjson --
{"id": 1, "author_id": 7, "title": "one"}

{"id": 2, "author_id": 7, "title": "two", "parent_id": 1}
-- seed/authors.json --
[ {"id": 7, "name": "Ada"} ]
`)
	want := `{"items":[{"id":1,"author":{"name":"Ada"},"parent_id":null},{"id":2,"author":{"name":"Ada"},"parent_id":1}],"next":null}`
	for range 2 { // the second time it is there
		if diff := cmp.Diff(want, rows(t, dir, "/api/posts?fields=id,author.name,parent_id")); diff != "" {
			t.Errorf("posts (-want +got):\n%s", diff)
		}
	}
}

func TestSeedIsForNewDatabasesOnly(t *testing.T) {
	dir := app(t, blog)
	rows(t, dir, "/")
	write(t, dir, "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"late\"}]\n")
	if got := rows(t, dir, "/api/authors?fields=id"); got != `{"items":[],"next":null}` {
		t.Errorf("authors = %s, want none", got)
	}
}

func TestSeedFaults(t *testing.T) {
	for _, tt := range []struct {
		name, files string
		want        []string
	}{
		{"names", "-- seed/author.json --\n[]\n-- seed/posts.csv --\n-- seed/posts.json --\n[]\n-- seed/posts.ndjson --\n-- seed/old/x.json --\n", []string{
			"seed/author.json: the model has no table author; did you mean authors?",
			"seed/old: this is a folder: seed holds <table>.json and <table>.ndjson",
			"seed/posts.csv: this would not be loaded: seed holds <table>.json and <table>.ndjson",
			"seed/posts.ndjson: the same table as seed/posts.json: keep one of the two"}},
		{"fields", "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"x\"}, {\"nmae\": \"y\", \"id\": \"2\"}]\n", []string{
			"seed/authors.json: row 2: /nmae: authors has no such field; did you mean name?",
			"seed/authors.json: row 2: /id: must be a number, not a string",
			"seed/authors.json: row 2: /name: it must be given"}},
		{"lines", "-- seed/authors.ndjson --\n{\"id\": 1, \"name\": \"x\"}\n\noops\n[]\n{\"name\": 1, \"name\": 2}\n", []string{
			"seed/authors.ndjson: line 3: it is not acceptable JSON: line 1, column 1: invalid character 'o' at start of value",
			"seed/authors.ndjson: line 4: it must be a JSON object, it is an array",
			"seed/authors.ndjson: line 5: it is not acceptable JSON: line 1, column 13, at /name: this member is given twice"}},
		{"later row", "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"x\"}]\n-- seed/posts.json --\n[{\"id\": 1, \"author_id\": 1, \"title\": \"a\", \"parent_id\": 2}, {\"id\": 2, \"author_id\": 9, \"title\": \"b\"}]\n", []string{
			"seed/posts.json: row 1: /parent_id: there is no such row in posts (a row comes after the rows that it refers to)",
			"seed/posts.json: row 2: /author_id: there is no such row in authors"}},
		{"circle", "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"x\", \"best_id\": 1}]\n-- seed/posts.json --\n[{\"id\": 1, \"author_id\": 1, \"title\": \"a\"}]\n", []string{
			"seed/authors.json: row 1: /best_id: there is no such row in posts (posts is loaded after authors: leave it out)"}},
		{"twice", "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"x\"}]\n-- seed/posts.json --\n[{\"author_id\": 1, \"title\": \"a\"}, {\"author_id\": 1, \"title\": \"a\"}]\n", []string{
			"seed/posts.json: row 2: /title: another row has this value"}},
		{"two files", "-- seed/authors.json --\n[{\"id\": 1}, {\"id\": 2, \"name\": \"x\"}]\n-- seed/posts.json --\n[{\"id\": 1, \"author_id\": 1, \"title\": \"a\"}, {\"id\": 2, \"author_id\": 2, \"title\": \"too long\"}]\n-- seed/users.json --\n{}", []string{
			"seed/users.json: the file must be a JSON array of objects: [{…}, {…}]",
			"seed/authors.json: row 1: /name: it must be given",
			"seed/posts.json: row 2: /title: must be at most 5 characters long, is 8"}},
		{"case of an address", "-- seed/users.json --\n[{\"email\": \"a@x.example\"}, {\"email\": \"A@x.example\"}]\n", []string{
			"seed/users.json: row 2: /email: another row has this value (upper and lower case count as the same)"}},
		{"no array", "-- seed/authors.json --\n{\"id\": 1}\n", []string{"seed/authors.json: the file must be a JSON array of objects: [{…}, {…}]"}},
		{"empty", "-- seed/authors.json --\n", []string{"seed/authors.json: the file must be a JSON array of objects: [{…}, {…}]"}},
		{"broken", "-- seed/authors.json --\n[\n  {\"id\": 1,}\n]\n", []string{"seed/authors.json:2:12: this is not JSON: invalid character '}' at start of string (expecting '\"')"}},
		{"cut", "-- seed/authors.json --\n[{\"id\": 1, \"name\": \"x\"}", []string{"seed/authors.json:2:1: this is not JSON: it ends too early"}},
		{"more", "-- seed/authors.json --\n[] []\n", []string{"seed/authors.json: something follows the array"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := app(t, blog+tt.files)
			for range 2 { // it stays a fault until it is corrected
				_, err := loadAndOpen(t.Context(), dir, Config{})
				faults, ok := errors.AsType[seed.Faults](err)
				if !ok {
					t.Fatalf("Open = %v, want seed.Faults", err)
				}
				_, err = seed.Check(t.Context(), dir, loaded(t, dir).Rules)
				if checked, _ := errors.AsType[seed.Faults](err); !cmp.Equal(checked, faults) {
					t.Errorf("Check = %v, and a start says %v", err, faults)
				}
				if diff := cmp.Diff(tt.want, []string(faults)); diff != "" {
					t.Errorf("faults (-want +got):\n%s", diff)
				}
			}
			if err := os.RemoveAll(filepath.Join(dir, "seed")); err != nil {
				t.Fatal(err)
			}
			if got := rows(t, dir, "/api/authors?fields=id"); got != `{"items":[],"next":null}` {
				t.Errorf("authors = %s, want none of the faulty seed", got)
			}
		})
	}
}

func TestManySeedFaults(t *testing.T) {
	dir := app(t, blog+"-- seed/authors.ndjson --\n"+strings.Repeat("{}\n", 10_000))
	_, err := loadAndOpen(t.Context(), dir, Config{})
	if faults, ok := errors.AsType[seed.Faults](err); !ok || len(faults) != 20 {
		t.Errorf("Open = %v, want 20 seed.Faults", err)
	}
}

// A start that ends in the middle of a seed leaves no row, and the next one loads all.
func TestInterruptedSeed(t *testing.T) {
	many := effort.Cases(20_000, 20_000)
	dir := app(t, blog+"-- seed/authors.ndjson --\n"+manyRows(many))
	ctx, cancel := context.WithCancel(t.Context())
	a := newApp(loaded(t, dir), Config{})
	loading := make(chan error, 1)
	go func() { loading <- a.open(ctx) }()
	waitForFile(t, filepath.Join(DefaultData(dir), databaseFile))
	cancel()
	if err := <-loading; err == nil {
		t.Log("the seed was loaded before it could be interrupted")
	} else if !errors.Is(err, context.Canceled) {
		t.Fatalf("open = %v, want the context's error", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, dir, "/api/authors?fields=id&limit=1&total=true"); !strings.HasSuffix(got, fmt.Sprintf(`"total":%d}`, many)) {
		t.Errorf("authors = %s, want %d", got, many)
	}
}

func manyRows(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "{\"id\": %d, \"name\": \"n\"}\n", i+1)
	}
	return text.String()
}

func waitForFile(t *testing.T, path string) {
	t.Helper()
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if t.Context().Err() != nil {
			t.Fatal("the test ended first")
		}
		time.Sleep(time.Millisecond)
	}
}
