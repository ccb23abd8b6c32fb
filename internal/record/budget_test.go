package record

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// budgetModel has tables of 50,000 rows: posts that anybody may read, and papers that their authors may read. INDEXES stands
// for the indexes of posts, and PAPERS for the indexes of papers.
const budgetModel = `
ashlar: 1
name: budget
tables:
  people:
    key: text
    fields: {name: {type: text, max: 80}}
    access: {read: true}
  posts:
    key: int
    fields:
      author: {ref: people, reverse: posts}
      title: {type: text, max: 80}
      body: {type: text, max: 8000}
      state: {type: enum, values: [draft, published, removed]}
      stars: {type: int}
      due: {type: int, optional: true}
      shared: {type: bool}
    indexes: [INDEXES]
    access: {read: true}
  comments:
    key: int
    fields: {post: {ref: posts, reverse: comments}, text: {type: text, max: 80}}
    access: {read: true}
  papers:
    key: int
    fields: {author: {ref: people}, title: {type: text, max: 80}, state: {type: enum, values: [draft, published]}}
    indexes: [PAPERS]
    access: {read: state == 'published' || author_id == auth.id}
`

var budgetRows = []string{
	`INSERT INTO people (id, name, created_at, updated_at, _rev) SELECT 'u' || n, 'name ' || n, TIME(0), TIME(0), n FROM SERIES(1000)`,
	`INSERT INTO posts (id, author_id, title, body, state, stars, due, shared, created_at, updated_at, _rev)
SELECT n, 'u' || (1 + n % 1000), 'title ' || (n * 7919 % 10000), 'body ' || n, CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END,
n % 50, CASE WHEN n % 5 = 0 THEN n END, n % 2 = 0, TIME(n * 7919 % 50000), TIME(0), n FROM SERIES(50000)`,
	`INSERT INTO comments (id, post_id, text, created_at, updated_at, _rev) SELECT n, 1 + n % 25000, 'text ' || n, TIME(0), TIME(0), n FROM SERIES(50000)`,
	`INSERT INTO papers (id, author_id, title, state, created_at, updated_at, _rev)
SELECT n, 'u' || (1 + n % 1000), 'title ' || (n * 7919 % 10000), CASE WHEN n % 10 = 0 THEN 'draft' ELSE 'published' END, TIME(n), TIME(0), n FROM SERIES(50000)`,
}

// A budgetWorld is a database with the rows, whose indexes a test changes.
type budgetWorld struct {
	db  store.DB
	now time.Time
}

// rows returns the rows with indexes on posts and papers, and a budget of 10,000 rows. Answers are kept, since a look into
// the cache must not come before the look at the plan.
func (w *budgetWorld) rows(t testing.TB, posts, papers string) *DB {
	t.Helper()
	rules := modeltest.Rules(t, strings.NewReplacer("INDEXES", posts, "PAPERS", papers).Replace(budgetModel))
	rules.Model.Limits.Query = model.QueryLimit{Rows: 10_000, Except: []string{"reports"}}
	modeltest.Migrate(t, w.db, rules)
	return New(w.db, rules, Config{Now: func() time.Time { return w.now }, Answers: 1 << 20, TagKey: []byte("0123456789abcdef")})
}

// onBudgetWorlds runs a test or a benchmark on each engine.
func onBudgetWorlds[T interface {
	testing.TB
	Run(name string, f func(T)) bool
}](t T, test func(t T, w *budgetWorld)) {
	t.Helper()
	onFilledWorlds(t, budgetRows, func(t testing.TB, w *budgetWorld) { w.rows(t, "", "") }, test)
}

