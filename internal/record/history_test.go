package record

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// An event is a change of an item, noted by a trigger. Events of one row are in order, and so are events about one slug:
// the transaction holds the row and the slug while the trigger runs. Other events may be committed in another order. A
// transaction may wait for a lock and commit tens of milliseconds after its first events.
type event struct {
	op       string
	id       string
	revision int64 // of the row after the event, or before its deletion
	xact     string
	at       time.Time // before the commit
	told     time.Time // after the commit: a client had its answer

	before, after string // slugs, "" for none
}

const keepHistory = `CREATE TABLE history (seq bigserial, op text, id text, revision bigint, xact text, at timestamptz, before text, after text);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO history (op, id, revision, xact, at, before, after)
	VALUES (TG_OP, coalesce(NEW.id, OLD.id)::text, coalesce(NEW._rev, OLD._rev), pg_current_xact_id()::text, clock_timestamp(),
		coalesce(OLD.slug, ''), coalesce(NEW.slug, ''));
	RETURN NULL;
END $$;
CREATE TRIGGER keep AFTER INSERT OR UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION keep()`

func (c *crowd) history() (events []event) {
	rows, err := c.conn.Query(context.Background(), "SELECT op, id, revision, xact, at, before, after FROM history ORDER BY seq")
	if err != nil {
		c.t.Fatal(err)
	}
	var e event
	_, err = pgx.ForEachRow(rows, []any{&e.op, &e.id, &e.revision, &e.xact, &e.at, &e.before, &e.after}, func() error {
		events = append(events, e)
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return events
}

// provesMuch fails if the run missed a kind of refusal, or if no writes were committed together.
func (c *crowd) provesMuch(events []event) {
	t := c.t
	tally, together := map[errs.Kind]int{}, map[string]int{}
	for _, job := range c.tasks {
		tally[errs.KindOf(job.err)]++
	}
	largest := 0
	for _, e := range events {
		together[e.xact]++
		largest = max(largest, together[e.xact])
	}
	t.Logf("writes by their outcome: %v; the successful ones in %d transactions of up to %d", tally, len(together), largest)
	if effort.Raced {
		return // its few writes may miss some of these
	}
	for _, kind := range []errs.Kind{"", errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Invalid, errs.Conflict, errs.Stale} {
		if tally[kind] == 0 {
			t.Errorf("no write came to %q: it proves little", kind)
		}
	}
	if largest < 3 && c.mild { // where many are refused, groups become small
		t.Errorf("no more than %d writes were committed together: it proves little", largest)
	}
}

// trial is a database that undoes each write.
type trial struct{ store.DB }

var errDone = errors.New("it was done, and undone")

func (d trial) Write(ctx context.Context, write func(store.Tx) error) error {
	return d.DB.Write(ctx, func(tx store.Tx) error { return cmp.Or(write(tx), errDone) })
}

// Script runs no script.
func (trial) Script(context.Context, func(int64) (*store.Script, error)) (bool, error) {
	return false, nil
}

// replay runs the done tasks again on another engine, one after the other. It asks each refused task there at every
// possible moment of its decision. It returns the refusals without such a moment.
func (c *crowd) replay(events []event) (unaccounted []*task) {
	t := c.t
	lite, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "reference.db"), sqlite.Config{})
	if err != nil {
		t.Fatal(err)
	}
	reference := openCrowd(t, lite, c.source)
	would := New(trial{lite}, reference.rules, Config{Now: reference.now})
	revisions := map[string]int64{} // of the crowd's rows, by id
	tasks, refused := c.match(events)
	moments := map[int][]*task{}
	for _, job := range refused {
		for _, i := range job.moments(events) {
			moments[i] = append(moments[i], job)
		}
	}
	accounted := map[*task]bool{}
	for i := range len(events) + 1 {
		if i > 0 {
			e, job := events[i-1], tasks[i-1]
			body := job.body
			if job.op == Create && !job.namesRow() {
				body = fmt.Sprintf(`{"id":%q,%s`, e.id, body[1:])
			}
			w, err := job.do(t, reference, body, func(int64) int64 { return revisions[e.id] })
			if again := (&task{written: w, err: err}); again.said() != job.said() {
				t.Fatalf("event %d, %s of %s by %v: %s\n was told %s\n but it is %s", i, e.op, e.id, job.who, job.body, job.said(), again.said())
			}
			revisions[e.id] = e.revision
		}
		for _, job := range moments[i] {
			_, err := job.do(t, would, job.body, func(int64) int64 { return revisions[job.id] })
			if !errors.Is(err, errDone) && said(nil, err) == said(nil, job.err) {
				accounted[job] = true
			}
		}
	}
	c.sameAs(reference)
	return slices.DeleteFunc(refused, func(job *task) bool { return accounted[job] })
}

