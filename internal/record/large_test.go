package record

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const large = `
ashlar: 1
name: large
tables:
  topics:
    key: int
    fields: {title: {type: text, optional: true}}
    access: {read: true, create: true}
  posts:
    key: int
    fields:
      topic: {ref: topics, reverse: posts}
      n: {type: int, optional: true}
      body: {type: text, optional: true}
    access: {read: true, create: true}
  nodes:
    key: int
    fields: {up: {ref: nodes, optional: true, reverse: downs}}
    access: {read: true, create: true}
views:
  bodies:
    key: int
    reads: [posts]
    fields: {body: {type: text, optional: true}, topic: {ref: topics, reverse: bodies}}
    query: SELECT id, body, topic_id FROM posts
    access: {read: true}
`

// item has the members that the tests look at.
type item struct {
	ID    int `json:"id"`
	Topic *struct {
		Title string `json:"title"`
	} `json:"topic"`
	Posts *itemList `json:"posts"`
	Downs *itemList `json:"downs"`
}

type itemList struct {
	Items []item  `json:"items"`
	Next  *string `json:"next"`
	Total *int    `json:"total"`
}

// walk reads all pages of a list and returns the number of rows of each. Each page must have a row and keep the bound.
func walk(t *testing.T, db *DB, table string, query Query) (ids []int, pages []int, all []item) {
	t.Helper()
	for {
		body, err := db.List(context.Background(), nobody, db.rules.Model.Table(table), query, nil)
		if err != nil {
			t.Fatalf("%s %+v: %v", table, query.Selection, err)
		}
		if len(body) > db.limits.answer.Bytes+keysFrom(db.limits.answer) {
			t.Fatalf("a page of %d bytes", len(body))
		}
		sameInPieces(t, db, table, query, body)
		var page itemList
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Items) == 0 || len(page.Items) > query.Limit {
			t.Fatalf("a page of %d rows", len(page.Items))
		}
		for _, it := range page.Items {
			ids = append(ids, it.ID)
		}
		all, pages = append(all, page.Items...), append(pages, len(page.Items))
		if page.Next == nil {
			return ids, pages, all
		}
		query.Cursor = *page.Next
	}
}

// sameInPieces reads a page in pieces, as the data API does, and compares it and its tag with the page in one slice.
func sameInPieces(t *testing.T, db *DB, table string, query Query, want []byte) {
	t.Helper()
	rows := db.As(nobody)
	defer rows.Done()
	answer, err := rows.Table(db.rules.Model.Table(table)).List(context.Background(), query, nil)
	if err != nil {
		t.Fatalf("%s %+v in pieces: %v", table, query, err)
	}
	defer answer.Begun.Free()
	if !answer.Shared && answer.Begun.Len() == 0 && len(want) >= 2*pieces.Size {
		t.Errorf("%s %+v: a page of %d bytes has %d in pieces", table, query, len(want), answer.Begun.Len())
	}
	if !bytes.Equal(answer.Begun.Join(nil, answer.JSON), want) || answer.Len() != len(want) || answer.Tag != db.tags.tag(nil, want) {
		t.Fatalf("%s %+v: another page in pieces", table, query)
	}
}

// rowsOf are the numbers from 1 to n.
func rowsOf(n int) []int {
	var ids []int
	for i := range n {
		ids = append(ids, i+1)
	}
	return ids
}

// A page ends before it exceeds the bound of an answer, and so does a list within an expansion. All rows still come once
// and in order.
func TestPagesOfLargeRows(t *testing.T) {
	effort.SkipRaced(t)
	withReaders(t, large, 4, func(t *testing.T, db *DB) {
		const posts = 40
		db.limits.answer.Bytes = defaultLimits().answer.Bytes / 32
		body := strings.Repeat("x", 31_250)
		must(t, db, nobody, "topics", `{"title":"t"}`)
		for i := range posts {
			must(t, db, nobody, "posts", fmt.Sprintf(`{"topic_id":1,"n":%d,"body":%q}`, i%7, body))
		}
		for range 2 {
			must(t, db, nobody, "posts", `{"topic_id":1}`)
		}
		const rows = posts + 2
		for _, query := range []Query{{Limit: 50}, {Limit: 500}, {Limit: 35}, {Limit: 20}, {Limit: 50, Filter: "id > 0"}, {Limit: 50, Selection: Selection{Expand: "topic"}}, {Limit: 500, Total: true}} {
			ids, pages, _ := walk(t, db, "posts", query)
			if !slices.Equal(ids, rowsOf(rows)) {
				t.Errorf("%+v: rows %v", query, ids)
			}
			if query.Limit > 33 && (pages[0] < 28 || pages[0] > 34) {
				t.Errorf("%+v: pages of %v rows", query, pages)
			}
		}
		sorted, _, _ := walk(t, db, "posts", Query{Limit: 50, Sort: "-n"})
		small, _, _ := walk(t, db, "posts", Query{Limit: 50, Sort: "-n", Selection: Selection{Fields: "id"}})
		if !slices.Equal(sorted, small) {
			t.Errorf("sorted %v, want %v", sorted, small)
		}
		if ids, pages, _ := walk(t, db, "bodies", Query{Limit: 50}); !slices.Equal(ids, rowsOf(rows)) || len(pages) != 2 {
			t.Errorf("the view: %v, pages %v", ids, pages)
		}
		if ids, pages, _ := walk(t, db, "bodies", Query{Limit: 50, Selection: Selection{Expand: "topic"}}); !slices.Equal(ids, rowsOf(rows)) || len(pages) < 2 {
			t.Errorf("the view with its topics: %v, pages %v", ids, pages)
		}

		for _, expand := range []string{"posts", "bodies", "posts.topic"} {
			continues(t, db, expand, rows)
		}
	})
}