// onFilledWorlds runs a test on each engine. migrate makes the tables for the rows.
func onFilledWorlds[T interface {
	testing.TB
	Run(name string, f func(T)) bool
}](t T, rows []string, migrate func(testing.TB, *budgetWorld), test func(t T, w *budgetWorld)) {
	t.Helper()
	for _, tt := range []struct {
		engine       modeltest.Engine
		series, time string
		analyze      []string
	}{
		{modeltest.SQLite(sqlite.Config{Readers: 2}), "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < $1) SELECT n FROM s)", "($1)", nil},
		{modeltest.Postgres(postgres.Config{Readers: 2}), "generate_series(1, $1) AS s(n)", "(timestamptz '2026-01-01Z' + ($1) * interval '1 microsecond')", []string{"VACUUM ANALYZE"}},
	} {
		t.Run(tt.engine.Name, func(t T) {
			w := &budgetWorld{db: tt.engine.Empty(t), now: time.Now()}
			migrate(t, w)
			err := w.db.Alter(t.Context(), func(s store.Session) error {
				for _, sql := range append(rows[:len(rows):len(rows)], tt.analyze...) {
					sql = replaceCalls(replaceCalls(sql, "SERIES", tt.series), "TIME", tt.time)
					if _, err := s.Exec(sql, nil); err != nil {
						return fmt.Errorf("%w\n%s", err, sql)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			test(t, w)
		})
	}
}

var budgetUser = caller.User(caller.Identity{ID: "u7"})

// list reads a first page of a table.
func (w *budgetWorld) list(t testing.TB, d *DB, who caller.Caller, table string, q Query) error {
	t.Helper()
	q.Limit = 30
	_, err := d.List(t.Context(), who, d.rules.Model.Table(table), q, nil)
	return err
}

// A judgedShape is a query with the index that a refusal of it names.
type judgedShape struct {
	table, index string
	query        Query
}

func (s judgedShape) String() string { return s.table + " " + s.query.Filter + " by " + s.query.Sort }

var namedIndex = regexp.MustCompile(`indexes: \[(\[.*?\])\]`)

// A query that reads too much is refused. With the index that the refusal names, it passes.
func TestBudgetNamesTheIndexThatHelps(t *testing.T) {
	effort.SkipRaced(t)
	shapes := []judgedShape{
		{"posts", "[title]", Query{Filter: "title == 'title 5'"}},
		{"posts", "[title]", Query{Filter: "title == arg.t", Args: map[string]string{"t": "title 5"}, Sort: "-id"}},
		{"posts", "[title]", Query{Filter: "title in ['title 5', 'title 6']"}},
		{"posts", "[title]", Query{Filter: "title == 'title 5' && body.contains('7')"}},
		{"posts", "[title]", Query{Filter: "title == 'title 5'", Total: true}},
		{"posts", "[title]", Query{Sort: "title"}},
		{"posts", "[title]", Query{Sort: "-title", Filter: "title > 'title 7'"}},
		{"posts", "[created_at]", Query{Sort: "-created_at"}},
		{"posts", "[state, created_at]", Query{Filter: "state == 'published'", Sort: "-created_at"}},
		{"posts", "[stars, created_at]", Query{Filter: "stars == 7", Sort: "created_at"}},
		{"posts", "[stars]", Query{Filter: "stars > 48"}},
		{"posts", "[due]", Query{Filter: "due == 50"}},
		{"posts", "[due]", Query{Sort: "due"}},
		{"posts", "[title]", Query{Filter: "title == 'title 5' && author.name == 'name 5'"}},
		{"posts", "[title]", Query{Filter: "title == 'title 5' && comments.exists(c, c.text == 'x')"}},
		{"papers", "[title]", Query{Filter: "title == 'title 5'"}},
		{"papers", "[title]", Query{Sort: "title"}},
	}
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		named := map[[2]string][]judgedShape{} // by the indexes of posts and papers
		for _, s := range shapes {
			err := w.list(t, d, budgetUser, s.table, s.query)
			found := namedIndex.FindStringSubmatch(fmt.Sprint(err))
			if errs.KindOf(err) != errs.Malformed || found == nil {
				t.Errorf("%s: %v, want a refusal that names an index", s, err)
				continue
			}
			if found[1] != s.index {
				t.Errorf("%s: the refusal names %s, want %s", s, found[1], s.index)
			}
			indexes := [2]string{found[1], ""}
			if s.table == "papers" {
				indexes = [2]string{"", found[1]}
			}
			named[indexes] = append(named[indexes], s)
		}
		for indexes, served := range named {
			d := w.rows(t, indexes[0], indexes[1])
			for _, s := range served {
				if err := w.list(t, d, budgetUser, s.table, s.query); err != nil {
					t.Errorf("%s with the index: %v", s, err)
				}
			}
		}
	})
}

// Queries that an index serves pass, and so do the model's own lists.
func TestBudgetAllowsWhatReadsLittle(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		for _, tt := range []struct {
			table string
			query Query
		}{
			{"posts", Query{}},
			{"posts", Query{Total: true}},
			{"posts", Query{Selection: Selection{Expand: "comments,author"}}},
			{"papers", Query{Total: true}},
			{"people", Query{Filter: "name == 'name 5'"}}, // 1,000 rows
			{"people", Query{Filter: "name == 'name 5'", Sort: "-name", Total: true}},
			{"posts", Query{Sort: "-id"}},
			{"posts", Query{Filter: "id > 100"}},
			{"posts", Query{Filter: "id in [1, 2, 3]", Sort: "title", Total: true}},
			{"posts", Query{Filter: "author_id == 'u5'"}},
			{"posts", Query{Filter: "author_id == 'u5' && body.contains('7')", Sort: "-created_at", Total: true}},
			{"posts", Query{Filter: "author_id == auth.id && created_at > timestamp('2026-01-01T00:00:00Z')", Sort: "-created_at"}},
			{"posts", Query{Filter: "author_id in ['u5', 'u6']"}},
			{"posts", Query{Filter: "author_id == 'u5' && comments.exists(c, c.text == 'x')"}},
			{"comments", Query{Filter: "post_id == 5 && post.author.name == 'name 5'"}},
			{"papers", Query{Filter: "author_id == auth.id"}},
			{"papers", Query{Filter: "author_id == auth.id && title == 'title 5'"}},
		} {
			t.Run(tt.table+" "+tt.query.Filter+" "+tt.query.Sort, func(t *testing.T) {
				if err := w.list(t, d, budgetUser, tt.table, tt.query); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

// If no index would help, the refusal says so.
func TestBudgetRefusesWithoutAnIndex(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "[title]", "")
		for _, tt := range []struct {
			query Query
			want  string
		}{
			{Query{Filter: "body.contains('7')"}, "no index serves"},
			{Query{Filter: "title != 'title 5'"}, "no index serves"},
			{Query{Filter: "author.name == 'name 5'"}, "no index serves"},
			{Query{Filter: "comments.exists(c, c.text == 'x')"}, "no index serves"},
			{Query{Filter: "stars == 7 || body == 'x'"}, "no index serves"},
			{Query{Filter: "state == 'published'", Total: true}, "no index serves"},
			{Query{Filter: "title > 'a'", Sort: "title", Total: true}, "leave out the total"},
		} {
			t.Run(tt.query.Filter, func(t *testing.T) {
				err := w.list(t, d, budgetUser, "posts", tt.query)
				if errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("the error is %v, want a refusal with %q", err, tt.want)
				}
			})
		}
	})
}

// robot returns a key with the scope of a name, which may read posts.
func robot(scope string) caller.Caller {
	tables := map[string]caller.Operations{"posts": caller.MayRead, "folders": caller.MayRead}
	return caller.Service(caller.Identity{ID: "robot", Scopes: &caller.Scopes{Names: []string{scope}, Tables: tables}})
}

func TestBudgetBindsNeitherSystemNorItsExceptions(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		query := Query{Filter: "title == 'title 5'", Sort: "body", Total: true}
		for _, tt := range []struct {
			who     caller.Caller
			refused bool
		}{
			{caller.Caller{}, true}, {budgetUser, true}, {robot("imports"), true}, {robot("reports"), false}, {caller.System("test"), false},
		} {
			err := w.list(t, d, tt.who, "posts", query)
			if refused := errs.KindOf(err) == errs.Malformed; refused != tt.refused || (!refused && err != nil) {
				t.Errorf("%s: %v", tt.who, err)
			}
		}
	})
}

