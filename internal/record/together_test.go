package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// crowded has of everything that decides on a write of one row.
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

// crowd is many who write to one database at once, and what they were told.
type crowd struct {
	*DB
	t      *testing.T
	source string // of the model
	mild   bool   // most writes are such that nothing refuses

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
	written    Written
	err        error
}

// said is the whole answer.
func (k *task) said() string {
	return fmt.Sprintf("%s|plain %t|%s", value.AppendValue(nil, k.written.ID), k.written.Plain, said(k.written.JSON, k.err))
}

// do runs a task on rows, whose revision as far as the task is concerned current says.
func (k *task) do(t *testing.T, rows *DB, body string, current func(revision int64) int64) (written Written, err error) {
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
	return Written{}, rows.Delete(context.Background(), k.who, items, value.OfUUID(k.id), match)
}

// openCrowd returns the rows of the crowd's model on a database.
func openCrowd(t *testing.T, db store.DB, source string) *DB {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := migrate.Apply(context.Background(), db, rules, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	d := New(db, rules, Config{Now: func() time.Time { return now }})
	d.refusals.ignored = true
	d.must(t, system, "teams", `{"id":"open","open":true}`)
	d.must(t, system, "teams", `{"id":"closed","open":false}`)
	return d
}

// event is a change of an item as the database itself saw it. Two of one row, or of one unique value, are in order.
type event struct {
	op       string
	id       string
	revision int64
	xact     string
	at       time.Time
	told     time.Time // that it was done
}

const keepHistory = `CREATE TABLE history (seq bigserial, op text, id text, revision bigint, xact text, at timestamptz);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO history (op, id, revision, xact, at) VALUES (TG_OP, coalesce(NEW.id, OLD.id)::text, NEW._rev, pg_current_xact_id()::text, clock_timestamp());
	RETURN NULL;
END $$;
CREATE TRIGGER keep AFTER INSERT OR UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION keep()`

// random is what somebody may want to do next.
func (c *crowd) random(r *rand.Rand) *task {
	c.mu.Lock()
	defer c.mu.Unlock()
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	k := &task{op: Update, who: []caller.Caller{ann, ann, bob, bob, editor, nobody}[r.IntN(6)]}
	k.id = c.ids[max(0, len(c.ids)-12)+r.IntN(min(12, len(c.ids)))] // few, so that many want the same
	if c.mild && r.IntN(6) > 0 {                                    // what is seldom refused makes groups large
		k.who, k.body = ann, `{"title":`+pick(`"a"`, `"b"`, `"c"`)+`}`
		if r.IntN(3) == 0 {
			k.op = Create
		}
		return k
	}
	var body []string
	for _, member := range r.Perm(9)[:1+r.IntN(3)] {
		switch member {
		case 0:
			body = append(body, `"title":`+pick(`"a"`, `"b"`, `"c"`, `"d"`, `"bad"`, `""`))
		case 1:
			body = append(body, fmt.Sprintf(`"slug":"s%d"`, r.IntN(30)))
		case 2:
			body = append(body, `"stars":`+pick("null", "0", "1", "2", "3", "4", "5", "6"))
		case 3:
			body = append(body, `"shared":`+pick("true", "true", "false"))
		case 4:
			body = append(body, `"note":`+pick("null", `"x"`, `"y"`))
		case 5:
			body = append(body, `"data":`+pick("null", "1", `[1,2]`, `{"a":1}`, `{"a":null,"b":{"c":2}}`, `{"b":{"d":3}}`))
		case 6:
			body = append(body, `"team_id":`+pick("null", `"open"`, `"open"`, `"closed"`, `"none"`))
		case 7:
			body = append(body, `"shared":true`)
		case 8:
			id, _ := ann.ID()
			body = append(body, fmt.Sprintf(`"owner":%q`, id)) // of most rows
		}
	}
	switch n := r.IntN(20); {
	case n == 0:
		k.op = Delete
	case n < 5:
		k.op = Create
		if !slices.ContainsFunc(body, func(m string) bool { return strings.HasPrefix(m, `"title"`) }) {
			body = append(body, `"title":"new"`)
		}
		switch r.IntN(8) {
		case 0:
			body = append(body, `"owner":"somebody"`)
		case 1:
			body = slices.DeleteFunc(body, func(m string) bool { return strings.HasPrefix(m, `"slug"`) }) // of two conflicts engines tell one
			body = append(body, fmt.Sprintf(`"id":%q`, k.id))
		}
	case n == 5:
		k.id = "00000000-0000-7000-8000-000000000000"
	case n < 10:
		k.match = cmp.Or(c.revs[k.id], 1)
	}
	slices.Sort(body)
	body = slices.CompactFunc(body, func(a, b string) bool { // no member twice
		name, _, _ := strings.Cut(a, ":")
		return strings.HasPrefix(b, name+":")
	})
	k.body = "{" + strings.Join(body, ",") + "}"
	return k
}

func (c *crowd) told(k *task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks = append(c.tasks, k)
	if k.err != nil || k.op == Delete {
		return
	}
	id := k.written.ID.Text
	if k.op == Create {
		c.ids = append(c.ids, id)
	}
	c.revs[id] = k.written.Revision
}

// Many write at once, so that PostgreSQL commits them in groups, with some that are refused in each way that there is.
// All that was answered, byte for byte, is what one after the other would have been told by another engine: those that were
// done in the order in which the database did them, those that were refused at some moment between question and answer. What
// was refused has left nothing, and no revision comes twice.
func TestWritesTogetherAreWritesInOrder(t *testing.T) {
	writers, each := 24, 100
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
			cfg.Logger = slog.New(slog.DiscardHandler)
			url := pgtest.URL(t)
			db, err := postgres.Open(context.Background(), url, cfg)
			if err != nil {
				t.Fatal(err)
			}
			c := &crowd{t: t, source: crowded, mild: strings.HasSuffix(name, "mild"), revs: map[string]int64{}}
			if c.mild {
				c.source = strings.Replace(crowded, ", unique: true", "", 1) // creations are scripts then
			}
			c.DB = openCrowd(t, db, c.source)
			conn, err := pgx.Connect(context.Background(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(context.Background())
			if _, err := conn.Exec(context.Background(), keepHistory); err != nil {
				t.Fatal(err)
			}
			c.ask(&task{op: Create, who: ann, body: `{"title":"first","shared":true}`})
			c.crowd(seeds(t), writers, each)
			c.replay(c.history(conn))
		})
	}
}