// match returns the task of each event, and the refused tasks. It notes when each event was told.
func (c *crowd) match(events []event) (tasks []*task, refused []*task) {
	t := c.t
	done, gone := map[int64]*task{}, map[string][]*task{} // by revision; deletions by id
	for _, job := range c.tasks {
		switch {
		case job.err != nil:
			refused = append(refused, job)
		case job.op == Delete:
			gone[job.id] = append(gone[job.id], job)
		case done[job.written.Revision] != nil:
			t.Errorf("revision %d comes twice", job.written.Revision)
		default:
			done[job.written.Revision] = job
		}
	}
	for i := range events {
		e := &events[i]
		job := done[e.revision]
		if e.op == "DELETE" {
			job, gone[e.id] = e.deletion(gone[e.id])
		} else {
			delete(done, e.revision)
		}
		if job == nil || (job.op != Delete && job.written.ID.Text != e.id) {
			t.Fatalf("%s of %s, revision %d: nobody was told of it", e.op, e.id, e.revision)
		}
		e.told = job.end
		tasks = append(tasks, job)
	}
	for _, job := range done {
		t.Errorf("write %s %s was acknowledged and is not there", job.id, job.body)
	}
	for id, left := range gone {
		if len(left) > 0 {
			t.Errorf("%d deletions of %s were acknowledged and not done", len(left), id)
		}
	}
	return tasks, refused
}

// clocks is the largest distance between the clocks of the database and of the test. They are one clock, read by the
// database in microseconds.
const clocks = time.Millisecond

// deletion takes the task of a deletion out of the row's tasks. A row may be created and deleted again before the first
// deletion is told. Of two deletions, it takes the first one told.
func (e *event) deletion(gone []*task) (job *task, left []*task) {
	for _, d := range gone {
		fits := (d.match == 0 || d.match == e.revision) && !d.start.After(e.at.Add(clocks)) && !d.end.Before(e.at.Add(-clocks))
		if fits && (job == nil || d.end.Before(job.end)) {
			job = d
		}
	}
	return job, slices.DeleteFunc(gone, func(d *task) bool { return d == job })
}

// namesRow reports whether the task is about the row of its id.
func (k *task) namesRow() bool { return k.op != Create || strings.Contains(k.body, `"id":`) }

// slug returns the slug of a task, or "".
func (k *task) slug() string {
	var body struct{ Slug string }
	if k.op != Delete {
		_ = json.Unmarshal([]byte(k.body), &body) // every body of the crowd is JSON
	}
	return body.Slug
}

// bearsOn reports whether a refusal may depend on the event. A refusal depends on the row that the task names. Only a
// conflict depends on who has the slug: a rule or a check that refuses goes before a conflict. The teams stay as they are.
func (e *event) bearsOn(job *task) bool {
	if e.id == job.id && job.namesRow() {
		return true
	}
	if errs.KindOf(job.err) != errs.Conflict || e.before == e.after {
		return false
	}
	slug := job.slug()
	return slug != "" && (e.before == slug || e.after == slug)
}

