package record

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// crowded has one of everything that can decide on a write.
const crowded = `
ashlar: 1
name: crowded
roles: [editor]
tables:
  teams:
    key: text
    fields: {open: {type: bool}}
    access: {read: "open || 'editor' in auth.roles"}
  plain:
    fields: {n: {type: int}}
    access: {read: true, write: true}
  items:
    fields:
      owner:  {type: text, max: 40, default: auth.id, immutable: true}
      title:  {type: text, max: 40}
      slug:   {type: text, max: 40, optional: true, unique: true}
      stars:  {type: int, optional: true, min: 0, max: 5}
      shared: {type: bool, default: false}
      note:   {type: text, max: 40, optional: true, read: owner == auth.id, write: "stars == null || stars < 4"}
      data:   {type: json, optional: true}
      team:   {ref: teams, optional: true}
    checks:
      - {expr: "title != 'bad'", message: the title is bad}
      - {expr: "stars == null || stars > 0 || shared", message: no stars are shared}
    access:
      read: stars == null || stars < 5 || owner == auth.id
      create: owner == auth.id && (team == null || team.open || title == 'a')
      update:
        from: owner == auth.id || shared
        to: (owner == auth.id || stars == null || stars != 3) && (team == null || team.open || old.team == null || title != old.title)
      delete: owner == auth.id
`

// A crowd is many callers that write to one database at once, with their answers.
type crowd struct {
	*DB
	t      *testing.T
	conn   *pgx.Conn // to the history
	source string    // of the model
	mild   bool      // most writes are such that nothing refuses

	mu    sync.Mutex
	tasks []*task
	ids   []string         // of rows that are, or were, there
	revs  map[string]int64 // that were told last
}

// task is one write.
type task struct {
	op    Op
	who   caller.Caller
	id    string
	body  string
	match int64 // 0: no If-Match

	start, end time.Time
	written    Row
	err        error
}

// said is the whole answer.
func (k *task) said() string {
	return fmt.Sprintf("%s|plain %t|%s", value.AppendValue(nil, k.written.ID), k.written.Plain, said(k.written.JSON, k.err))
}

// do runs a task on rows. current maps a revision to the one that the task expects.
func (k *task) do(t *testing.T, rows *DB, body string, current func(revision int64) int64) (written Row, err error) {
	items := rows.rules.Model.Table("items")
	var match Match
	if k.match != 0 {
		match = func(revision int64) bool { return current(revision) == k.match }
	}
	switch k.op {
	case Create:
		return rows.Create(context.Background(), k.who, items, members(t, body))
	case Update:
		return rows.Update(context.Background(), k.who, items, value.OfUUID(k.id), members(t, body), match)
	}
	return Row{}, rows.Delete(context.Background(), k.who, items, value.OfUUID(k.id), match)
}

// openCrowd returns the rows of the crowd's model on a database.
func openCrowd(t *testing.T, db store.DB, source string) *DB {
	t.Helper()
	t.Cleanup(func() { db.Close() })
	rules := modeltest.Rules(t, source)
	modeltest.Migrate(t, db, rules)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := New(db, rules, Config{Now: func() time.Time { return now }})
	d.refusals.ignored = true
	must(t, d, system, "teams", `{"id":"open","open":true}`)
	must(t, d, system, "teams", `{"id":"closed","open":false}`)
	return d
}

// random returns a write by some caller.
func (c *crowd) random(r *rand.Rand) *task {
	c.mu.Lock()
	defer c.mu.Unlock()
	job := &task{op: Update, who: []caller.Caller{ann, ann, bob, bob, editor, nobody}[r.IntN(6)]}
	recent := min(12, len(c.ids)) // few rows, so that many writers want the same
	job.id = c.ids[len(c.ids)-recent+r.IntN(recent)]
	if c.mild && r.IntN(6) > 0 {
		c.mildTask(r, job)
		return job
	}
	body := randomMembers(r)
	switch n := r.IntN(20); {
	case n == 0:
		job.op = Delete
	case n < 5:
		job.op = Create
		addCreateMembers(r, body, job.id)
	case n == 5:
		job.id = "00000000-0000-7000-8000-000000000000"
	case n < 10:
		job.match = cmp.Or(c.revs[job.id], 1)
	}
	job.body = objectOf(body)
	return job
}

// mildTask makes a task with few refusals. Such tasks make groups large.
func (c *crowd) mildTask(r *rand.Rand, job *task) {
	job.who, job.body = ann, `{"title":`+pick(r, titles[:3])+`}`
	if r.IntN(3) == 0 {
		job.op = Create
	}
}

func pick(r *rand.Rand, all []string) string { return all[r.IntN(len(all))] }

var titles = []string{`"a"`, `"b"`, `"c"`, `"d"`, `"bad"`, `""`}

