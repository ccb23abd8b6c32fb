package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/oracle"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A client learns nothing from a query about hidden data. Two databases differ only in hidden rows and masked values. They
// answer every query alike, byte for byte, and their text functions read the same number of bytes. So neither an error nor
// the time tells them apart. Half of the worlds have rules without text functions, so all text is read for the client.
func TestNoOracle(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	var changes oracle.Changes
	var answers, items int
	var read int64
	for i := range worlds {
		data := world(t, random(i))
		quiet := i%2 == 0
		for quiet && textFunction.MatchString(data.Source) {
			data = world(t, data.Rand)
		}
		other, made := data.Disturb(150)
		changes.Masked += made.Masked
		changes.Hidden += made.Hidden
		changes.Added += made.Added
		changes.Removed += made.Removed
		onPostgres := data.IntN(3) == 0 && pgtest.Available()
		a, b := watch(t, data, onPostgres), watch(t, other, onPostgres)
		for range queries {
			query := ask(data)
			if quiet {
				query.searchText(data)
			}
			n, found := sameLists(t, a.stored, b.stored, query)
			answers, items = answers+n, items+found
			answers += sameGets(t, a.stored, b.stored, query)
			readA, readB := a.read(t), b.read(t)
			if quiet && readA != readB {
				t.Fatalf("%s on PostgreSQL (%v) reads %d bytes of text, and %d where what is hidden is another:\n%s", query, onPostgres, readA, readB, data.Source)
			}
			read += readA
		}
		a.db.Close()
		b.db.Close()
	}
	t.Logf("%d answers compared, %d rows in them, %d bytes read by text functions; the databases differ in %+v", answers, items, read, changes)
	if changes.Masked < worlds/4 || changes.Hidden < worlds || changes.Added < worlds/2 || changes.Removed == 0 {
		t.Errorf("the databases hardly differ: %+v", changes)
	}
	if items < answers/10 {
		t.Errorf("%d rows in %d answers: the queries ask for little", items, answers)
	}
	if read < int64(worlds*queries) {
		t.Errorf("text functions read %d bytes: the queries hardly use them", read)
	}
}

// textFunction finds the text functions of rules and filters.
var textFunction = regexp.MustCompile(`\.(contains|startsWith|endsWith|lowerAscii|upperAscii)\(|size\(| \+ `)

// searchText gives the query a filter with a text function, if it finds one.
func (q *posed) searchText(data *oracle.Data) {
	for range 20 {
		if textFunction.MatchString(q.query.Filter) {
			return
		}
		q.query.Filter, q.query.Args = "", nil
		q.filter(data)
	}
}

// countingRows is a database with text functions that count the bytes they read.
type countingRows struct {
	*stored
	read func(testing.TB) int64 // since it was asked last
}

// watch stores rows in a database with one reader, and counts its statements.
func watch(t testing.TB, data *oracle.Data, onPostgres bool) countingRows {
	t.Helper()
	if onPostgres {
		return watchPostgres(t, data)
	}
	var read atomic.Int64
	cfg := sqlite.Config{Readers: 1, CountText: func(bytes int) { read.Add(int64(bytes)) }}
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "world.db"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return countingRows{countingStore(t, data, db), func(testing.TB) int64 { return read.Swap(0) }}
}

// countOnPostgres counts in a variable of the session. It costs a planner no more than a function of PostgreSQL's own.
const countOnPostgres = `CREATE FUNCTION ashlar_count(x text) RETURNS text LANGUAGE plpgsql STABLE COST 1 AS $$
BEGIN
	PERFORM set_config('oracle.read', (coalesce(nullif(current_setting('oracle.read', true), ''), '0')::bigint + coalesce(octet_length(x), 0))::text, false);
	RETURN x;
END $$`

