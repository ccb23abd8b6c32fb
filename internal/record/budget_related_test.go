package record

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// relatedModel has views, expansions and rules that read tables of 50,000 rows. INDEXES_x stands for the indexes of a table.
const relatedModel = `
ashlar: 1
name: related
tables:
  teams:
    key: int
    fields: {name: {type: text, max: 80}, code: {type: text, max: 20}}
    access: {read: true}
  people:
    key: text
    fields: {name: {type: text, max: 80}, team: {ref: teams, reverse: people}}
    access: {read: true}
  posts:
    key: int
    fields:
      author: {ref: people, reverse: posts}
      title: {type: text, max: 80}
      stars: {type: int}
      coder: {type: text, max: 20}
      code: {type: text, max: 20}
    indexes: [INDEXES_posts]
    access: {read: true}
  comments:
    key: int
    fields: {post: {ref: posts, reverse: comments}, text: {type: text, max: 80}, line: {type: int}}
    indexes: [INDEXES_comments]
    access: {read: true}
  seats:
    key: int
    fields: {team: {ref: teams, reverse: seats}, who: {type: text, max: 20}, kind: {type: text, max: 20}}
    indexes: [INDEXES_seats]
    access: {read: who == auth.id}
  rooms:
    key: int
    fields: {team: {ref: teams, reverse: rooms}}
    access: {read: "team.seats.exists(s, s.who == auth.id)"}
  halls:
    key: int
    fields: {team: {ref: teams, reverse: halls}}
    access: {read: "team.seats.exists(s, s.kind == 'open')"}
  boards:
    key: int
    fields:
      team: {ref: teams, reverse: boards}
      note: {type: text, max: 20, optional: true, read: "team.seats.exists(s, s.kind == 'open')"}
    access: {read: true}
  desks:
    key: int
    fields: {room: {ref: rooms, reverse: desks}, hall: {ref: halls, reverse: desks}}
    access: {read: true}
views:
  titles:
    key: int
    reads: [posts]
    query: SELECT id, title, author_id, stars, coder FROM posts
    fields: {author: {ref: people, reverse: titles}, title: {type: text}, stars: {type: int}, coder: {type: text}}
    access: {read: true}
  talk:
    key: int
    reads: [posts, comments]
    query: SELECT c.id, c.text, p.title FROM comments AS c JOIN posts AS p ON p.id = c.post_id
    fields: {text: {type: text}, title: {type: text}}
    access: {read: true}
  counts:
    key: text
    reads: [posts]
    query: SELECT title AS id, count(*) AS n FROM posts GROUP BY title
    fields: {n: {type: int}}
    access: {read: true}
  mine:
    key: int
    reads: [posts]
    query: SELECT p.id, p.coder AS owner, p.title FROM posts AS p
    fields: {owner: {type: text}, title: {type: text}}
    access: {read: owner == auth.id}
  spent:
    key: int
    reads: [teams, posts]
    query: SELECT p.id, t.name FROM teams AS t JOIN posts AS p ON p.code = t.code
    fields: {name: {type: text}}
    access: {read: true}
  sizes:
    key: text
    reads: [posts]
    query: SELECT 'posts' AS id, count(*) AS n FROM posts
    fields: {n: {type: int}}
    access: {read: true}
  places:
    key: int
    reads: [seats]
    query: SELECT id, who, kind FROM seats
    fields: {who: {type: text}, kind: {type: text}}
    access: {read: "kind == 'open'"}
  coded:
    key: int
    reads: [posts]
    query: SELECT id, coder AS person_id, title FROM posts
    fields: {person: {ref: people, reverse: coded}, title: {type: text}}
    access: {read: true}
  lines:
    key: int
    reads: [comments]
    query: SELECT c.id, c.line AS post_id, c.text FROM comments AS c
    fields: {post: {ref: posts, reverse: lines}, text: {type: text}}
    access: {read: true}
`