// A caller who may not read every row does not learn how many there are.
func TestBudgetHidesNumbers(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		for table, want := range map[string]string{
			"posts":  "the query would read about 50,000 rows of posts, and 10,000 are allowed: add an index to the table in the model, indexes: [[title]]",
			"papers": "the query would read more rows of papers than the 10,000 that are allowed: add an index to the table in the model, indexes: [[title]]",
		} {
			err := w.list(t, d, budgetUser, table, Query{Filter: "title == 'title 5'"})
			refusal, ok := errors.AsType[*errs.Error](err)
			if !ok || refusal.Message != want {
				t.Errorf("%s: the message is\n%v, want\n%s", table, err, want)
			}
		}
	})
}

// A shape is looked at once, whatever its values. When a table has grown, it is looked at again.
func TestBudgetLooksOnceUntilATableGrows(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		find := func(name string, limit int) error {
			q := Query{Filter: "name == arg.n", Args: map[string]string{"n": name}, Limit: limit}
			_, err := d.List(t.Context(), budgetUser, d.rules.Model.Table("people"), q, nil)
			return err
		}
		for i := range 20 {
			if err := find(fmt.Sprint("name ", i), 1+i); err != nil {
				t.Fatal(err)
			}
		}
		if looks := d.Budget().Looks; looks != 1 {
			t.Errorf("%d looks at one shape, want 1", looks)
		}
		w.copy(t)
		if err := find("name 1", 30); err != nil {
			t.Errorf("before the next look: %v", err)
		}
		w.now = w.now.Add(time.Minute)
		if err := find("name 1", 30); errs.KindOf(err) != errs.Malformed {
			t.Errorf("after the table has grown: %v, want a refusal", err)
		}
		if stats := d.Budget(); stats.Looks != 2 || stats.Refusals != 1 {
			t.Errorf("the counts are %+v, want 2 looks and 1 refusal", stats)
		}
		if err := find("name 2", 30); errs.KindOf(err) != errs.Malformed || d.Budget().Looks != 2 {
			t.Errorf("once more: %v after %d looks, want a refusal without a look", err, d.Budget().Looks)
		}
	})
}

