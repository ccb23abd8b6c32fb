package clock

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// modelOf is a model with one job of these keys.
func modelOf(keys string) string {
	return "ashlar: 1\nname: app\ntables: {notes: {fields: {title: {type: text}}}}\njobs:\n  tick: {" + keys + ", table: notes, delete: title == '', as: system}\n"
}

// each runs a test on each engine. open opens one more node of the same database, with a clock that may be set.
func each(t *testing.T, test func(t *testing.T, open func() store.DB)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Logger: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		test(t, func() store.DB { return db })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		test(t, func() store.DB {
			db, err := postgres.Open(t.Context(), url, postgres.Config{Readers: 2, Writers: 2, Groups: 1, Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		})
	})
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open returns the clock of a model on a database.
func openClock(t *testing.T, db store.DB, source string, now func() time.Time) *Clock {
	t.Helper()
	rules := modeltest.Rules(t, source)
	if _, err := migrate.Apply(t.Context(), db, rules, migrate.Options{System: []system.Fragment{job.Tables, Tables}}); err != nil {
		t.Fatal(err)
	}
	cfg := job.Config{Logger: quiet(), Now: now}
	for _, queue := range rules.Model.Queues {
		cfg.Queues = append(cfg.Queues, job.QueueConfig{Name: queue.Name})
	}
	c, err := New(Config{Model: rules.Model, Store: db, Queue: job.Open(db, cfg), Logger: quiet(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// runsOf returns the due times of all runs in the table, in order.
func runsOf(t *testing.T, db store.DB) (all []string) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		all = nil
		return r.Query(`SELECT args FROM ashlar_jobs`, nil, func(row value.Row) error {
			_, due, _ := strings.Cut(string(row.Bytes(0)), `"due":`)
			all = append(all, strings.Trim(due, `"} `))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// A simulated time.
type simulated struct{ at atomic.Int64 }

func (s *simulated) now() time.Time    { return time.Unix(0, s.at.Load()) }
func (s *simulated) set(now time.Time) { s.at.Store(now.UnixNano()) }

// Nodes that come, go and fail in the middle of their work start each run once, and none is lost.
func TestEachRunStartsOnce(t *testing.T) {
	runs := 500
	if effort.Nightly() {
		runs = 10_000
	}
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var clock simulated
	begun := time.Date(2026, 3, 29, 0, 0, 30, 0, time.UTC)
	clock.set(begun)
	flaky := &flakyDB{DB: db}
	source := modelOf("cron: '* * * * *', zone: Europe/Berlin, missed: every")
	nodes := []*Clock{openClock(t, flaky, source, clock.now), openClock(t, flaky, source, clock.now)}
	for _, node := range nodes {
		if _, err := node.tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	random := rand.New(rand.NewPCG(1, 2))
	flaky.failing.Store(true)
	for n := range runs {
		due := begun.Truncate(time.Minute).Add(time.Duration(n+1) * time.Minute)
		want = append(want, due.Format(time.RFC3339))
		clock.set(due.Add(time.Duration(random.IntN(1000)) * time.Millisecond))
		if random.IntN(10) == 0 {
			continue // no node is up at this minute
		}
		var wait sync.WaitGroup
		for i, node := range nodes {
			if random.IntN(4) == 0 && i == 0 {
				continue // the first one is down
			}
			ctx, cancel := context.WithCancel(t.Context())
			if random.IntN(4) == 0 {
				time.AfterFunc(time.Duration(random.IntN(300))*time.Microsecond, cancel) // it is killed at the due second
			}
			wait.Go(func() {
				_, _ = node.tick(ctx) // the other one, or the next minute, makes up for a failure
				cancel()
			})
		}
		wait.Wait()
	}
	flaky.failing.Store(false)
	if _, err := nodes[0].tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, runsOf(t, db)); diff != "" {
		t.Errorf("runs (-want +got):\n%s", diff)
	}
}

// A flakyDB loses each seventh write: before its end, or after it.
type flakyDB struct {
	store.DB
	failing atomic.Bool
	writes  atomic.Int64
}

var errFlaky = errors.New("the connection is lost")

func (db *flakyDB) Write(ctx context.Context, f func(store.Tx) error) error {
	n := db.writes.Add(1)
	if !db.failing.Load() || n%7 != 0 {
		return db.DB.Write(ctx, f)
	}
	if n%2 == 0 {
		return errors.Join(db.DB.Write(ctx, f), errFlaky) // it was committed
	}
	return db.DB.Write(ctx, func(tx store.Tx) error { return errors.Join(f(tx), errFlaky) })
}

// What becomes of the runs that no node was up for is what the model says.
func TestMissedRuns(t *testing.T) {
	for _, tt := range []struct {
		keys string
		want []string
	}{
		{"cron: '0 * * * *', zone: UTC", []string{"2026-01-01T05:00:00Z"}},
		{"cron: '0 * * * *', zone: UTC, missed: once", []string{"2026-01-01T05:00:00Z"}},
		{"cron: '0 * * * *', zone: UTC, missed: every", []string{"2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z", "2026-01-01T04:00:00Z", "2026-01-01T05:00:00Z"}},
		{"cron: '0 * * * *', zone: UTC, missed: skip", nil},
		{"every: 1h", []string{"2026-01-01T05:30:00Z"}},
		{"cron: '0 * * * *', zone: UTC, missed: every, once: true", []string{"2026-01-01T01:00:00Z"}},
	} {
		t.Run(tt.keys, func(t *testing.T) {
			db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Config{Logger: quiet()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			var clock simulated
			clock.set(time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC))
			c := openClock(t, db, modelOf(tt.keys), clock.now)
			if _, err := c.tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			if runs := runsOf(t, db); len(runs) > 0 {
				t.Fatalf("a new schedule has runs: %v", runs)
			}
			clock.set(time.Date(2026, 1, 1, 5, 45, 0, 0, time.UTC))
			for range 2 {
				if _, err := c.tick(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, runsOf(t, db)); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

// A paused job has no runs, and does not make up for them. People see that, and may start it all the same.
func TestPause(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		c := openClock(t, open(), modelOf("every: 10s"), time.Now)
		if err := c.Pause(t.Context(), "tick", true, "operator:ann"); err != nil {
			t.Fatal(err)
		}
		all, err := c.All(t.Context())
		if err != nil || len(all) != 1 || !all[0].Paused || all[0].ChangedBy != "operator:ann" || len(all[0].Upcoming) != 0 {
			t.Errorf("paused: %+v, %v", all, err)
		}
		// A new schedule of the paused job is paused.
		c = openClock(t, c.cfg.Store, modelOf("every: 20s"), time.Now)
		if _, err := c.tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		if all, err = c.All(t.Context()); err != nil || !all[0].Paused {
			t.Errorf("with another schedule: %+v, %v", all, err)
		}
		if id, err := c.RunNow(t.Context(), "tick", "operator:ann"); err != nil || id == "" {
			t.Errorf("RunNow = %q, %v", id, err)
		}
		if err := c.Pause(t.Context(), "tick", false, "operator:bob"); err != nil {
			t.Fatal(err)
		}
		if all, err = c.All(t.Context()); err != nil || all[0].Paused || all[0].ChangedBy != "operator:bob" || len(all[0].Upcoming) != upcoming {
			t.Errorf("resumed: %+v, %v", all, err)
		}
		if runs := runsOf(t, c.cfg.Store); len(runs) != 1 {
			t.Errorf("runs %v, want the one that was started by hand", runs)
		}
		if err := c.Pause(t.Context(), "tock", true, "x"); errs.KindOf(err) != errs.NotFound {
			t.Errorf("Pause of no job: %v", err)
		}
	})
}

// Two nodes with their own connections run for some seconds; one of them stops. The interval has no double and no gap.
func TestTwoNodesRun(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		source := modelOf("every: 10s")
		nodes := []*Clock{openClock(t, open(), source, time.Now), openClock(t, open(), source, time.Now)}
		for _, node := range nodes {
			node.timed[0].job.Every = 100 * time.Millisecond // below what a model may have
		}
		first, stopFirst := context.WithCancel(t.Context())
		second, stopSecond := context.WithCancel(t.Context())
		var wait sync.WaitGroup
		wait.Go(func() { _ = nodes[0].Run(first) })
		wait.Go(func() { _ = nodes[1].Run(second) })
		until := func(n int) (runs []string) {
			for len(runs) < n {
				time.Sleep(20 * time.Millisecond)
				if runs = runsOf(t, nodes[1].cfg.Store); t.Context().Err() != nil {
					t.Fatal("the test ends")
				}
			}
			return runs
		}
		before := len(until(5))
		stopFirst()
		runs := until(before + 5)
		stopSecond()
		wait.Wait()
		if len(runs) < before+5 {
			t.Errorf("after the first node has stopped there are %d runs, %d before", len(runs), before)
		}
		var last time.Time
		err := nodes[1].cfg.Store.Read(context.Background(), func(r store.Reader) error {
			return r.Query(`SELECT last_due FROM ashlar_crons`, nil, func(row value.Row) error {
				last = time.UnixMicro(row.Int(0))
				return nil
			})
		})
		if err != nil || last.IsZero() {
			t.Errorf("last run %v, %v", last, err)
		}
	})
}
