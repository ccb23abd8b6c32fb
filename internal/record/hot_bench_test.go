package record

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The hot steps of a request, for benchstat: go test -bench . -count 10 ./internal/record

const articles = `
ashlar: 1
name: articles
tables:
  users: {access: {read: true}}
  articles:
    fields:
      title:    {type: text, max: 200}
      body:     {type: text}
      status:   {type: enum, values: [draft, open, closed, archived]}
      views:    {type: int}
      score:    {type: float}
      featured: {type: bool}
      author:   {ref: users}
    indexes: [[author, created_at], [status, created_at]]
    access: {read: status != 'draft' || author_id == auth.id, write: author_id == auth.id}
`

const benchArticles = 2000

func articleBody(i int) string {
	author, _ := ann.ID()
	return fmt.Sprintf(`{"title":"Article %d","body":%q,"status":%q,"views":%d,"score":%d.5,"featured":false,"author_id":%q}`,
		i, strings.Repeat("word ", 60), []string{"open", "closed"}[i%2], i, i, author)
}

// withArticles returns a database of articles, and their ids.
func withArticles(b *testing.B) (*DB, *model.Table, []value.Value) {
	b.Helper()
	db := open(b, articles)
	for _, who := range []caller.Caller{ann, bob} {
		id, _ := who.ID()
		must(b, db, system, "users", `{"id":"`+id+`"}`)
	}
	ids := make([]value.Value, benchArticles)
	for i := range ids {
		ids[i] = must(b, db, ann, "articles", articleBody(i)).ID
	}
	return db, db.rules.Model.Table("articles"), ids
}

func BenchmarkGet(b *testing.B) {
	db, table, ids := withArticles(b)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := db.Get(context.Background(), ann, table, ids[i%len(ids)], Selection{}, dst); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkList(b *testing.B) {
	db, table, _ := withArticles(b)
	page := Query{Filter: "status == arg.s", Args: map[string]string{"s": "open"}, Sort: "-created_at", Limit: 30}
	with := func(change func(*Query)) Query {
		query := page
		change(&query)
		return query
	}
	for _, bb := range []struct {
		name string
		q    Query
	}{
		{"plain", page},
		{"total", with(func(q *Query) { q.Total = true })},
		{"expand", with(func(q *Query) { q.Expand = "author" })},
	} {
		b.Run(bb.name, func(b *testing.B) {
			dst := make([]byte, 0, 64<<10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.List(context.Background(), ann, table, bb.q, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFilter(b *testing.B) {
	db, table, _ := withArticles(b)
	b.Run("known", func(b *testing.B) {
		key := shape.Key{Table: table, Filter: "status == arg.s", Sort: "-created_at", List: true}
		s, err := db.shapes.Get(key)
		if err != nil {
			b.Fatal(err)
		}
		db.shapes.Keep(key, s)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := db.shapes.Get(key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s, err := db.shapes.Get(shape.Key{Table: table, Filter: fmt.Sprintf("status == 'open' && views > %d", i), List: true})
			if err != nil {
				b.Fatal(err)
			}
			r := db.request(ann)
			r.BindFilter(&s.Slots, nil)
			if _, err := r.Generator().List(sqlgen.List{Table: table, Fields: s.Output.Fields, Filter: s.Filter, Sort: s.Sort}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// oneRow is a row in memory. It leaves out the cost of the database.
type oneRow struct{ text []byte }

func (r oneRow) Null(int) bool             { return false }
func (r oneRow) Int(int) int64             { return 1_700_000_000_000_000 }
func (r oneRow) Float(int) float64         { return 12.5 }
func (oneRow) Fits(int, *model.Field) bool { return true }
func (r oneRow) Bytes(int) []byte          { return r.text }
func (r oneRow) Decimal(int, int) int64    { return 125 }

func BenchmarkRowToJSON(b *testing.B) {
	db := open(b, articles)
	out := db.tables[db.rules.Model.Table("articles")].plain
	row := oneRow{[]byte(strings.Repeat("word ", 60))}
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		out.AppendRow(dst, row)
	}
}

func BenchmarkAllow(b *testing.B) {
	db := open(b, articles)
	table := db.rules.Model.Table("articles")
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Allow(ann, table, Update); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCreate has many writers, so they commit in groups.
func BenchmarkCreate(b *testing.B) {
	db, table, _ := withArticles(b)
	body := members(b, articleBody(1))
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := db.Create(context.Background(), ann, table, body); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	db, table, ids := withArticles(b)
	patch := members(b, `{"title":"Changed","views":7}`)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := db.Update(context.Background(), ann, table, ids[i%len(ids)], patch, nil); err != nil {
				b.Error(err)
			}
		}
	})
}
