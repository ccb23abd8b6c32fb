package record

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const waysModel = `
ashlar: 1
name: ways
tables:
  users:
    key: text
  orgs:
    key: int
    fields: {name: {type: text, max: 80, optional: true}}
  members:
    key: int
    fields: {org: {ref: orgs, reverse: members}, user: {ref: users}}
    unique: [[org, user]]
    indexes: [[user, org]]
  posts:
    key: int
    fields: {org: {ref: orgs, reverse: posts}, author: {ref: users}, state: {type: enum, values: [draft, published]}, shared: {type: bool, index: true}}
    indexes: [[state, created_at], [created_at]]
    access: {read: "org.members.exists(m, m.user_id == auth.id)"}
  articles:
    key: int
    fields: {author: {ref: users}, state: {type: enum, values: [draft, published]}}
    indexes: [[state, created_at], [created_at]]
    access: {read: state == 'published' || author_id == auth.id}
  papers:
    key: int
    fields: {author: {ref: users}, shared: {type: bool, index: true}}
    indexes: [[created_at]]
    access: {read: shared || author_id == auth.id}
  notes:
    key: int
    fields: {author: {ref: users, reverse: notes}, state: {type: enum, values: [draft, published]}}
    indexes: [[author, created_at]]
    access: {read: author_id == auth.id}
`

// waysRows are the rows, SQLite's times being numbers: TIME(n). Of 100 organisations user 1 is in none, user 2 in one,
// user 3 in nine. Of the articles every tenth is a draft; user 2 wrote ten of the last. Of the papers one of a thousand is
// shared, and every second is user 3's.
var waysRows = []string{
	`INSERT INTO users (id, created_at, updated_at, _rev) SELECT 'u' || n, TIME(0), TIME(0), n FROM SERIES(100)`,
	`INSERT INTO orgs (id, created_at, updated_at, _rev) SELECT n, TIME(0), TIME(0), n FROM SERIES(100)`,
	`INSERT INTO members (id, org_id, user_id, created_at, updated_at, _rev) SELECT n, 1 + n * 7 % 100, 'u' || (4 + n % 97), TIME(0), TIME(0), n FROM SERIES(400)`,
	`INSERT INTO members (id, org_id, user_id, created_at, updated_at, _rev) SELECT 1000 + n, n * 11, CASE WHEN n = 1 THEN 'u2' ELSE 'u3' END, TIME(0), TIME(0), n FROM SERIES(9)`,
	`INSERT INTO posts (id, org_id, author_id, state, shared, created_at, updated_at, _rev)
SELECT n, 1 + n * 7 % 100, 'u' || (4 + n % 97), CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END, n % 100 = 0, TIME(n * 7919 % 20000), TIME(0), n FROM SERIES(20000)`,
	`INSERT INTO articles (id, author_id, state, created_at, updated_at, _rev)
SELECT n, CASE WHEN n > 19900 AND n % 10 = 0 THEN 'u2' ELSE 'u' || (4 + n % 97) END, CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END, TIME(n * 7919 % 20000), TIME(0), n FROM SERIES(20000)`,
	`INSERT INTO papers (id, author_id, shared, created_at, updated_at, _rev)
SELECT n, CASE WHEN n % 2 = 0 THEN 'u3' ELSE 'u' || (4 + n % 97) END, n % 1000 = 1, TIME(n * 7919 % 20000), TIME(0), n FROM SERIES(20000)`,
}

// plannedDB is a database that records each read and its plan.
type plannedDB struct {
	store.DB
	postgres bool
	sql      []string
	plans    []string
}

func (w *plannedDB) Read(ctx context.Context, read func(store.Reader) error) error {
	return w.DB.Read(ctx, func(reader store.Reader) error { return read(&plannedReader{reader, w}) })
}

type plannedReader struct {
	store.Reader
	w *plannedDB
}

