package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// findAll returns the ids of all pages of a filter, and how many pages there were.
func findAll(t *testing.T, q *Queue, f Filter, limit int) (ids []string, pages int) {
	t.Helper()
	for cursor, more := "", true; more; more = cursor != "" {
		p, err := q.Find(t.Context(), f, cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Jobs) > limit || (len(p.Jobs) < limit && p.Next != "" && !p.Cut) {
			t.Fatalf("a page of %d jobs, cut %t, with the next %q", len(p.Jobs), p.Cut, p.Next)
		}
		for _, found := range p.Jobs {
			ids = append(ids, found.ID)
		}
		pages++
		if cursor = p.Next; pages > 1000 {
			t.Fatal("the pages do not end")
		}
	}
	return ids, pages
}

// A crowd is jobs of all states in three queues, as a test remembers them.
type crowd struct {
	ids   []string
	specs map[string]Insert
	state map[string]string
}

func (c *crowd) of(ok func(spec Insert, state string) bool) (ids []string) {
	for _, id := range c.ids {
		if ok(c.specs[id], c.state[id]) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func addCrowd(t *testing.T, q *Queue) *crowd {
	t.Helper()
	c := &crowd{specs: map[string]Insert{}, state: map[string]string{}}
	for i := range 60 {
		spec := Insert{
			Queue: []string{"default", "keyed", "stranger"}[i%3], Name: []string{"mail", "post"}[i%2], Priority: i % 4, Key: fmt.Sprintf("k%d", i%5), Table: "notes", Row: fmt.Sprint(i % 7), Tries: 1,
			Args: fmt.Appendf(nil, `{"number": %d, "text": "to ada+%d@example.com", "yes": %t}`, i, i, i%2 == 0),
		}
		state := States()[i%6]
		if state == scheduled {
			spec.RunAt = time.Now().Add(time.Duration(i+1) * time.Hour)
		}
		id := enqueue(t, q, spec)
		c.ids, c.specs[id], c.state[id] = append(c.ids, id), spec, state
		if state != scheduled && state != waiting {
			sql, now := `UPDATE ashlar_jobs SET state = $1, lane = '', lease = 'x', turn_at = $2, finished_at = $3 WHERE id = $4`, time.Now()
			execArgs(t, q.db, sql, value.OfText(state), stamp(now.Add(time.Hour)), stamp(now), value.OfUUID(id))
		}
	}
	return c
}

func execArgs(t *testing.T, db store.DB, sql string, args ...value.Value) {
	t.Helper()
	err := db.Write(t.Context(), func(tx store.Tx) error {
		changed, err := tx.Exec(sql, args)
		if err == nil && changed != 1 {
			err = fmt.Errorf("%s changed %d rows", sql, changed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Find returns exactly the jobs of a filter, each once, over all pages, and Count counts them.
func TestFind(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "default"}, QueueConfig{Name: "keyed", Each: &Each{AtOnce: 1}}, QueueConfig{Name: "empty"}))
		before := time.Now().Add(-time.Second)
		c := addCrowd(t, q)
		if names, err := q.QueueNames(t.Context()); err != nil || !slices.Equal(names, []string{"default", "empty", "keyed", "stranger"}) {
			t.Errorf("the queues are %v, %v", names, err)
		}
		filters := map[string]struct {
			f  Filter
			ok func(s Insert, state string) bool
		}{
			"all":      {Filter{}, func(Insert, string) bool { return true }},
			"queue":    {Filter{Queue: "keyed"}, func(s Insert, _ string) bool { return s.Queue == "keyed" }},
			"name":     {Filter{Name: "post"}, func(s Insert, _ string) bool { return s.Name == "post" }},
			"row":      {Filter{Table: "notes", Row: "3"}, func(s Insert, _ string) bool { return s.Row == "3" }},
			"number":   {Filter{Arg: "number", Value: "41"}, func(s Insert, _ string) bool { return strings.Contains(string(s.Args), " 41,") }},
			"text":     {Filter{Arg: "text", Value: "to ada+7@example.com"}, func(s Insert, _ string) bool { return strings.Contains(string(s.Args), "+7@") }},
			"truth":    {Filter{Arg: "yes", Value: "true"}, func(s Insert, _ string) bool { return strings.Contains(string(s.Args), "true") }},
			"no value": {Filter{Arg: "none", Value: ""}, func(Insert, string) bool { return false }},
			"part":     {Filter{Text: `+4`}, func(s Insert, _ string) bool { return strings.Contains(string(s.Args), "+4") }},
			"future":   {Filter{From: time.Now().Add(time.Hour)}, func(Insert, string) bool { return false }},
			"since":    {Filter{From: before, To: time.Now().Add(time.Hour)}, func(Insert, string) bool { return true }},
			"former":   {Filter{To: before}, func(Insert, string) bool { return false }},
		}
		for _, state := range States() {
			filters[state] = struct {
				f  Filter
				ok func(s Insert, state string) bool
			}{Filter{State: state}, func(_ Insert, is string) bool { return is == state }}
			filters[state+" of a queue"] = struct {
				f  Filter
				ok func(s Insert, state string) bool
			}{Filter{State: state, Queue: "keyed", Name: "mail"}, func(s Insert, is string) bool { return is == state && s.Queue == "keyed" && s.Name == "mail" }}
		}
		for name, tt := range filters {
			want := c.of(tt.ok)
			for _, limit := range []int{1, 7, 100} {
				got, _ := findAll(t, q, tt.f, limit)
				slices.Sort(got)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %d on a page:\n%s", name, limit, diff)
				}
			}
			if n, exact, err := q.Count(t.Context(), tt.f); n != int64(len(want)) || !exact || err != nil {
				t.Errorf("%s: counted %d, exactly %t, %v, want %d", name, n, exact, err, len(want))
			}
		}
		newest, _ := findAll(t, q, Filter{}, 100)
		if !slices.IsSortedFunc(newest, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Error("the newest jobs do not come first")
		}
		for name, f := range map[string]Filter{"state": {State: "gone"}, "argument": {Arg: `a"b`}, "long": {Text: strings.Repeat("x", mostText+1)}} {
			if _, err := q.Find(t.Context(), f, "", 10); errs.KindOf(err) != errs.Malformed {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := q.Find(t.Context(), Filter{}, "{", 10); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}

// A search whose time is over says so, and its cursor goes on behind what was read.
func TestFindIsCut(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		cfg := fast()
		cfg.find = time.Nanosecond
		q := Open(open(), cfg)
		last := enqueue(t, q, Insert{Name: "rare"})
		crowded(t, q.db, 3*firstChunk)
		p, err := q.Find(t.Context(), Filter{Name: "rare"}, "", 10)
		if err != nil || !p.Cut || p.Next == "" || len(p.Jobs) != 0 {
			t.Fatalf("the first page is %+v, %v", p, err)
		}
		ids, pages := findAll(t, q, Filter{Name: "rare"}, 10)
		if !slices.Equal(ids, []string{last}) || pages < 3 {
			t.Errorf("found %v on %d pages", ids, pages)
		}
		if n, exact, err := q.Count(t.Context(), Filter{Name: "rare"}); exact || err != nil {
			t.Errorf("counted %d, exactly, %v", n, err)
		}
	})
}

// crowded adds finished jobs whose ids are above the ones of all others.
func crowded(t *testing.T, db store.DB, rows int) {
	t.Helper()
	id, series, past, future := `printf('ffffffff-0000-7000-8000-%012x', n)`, `(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s)`, `1000000`, `9000000000000000 + n`
	if db.Dialect() == sqlgen.Postgres {
		id, series, past, future = `('ffffffff00007000' || lpad(to_hex(n), 16, '0'))::uuid`, `generate_series(1, %d) AS s (n)`, `now()`, `now() + interval '1 year' + n * interval '1 second'`
	}
	execAllOf(t, db, `INSERT INTO ashlar_jobs (id, queue, name, state, key, lane, rank, run_at, turn_at, tries, created_at, updated_at, attempt, _rev)
SELECT `+id+`, 'default', 'work', CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'done' END, '', '', 4, `+past+`, `+future+`, 12, `+past+`, `+past+`, 1, 0 FROM `+fmt.Sprintf(series, rows))
	if db.Dialect() == sqlgen.Postgres {
		execAllOf(t, db, `ANALYZE ashlar_jobs`)
	}
}

// Whatever a filter asks, its statements go along an index and end with their chunk.
func TestSearchIsBounded(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		db := open()
		rows := 100_000
		if effort.Raced {
			rows = 10_000
		}
		crowded(t, db, rows)
		for _, state := range append(States(), "") {
			for _, rest := range []Filter{{}, {Queue: "default"}, {Name: "work"}, {Text: "x"}, {Arg: "a", Value: "b"}, {Table: "notes", Row: "1"}, {From: time.Now(), To: time.Now(), Until: time.Now()}} {
				f := rest
				f.State = state
				o := orderOf(&f)
				at := place{Queue: "default", ID: "00000000-0000-7000-8000-000000000001"}
				for _, p := range []place{{Queue: "default"}, at} {
					b, b2 := &binder{dialect: db.Dialect()}, &binder{dialect: db.Dialect()}
					for _, sql := range []string{o.endSQL(b, p, largeChunk), o.chunkSQL(b2, &f, p, &at, largeChunk, "j.id", "")} {
						if plan := planOf(t, db, sql); !alongIndex(plan) {
							t.Errorf("%+v\n%s\n%s", f, sql, plan)
						}
					}
				}
			}
		}
		for _, sql := range []string{system.Numbered(db.Dialect(), nextQueueName), system.Numbered(db.Dialect(), countState)} {
			if plan := planOf(t, db, sql); !alongIndex(plan) {
				t.Errorf("%s\n%s", sql, plan)
			}
		}
		for _, sql := range []string{`SELECT id FROM ashlar_jobs WHERE name = 'x'`, `SELECT id FROM ashlar_jobs WHERE state = 'done' ORDER BY name LIMIT 10`} {
			if alongIndex(planOf(t, db, sql)) {
				t.Errorf("this test takes %s for a search along an index", sql)
			}
		}
	})
}

// alongIndex reports whether a plan reads jobs in the order of an index, so that a LIMIT ends it. The last column of an order may
// be sorted: few rows are equal in the ones before.
func alongIndex(plan string) bool {
	for line := range strings.Lines(plan) {
		switch {
		case strings.Contains(line, "SCAN ashlar_jobs") && !strings.Contains(line, "INDEX"), strings.Contains(line, "Seq Scan on ashlar_jobs"):
			return false
		case strings.Contains(line, "TEMP B-TREE FOR ORDER BY"), strings.Contains(line, "Sort ") && !strings.Contains(line, "Incremental Sort"):
			return false
		}
	}
	return strings.Contains(plan, "ashlar_jobs")
}

// A change hits exactly the jobs that were shown, and of them only the ones that are as they were.
func TestChangeOfWhatIsShown(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := &clock{}
		cfg := fast()
		cfg.Now = c.now
		q := Open(open(), cfg)
		var ids []string
		for range 1200 {
			ids = append(ids, enqueue(t, q, Insert{Tries: 1}))
		}
		fail := func(n int) {
			for _, j := range takeMost(t, q, n) {
				if err := q.Fail(t.Context(), j, errors.New("no")); err != nil {
					t.Fatal(err)
				}
			}
		}
		fail(500)
		fail(200)
		p, err := q.Find(t.Context(), Filter{State: dead}, "", 20)
		if err != nil || len(p.Jobs) != 20 {
			t.Fatalf("%d jobs, %v", len(p.Jobs), err)
		}
		c.leap(time.Second)
		shown := make([]string, len(p.Jobs))
		for i := range p.Jobs {
			shown[i] = p.Jobs[i].ID
		}
		if n, err := q.Retry(t.Context(), shown[:3]); n != 3 || err != nil { // another operator
			t.Fatal(n, err)
		}
		fail(10) // jobs die after the page was made
		noted := int64(0)
		also := func(_ store.Tx, changed int64) error { noted += changed; return nil }
		n, err := q.Change(t.Context(), Change{Do: RetryJobs, IDs: shown, Filter: Filter{State: dead}, Seen: p.Seen, Also: also})
		if n != 17 || noted != 17 || err != nil {
			t.Errorf("%d jobs were retried and %d noted, %v, want 17", n, noted, err)
		}
		all := Filter{State: dead, Until: p.Seen}
		if n, exact, err := q.Count(t.Context(), all); n != 680 || !exact || err != nil {
			t.Errorf("counted %d, exactly %t, %v", n, exact, err)
		}
		noted = 0
		n, more, err := q.ChangeAll(t.Context(), Change{Do: DeleteJobs, Filter: Filter{State: dead}, Seen: p.Seen, Also: also})
		if n != 680 || noted != 680 || more || err != nil {
			t.Errorf("%d dead jobs were deleted and %d noted, more %t, %v, want 680", n, noted, more, err)
		}
		if left := counts(t, q.db); left[dead] != 10 || left[waiting] != 510 {
			t.Errorf("left are %v", left)
		}
		if n, more, err := q.ChangeAll(t.Context(), Change{Do: DeleteJobs, Filter: Filter{State: dead}, Seen: p.Seen}); n != 0 || more || err != nil {
			t.Errorf("the same change once more: %d, %t, %v", n, more, err)
		}
		if _, _, err := q.ChangeAll(t.Context(), Change{Do: DeleteJobs, Seen: p.Seen}); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a change of jobs of any state: %v", err)
		}
		failing := func(store.Tx, int64) error { return errors.New("no entry") }
		if _, err := q.Change(t.Context(), Change{Do: CancelJobs, IDs: ids, Also: failing}); err == nil {
			t.Error("1200 jobs at once, and no error")
		}
		if _, err := q.Change(t.Context(), Change{Do: CancelJobs, IDs: ids[700:], Also: failing}); err == nil || counts(t, q.db)[cancelled] > 0 {
			t.Errorf("a change without its entry: %v, %v", err, counts(t, q.db))
		}
	})
}

