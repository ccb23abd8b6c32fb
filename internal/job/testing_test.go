package job

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const app = `
ashlar: 1
name: app
tables:
  notes: {key: int, fields: {title: {type: text}}}
`

// A clock of tests goes on by leaps.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time         { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) leap(far time.Duration) { c.ahead.Add(int64(far)) }

// each runs a test on each engine. open opens one more node of the same database; on SQLite all nodes share the connections.
func each(t *testing.T, test func(t *testing.T, open func() store.DB)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db := openSQLite(t, filepath.Join(t.TempDir(), "test.db"))
		test(t, func() store.DB { return db })
	})
	for _, serializable := range []bool{false, true} {
		t.Run(fmt.Sprintf("PostgreSQL serializable %t", serializable), func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			test(t, func() store.DB { return openPostgres(t, url, serializable) })
		})
	}
}

func openSQLite(t testing.TB, path string) store.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Config{Readers: 2, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db)
}

func openPostgres(t testing.TB, url string, serializable bool) store.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Config{Serializable: serializable, Readers: 2, Writers: 4, Groups: 2, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return migrated(t, db)
}

func migrated(t testing.TB, db store.DB) store.DB {
	t.Helper()
	t.Cleanup(func() { _ = db.Close() })
	if _, err := migrate.Apply(t.Context(), db, modeltest.Rules(t, app), migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	return db
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// fast returns a configuration whose leases are short.
func fast(queues ...QueueConfig) Config {
	if queues == nil {
		queues = []QueueConfig{{Name: "default"}}
	}
	return Config{Queues: queues, Logger: quiet(), lease: 600 * time.Millisecond, renew: 200 * time.Millisecond, poll: 100 * time.Millisecond, StopTime: time.Second}
}

// start runs a queue until stop is called or the test ends.
func start(t testing.TB, q *Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := background.Async("a queue", func() error { return q.Run(ctx) })
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-ended
		}
	}
	t.Cleanup(stop)
	return stop
}

func enqueue(t testing.TB, q *Queue, spec Insert) (id string) {
	t.Helper()
	id, added := tryEnqueue(t, q, spec)
	if !added {
		t.Fatalf("the job %v was not added", spec)
	}
	return id
}

func tryEnqueue(t testing.TB, q *Queue, spec Insert) (id string, added bool) {
	t.Helper()
	if spec.Queue == "" {
		spec.Queue = "default"
	}
	if spec.Name == "" {
		spec.Name = "work"
	}
	err := q.db.Write(t.Context(), func(tx store.Tx) (err error) {
		id, added, err = q.Enqueue(tx, spec)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id, added
}

// takeOne leases a job for a test that plays the worker.
func takeOne(t testing.TB, q *Queue) *Job {
	t.Helper()
	all := takeMost(t, q, 1)
	if len(all) != 1 {
		t.Fatalf("took %d jobs, want 1", len(all))
	}
	return all[0]
}

func takeMost(t testing.TB, q *Queue, most int) []*Job {
	t.Helper()
	found, err := q.take(t.Context(), &takeOrder{queue: &q.cfg.Queues[0], most: most, node: q.cfg.Node})
	if err != nil {
		t.Fatal(err)
	}
	return found.jobs
}

// A row is what tests look at.
type row struct {
	state   string
	attempt int
	runAt   time.Time
	errors  string
	result  string
}

func rowOf(t testing.TB, db store.DB, id string) (r row) {
	t.Helper()
	err := db.Read(t.Context(), func(reader store.Reader) error {
		return reader.Query(`SELECT state, attempt, run_at, errors, result FROM ashlar_jobs WHERE id = $1`, []value.Value{value.OfUUID(id)}, func(v value.Row) error {
			r = row{string(v.Bytes(0)), int(v.Int(1)), time.UnixMicro(v.Int(2)), textOf(v, 3), textOf(v, 4)}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// counts returns how many jobs have each state.
func counts(t testing.TB, db store.DB) map[string]int {
	t.Helper()
	all := map[string]int{}
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query(`SELECT state, count(*) FROM ashlar_jobs GROUP BY state`, nil, func(v value.Row) error {
			all[string(v.Bytes(0))] = int(v.Int(1))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eventually waits for a condition that must come true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen: %s", what)
		}
	}
}

// exit ends the goroutine, as t.FailNow does.
func exit() { runtime.Goexit() }

const (
	insertNote = `INSERT INTO notes (id, title, created_at, updated_at, _rev) VALUES ($1, $2, $3, $3, 0)`
	noSuchNote = `SELECT id FROM notes WHERE id = -1`
)

// writeNote writes a row, and its job if with is set, as the writes of the API do. If undo is set, a last step refuses the whole.
func writeNote(q *Queue, id int64, with, undo bool) error {
	steps := []store.Step{{Statement: store.Statement{SQL: insertNote, Args: []value.Value{value.OfInt(id), value.OfText("a note"), stamp(time.Now())}}}}
	tables := []string{"notes"}
	if with {
		effects, more, err := q.Steps(Insert{Name: "work", Queue: "default", Table: "notes", Row: strconv.FormatInt(id, 10)})
		if err != nil {
			return err
		}
		steps, tables = append(steps, effects...), append(tables, more...)
	}
	if undo {
		steps = append(steps, store.Step{Statement: store.Statement{SQL: noSuchNote}, Refused: errs.New(errs.Conflict, "undone")})
	}
	return store.Run(context.Background(), q.db, func(int64) (*store.Script, error) {
		return &store.Script{Steps: steps, Tables: tables}, nil
	}, func(tx store.Tx) error {
		tx.MarkChanged(tables...)
		for _, step := range steps {
			if step.Refused != nil {
				return step.Refused
			}
			if _, err := tx.Exec(step.SQL, step.Args); err != nil {
				return err
			}
		}
		return nil
	})
}
