//go:build linux || darwin

package start

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// childVariable makes the test binary a process that writes until it is killed.
const childVariable = "ASHLAR_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) == "" {
		os.Exit(m.Run())
	}
	var args childArgs
	err := json.Unmarshal([]byte(os.Args[1]), &args)
	if err == nil {
		err = childWriters(args)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// crashModel is a model whose rows say which jobs they must have. Each row is made as draft, and is then paid. steps counts the
// updates that made it paid again.
const crashModel = `
ashlar: 1
name: crash
tables:
  orders:
    key: int
    fields:
      state: {type: enum, values: [draft, paid], default: draft}
      steps: {type: int, default: 0}
      due:   {type: timestamp, optional: true}
    access: {read: true, write: true}
    checks: [{expr: steps < 1000, message: too many}]
jobs:
  each: {on: orders.create, work: pull}
  made: {on: orders.create, when: "state == 'draft'", work: pull}
  paid: {on: orders.update, when: "state == 'paid' && old.state == 'draft'", work: pull}
  gone: {on: orders.delete, when: steps > 0, work: pull}
  due:  {table: orders, at: due, work: pull}
`

type childArgs struct {
	SQLite, Postgres string // path or address
	First            int64  // id of the first row
}

func (a childArgs) open() (store.DB, error) {
	if a.SQLite != "" {
		return sqlite.Open(context.Background(), a.SQLite, sqlite.Config{Readers: 2, Logger: quiet()})
	}
	return postgres.Open(context.Background(), a.Postgres, postgres.Config{Readers: 2, Writers: 4, Groups: 2, Logger: quiet()})
}

const crashWriters = 64

// childWriters makes rows, pays them, tries what is refused and undone, and deletes each fourth row. It reports what was
// acknowledged.
func childWriters(args childArgs) error {
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(crashModel)})
	if len(faults) > 0 {
		return faults
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		return faults
	}
	db, err := args.open()
	if err != nil {
		return err
	}
	queue := job.Open(db, job.Config{Queues: []job.QueueConfig{{Name: "pull", Pull: true}}, Logger: quiet()})
	rows := record.New(db, rules, record.Config{Effects: New(db, rules, queue, Config{Logger: quiet()})})
	next := atomic.Int64{}
	next.Store(args.First)
	failed := make(chan error, crashWriters)
	var group sync.WaitGroup
	for range crashWriters {
		group.Go(func() {
			for {
				if err := crashWrites(rows, next.Add(1)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	err = <-failed
	return err
}

func crashWrites(rows *record.DB, n int64) error {
	ctx, orders, key := context.Background(), rows.Table("orders"), value.OfInt(n)
	write := func(body string) error {
		all, err := value.DecodeObject([]byte(body))
		if err != nil {
			return err
		}
		_, err = rows.Update(ctx, anybody, orders, key, all, nil)
		return err
	}
	body, err := value.DecodeObject(fmt.Appendf(nil, `{"id":%d,"due":"2030-01-01T00:00:00Z"}`, n))
	if err != nil {
		return err
	}
	if _, err := rows.Create(ctx, anybody, orders, body); err != nil {
		return err
	}
	os.Stdout.WriteString("made\n")
	if _, err := rows.Create(ctx, anybody, orders, body); err == nil {
		return fmt.Errorf("a row was made twice")
	}
	if err := write(`{"steps":1000,"state":"paid"}`); err == nil {
		return fmt.Errorf("a check did not refuse")
	}
	undone := fmt.Errorf("undone")
	err = rows.Transact(ctx, anybody, func(tx *record.Tx) error {
		all, err := value.DecodeObject([]byte(`{"state":"paid"}`))
		if err == nil {
			_, err = tx.Update(orders, key, all, nil)
		}
		if err != nil {
			return err
		}
		return undone
	})
	if err != undone {
		return fmt.Errorf("not undone: %w", err)
	}
	if err := write(`{"state":"paid","steps":1}`); err != nil {
		return err
	}
	os.Stdout.WriteString("paid\n")
	if err := write(`{"state":"paid","due":"2031-01-01T00:00:00Z"}`); err != nil {
		return err
	}
	if n%4 == 0 {
		if err := rows.Delete(ctx, anybody, orders, key, nil); err != nil {
			return err
		}
		os.Stdout.WriteString("gone\n")
	}
	return nil
}

// A process with 64 writers is killed again and again. Each write that was committed has exactly its jobs: two for the row, one if
// it was paid, one if it went, and a timer with the time of the row.
func TestKillsUnderWrites(t *testing.T) {
	kills := 20
	if effort.Nightly() {
		kills = 1000
	}
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			args := childArgs{SQLite: t.TempDir() + "/test.db"}
			if engine == "PostgreSQL" {
				if !pgtest.Available() {
					t.Skip("no PostgreSQL")
				}
				args = childArgs{Postgres: pgtest.URL(t)}
			}
			db, err := args.open()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			w := open(t, db, crashModel)
			acknowledged := map[string]int{}
			for round := range kills {
				args.First = int64(round+1) * 1_000_000
				for line, n := range runAndKill(t, args, time.Duration(10+37*round%80)*time.Millisecond) {
					acknowledged[line] += n
				}
			}
			checkCrash(t, w, acknowledged, kills)
		})
	}
}

// runAndKill starts writers, kills them some time after their first report, and counts their reports.
func runAndKill(t *testing.T, args childArgs, after time.Duration) map[string]int {
	t.Helper()
	text, err := json.Marshal(args)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, string(text))
	cmd.Env = append(os.Environ(), childVariable+"=1")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	reports, counts := bufio.NewReader(out), map[string]int{}
	if _, err := reports.ReadString('\n'); err != nil {
		_ = cmd.Wait()
		t.Fatalf("the writers ended early: %s", complaints.String())
	}
	counts["made"]++
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := reports.ReadString('\n')
		if err != nil {
			break
		}
		counts[strings.TrimSpace(line)]++
	}
	_ = cmd.Wait() // it was killed
	if complaints.Len() > 0 {
		t.Error(complaints.String())
	}
	return counts
}