// copy adds 50 further rows for each of people.
func (w *budgetWorld) copy(t *testing.T) {
	t.Helper()
	var copies []string
	for i := range 50 {
		copies = append(copies, fmt.Sprintf("SELECT %d AS i", i))
	}
	err := w.db.Alter(t.Context(), func(s store.Session) error {
		_, err := s.Exec("INSERT INTO people (id, name, created_at, updated_at, _rev) SELECT p.id || '-' || c.i, p.name || c.i, p.created_at, p.updated_at, p._rev FROM people AS p, ("+
			strings.Join(copies, " UNION ALL ")+") AS c", nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Many requests at once for new shapes count a table once. All are refused.
func TestBudgetCountsATableOnce(t *testing.T) {
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		spy := &sizingDB{DB: w.db}
		d.store, d.gate = spy, gate.New(spy)
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				if err := w.list(t, d, budgetUser, "posts", Query{Filter: fmt.Sprintf("body == 'x' && stars != %d", i)}); errs.KindOf(err) != errs.Malformed {
					t.Errorf("shape %d: %v, want a refusal", i, err)
				}
			})
		}
		group.Wait()
		if n := spy.counts.Load(); n != 1 {
			t.Errorf("posts was counted %d times, want once", n)
		}
	})
}

// sizingDB counts the statements that count posts.
type sizingDB struct {
	store.DB
	counts atomic.Int64
}

func (c *sizingDB) Read(ctx context.Context, read func(store.Reader) error) error {
	return c.DB.Read(ctx, func(r store.Reader) error { return read(&sizingReader{r, c}) })
}

type sizingReader struct {
	store.Reader
	of *sizingDB
}

func (r *sizingReader) Query(sql string, args []value.Value, row func(value.Row) error) error {
	if strings.Contains(sql, `SELECT 1 AS n FROM "posts"`) {
		r.of.counts.Add(1)
	}
	return r.Reader.Query(sql, args, row)
}