var relatedRows = []string{
	`INSERT INTO teams (id, name, code, created_at, updated_at, _rev) SELECT n, 'team ' || n, 'c' || n, TIME(0), TIME(0), n FROM SERIES(100)`,
	`INSERT INTO people (id, name, team_id, created_at, updated_at, _rev) SELECT 'u' || n, 'name ' || n, 1 + n % 100, TIME(0), TIME(0), n FROM SERIES(2500)`,
	`INSERT INTO posts (id, author_id, title, stars, coder, code, created_at, updated_at, _rev) SELECT n, 'u' || (1 + n % 2500), 'title ' || (n * 7919 % 10000),
n % 50, 'u' || (1 + n % 2500), 'c' || (n % 5000), TIME(0), TIME(0), n FROM SERIES(50000)`,
	`INSERT INTO comments (id, post_id, text, line, created_at, updated_at, _rev) SELECT n, 1 + n % 25000, 'text ' || n, 1 + n % 25000, TIME(0), TIME(0), n FROM SERIES(50000)`,
	`INSERT INTO seats (id, team_id, who, kind, created_at, updated_at, _rev) SELECT n, 1 + n % 100, 'u' || (n / 100 % 500), 'kind ' || (n / 100 % 250), TIME(0), TIME(0), n FROM SERIES(50000)`,
	`INSERT INTO rooms (id, team_id, created_at, updated_at, _rev) SELECT n, 1 + n % 100, TIME(0), TIME(0), n FROM SERIES(3000)`,
	`INSERT INTO halls (id, team_id, created_at, updated_at, _rev) SELECT n, 1 + n % 100, TIME(0), TIME(0), n FROM SERIES(3000)`,
	`INSERT INTO boards (id, team_id, note, created_at, updated_at, _rev) SELECT n, n, 'note', TIME(0), TIME(0), n FROM SERIES(100)`,
	`INSERT INTO desks (id, room_id, hall_id, created_at, updated_at, _rev) SELECT n, n, n, TIME(0), TIME(0), n FROM SERIES(100)`,
}

var indexPlace = regexp.MustCompile(`INDEXES_(\w+)`)

// related returns the rows of relatedModel with an index of a table, and a budget.
func (w *budgetWorld) related(t testing.TB, table, index string) *DB {
	t.Helper()
	return w.relatedWith(t, table, index, 10_000)
}

func (w *budgetWorld) relatedWith(t testing.TB, table, index string, rows int) *DB {
	t.Helper()
	source := indexPlace.ReplaceAllStringFunc(relatedModel, func(found string) string {
		if strings.TrimPrefix(found, "INDEXES_") == table {
			return index
		}
		return ""
	})
	rules := modeltest.Rules(t, source)
	rules.Model.Limits.Query = model.QueryLimit{Rows: rows, Except: []string{"reports"}}
	modeltest.Migrate(t, w.db, rules)
	return New(w.db, rules, Config{Now: func() time.Time { return w.now }, Answers: 1 << 20, TagKey: []byte("0123456789abcdef")})
}

// A relatedShape is a read that is refused, with the part of it that the refusal names and the index that helps.
type relatedShape struct {
	table  string
	query  Query
	id     string // of a single row; "": a list
	place  string // in the message
	byRule bool   // only the log names the index

	indexed, index string
}

func (s relatedShape) String() string {
	return fmt.Sprint(s.table, " ", s.id, " filter(", s.query.Filter, ") sort(", s.query.Sort, ") expand(", s.query.Expand, ")")
}

// ask reads the first page or the row, and returns the advice of the log.
func (s relatedShape) ask(t testing.TB, d *DB, who caller.Caller) (advice string, err error) {
	t.Helper()
	table := d.rules.Model.Table(s.table)
	record := &telemetry.Record{Table: s.table}
	ctx := telemetry.WithRecord(t.Context(), record)
	if s.id != "" {
		id, ok := value.ParseID(table, s.id)
		if !ok {
			t.Fatalf("%s is no id", s.id)
		}
		_, err = d.Get(ctx, who, table, id, s.query.Selection, nil)
		return record.Advice, err
	}
	q := s.query
	q.Limit = 30
	_, err = d.List(ctx, who, table, q, nil)
	return record.Advice, err
}

func expanding(path string) Query { return Query{Selection: Selection{Expand: path}} }

