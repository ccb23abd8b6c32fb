package record

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// counting is a store that counts the counting statements.
type counting struct {
	store.DB
	counts atomic.Int64
}

func (c *counting) Read(ctx context.Context, read func(store.Reader) error) error {
	return c.DB.Read(ctx, func(reader store.Reader) error { return read(countingReader{reader, c}) })
}

type countingReader struct {
	store.Reader
	of *counting
}

func (r countingReader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if strings.HasPrefix(sql, "SELECT count(*)") {
		r.of.counts.Add(1)
	}
	return r.Reader.Query(sql, args, row)
}

// total returns the total of a list, and how many counts it took.
func total(t *testing.T, db *DB, who caller.Caller, table string, query Query) (total, counted int64) {
	t.Helper()
	c, ok := db.store.(*counting)
	if !ok {
		c = &counting{DB: db.store}
		db.store, db.gate = c, gate.New(c)
	}
	settle(t, db)
	before := c.counts.Load()
	query.Limit, query.Total = 1, true
	body, err := db.List(context.Background(), who, db.rules.Model.Table(table), query, nil)
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Total int64 }
	if err := json.Unmarshal(body, &page); err != nil {
		t.Fatal(err)
	}
	return page.Total, c.counts.Load() - before
}

// settle waits until the store knows of the commits of other programs. For a moment after a write it does not, and then a
// total is counted whatever the cache holds.
func settle(t *testing.T, db *DB) {
	t.Helper()
	for range 5000 {
		known := false
		err := db.store.Read(context.Background(), func(reader store.Reader) error {
			_, known = reader.Outside()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if known {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("the store does not know of the commits of others")
}

func TestTotalsFollowTheRows(t *testing.T) {
	db := withUsers(t)
	all := Query{}
	ofRed := Query{Filter: "team.name == arg.n", Args: map[string]string{"n": "Red"}}
	ofBlue := Query{Filter: "team.name == arg.n", Args: map[string]string{"n": "Blue"}}
	for _, tt := range []struct {
		what          string
		before        write
		who           caller.Caller
		q             Query
		total, counts int64
	}{
		{"no rows", write{}, ann, all, 0, 1},
		{"no rows, again", write{}, ann, all, 0, 0},
		{"a row", write{ann, Create, "notes", `{"title":"a","team_id":"red"}`, "ok"}, ann, all, 1, 1},
		{"a row, again", write{}, ann, all, 1, 0},
		{"its title alone", write{}, ann, Query{Filter: "title == 'a'"}, 1, 1},
		{"another title", write{}, ann, Query{Filter: "title == 'b'"}, 0, 1},
		{"an argument", write{}, ann, ofRed, 1, 1},
		{"another argument", write{}, ann, ofBlue, 0, 1},
		{"an argument, again", write{}, ann, ofRed, 1, 0},
		{"a table that the filter follows", write{editor, Update, "teams/red", `{"name":"Scarlet"}`, "ok"}, ann, ofRed, 0, 1},
		{"a row that the rule of that table hides", write{editor, Update, "teams/red", `{"name":"Red","open":false}`, "ok"}, ann, ofRed, 0, 1},
		{"for one whom it does not hide it from", write{}, editor, ofRed, 1, 1},
		{"a table that is not asked", write{editor, Update, "teams/blue", `{"name":"Azure"}`, "ok"}, ann, all, 1, 0},
		{"hidden", write{ann, Update, "notes/1", `{"stars":5}`, "ok"}, bob, all, 0, 1},
		{"hidden, from all but one", write{}, ann, all, 1, 1},
		{"hidden, again", write{}, bob, all, 0, 0},
		{"hidden, as the system sees it", write{}, system, all, 1, 1},
		{"of each caller his own", write{bob, Create, "notes", `{"title":"b","stars":5}`, "ok"}, bob, all, 1, 1},
		{"deleted", write{bob, Delete, "notes/2", "", "ok"}, bob, all, 0, 1},
	} {
		if tt.before.path != "" {
			runWrites(t, db, []write{tt.before})
		}
		total, counts := total(t, db, tt.who, "notes", tt.q)
		if total != tt.total || counts != tt.counts {
			t.Errorf("%s: total %d, counted %d times; want %d, counted %d times", tt.what, total, counts, tt.total, tt.counts)
		}
	}
}

func TestTotalsOfCascades(t *testing.T) {
	db := open(t, `
ashlar: 1
name: cascades
tables:
  lists: {key: int, fields: {name: {type: text}}, access: {read: true, write: true}}
  items:
    key: int
    fields: {list: {ref: lists, on_delete: cascade}}
    access: {read: true, write: true}
`)
	must(t, db, nobody, "lists", `{"name":"a"}`)
	must(t, db, nobody, "items", `{"list_id":1}`)
	if total, _ := total(t, db, nobody, "items", Query{}); total != 1 {
		t.Fatalf("total %d, want 1", total)
	}
	if err := db.Delete(context.Background(), nobody, db.rules.Model.Table("lists"), value.OfInt(1), nil); err != nil {
		t.Fatal(err)
	}
	if total, _ := total(t, db, nobody, "items", Query{}); total != 0 {
		t.Errorf("after the deletion that cascades: total %d, want 0", total)
	}
}

func TestTotalsThatUseNowAreNotRemembered(t *testing.T) {
	db := withUsers(t)
	must(t, db, ann, "notes", `{"title":"a"}`)
	for range 3 {
		total, counted := total(t, db, ann, "notes", Query{Filter: "created_at < now - duration('0s')"})
		if total != 1 || counted != 1 {
			t.Errorf("total %d, counted %d times; want 1, counted each time", total, counted)
		}
	}
}

func TestBoundValuesAreToldApart(t *testing.T) {
	values := []value.Value{
		{}, value.OfText(""), value.OfText("a"), value.OfText("ab"), value.OfUUID("a"), value.OfInt(0), value.OfInt(1), value.OfBool(true),
		value.OfBool(false), value.OfDecimal(1, 1), value.OfDecimal(1, 2), value.OfFloat(1), value.OfFloat(0), value.OfList(nil),
		value.OfList([]string{""}), value.OfList([]string{"a", "b"}), value.OfList([]string{"ab"}), value.OfList([]string{"", "ab"}),
	}
	var pairs [][]byte
	for _, a := range values {
		for _, b := range values {
			pairs = append(pairs, appendArgument(appendArgument(nil, a), b))
		}
	}
	for i, a := range pairs {
		for j, data := range pairs {
			if i != j && bytes.Equal(a, data) {
				t.Errorf("pair %d and pair %d are both %q", i, j, a)
			}
		}
	}
}

// Requests for one missing total at the same time share one count. If that count fails, each of the others counts for
// itself.
func TestTotalIsCountedOnce(t *testing.T) {
	db := withUsers(t)
	table := db.rules.Model.Table("users")
	for _, fails := range []bool{false, true} {
		const clients = 2 // as many as the gate lets count at once
		c := &slowCounting{DB: db.store, fails: fails, begun: make(chan struct{}), end: make(chan struct{})}
		counted := New(c, db.rules, Config{})
		answers := make(chan error, clients)
		list := func() {
			_, err := counted.List(context.Background(), caller.System("count"), table, Query{Limit: 1, Total: true}, nil)
			answers <- err
		}
		go list()
		<-c.begun
		for range clients - 1 {
			go list()
		}
		for c.asked.Load() < clients {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(20 * time.Millisecond) // from the generation to the wait
		close(c.end)
		failed := 0
		for range clients {
			if err := <-answers; err != nil {
				failed++
			}
		}
		wantCounts, wantFailed := int64(1), 0
		if fails {
			wantCounts, wantFailed = clients, 1
		}
		if got := c.counts.Load(); got != wantCounts || failed != wantFailed {
			t.Errorf("the first fails: %t: %d counts and %d failures, want %d and %d", fails, got, failed, wantCounts, wantFailed)
		}
	}
}

// slowCounting is a store. The test decides when its first count ends, and whether it fails.
type slowCounting struct {
	store.DB
	fails         bool
	begun, end    chan struct{}
	asked, counts atomic.Int64
}

func (c *slowCounting) Read(ctx context.Context, read func(store.Reader) error) error {
	return c.DB.Read(ctx, func(reader store.Reader) error { return read(slowReader{reader, c}) })
}

type slowReader struct {
	store.Reader
	of *slowCounting
}

func (r slowReader) Version(dst []int64, tables []string) ([]int64, bool, error) {
	defer r.of.asked.Add(1)
	return r.Reader.Version(dst, tables)
}

func (r slowReader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if strings.HasPrefix(sql, "SELECT count(*)") && r.of.counts.Add(1) == 1 {
		close(r.of.begun)
		<-r.of.end
		if r.of.fails {
			return context.Canceled
		}
	}
	return r.Reader.Query(sql, args, row)
}
