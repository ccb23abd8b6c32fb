package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// counting is a database with the counters 1 to 99, at 0. Scripts can lock one while they add.
type counting struct {
	t   *testing.T
	db  *DB
	url string
}

func newCounting(t *testing.T, cfg Config) *counting {
	c := &counting{t: t, url: pgtest.URL(t)}
	c.db = open(t, c.url, cfg)
	t.Cleanup(func() { _ = c.db.Close() }) // refused where the test has closed it
	mustWrite(t, c.db, "CREATE TABLE counters (id bigint PRIMARY KEY, n bigint NOT NULL)",
		"INSERT INTO counters SELECT i, 0 FROM generate_series(1, 99) AS i")
	return c
}

// add is a script that adds 1 to a counter. Without such a counter it is refused.
func (*counting) add(id int64) *store.Script {
	return &store.Script{
		Tables: []string{"counters"}, LockOrder: fmt.Sprintf("counters %03d", id),
		Steps: []store.Step{{
			Statement: store.Statement{SQL: "UPDATE counters SET n = n + 1 WHERE id = $1 RETURNING n", Args: []value.Value{value.OfInt(id)}},
			Row:       func(value.Row) error { return nil },
		}},
	}
}

var errAsFunction = errors.New("it was run as a function")

// run runs a script. It returns errAsFunction if the script was not committed.
func (c *counting) run(s *store.Script) error {
	return store.Run(context.Background(), c.db, func(int64) (*store.Script, error) { return s, nil }, func(store.Tx) error { return errAsFunction })
}

// lock holds the row of a counter until the returned function is called.
func (c *counting) lock(id int64) (unlock func()) {
	c.t.Helper()
	conn, err := pgx.Connect(context.Background(), c.url)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := conn.Exec(context.Background(), fmt.Sprintf("BEGIN; UPDATE counters SET n = n WHERE id = %d", id)); err != nil {
		c.t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		_, err := conn.Exec(context.Background(), "ROLLBACK")
		if err := errors.Join(err, conn.Close(context.Background())); err != nil {
			c.t.Error(err)
		}
	})
}

// inLine waits until so many scripts are in the line.
func (c *counting) inLine(n int) {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		c.db.groups.mu.Lock()
		got := c.db.groups.line.Len()
		c.db.groups.mu.Unlock()
		if got == n {
			return
		}
	}
	c.t.Fatalf("after 20 s there are not %d scripts in the line", n)
}

// together runs scripts so that they all wait for one before them, which the test holds up.
func (c *counting) together(scripts ...*store.Script) (answers []error) {
	c.t.Helper()
	for range maxGroup { // whatever was refused before
		c.db.groups.adaptSize(true)
	}
	unlock := c.lock(99)
	defer unlock()
	answers = make([]error, len(scripts))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := c.run(c.add(99)); err != nil {
			c.t.Errorf("the script before the others = %v", err)
		}
	})
	for c.db.groups.runs() == 0 {
		time.Sleep(time.Millisecond)
	}
	for i, s := range scripts {
		wg.Go(func() { answers[i] = c.run(s) })
		c.inLine(i + 1) // in this order
	}
	unlock()
	wg.Wait()
	return answers
}

// runs is how many groups run.
func (g *groups) runs() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// transactions returns how many transactions wrote the counters last, where they are n.
func (c *counting) transactions(where string) int64 {
	return readNumber(c.t, c.db, "SELECT count(DISTINCT xmin::text) FROM counters WHERE "+where)
}

func TestScriptsGoTogether(t *testing.T) {
	c := newCounting(t, Config{Groups: 1})
	for id := int64(1); id <= 3; id++ { // their statements are known then
		if err := c.run(c.add(id)); err != nil {
			t.Fatal(err)
		}
	}
	var all []*store.Script
	for id := int64(20); id > 0; id-- {
		all = append(all, c.add(id))
	}
	for i, err := range c.together(all...) {
		if err != nil {
			t.Errorf("script %d = %v", i, err)
		}
	}
	if n := c.transactions("id <= 20"); n != 1 {
		t.Errorf("20 scripts that waited together were committed in %d transactions, want 1", n)
	}
	if n := readNumber(t, c.db, "SELECT sum(n)::bigint FROM counters WHERE id <= 20"); n != 23 {
		t.Errorf("the sum of the counters is %d, want 23", n)
	}
}