func (r *plannedReader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	r.w.sql = append(r.w.sql, sql)
	plan, explain, column := "", "EXPLAIN QUERY PLAN ", 3
	if r.w.postgres {
		explain, column = "EXPLAIN ", 0
	}
	err := r.Reader.Query(explain+sql, args, func(row value.Row) error {
		plan += string(row.Bytes(column)) + "\n"
		return nil
	})
	if err != nil {
		return err
	}
	r.w.plans = append(r.w.plans, plan)
	return r.Reader.Query(sql, args, row)
}

func openWays(t *testing.T, postgresql bool) (*plannedDB, *DB, *model.Model) {
	t.Helper()
	engine := modeltest.SQLite(sqlite.Config{Readers: 2})
	series, time := "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s)", "($1)"
	if postgresql {
		engine = modeltest.Postgres(postgres.Config{Readers: 2})
		series, time = "generate_series(1, $1) AS s(n)", "(timestamptz '2026-01-01Z' + ($1) * interval '1 microsecond')"
	}
	db, rules := engine.Open(t, waysModel)
	planned := &plannedDB{DB: db, postgres: postgresql}
	err := planned.DB.Alter(t.Context(), func(s store.Session) error {
		for _, sql := range waysRows {
			sql = replaceCalls(replaceCalls(sql, "SERIES", series), "TIME", time)
			if _, err := s.Exec(sql, nil); err != nil {
				return fmt.Errorf("%w\n%s", err, sql)
			}
		}
		if postgresql {
			_, err := s.Exec("VACUUM ANALYZE", nil)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return planned, New(planned, rules, Config{}), rules.Model
}

// replaceCalls replaces NAME(x) by a text with x in place of $1.
func replaceCalls(sql, name, by string) string {
	for {
		before, rest, found := strings.Cut(sql, name+"(")
		if !found {
			return sql
		}
		arg, after, _ := strings.Cut(rest, ")")
		sql = before + strings.ReplaceAll(by, "$1", arg) + after
	}
}

type waysCase struct {
	name, table string
	who         int // 0: anonymous
	sort        string
	filter      string
	seen        func(n int) bool
	way         string // how the first page finds its rows on SQLite: "walk", or the index that it starts from; "": not looked for
}

func orgOf(n int) int { return 1 + n*7%100 }

func inOrgs(who int) func(int) bool {
	return func(n int) bool {
		org := orgOf(n)
		return org%11 == 0 && ((who == 2 && org == 11) || (who == 3 && org > 11))
	}
}

func readsArticle(who int) func(int) bool {
	return func(n int) bool { return n%10 != 0 || (who == 2 && n > 19900) }
}

func readsPaper(who int) func(int) bool {
	return func(n int) bool { return n%1000 == 1 || (who == 3 && n%2 == 0) }
}

var waysCases = []waysCase{
	{"tenant, in no organisation", "posts", 1, "", "", inOrgs(1), ""},
	{"tenant, in no organisation, newest", "posts", 1, "-created_at", "", inOrgs(1), ""},
	{"tenant, in one", "posts", 2, "", "", inOrgs(2), "i_posts__org_id"},
	{"tenant, in one, newest", "posts", 2, "-created_at", "", inOrgs(2), "i_posts__org_id"},
	{"tenant, in eight, newest of a state", "posts", 3, "-created_at", "state == 'published'", func(n int) bool { return inOrgs(3)(n) && n%10 != 0 }, "i_posts__org_id"},
	{"blog, anonymous", "articles", 0, "", "", readsArticle(0), "walk"},
	{"blog, newest", "articles", 2, "-created_at", "", readsArticle(2), "walk"},
	{"blog, drafts of others", "articles", 1, "", "state == 'draft'", func(n int) bool { return false }, "i_articles__author_id"},
	{"blog, own drafts", "articles", 2, "-created_at", "state == 'draft'", func(n int) bool { return n%10 == 0 && n > 19900 }, "i_articles__author_id"},
	{"owner or shared, few", "papers", 1, "", "", readsPaper(1), "i_papers__shared"},
	{"owner or shared, few, newest", "papers", 1, "-created_at", "", readsPaper(1), "i_papers__shared"},
	{"owner or shared, many, newest", "papers", 3, "-created_at", "", readsPaper(3), "walk"},
}

// One index may serve both the rule and the order. Such a list is one statement, without a probe.
func TestListsWithOneWayAskForNone(t *testing.T) {
	effort.SkipRaced(t)
	planned, rows, m := openWays(t, false)
	who := caller.User(caller.Identity{ID: "u5"})
	for _, query := range []Query{
		{Limit: 20}, {Limit: 20, Sort: "-created_at"}, {Limit: 20, Sort: "state"}, {Limit: 20, Filter: "state == 'draft'"},
		{Limit: 20, Filter: "author_id == arg.id", Args: map[string]string{"id": "u5"}},
	} {
		planned.sql = nil
		if _, err := rows.List(context.Background(), who, m.Table("notes"), query, nil); err != nil {
			t.Fatal(err)
		}
		if len(planned.sql) != 1 {
			t.Errorf("%+v is %d statements:\n%s", query, len(planned.sql), strings.Join(planned.sql, "\n"))
		}
	}
}

// A list starts from the side with fewer rows: the caller's own rows, or the order of the list. Every page and the total
// are right in either way.
func TestListsStartWhereFewRowsAre(t *testing.T) {
	effort.SkipRaced(t)
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			if engine == "postgresql" && !pgtest.Available() {
				t.Skip("PostgreSQL is not installed")
			}
			planned, rows, m := openWays(t, engine == "postgresql")
			for _, c := range waysCases {
				t.Run(c.name, func(t *testing.T) { c.run(t, planned, rows, m.Table(c.table)) })
			}
		})
	}
}