// moments returns the moments when the refusal may have been decided, as numbers of events before it. Only events with a
// bearing on the refusal count, so moments returns the first moment between two of them.
//
// Counting all events was wrong. A transaction holds a changed row until it commits. Until then others see the old row,
// and may be refused by it without waiting, while later events are committed and told. Events with a bearing on a refusal
// stand in the order of their commits. Events of two rows are about a conflict over a slug: the task then holds its own
// row, and no open transaction changes the owner of the slug.
func (k *task) moments(events []event) (moments []int) {
	var bearing []event
	var first []int // moment after each
	for i := range events {
		if events[i].bearsOn(k) {
			bearing = append(bearing, events[i])
			first = append(first, i+1)
		}
	}
	uncommitted := func(e event) bool { return e.at.Add(-clocks).After(k.end) }
	committed := func(e event) bool { return e.told.Before(k.start) }
	for n := range len(bearing) + 1 {
		before, after := bearing[:n], bearing[n:]
		switch {
		case slices.ContainsFunc(before, uncommitted), slices.ContainsFunc(after, committed):
		case n > 0 && len(after) > 0 && before[n-1].xact == after[0].xact: // nobody else sees what is between them
		case n == 0:
			moments = append(moments, 0)
		default:
			moments = append(moments, first[n-1])
		}
	}
	return moments
}

// explain fails the test and lists the events with a bearing on the refusal. Their times count from the start of the task.
func (c *crowd) explain(job *task, events []event) {
	var text strings.Builder
	for i, e := range events {
		if e.bearsOn(job) {
			fmt.Fprintf(&text, "\n event %d, %s of %s, revision %d, transaction %s: from %v, told at %v", i+1, e.op, e.id, e.revision, e.xact, e.at.Sub(job.start), e.told.Sub(job.start))
		}
	}
	c.t.Errorf("nothing accounts for the refusal of %d %s by %v, If-Match %d, within %v: %s: %s%s",
		job.op, job.id, job.who, job.match, job.end.Sub(job.start), job.body, said(nil, job.err), text.String())
}

// sameAs compares all rows with the rows of another crowd.
func (c *crowd) sameAs(reference *DB) {
	list := func(db *DB) string {
		body, err := db.List(context.Background(), system, db.rules.Model.Table("items"), Query{Limit: 500}, nil)
		if err != nil {
			c.t.Fatal(err)
		}
		return strings.ReplaceAll(string(body), "},", "},\n")
	}
	if got, want := list(c.DB), list(reference); got != want {
		c.t.Errorf("at the end the rows are\n%s\nwant\n%s", got, want)
	}
}

// late is a database. Its transactions do something else before they commit.
type late struct {
	store.DB
	meanwhile func()
}

func (d late) Write(ctx context.Context, write func(store.Tx) error) error {
	return d.DB.Write(ctx, func(tx store.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		d.meanwhile()
		return nil
	})
}

// A row is hidden until the commit of its change, after however many other commits. The history accounts for a refusal
// until then, and not for a later one.
func TestHistoryAccountsForRefusalsUntilCommit(t *testing.T) {
	callers := newCrowd(t, postgres.Config{Groups: 1, Writers: 4}, false)
	hidden := callers.ask(&task{op: Create, who: ann, body: `{"title":"a","stars":5,"shared":true}`}).written.ID.Text
	refused := func() {
		t.Helper()
		job := callers.ask(&task{op: Update, who: bob, id: hidden, body: `{"title":"b"}`})
		if errs.KindOf(job.err) != errs.NotFound {
			t.Fatalf("a hidden row was told as %s", job.said())
		}
	}
	slow := New(late{callers.store, func() {
		for range 3 {
			callers.ask(&task{op: Create, who: ann, body: `{"title":"c"}`})
		}
		refused()
	}}, callers.rules, Config{Now: callers.now})
	refused()
	if job := callers.askOn(slow, &task{op: Update, who: ann, id: hidden, body: `{"stars":null}`}); job.err != nil {
		t.Fatal(job.err)
	}
	events := callers.history()
	if left := callers.replay(events); len(left) > 0 {
		callers.explain(left[0], events)
	}

	wrong := &task{op: Update, who: bob, id: hidden, body: `{"title":"b"}`, start: time.Now(), err: notFound(callers.rules.Model.Table("items"))}
	wrong.end = time.Now()
	callers.told(wrong)
	if left := callers.replay(events); len(left) != 1 || left[0] != wrong {
		t.Errorf("%d refusals are unaccounted for, want the refusal of a row that had been shown", len(left))
	}
}
