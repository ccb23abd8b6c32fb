package record_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const library = `
ashlar: 1
name: library
tables:
  books:
    key: int
    fields:
      title: {type: text}
      hidden: {type: bool, default: false}
    access: {read: "!hidden", write: true}
`

// A caller creates two books, and lists them. The read rule hides one.
func Example() {
	dir, err := os.MkdirTemp("", "library")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := sqlite.Open(ctx, filepath.Join(dir, "library.db"), sqlite.Config{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	m, _ := load.Files(map[string][]byte{"ashlar.yaml": []byte(library)})
	rules, _ := rule.CompileModel(m)
	if _, err := migrate.Apply(ctx, db, rules, migrate.Options{}); err != nil {
		panic(err)
	}

	rows := record.New(db, rules, record.Config{}).As(caller.Caller{})
	defer rows.Done()
	books := rows.Table(m.Table("books"))
	for _, body := range []string{`{"title": "Emma"}`, `{"title": "Diary", "hidden": true}`} {
		members, err := value.DecodeObject([]byte(body))
		if err != nil {
			panic(err)
		}
		if _, err := books.Create(ctx, members); err != nil {
			panic(err)
		}
	}
	page, err := books.List(ctx, record.Query{Selection: record.Selection{Fields: "id,title"}, Limit: 10}, nil)
	fmt.Println(string(page.JSON), err)
	// Output: {"items":[{"id":1,"title":"Emma"}],"next":null} <nil>
}