func (c waysCase) run(t *testing.T, planned *plannedDB, rows *DB, table *model.Table) {
	want := c.ids()
	who := caller.Caller{}
	if c.who > 0 {
		who = caller.User(caller.Identity{ID: fmt.Sprintf("u%d", c.who)})
	}
	query := Query{Sort: c.sort, Filter: c.filter, Limit: 20, Selection: Selection{Fields: "id"}}
	planned.sql, planned.plans = nil, nil
	for n := 0; n < 5; n++ { // pages
		query.Total = n == 4
		body, err := rows.List(context.Background(), who, table, query, nil)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Items []struct{ ID int }
			Next  *string
			Total int
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, item := range page.Items {
			got = append(got, item.ID)
		}
		if expected := want[min(20*n, len(want)):min(20*n+20, len(want))]; !slices.Equal(got, expected) {
			t.Fatalf("page %d has %v, want %v", n, got, expected)
		}
		if query.Total && page.Total != len(want) {
			t.Errorf("the total is %d, want %d", page.Total, len(want))
		}
		if n == 0 && !planned.postgres {
			c.checkWay(t, planned)
		}
		if page.Next == nil {
			return
		}
		query.Cursor = *page.Next
	}
}

// ids returns the ids of the rows in the caller's list, in order.
func (c waysCase) ids() (ids []int) {
	for n := 1; n <= 20000; n++ {
		if c.seen(n) {
			ids = append(ids, n)
		}
	}
	if c.sort == "-created_at" {
		slices.SortFunc(ids, func(a, b int) int { return b*7919%20000 - a*7919%20000 })
	}
	return ids
}

func (c waysCase) checkWay(t *testing.T, planned *plannedDB) {
	t.Helper()
	last := len(planned.sql) - 1
	page := strings.HasPrefix(planned.sql[last], `SELECT t0."id"`)
	plan := planned.plans[last]
	switch {
	case c.way == "":
		if page {
			t.Errorf("rows were looked for:\n%s\n%s", planned.sql[last], plan)
		}
	case c.way == "walk":
		if !page || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("the order is not walked:\n%s\n%s", planned.sql[last], plan)
		}
	case !strings.Contains(plan, c.way+" "):
		t.Errorf("the rows are not found by %s:\n%s\n%s", c.way, strings.Join(planned.sql, "\n"), plan)
	}
}

// FinalStatement is not passed on: EXPLAIN comes before each statement.
func (*plannedReader) FinalStatement() {}