// continues reads topic 1 with its posts, and then the rest of them by the cursor of the list within.
func continues(t *testing.T, db *DB, expand string, rows int) {
	t.Helper()
	row, err := db.Get(context.Background(), nobody, db.rules.Model.Table("topics"), value.OfInt(1), Selection{Expand: expand}, nil)
	if err != nil {
		t.Fatalf("%s: %v", expand, err)
	}
	long, err := db.GetLong(context.Background(), nobody, db.rules.Model.Table("topics"), value.OfInt(1), Selection{Expand: expand}, nil)
	if err != nil || long.Begun.Len() == 0 || !bytes.Equal(long.Begun.Join(nil, long.JSON), row.JSON) {
		t.Errorf("%s: another row in pieces: %d of %d bytes, %v", expand, long.Begun.Len(), len(row.JSON), err)
	}
	long.Begun.Free()
	var topic map[string]json.RawMessage
	if err := json.Unmarshal(row.JSON, &topic); err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(expand, ".")
	var list itemList
	if err := json.Unmarshal(topic[table], &list); err != nil {
		t.Fatal(err)
	}
	var ids []int
	for _, it := range list.Items {
		ids = append(ids, it.ID)
	}
	if len(row.JSON) > db.limits.answer.Bytes || list.Next == nil || len(ids) < 12 {
		t.Fatalf("%s: %d bytes, %d items", expand, len(row.JSON), len(ids))
	}
	rest, _, _ := walk(t, db, table, Query{Filter: "topic_id == arg.id", Args: map[string]string{"id": "1"}, Cursor: *list.Next, Limit: 50})
	if ids = append(ids, rest...); !slices.Equal(ids, rowsOf(rows)) {
		t.Errorf("%s: the list within and what follows it are %v", expand, ids)
	}
	lists, _, _ := walk(t, db, "topics", Query{Limit: 50, Selection: Selection{Expand: expand}})
	if !slices.Equal(lists, []int{1}) {
		t.Errorf("%s: topics %v", expand, lists)
	}
}

// Expanded rows count for the bound: each row has a large one of its own, or all share one.
func TestPagesOfLargeReferences(t *testing.T) {
	effort.SkipRaced(t)
	withReaders(t, large, 4, func(t *testing.T, db *DB) {
		const topics = 50
		db.limits.answer.Bytes = defaultLimits().answer.Bytes / 32
		for i := range topics {
			must(t, db, nobody, "topics", fmt.Sprintf(`{"title":"%d-%s"}`, i+1, strings.Repeat("x", 28_000)))
		}
		for i := range topics {
			must(t, db, nobody, "posts", fmt.Sprintf(`{"topic_id":%d}`, topics-i))
		}
		for range 120 {
			must(t, db, nobody, "posts", `{"topic_id":1}`)
		}
		for _, view := range []Selection{{Expand: "topic"}, {Fields: "id,topic.title"}, {Expand: "topic.posts"}} {
			ids, pages, all := walk(t, db, "posts", Query{Limit: 500, Selection: view})
			if !slices.Equal(ids, rowsOf(topics+120)) || pages[0] < 8 {
				t.Errorf("%+v: %v rows, pages %v", view, ids, pages)
			}
			for i, it := range all {
				if want := strconv.Itoa(max(1, topics-i)) + "-"; it.Topic == nil || !strings.HasPrefix(it.Topic.Title, want) {
					t.Fatalf("%+v: post %d has another topic", view, it.ID)
				}
			}
		}
		ids, _, all := walk(t, db, "topics", Query{Limit: 500, Selection: Selection{Expand: "posts.topic"}})
		if !slices.Equal(ids, rowsOf(topics)) {
			t.Errorf("topics with their posts: %v", ids)
		}
		for _, it := range all[1:] {
			if it.Posts == nil || len(it.Posts.Items) != 1 || it.Posts.Next != nil {
				t.Errorf("topic %d has the posts %+v", it.ID, it.Posts)
			}
		}
	})
}