func TestGetAndEdit(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast())
		ctx := t.Context()
		id := enqueue(t, q, Insert{Name: "mail", Args: []byte(`{"to": "ada"}`), RunAt: time.Now().Add(time.Hour), Table: "notes", Row: "7", By: "user:1", Trace: "00-aa", Priority: 3})
		d, err := q.Get(ctx, strings.ToUpper(id))
		if err != nil || d.ID != id || d.State != scheduled || d.Args != `{"to": "ada"}` || d.Table != "notes" || d.Row != "7" || d.By != "user:1" || d.Trace != "00-aa" || d.Priority != 3 || d.Failures != nil {
			t.Fatalf("the job is %+v, %v", d, err)
		}
		edit := Edit{Args: []byte(`{"to": "bob"}`), RunAt: time.Now().Add(-time.Minute), Priority: 9, State: d.State, UpdatedAt: d.UpdatedAt}
		for name, bad := range map[string]Edit{
			"priority": {Priority: 10}, "JSON": {Args: []byte("{")}, "no object": {Args: []byte("[1]")}, "large": {Args: []byte(`{"a": "` + strings.Repeat("x", MaxArgs) + `"}`)},
		} {
			if err := q.Edit(ctx, id, bad); errs.KindOf(err) != errs.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := q.Edit(ctx, id, edit); err != nil {
			t.Fatal(err)
		}
		if err := q.Edit(ctx, id, edit); errs.KindOf(err) != errs.Conflict {
			t.Errorf("an edit of what another one has changed: %v", err)
		}
		j := takeOne(t, q)
		if j.ID != id || string(j.Args) != `{"to": "bob"}` {
			t.Errorf("took %+v", j)
		}
		running, err := q.Get(ctx, id)
		if err != nil || running.LeaseUntil.IsZero() || running.Priority != 9 {
			t.Errorf("the running job is %+v, %v", running, err)
		}
		edit.State, edit.UpdatedAt = running.State, running.UpdatedAt
		if err := q.Edit(ctx, id, edit); errs.KindOf(err) != errs.Conflict {
			t.Errorf("an edit of a running job: %v", err)
		}
		if err := q.Fail(ctx, j, errors.New("first")); err != nil {
			t.Fatal(err)
		}
		if d, err = q.Get(ctx, id); err != nil || len(d.Failures) != 1 || d.Failures[0].Error != "first" || d.LastError != "first" {
			t.Errorf("the failed job is %+v, %v", d, err)
		}
		for _, text := range []string{"", "7", "urn:uuid:" + id, firstID(time.Now())} {
			if _, err := q.Get(ctx, text); errs.KindOf(err) != errs.NotFound {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}

func TestFirstID(t *testing.T) {
	for millis, want := range map[int64]string{0: "00000000-0000-7000-8000-000000000000", 0x0192f3a4b5c6: "0192f3a4-b5c6-7000-8000-000000000000", -5: "00000000-0000-7000-8000-000000000000"} {
		if got := firstID(time.UnixMilli(millis)); got != want {
			t.Errorf("%d: %s, want %s", millis, got, want)
		}
	}
}

// Each job that dies is told of once, wherever it dies.
func TestDeathsAreTold(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		deaths := make(chan Death, 10)
		cfg := fast(QueueConfig{Name: "default"}, QueueConfig{Name: "pulled", Pull: true})
		cfg.Dead = func(d Death) { deaths <- d }
		q := Open(open(), cfg)
		q.Handle("fails", 0, func(context.Context, *Job) error { return errors.New("no") })
		want := map[string]string{
			enqueue(t, q, Insert{Name: "fails", Tries: 1}):                 "no",
			enqueue(t, q, Insert{Name: "lost", Queue: "pulled", Tries: 1}): errLost.Error(),
		}
		if all, err := q.begin(t.Context(), &takeOrder{queue: q.queues["pulled"], most: 1, node: "x"}); err != nil || len(all.jobs) != 1 {
			t.Fatal(all, err)
		}
		start(t, q)
		for range 2 {
			d := <-deaths
			if want[d.ID] != d.Error || d.Attempts != 1 {
				t.Errorf("told of %+v", d)
			}
			delete(want, d.ID)
		}
		id := enqueue(t, q, Insert{Name: "given up", Queue: "pulled"})
		found, err := q.begin(t.Context(), &takeOrder{queue: q.queues["pulled"], most: 1, node: "x"})
		if err != nil || len(found.jobs) != 1 {
			t.Fatal(found, err)
		}
		if err := q.Fail(t.Context(), found.jobs[0], Permanent(errors.New("never"))); err != nil {
			t.Fatal(err)
		}
		if d := <-deaths; d.ID != id || d.Error != "never" || d.Queue != "pulled" {
			t.Errorf("told of %+v", d)
		}
		if s := q.StatsOf("pulled"); s.Started != 2 || s.Dead != 2 || s.Rescued != 1 {
			t.Errorf("the counts are %+v", s)
		}
		if s := q.Stats(); s.Started != 3 || s.Dead != 3 {
			t.Errorf("the sum is %+v", s)
		}
	})
}