// memberValues are values for each member of an item. Some are refused.
var memberValues = []struct {
	name   string
	values []string
}{
	{"title", titles},
	{"stars", []string{"null", "0", "1", "2", "3", "4", "5", "6"}},
	{"shared", []string{"true", "true", "false"}},
	{"shared", []string{"true"}},
	{"note", []string{"null", `"x"`, `"y"`}},
	{"data", []string{"null", "1", `[1,2]`, `{"a":1}`, `{"a":null,"b":{"c":2}}`, `{"b":{"d":3}}`}},
	{"team_id", []string{"null", `"open"`, `"open"`, `"closed"`, `"none"`}},
	{"owner", []string{ownerOfMost()}},
	{"slug", nil}, // see slug
}

func ownerOfMost() string {
	id, _ := ann.ID()
	return strconv.Quote(id)
}

// slug returns one of a few slugs. Slugs are unique.
func slug(r *rand.Rand) string { return fmt.Sprintf(`"s%d"`, r.IntN(30)) }

// randomMembers returns the JSON of one to three members, by name.
func randomMembers(r *rand.Rand) map[string]string {
	body := map[string]string{}
	for _, i := range r.Perm(len(memberValues))[:1+r.IntN(3)] {
		member := memberValues[i]
		if member.values == nil {
			body[member.name] = slug(r)
			continue
		}
		body[member.name] = pick(r, member.values)
	}
	return body
}

// addCreateMembers gives a new item a title, and sometimes the owner somebody or the id of another row.
func addCreateMembers(r *rand.Rand, body map[string]string, taken string) {
	if body["title"] == "" {
		body["title"] = `"new"`
	}
	switch r.IntN(8) {
	case 0:
		body["owner"] = `"somebody"`
	case 1:
		delete(body, "slug") // engines tell only one of two conflicts
		body["id"] = strconv.Quote(taken)
	}
}

// objectOf returns a JSON object.
func objectOf(members map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		parts = append(parts, strconv.Quote(name)+":"+members[name])
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (c *crowd) told(job *task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks = append(c.tasks, job)
	if job.err != nil || job.op == Delete {
		return
	}
	id := job.written.ID.Text
	if job.op == Create {
		c.ids = append(c.ids, id)
	}
	c.revs[id] = job.written.Revision
}

// Many callers write at once, and PostgreSQL commits in groups. Some writes are refused, in every possible way. Every
// answer must be right, byte for byte: another engine replays the history and must give the same ones. It replays done
// tasks in the database's order. For each refused task it needs one moment between question and answer with the same
// refusal. Refused writes leave nothing, and no revision comes twice.
func TestWritesTogetherAreWritesInOrder(t *testing.T) {
	writers, each := 24, effort.Cases(100, 100)
	if _, queries := volume(); queries > 100 {
		each *= 10
	}
	for name, cfg := range map[string]postgres.Config{
		"one group":       {Groups: 1, Writers: 4},
		"one group, mild": {Groups: 1, Writers: 4},
		"groups":          {Groups: 3, Writers: 4},
		"serializable":    {Serializable: true},
	} {
		t.Run(name, func(t *testing.T) {
			callers := newCrowd(t, cfg, strings.HasSuffix(name, "mild"))
			callers.ask(&task{op: Create, who: ann, body: `{"title":"first","shared":true}`})
			callers.crowd(effort.Seeds(t), writers, each)
			events := callers.history()
			callers.provesMuch(events)
			for _, job := range callers.replay(events) {
				callers.explain(job, events)
			}
		})
	}
}

// newCrowd opens a PostgreSQL database with a history.
func newCrowd(t *testing.T, cfg postgres.Config, mild bool) *crowd {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	url := pgtest.URL(t)
	db, err := postgres.Open(context.Background(), url, cfg)
	if err != nil {
		t.Fatal(err)
	}
	callers := &crowd{t: t, source: crowded, mild: mild, revs: map[string]int64{}}
	if mild {
		callers.source = strings.Replace(crowded, ", unique: true", "", 1) // creations are scripts then
	}
	callers.DB = openCrowd(t, db, callers.source)
	if callers.conn, err = pgx.Connect(context.Background(), url); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { callers.conn.Close(context.Background()) })
	if _, err := callers.conn.Exec(context.Background(), keepHistory); err != nil {
		t.Fatal(err)
	}
	return callers
}

func (c *crowd) ask(job *task) *task { return c.askOn(c.DB, job) }

func (c *crowd) askOn(rows *DB, job *task) *task {
	job.start = time.Now()
	job.written, job.err = job.do(c.t, rows, job.body, func(revision int64) int64 { return revision })
	job.end = time.Now()
	c.told(job)
	return job
}

// crowd has many write at once.
func (c *crowd) crowd(random func(int) *rand.Rand, writers, each int) {
	var wg sync.WaitGroup
	for w := range writers {
		r := random(w)
		wg.Go(func() {
			for range each {
				c.ask(c.random(r))
			}
		})
	}
	wg.Wait()
}