// A refused script is undone without the others, whatever refuses it.
func TestScriptRefusedAmongOthers(t *testing.T) {
	c := newCounting(t, Config{Groups: 1})
	refused := map[string]*store.Script{}
	refused["no row"] = c.add(12345)
	refused["row"] = c.add(50)
	refused["row"].Steps[0].Row = func(value.Row) error { return errRule }
	refused["panic"] = c.add(51)
	refused["panic"].Steps[0].Row = func(value.Row) error { panic("in a row") }
	refused["constraint"] = &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: "INSERT INTO counters (id, n) VALUES (1, 1)"}}}}
	refused["number"] = c.add(52)
	refused["number"].Steps[0].SQL = "UPDATE counters SET n = n + 1 WHERE id = $1 AND NOT EXISTS (SELECT FROM counters AS o WHERE o.id = 98 AND o.n > 0) RETURNING n"
	refused["number"].Steps[0].Row = func(value.Row) error { return errRule }
	for name, no := range refused {
		t.Run(name, func(t *testing.T) {
			was := readNumber(t, c.db, "SELECT sum(n)::bigint FROM counters WHERE id < 99")
			answers := c.together(c.add(1), c.add(2), no, c.add(3), c.add(60))
			for i, err := range answers {
				if want := map[bool]error{true: errAsFunction}[i == 2]; !errors.Is(err, want) {
					t.Errorf("script %d = %v, want %v", i, err, want)
				}
			}
			if n := c.transactions("id IN (1, 2, 3, 60)"); n != 1 {
				t.Errorf("the others were committed in %d transactions, want 1", n)
			}
			if n := readNumber(t, c.db, "SELECT sum(n)::bigint FROM counters WHERE id < 99"); n != was+4 {
				t.Errorf("the counters have grown by %d, want 4", n-was)
			}
		})
	}
}

// What may wait for others waits for nobody in the line, nor anybody for it.
func TestScriptApart(t *testing.T) {
	for _, cfg := range []Config{{Groups: 1}, {Groups: 1, Serializable: true}} {
		c := newCounting(t, cfg)
		unlock := c.lock(99)
		defer unlock()
		var wg sync.WaitGroup
		for range 2 {
			s := c.add(99)
			s.NoGroup = true
			wg.Go(func() {
				if err := c.run(s); err != nil && !cfg.Serializable {
					t.Errorf("a script apart, of a row that was locked = %v", err)
				}
			})
		}
		for c.db.writers.inUse() < 2 {
			time.Sleep(time.Millisecond)
		}
		if err := c.run(c.add(1)); err != nil {
			t.Errorf("a script beside two that wait apart = %v", err)
		}
		unlock()
		wg.Wait()
	}
}

// Where groups have become small, because scripts were refused, nobody waits for one.
func TestScriptBesideSmallGroups(t *testing.T) {
	c := newCounting(t, Config{Groups: 2, Writers: 4})
	unlock := c.lock(99)
	defer unlock()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if err := c.run(c.add(99)); err != nil && !errors.Is(err, errAsFunction) {
				t.Errorf("a script of a row that is locked = %v", err)
			}
		})
	}
	for c.db.groups.runs() < 2 {
		time.Sleep(time.Millisecond)
	}
	for range 5 { // 64, 32, 16, 8, 4, 2
		c.db.groups.adaptSize(false)
	}
	start := time.Now()
	if err := c.run(c.add(1)); err != nil || time.Since(start) > groupLockTimeout/2 {
		t.Errorf("a script beside groups that are small = %v after %v", err, time.Since(start))
	}
	unlock()
	wg.Wait()
}

// A revision that no script used is not lost.
func TestRevisionsGoBack(t *testing.T) {
	c := newCounting(t, Config{})
	var first int64
	for range 3 {
		done, err := c.db.Script(t.Context(), func(n int64) (*store.Script, error) {
			if first != 0 && n != first {
				t.Errorf("revision %d, want %d again", n, first)
			}
			first = n
			return nil, nil
		})
		if done || err != nil {
			t.Errorf("no script = %t, %v", done, err)
		}
	}
}