var relatedShapes = []relatedShape{
	{table: "titles", query: Query{Filter: "title == 'title 5'"}, place: "of the view titles", indexed: "posts", index: "[title]"},
	{table: "titles", query: Query{Filter: "title == 'title 5'", Total: true}, place: "of the view titles", indexed: "posts", index: "[title]"},
	{table: "titles", query: Query{Sort: "-stars"}, place: "of the view titles", indexed: "posts", index: "[stars]"},
	{table: "titles", query: Query{Filter: "stars == 7", Sort: "title"}, place: "of the view titles", indexed: "posts", index: "[stars, title]"},
	{table: "talk", query: Query{Filter: "text == 'text 5'"}, place: "of the view talk", indexed: "comments", index: "[text]"},
	{table: "counts", query: Query{Filter: "id == 'title 5'"}, place: "of the view counts", indexed: "posts", index: "[title]"},
	{table: "counts", id: "title 5", place: "of the view counts", indexed: "posts", index: "[title]"},
	{table: "mine", place: "of the view mine", indexed: "posts", index: "[coder]"},
	{table: "spent", query: Query{Filter: "name == 'team 5'"}, place: "of the view spent", indexed: "posts", index: "[code]"},
	{table: "people", query: expanding("coded"), place: "of the view coded (expand=coded)", indexed: "posts", index: "[coder]"},
	{table: "people", id: "u7", query: expanding("coded"), place: "of the view coded (expand=coded)", indexed: "posts", index: "[coder]"},
	{table: "posts", query: expanding("author.coded"), place: "of the view coded (expand=author.coded)", indexed: "posts", index: "[coder]"},
	{table: "people", query: expanding("posts.lines"), place: "of the view lines (expand=posts.lines)", indexed: "comments", index: "[line]"},
	{table: "comments", query: expanding("post.author.coded"), place: "of the view coded (expand=post.author.coded)", indexed: "posts", index: "[coder]"},
	{table: "comments", query: expanding("post.author.posts.lines"), place: "(expand=post.author.posts.lines)", indexed: "comments", index: "[line]"},
	{table: "rooms", byRule: true, indexed: "seats", index: "[who]|[team, who]"},
	{table: "halls", byRule: true, indexed: "seats", index: "[kind]|[team, kind]"},
	{table: "boards", byRule: true, indexed: "seats", index: "[kind]|[team, kind]"},
	{table: "places", query: Query{Filter: "who == 'u7'"}, place: "of the view places", indexed: "seats", index: "[kind]"},
	{table: "teams", query: expanding("rooms"), byRule: true, place: "(expand=rooms)", indexed: "seats", index: "[who]|[team, who]"},
	{table: "people", query: expanding("team.rooms"), byRule: true, place: "(expand=team.rooms)", indexed: "seats", index: "[who]|[team, who]"},
	{table: "posts", query: expanding("author.team.halls"), byRule: true, place: "(expand=author.team.halls)", indexed: "seats", index: "[kind]|[team, kind]"},
	{table: "desks", query: expanding("room"), byRule: true, place: "(expand=room)", indexed: "seats", index: "[who]|[team, who]"},
	{table: "desks", query: expanding("hall.team.halls"), byRule: true, place: "(expand=hall", indexed: "seats", index: "[kind]|[team, kind]"},
}

var (
	addedIndex  = regexp.MustCompile(`add an index to (?:the table|(\w+)) in the model, indexes: \[(\[.*?\])\]`)
	loggedIndex = regexp.MustCompile(`add to (\w+) indexes: \[(\[.*?\])\]`)
)

// A read of a view, with expansions or with rules that reads too much is refused. With the index that the refusal or the log
// names, it passes.
func TestBudgetJudgesViewsExpansionsAndRules(t *testing.T) {
	effort.SkipRaced(t)
	onFilledWorlds(t, relatedRows, func(t testing.TB, w *budgetWorld) { w.related(t, "", "") }, func(t *testing.T, w *budgetWorld) {
		d := w.related(t, "", "")
		named := map[[2]string][]relatedShape{} // by table and index
		for _, s := range relatedShapes {
			advice, err := s.ask(t, d, budgetUser)
			refusal, ok := errors.AsType[*errs.Error](err)
			message := ""
			if ok {
				message = refusal.Message
			}
			if errs.KindOf(err) != errs.Malformed || !strings.Contains(message, s.place) {
				t.Errorf("%s: %v, want a refusal about %q", s, err, s.place)
				continue
			}
			logged := loggedIndex.FindStringSubmatch(advice)
			if logged == nil || logged[1] != s.indexed || !slices.Contains(strings.Split(s.index, "|"), logged[2]) {
				t.Errorf("%s: the log has %q, want the index %s of %s", s, advice, s.index, s.indexed)
				continue
			}
			told := addedIndex.FindStringSubmatch(message)
			switch {
			case s.byRule && strings.Contains(message, s.indexed):
				t.Errorf("%s: %v names a table that only a rule reads", s, err)
			case !s.byRule && (told == nil || told[2] != logged[2] || (told[1] != "" && told[1] != s.indexed)):
				t.Errorf("%s: %v, want the index %s of %s", s, err, s.index, s.indexed)
			}
			named[[2]string{logged[1], logged[2]}] = append(named[[2]string{logged[1], logged[2]}], s)
		}
		for index, served := range named {
			d := w.related(t, index[0], index[1])
			for _, s := range served {
				if advice, err := s.ask(t, d, budgetUser); err != nil {
					t.Errorf("%s with the index: %v; %s", s, err, advice)
				}
			}
		}
	})
}