// limits.query.time bounds the reads of clients, except where limits.query.except names a scope of the key.
func TestQueryTime(t *testing.T) {
	effort.SkipRaced(t)
	onBudgetWorlds(t, func(t *testing.T, w *budgetWorld) {
		d := w.rows(t, "", "")
		d.budget, d.query.Time = nil, time.Millisecond
		// On a busy machine the end of the time is noticed late, and a query may be done before.
		slow := Query{Filter: "comments.exists(c, c.post.comments.exists(d, d.post.comments.exists(e, e.text.contains('none'))))"}
		for who, want := range map[string]errs.Kind{"imports": errs.Malformed, "reports": ""} {
			key := caller.Service(caller.Identity{ID: "robot", Scopes: &caller.Scopes{Names: []string{who}, Tables: map[string]caller.Operations{"posts": caller.MayRead, "comments": caller.MayRead}}})
			err := w.list(t, d, key, "posts", slow)
			for try := 0; err == nil && want != "" && try < 50; try++ {
				err = w.list(t, d, key, "posts", slow)
			}
			if errs.KindOf(err) != want {
				t.Errorf("a key with the scope %s: %v, want the kind %q", who, err, want)
			}
		}
	})
}

// BenchmarkQueryBudget measures lists of 50,000 posts: what the budget adds to each, and what a look costs.
func BenchmarkQueryBudget(b *testing.B) {
	onBudgetWorlds(b, func(b *testing.B, w *budgetWorld) {
		known := func() Query { return Query{Filter: "title == 'title 5'", Sort: "-id"} }
		shapes := 0
		fresh := func() Query {
			shapes++
			return Query{Filter: fmt.Sprintf("title == 'title 5' && stars != %d", shapes)}
		}
		for _, bb := range []struct {
			name, index string
			query       func() Query
			rows        int  // of the budget; 0: none
			uncounted   bool // no table has been counted
		}{
			{"known list without a budget", "[title]", known, 0, false},
			{"known list", "[title]", known, 10_000, false},
			{"known refusal", "", known, 10_000, false},
			{"new shape without a budget", "", fresh, 0, false},
			{"new shape refused", "", fresh, 10_000, false},
			{"new shape refused and table counted", "", fresh, 10_000, true},
		} {
			d := w.rows(b, bb.index, "")
			d.budget, d.keepsAnswers = budget.New(d.rules, d.dialect, bb.rows), false
			_ = w.list(b, d, budgetUser, "posts", bb.query())
			b.Run(bb.name, func(b *testing.B) {
				for b.Loop() {
					if bb.uncounted {
						d.budget = budget.New(d.rules, d.dialect, bb.rows)
					}
					_ = w.list(b, d, budgetUser, "posts", bb.query())
				}
			})
		}
	})
}

// A caller whose session has ended learns that, and not how many rows a table has: neither from the first look at a plan,
// nor from a verdict that is known.
func TestBudgetStandsBehindTheGuard(t *testing.T) {
	onGuarded(t, 1, func(t *testing.T, nodes []*guardedNode) {
		n := nodes[0]
		n.rules.Model.Limits.Query = model.QueryLimit{Rows: 20}
		n.rules.Model.Limits.Query.Except = []string{"reports"}
		d := New(n.store, n.rules, Config{Guard: sessionGuard, Answers: 1 << 20})
		for i := range 50 {
			if _, err := d.Create(t.Context(), system, n.model.Table("folders"), members(t, fmt.Sprintf(`{"name": "folder %d"}`, i))); err != nil {
				t.Fatal(err)
			}
		}
		list := func(who caller.Caller, filter string) error {
			_, err := d.List(t.Context(), who, n.model.Table("folders"), Query{Limit: 10, Filter: filter}, nil)
			return err
		}
		present, ended := n.signIn(t), n.signIn(t)
		n.signOut(t, ended)
		for _, filter := range []string{"name.contains('1')", "name.contains('2') || id > 5"} {
			for _, look := range []string{"first", "second"} {
				if err := list(ended, filter); !errors.Is(err, errEnded) {
					t.Errorf("%s, %s look of an ended session: %v", filter, look, err)
				}
				if err := list(present, filter); errs.KindOf(err) != errs.Malformed {
					t.Errorf("%s, %s look: %v, want a refusal", filter, look, err)
				}
				// What a key of the exception was answered is kept. It does not answer others.
				for range 2 {
					if err := list(robot("reports"), filter); err != nil {
						t.Errorf("%s, %s look of a key: %v", filter, look, err)
					}
				}
			}
		}
	})
}