// Rows are bounded like bytes.
func TestPagesOfManyRows(t *testing.T) {
	withReaders(t, large, 4, func(t *testing.T, db *DB) {
		db.limits.answer.Rows = 2000
		must(t, db, nobody, "nodes", `{}`)
		for range 30 {
			must(t, db, nobody, "nodes", `{"up_id":1}`)
		}
		for range 4 {
			must(t, db, nobody, "nodes", `{"up_id":2}`)
		}
		ids, pages, _ := walk(t, db, "nodes", Query{Limit: 500, Selection: Selection{Fields: "id,up.downs.up.downs.id"}})
		if !slices.Equal(ids, rowsOf(35)) || len(pages) < 2 {
			t.Errorf("%v, pages %v", ids, pages)
		}
	})
}

// A row too large for an answer is refused. Its fields can be read one by one.
func TestOneRowTooLarge(t *testing.T) {
	effort.SkipRaced(t)
	var fields strings.Builder
	const wide = 34
	for i := range wide {
		fmt.Fprintf(&fields, "      f%d: {type: text, optional: true}\n", i)
	}
	source := "ashlar: 1\nname: wide\ntables:\n  rows:\n    key: int\n    fields:\n" + fields.String() +
		"      up: {ref: rows, optional: true, reverse: downs}\n    access: {read: true, create: true, update: true}\n"
	withReaders(t, source, 4, func(t *testing.T, db *DB) {
		db.limits.answer.Bytes = defaultLimits().answer.Bytes / 32
		rows := db.rules.Model.Table("rows")
		must(t, db, nobody, "rows", `{}`)
		must(t, db, nobody, "rows", `{"up_id":1}`)
		for i := range wide {
			if _, err := db.Update(context.Background(), nobody, rows, value.OfInt(1), members(t, fmt.Sprintf(`{"f%d":%q}`, i, strings.Repeat("x", 31_250))), nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, view := range []Selection{{}, {Expand: "up"}, {Expand: "downs"}} {
			if _, err := db.Get(context.Background(), nobody, rows, value.OfInt(1), view, nil); errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), "ask for fewer fields") {
				t.Errorf("GET %+v: %v", view, err)
			}
			if _, err := db.List(context.Background(), nobody, rows, Query{Limit: 50, Selection: view}, nil); errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), "ask for fewer fields") {
				t.Errorf("the list %+v: %v", view, err)
			}
		}
		if _, err := db.Get(context.Background(), nobody, rows, value.OfInt(2), Selection{Expand: "up"}, nil); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a row that refers to it: %v", err)
		}
		if ids, _, _ := walk(t, db, "rows", Query{Limit: 50, Selection: Selection{Fields: "id,f1"}}); len(ids) != 2 {
			t.Errorf("with two fields: %v", ids)
		}
	})
}

// TestExhaustion_LargeRows reads far more rows than an answer holds, with and without expansions. It takes no more memory
// than the answer.
func TestExhaustion_LargeRows(t *testing.T) {
	effort.SkipRaced(t)
	withReaders(t, large, 4, func(t *testing.T, db *DB) {
		const rows, size = 500, 62_500
		db.limits.answer.Bytes = defaultLimits().answer.Bytes / 16
		for i := range rows {
			must(t, db, nobody, "topics", fmt.Sprintf(`{"title":%q}`, strings.Repeat("t", size)))
			must(t, db, nobody, "posts", fmt.Sprintf(`{"topic_id":%d,"body":%q}`, i+1, strings.Repeat("x", size)))
		}
		for _, try := range []struct {
			table string
			view  Selection
		}{{"posts", Selection{}}, {"posts", Selection{Expand: "topic"}}, {"posts", Selection{Fields: "body,topic.title"}}, {"topics", Selection{Expand: "posts,bodies"}}} {
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			body, err := db.List(context.Background(), nobody, db.rules.Model.Table(try.table), Query{Limit: 500, Selection: try.view}, nil)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			got := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%s %+v: %d MiB allocated for %d KiB", try.table, try.view, got, len(body)>>10)
			if got > 48 || len(body) < db.limits.answer.Bytes/2 || len(body) > db.limits.answer.Bytes*33/32 {
				t.Errorf("%s %+v allocated %d MiB", try.table, try.view, got)
			}
		}
	})
}