// If no index helps a view or an expansion, the refusal says so, and what does.
func TestBudgetSaysWhatHelpsAView(t *testing.T) {
	effort.SkipRaced(t)
	onFilledWorlds(t, relatedRows, func(t testing.TB, w *budgetWorld) { w.related(t, "", "") }, func(t *testing.T, w *budgetWorld) {
		d := w.related(t, "", "")
		_, err := relatedShape{table: "sizes"}.ask(t, d, budgetUser)
		want := "the query of the view sizes would read about 50,000 rows of posts, and 10,000 are allowed: no index that we know helps: " +
			"compare a field that the view takes from a table with ==, or ask with a key whose scope stands in limits.query.except"
		if refusal, ok := errors.AsType[*errs.Error](err); !ok || refusal.Message != want {
			t.Errorf("the message is\n%v, want\n%s", err, want)
		}
		key := caller.Service(caller.Identity{ID: "robot", Scopes: &caller.Scopes{Names: []string{"reports"}, Tables: map[string]caller.Operations{"sizes": caller.MayRead}}})
		if _, err := (relatedShape{table: "sizes"}).ask(t, d, key); err != nil {
			t.Errorf("a key of the exception: %v", err)
		}
		d = w.relatedWith(t, "", "", 1000)
		_, err = relatedShape{table: "people", query: expanding("posts")}.ask(t, d, budgetUser)
		if refusal, ok := errors.AsType[*errs.Error](err); !ok || !strings.Contains(refusal.Message, "(expand=posts)") || !strings.Contains(refusal.Message, "leave out the expansion") {
			t.Errorf("an expansion of many rows: %v", err)
		}
	})
}

// What indexes serve is never refused: views, expansions of each direction and rules.
func TestBudgetAllowsViewsExpansionsAndRulesThatReadLittle(t *testing.T) {
	effort.SkipRaced(t)
	onFilledWorlds(t, relatedRows, func(t testing.TB, w *budgetWorld) { w.related(t, "", "") }, func(t *testing.T, w *budgetWorld) {
		d := w.related(t, "", "")
		for _, s := range []relatedShape{
			{table: "titles"},
			{table: "titles", query: Query{Sort: "-id"}},
			{table: "titles", id: "5"},
			{table: "titles", query: Query{Filter: "author_id == 'u5'", Total: true}},
			{table: "titles", query: expanding("author.team")},
			{table: "people", query: expanding("titles")},
			{table: "people", id: "u5", query: expanding("titles,posts.comments,team.people")},
			{table: "people", query: expanding("team")},
			{table: "people", query: expanding("posts.comments")},
			{table: "comments", query: expanding("post.author.team")},
			{table: "teams", query: expanding("people")},
			{table: "talk", id: "5"},
			{table: "posts", id: "5", query: expanding("comments,author.posts")},
			{table: "seats"},
		} {
			if advice, err := s.ask(t, d, budgetUser); err != nil {
				t.Errorf("%s: %v; %s", s, err, advice)
			}
		}
	})
}

// A shape is explained once, however often it is read: one EXPLAIN for each of its statements.
func TestBudgetExplainsAShapeOnce(t *testing.T) {
	onFilledWorlds(t, nil, func(t testing.TB, w *budgetWorld) { w.related(t, "", "") }, func(t *testing.T, w *budgetWorld) {
		d := w.related(t, "", "")
		spy := &explainingDB{DB: w.db}
		d.store, d.gate = spy, gate.New(spy)
		for _, tt := range []struct {
			shape relatedShape
			want  int64 // statements
		}{
			{relatedShape{table: "posts"}, 0},
			{relatedShape{table: "posts", id: "5"}, 0},
			{relatedShape{table: "titles"}, 1},
			{relatedShape{table: "titles", query: Query{Filter: "stars == 7", Total: true}}, 2},
			{relatedShape{table: "posts", query: expanding("author.team,comments")}, 4},
		} {
			before := spy.explained.Load()
			for range 20 {
				if _, err := tt.shape.ask(t, d, budgetUser); err != nil && errs.KindOf(err) != errs.NotFound {
					t.Fatalf("%s: %v", tt.shape, err)
				}
			}
			if got := spy.explained.Load() - before; got != tt.want {
				t.Errorf("%s: %d statements explained in 20 reads, want %d", tt.shape, got, tt.want)
			}
		}
	})
}

// explainingDB counts the statements whose plans are asked for.
type explainingDB struct {
	store.DB
	explained atomic.Int64
}

func (c *explainingDB) Read(ctx context.Context, read func(store.Reader) error) error {
	return c.DB.Read(ctx, func(r store.Reader) error { return read(&explainingReader{r, c}) })
}

type explainingReader struct {
	store.Reader
	of *explainingDB
}

func (r *explainingReader) Explain(sql string, params int) (store.Plan, error) {
	r.of.explained.Add(1)
	return r.Reader.Explain(sql, params)
}