func watchPostgres(t testing.TB, data *oracle.Data) countingRows {
	t.Helper()
	// An index in the order of the list ends a page early. The planner takes it for tables of some size.
	url := pgtest.URL(t) + "&enable_indexscan=off&enable_indexonlyscan=off&enable_bitmapscan=off"
	db, err := postgres.Open(context.Background(), url, postgres.Config{Readers: 1, Writers: 2, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(countOnPostgres, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := int64(0)
	return countingRows{countingStore(t, data, db), func(t testing.TB) int64 {
		t.Helper()
		all := int64(0)
		err := db.Read(context.Background(), func(reader store.Reader) error {
			return reader.Query("SELECT coalesce(nullif(current_setting('oracle.read', true), ''), '0')::bigint", nil, func(row value.Row) error {
				all = row.Int(0)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		since := all - before
		before = all
		return since
	}}
}

func countingStore(t testing.TB, data *oracle.Data, db store.DB) *stored {
	t.Helper()
	if err := data.Store(context.Background(), db); err != nil {
		t.Fatalf("%v\n%s", err, data.Source)
	}
	cfg := Config{Now: func() time.Time { return data.Now }}
	return &stored{Data: data, db: db, rows: New(countingText{db}, data.Rules, cfg)}
}

// countingText is a store with a countingDialect.
type countingText struct{ store.DB }

func (c countingText) Dialect() sqlgen.Dialect { return countingDialect{c.DB.Dialect()} }

// countingDialect is a dialect with text functions that count the bytes of their text.
type countingDialect struct{ sqlgen.Dialect }

func (c countingDialect) Call(fn rule.Func, args []string) string {
	args[0] = "ashlar_count(" + args[0] + ")"
	return c.Dialect.Call(fn, args)
}

func (c countingDialect) Contains(text, part string, fixed bool) string {
	return c.Dialect.Contains("ashlar_count("+text+")", part, fixed)
}

// sameLists pages through both databases to the end.
func sameLists(t *testing.T, a, b *stored, q *posed) (answers, items int) {
	t.Helper()
	query := q.query
	for {
		bodyA, errA := a.rows.List(context.Background(), a.Caller, q.table, query, nil)
		bodyB, errB := b.rows.List(context.Background(), b.Caller, q.table, query, nil)
		answers++
		if saidA, saidB := said(bodyA, errA), said(bodyB, errB); saidA != saidB {
			t.Fatalf("%s tells of what is hidden:\n%s\n%s\n%s", q, saidA, saidB, a.Source)
		}
		if errA != nil {
			return answers, items
		}
		page, _ := a.page(t, &posed{table: q.table, query: query}, query.Cursor)
		b.page(t, &posed{table: q.table, query: query}, query.Cursor) // as often as the other
		items += len(page.Items)
		if page.Next == nil {
			return answers, items
		}
		query.Cursor = *page.Next
	}
}

// sameGets reads one row from both databases. The row may exist in both, in one or in none.
func sameGets(t *testing.T, a, b *stored, query *posed) int {
	t.Helper()
	id := idOf(query.table, oracle.ID(query.table, a.IntN(oracle.MaxRows)))
	rowA, errA := a.rows.Get(context.Background(), a.Caller, query.table, id, query.query.Selection, nil)
	rowB, errB := b.rows.Get(context.Background(), b.Caller, query.table, id, query.query.Selection, nil)
	if saidA, saidB := said(rowA.JSON, errA), said(rowB.JSON, errB); saidA != saidB || rowA.Revision != rowB.Revision {
		t.Fatalf("get %s %v %+v tells of what is hidden:\n%s\n%s\n%s", query.table.Name, id, query.query.Selection, saidA, saidB, a.Source)
	}
	return 1
}

// A client learns nothing from a write either, if no rule and no check is in its way. Two such databases both take it, or
// refuse it alike. Two things remain: an id may be taken, and a row may be in use.
func TestNoOracleInWrites(t *testing.T) {
	worlds, queries := volume()
	random := effort.Seeds(t)
	tally, guesses := map[errs.Kind]int{}, 0
	for i := range worlds {
		data := worldOf(t, random(i), oracle.NewOpen)
		other, _ := data.Disturb(150)
		a, b := storeData(t, data), storeData(t, other)
		for range queries {
			table := data.Model.Tables[1+data.IntN(len(data.Model.Tables)-1)]
			if len(data.Seen(table)) == 0 || a.rows.Allow(a.Caller, table, Update) != nil {
				continue
			}
			rec := data.Seen(table)[data.IntN(len(data.Seen(table)))]
			body, guessed := a.guesses(table, rec, other.Find(table, rec["id"]))
			if guessed {
				guesses++
			}
			errA, errB := a.tries(table, rec, body), b.tries(table, rec, body)
			if saidA, saidB := said(nil, errA), said(nil, errB); saidA != saidB {
				t.Fatalf("update %s %v %s tells of what is hidden:\n%s\n%s\n%s", table.Name, rec["id"], body, saidA, saidB, a.Source)
			}
			tally[errs.KindOf(errA)]++
		}
		a.db.Close()
		b.db.Close()
	}
	t.Logf("writes by their outcome: %v; %d guessed a masked value", tally, guesses)
	if (tally[""] == 0 || tally[errs.Conflict] == 0 || guesses == 0) && !effort.Raced {
		t.Errorf("writes by their outcome: %v; %d guessed a masked value: it proves little", tally, guesses)
	}
}

// guesses returns members of an update. Some repeat stored values: readable and hidden ones, and values that only one of
// the databases has.
func (s *stored) guesses(table *model.Table, rec, other oracle.Record) (body []value.Member, masked bool) {
	for n, i := range s.Perm(len(table.Fields)) {
		field := table.Fields[i]
		v := rec[field.Name]
		if oracle.Same(v, other[field.Name]) && n > s.IntN(3) {
			continue
		}
		switch {
		case !field.Immutable && field.Name != "created_at" && field.Name != "updated_at" && s.IntN(3) == 0:
			v = s.Random(field)
		case !oracle.Same(v, s.Value(field, rec, true)):
			masked = true
		}
		body = append(body, value.Member{Name: field.Name, Raw: oracle.AppendJSON(nil, field, v)})
	}
	return body, masked
}

// tries updates a row, undoes the update and returns the answer.
func (s *stored) tries(table *model.Table, rec oracle.Record, body []value.Member) error {
	rows := New(trial{s.rows.store}, s.rows.rules, Config{Now: s.rows.now})
	_, err := rows.Update(context.Background(), s.Caller, table, idOf(table, rec["id"]), body, nil)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

const guardedModel = `
ashlar: 1
name: guarded
tables:
  docs:
    key: int
    fields:
      n:     {type: int}
      title: {type: text, max: 100, index: true}
      body:  {type: text}
    access: {read: n == 7 || n == 8}
`

// A client's condition may fix the value of a column. The planner must not use that value in the rule that guards another
// condition. Guards must not keep indexes from being used either.
func TestGuardsSeeTheRowAsItIs(t *testing.T) {
	var read atomic.Int64
	engine := sqlite.Config{Readers: 1, CountText: func(bytes int) { read.Add(int64(bytes)) }}
	db := openWith(t, guardedModel, engine, Config{})
	db = New(countingText{db.store}, db.rules, Config{Now: db.now})
	for id, n := range []int{7, 1, 7, 1, 8} {
		body := "x"
		if n == 1 {
			body = strings.Repeat("x", 10_000)
		}
		must(t, db, system, "docs", fmt.Sprintf(`{"id":%d,"n":%d,"title":"t%d","body":%q}`, id+1, n, n, body))
	}
	docs := db.rules.Model.Table("docs")
	for _, tt := range []struct{ filter, sort, plan string }{
		{"body.endsWith('x')", "n", "SCAN t0"},
		{"body.endsWith('x')", "n,-title", "SCAN t0"},
		{"body.endsWith('x')", "n,-id", "SCAN t0"},
		{"body.endsWith('x')", "-title,n", "SCAN t0"},
		{"body.endsWith('x')", "body,n", "SCAN t0"},
		{"body.endsWith('x')", "n,body", "SCAN t0"},
		{"n == 7 && body.endsWith('x')", "", "SCAN t0"},
		{"n == 7 && body.endsWith('x')", "title", "SCAN t0"},
		{"n in [7] && body.endsWith('x')", "body", "SCAN t0"},
		{"n < 8 && title == 't7' && body.endsWith('x')", "", "SEARCH t0 USING INDEX i_docs__title"},
		{"body.endsWith('x') && title == 't1'", "-n", "SEARCH t0 USING INDEX i_docs__title"},
		{"id == 2 && body.endsWith('x')", "", "SEARCH t0 USING INTEGER PRIMARY KEY"},
		{"id == 3 && body.endsWith('x')", "", "SEARCH t0 USING INTEGER PRIMARY KEY"},
		{"7 == n && (title + 'x').contains('t')", "body", "SCAN t0"},
	} {
		query := Query{Filter: tt.filter, Sort: tt.sort, Limit: 1, Total: true}
		readPages(t, db, docs, query, func(page Query) {
			if n := read.Swap(0); n > 100 {
				t.Errorf("%+v reads %d bytes of text", page, n)
			}
		})
		if plan := planOf(t, db, docs, query); !strings.Contains(plan, tt.plan) {
			t.Errorf("%+v: plan %q, want %q", query, plan, tt.plan)
		}
	}
}

// readPages reads at most five pages, and calls look after each.
func readPages(t *testing.T, db *DB, table *model.Table, query Query, look func(page Query)) {
	t.Helper()
	for range 5 {
		body, err := db.List(context.Background(), ann, table, query, nil)
		if err != nil {
			t.Fatal(err)
		}
		look(query)
		next := envelopeOf(t, body).Next
		if next == nil {
			return
		}
		query.Cursor = *next
	}
}

// planOf is how SQLite reads the first range of a page.
func planOf(t *testing.T, db *DB, table *model.Table, query Query) (plan string) {
	t.Helper()
	r := db.request(ann)
	defer r.end()
	page, err := r.newPage(table, query)
	if err != nil {
		t.Fatal(err)
	}
	v, err := page.statement(page.ranges[0], sqlgen.AsPlanned)
	if err != nil {
		t.Fatal(err)
	}
	err = db.store.Read(context.Background(), func(reader store.Reader) error {
		return reader.Query("EXPLAIN QUERY PLAN "+v.SQL, r.Bound(v.Statement, []value.Value{value.OfInt(1)}).Args, func(row value.Row) error {
			plan += string(row.Bytes(3)) + "\n"
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}