// crashed is what one snapshot holds: a server may commit the last write of a process that was killed a moment ago.
type crashed struct {
	paid map[string]bool           // by row
	due  map[string]int64          // by row
	jobs map[string]map[string]int // by name and row
	at   map[string]map[int64]bool // times of timers by row
}

func (w *world) readCrash(t *testing.T) crashed {
	t.Helper()
	c := crashed{}
	err := w.db.Read(t.Context(), func(r store.Reader) error {
		c = crashed{map[string]bool{}, map[string]int64{}, map[string]map[string]int{"each": {}, "made": {}, "paid": {}, "gone": {}, "due": {}}, map[string]map[int64]bool{}}
		err := r.Query(`SELECT CAST(id AS TEXT), CASE WHEN state = 'paid' THEN 1 ELSE 0 END, due FROM orders`, nil, func(row value.Row) error {
			c.paid[string(row.Bytes(0))], c.due[string(row.Bytes(0))] = row.Int(1) == 1, row.Int(2)
			return nil
		})
		if err != nil {
			return err
		}
		return r.Query(`SELECT name, row_id, run_at FROM ashlar_jobs`, nil, func(row value.Row) error {
			name, key := string(row.Bytes(0)), string(row.Bytes(1))
			c.jobs[name][key]++
			if name == "due" {
				c.at[key] = map[int64]bool{row.Int(2): true}
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// checkCrash compares jobs with rows. A row that went is known by its jobs: none of them is lost with it.
func checkCrash(t *testing.T, w *world, acknowledged map[string]int, kills int) {
	t.Helper()
	c, wrong := w.readCrash(t), 0
	fault := func(key, what string) {
		if wrong++; wrong < 10 {
			t.Errorf("row %s: %s", key, what)
		}
	}
	for name, jobs := range c.jobs {
		for key, n := range jobs {
			if n != 1 {
				fault(key, fmt.Sprintf("%d jobs %s", n, name))
			}
		}
	}
	for key, paid := range c.paid {
		switch {
		case c.jobs["made"][key] == 0 || c.jobs["each"][key] == 0:
			fault(key, "no job of its create")
		case paid != (c.jobs["paid"][key] == 1):
			fault(key, fmt.Sprintf("paid %t, and %d jobs of it", paid, c.jobs["paid"][key]))
		case c.jobs["gone"][key] > 0:
			fault(key, "it is there, and a job tells that it went")
		case !c.at[key][c.due[key]]:
			fault(key, "no timer with its time")
		}
	}
	gone := len(c.jobs["gone"])
	for key := range c.jobs["gone"] {
		if c.jobs["each"][key] == 0 || c.jobs["made"][key] == 0 || c.jobs["paid"][key] == 0 {
			fault(key, "it went, and not all its jobs are there")
		}
	}
	if len(c.jobs["made"]) != len(c.paid)+gone || len(c.jobs["each"]) != len(c.jobs["made"]) || len(c.jobs["due"]) != len(c.paid) {
		t.Errorf("%d rows are there and %d went, with %d jobs of creates and %d timers", len(c.paid), gone, len(c.jobs["made"]), len(c.jobs["due"]))
	}
	paid := len(c.jobs["paid"])
	if len(c.jobs["made"]) < acknowledged["made"] || paid < acknowledged["paid"] || gone < acknowledged["gone"] || acknowledged["made"] < kills {
		t.Errorf("%d made, %d paid, %d gone, and acknowledged were %v", len(c.jobs["made"]), paid, gone, acknowledged)
	}
	t.Logf("%d kills, %d made, %d paid, %d gone, acknowledged %v", kills, len(c.jobs["made"]), paid, gone, acknowledged)
}