// inUse is how many use the pool.
func (p *pool) inUse() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inside
}

// Where another transaction holds a row for long, a group does not wait for it, and functions do.
func TestScriptOfLockedRow(t *testing.T) {
	c := newCounting(t, Config{Groups: 1})
	unlock := c.lock(1)
	defer unlock()
	start := time.Now()
	if err := c.run(c.add(1)); !errors.Is(err, errAsFunction) {
		t.Errorf("a script of a row that is locked = %v", err)
	}
	if waited := time.Since(start); waited < groupLockTimeout/2 {
		t.Errorf("it waited %v for the lock, want %v", waited, groupLockTimeout)
	}
	if err := c.run(c.add(2)); err != nil {
		t.Errorf("a script after it = %v", err)
	}
}

func TestScriptWithdrawn(t *testing.T) {
	c := newCounting(t, Config{Groups: 1})
	unlock := c.lock(99)
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.run(c.add(99)) })
	for c.db.groups.runs() == 0 {
		time.Sleep(time.Millisecond)
	}
	wg.Go(func() {
		done, err := c.db.Script(ctx, func(int64) (*store.Script, error) { return c.add(1), nil })
		if done || !errors.Is(err, context.Canceled) {
			t.Errorf("a script whose context ends in the line = %t, %v", done, err)
		}
	})
	c.inLine(1)
	cancel()
	c.inLine(0)
	unlock()
	wg.Wait()
	if n := readNumber(t, c.db, "SELECT n FROM counters WHERE id = 1"); n != 0 {
		t.Errorf("it was done %d times", n)
	}
}

// Two nodes write the same few rows, each in groups of its own order of arrival.
func TestScriptsOfSameRows(t *testing.T) {
	c := newCounting(t, Config{Groups: 2})
	other := open(t, c.url, Config{Groups: 2})
	defer other.Close()
	const clients, each = 32, 40
	var functions atomic.Int64
	var wg sync.WaitGroup
	for client := range clients {
		db := []*DB{c.db, other}[client%2]
		wg.Go(func() {
			for i := range each {
				s := c.add(int64((client*7+i*5)%10 + 1))
				err := store.Run(t.Context(), db, func(int64) (*store.Script, error) { return s, nil }, func(tx store.Tx) error {
					functions.Add(1)
					_, err := tx.Exec(s.Steps[0].SQL, s.Steps[0].Args)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := readNumber(t, c.db, "SELECT sum(n)::bigint FROM counters"); n != clients*each {
		t.Errorf("the counters have grown by %d, want %d", n, clients*each)
	}
	if n := readNumber(t, c.db, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	t.Logf("%d of %d were run as functions", functions.Load(), clients*each)
}

func TestScriptsBeyondTheLine(t *testing.T) {
	c := newCounting(t, Config{Groups: 1, Queue: 1})
	unlock := c.lock(99)
	defer unlock()
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.run(c.add(99)) })
	for c.db.groups.runs() == 0 {
		time.Sleep(time.Millisecond)
	}
	wg.Go(func() {
		if err := c.run(c.add(1)); err != nil {
			t.Errorf("the one that may wait = %v", err)
		}
	})
	c.inLine(1)
	err := c.run(c.add(2))
	if e, ok := errors.AsType[*errs.Error](err); !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("one too many = %v, want unavailable with a time to come again", err)
	}
	unlock()
	wg.Wait()
}

func TestScriptsAreDoneBeforeClose(t *testing.T) {
	c := newCounting(t, Config{Groups: 1})
	unlock := c.lock(99)
	defer unlock()
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if err := c.run(c.add(99)); err != nil {
				t.Errorf("a script that was under way = %v", err)
			}
		})
	}
	c.inLine(4)
	wg.Go(func() {
		if err := c.db.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	for c.db.groups.enter() == nil {
		c.db.groups.leave()
		time.Sleep(time.Millisecond)
	}
	unlock()
	wg.Wait()
	wantClosed := c.run(c.add(1))
	if errs.KindOf(wantClosed) != errs.Unavailable {
		t.Errorf("a script after Close = %v", wantClosed)
	}
}