func (c *crowd) ask(k *task) {
	k.start = time.Now()
	k.written, k.err = k.do(c.t, c.DB, k.body, func(revision int64) int64 { return revision })
	k.end = time.Now()
	c.told(k)
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

func (c *crowd) history(conn *pgx.Conn) (events []event) {
	rows, err := conn.Query(context.Background(), "SELECT op, id, coalesce(revision, 0), xact, at FROM history ORDER BY seq")
	if err != nil {
		c.t.Fatal(err)
	}
	var e event
	_, err = pgx.ForEachRow(rows, []any{&e.op, &e.id, &e.revision, &e.xact, &e.at}, func() error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return events
}

// trial is a database that undoes what was done.
type trial struct{ store.DB }

var errDone = errors.New("it was done, and undone")

func (d trial) Write(ctx context.Context, f func(store.Tx) error) error {
	return d.DB.Write(ctx, func(tx store.Tx) error { return cmp.Or(f(tx), errDone) })
}

// replay does again what was done, one after the other on another engine, and asks there, meanwhile, what was refused.
func (c *crowd) replay(events []event) {
	t := c.t
	lite, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "reference.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reference := openCrowd(t, lite, c.source)
	would := New(trial{lite}, reference.rules, Config{Now: reference.now})
	revisions := map[string]int64{} // of the crowd's rows, by id
	tasks, refused := c.match(events)
	for i := range len(events) + 1 {
		if i > 0 {
			e, k := events[i-1], tasks[i-1]
			body := k.body
			if k.op == Create && !strings.Contains(body, `"id":`) {
				body = fmt.Sprintf(`{"id":%q,%s`, e.id, body[1:])
			}
			w, err := k.do(t, reference, body, func(int64) int64 { return revisions[e.id] })
			if again := (&task{written: w, err: err}); again.said() != k.said() {
				t.Fatalf("event %d, %s of %s by %v: %s\n was told %s\n but it is %s", i, e.op, e.id, k.who, k.body, k.said(), again.said())
			}
			revisions[e.id] = e.revision
		}
		refused = slices.DeleteFunc(refused, func(k *task) bool {
			if !k.during(events, i) {
				return false
			}
			_, err := k.do(t, would, k.body, func(int64) int64 { return revisions[k.id] })
			return !errors.Is(err, errDone) && said(nil, err) == said(nil, k.err)
		})
	}
	for _, k := range refused {
		t.Errorf("nothing accounts for the refusal of %d %s by %v, If-Match %d: %s: %s", k.op, k.id, k.who, k.match, k.body, said(nil, k.err))
	}
	c.sameAs(reference)
}

// match says of which task each event is, and which tasks were refused.
func (c *crowd) match(events []event) (tasks []*task, refused []*task) {
	t := c.t
	done, gone := map[int64]*task{}, map[string][]*task{} // by revision; deletions by id
	tally, together := map[errs.Kind]int{}, map[string]int{}
	for _, k := range c.tasks {
		tally[errs.KindOf(k.err)]++
		switch {
		case k.err != nil:
			refused = append(refused, k)
		case k.op == Delete:
			gone[k.id] = append(gone[k.id], k)
		case done[k.written.Revision] != nil:
			t.Errorf("revision %d comes twice", k.written.Revision)
		default:
			done[k.written.Revision] = k
		}
	}
	largest := 0
	for i := range events {
		e := &events[i]
		together[e.xact]++
		largest = max(largest, together[e.xact])
		k := done[e.revision]
		delete(done, e.revision)
		if e.op == "DELETE" && len(gone[e.id]) > 0 {
			k, gone[e.id] = gone[e.id][0], gone[e.id][1:]
		}
		if k == nil || k.op != Delete && k.written.ID.Text != e.id {
			t.Fatalf("%s of %s, revision %d: nobody was told of it", e.op, e.id, e.revision)
		}
		e.told = k.end
		tasks = append(tasks, k)
	}
	for _, k := range done {
		t.Errorf("write %s %s was acknowledged and is not there", k.id, k.body)
	}
	t.Logf("writes by their outcome: %v; those that were done in %d transactions of up to %d", tally, len(together), largest)
	for _, kind := range []errs.Kind{"", errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Invalid, errs.Conflict, errs.Stale} {
		if tally[kind] == 0 {
			t.Errorf("no write came to %q: it proves little", kind)
		}
	}
	if largest < 3 && c.mild { // where many are refused, groups become small
		t.Errorf("no more than %d writes were committed together: it proves little", largest)
	}
	return tasks, refused
}

// during says whether the rows can have been those after i events while the task was under way.
func (k *task) during(events []event, i int) bool {
	const slack = 10 * time.Millisecond // between two clocks, and between an event and its time
	if i > 0 && events[i-1].at.Add(-slack).After(k.end) {
		return false
	}
	for _, e := range events[i:min(i+100, len(events))] {
		if e.told.Add(slack).Before(k.start) {
			return false
		}
	}
	return true
}

// sameAs compares all rows with those of another.
func (c *crowd) sameAs(reference *DB) {
	list := func(d *DB) string {
		body, err := d.List(context.Background(), system, d.rules.Model.Table("items"), Query{Limit: 500}, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		return strings.ReplaceAll(string(body), "},", "},\n")
	}
	if got, want := list(c.DB), list(reference); got != want {
		c.t.Errorf("at the end the rows are\n%s\nwant\n%s", got, want)
	}
}
