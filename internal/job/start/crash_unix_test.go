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

// A process with 64 writers is killed again and again. Each write that was committed has exactly its jobs: one for the row, one if
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

// crashCounts counts in one snapshot: a server may commit the last write of a process that was killed a moment ago. The rows that
// went are known by their jobs: no job of a row is lost with it.
const crashCounts = `SELECT n FROM (
SELECT 1 AS place, count(*) AS n FROM orders
UNION ALL SELECT 2, count(*) FROM orders WHERE state = 'paid'
UNION ALL SELECT 3, count(*) FROM ashlar_jobs WHERE name = 'made'
UNION ALL SELECT 4, count(DISTINCT row_id) FROM ashlar_jobs WHERE name = 'made'
UNION ALL SELECT 5, count(*) FROM ashlar_jobs WHERE name = 'paid'
UNION ALL SELECT 6, count(DISTINCT row_id) FROM ashlar_jobs WHERE name = 'paid'
UNION ALL SELECT 7, count(*) FROM ashlar_jobs WHERE name = 'gone'
UNION ALL SELECT 8, count(DISTINCT row_id) FROM ashlar_jobs WHERE name = 'gone'
UNION ALL SELECT 9, count(*) FROM ashlar_jobs WHERE name = 'due'
UNION ALL SELECT 10, count(*) FROM ashlar_jobs JOIN orders ON row_id = CAST(orders.id AS text) AND run_at = due WHERE name = 'due'
UNION ALL SELECT 11, count(*) FROM orders LEFT JOIN ashlar_jobs ON row_id = CAST(orders.id AS text) AND name = 'made' WHERE row_id IS NULL
UNION ALL SELECT 12, count(*) FROM orders LEFT JOIN ashlar_jobs ON row_id = CAST(orders.id AS text) AND name = 'paid' WHERE orders.state = 'paid' AND row_id IS NULL
UNION ALL SELECT 13, count(*) FROM orders JOIN ashlar_jobs ON row_id = CAST(orders.id AS text) AND name = 'gone'
UNION ALL SELECT 14, count(*) FROM orders JOIN ashlar_jobs ON row_id = CAST(orders.id AS text) AND name = 'paid' WHERE orders.state = 'draft'
) AS counts ORDER BY place`

func checkCrash(t *testing.T, w *world, acknowledged map[string]int, kills int) {
	t.Helper()
	var n []int64
	err := w.db.Read(t.Context(), func(r store.Reader) error {
		n = []int64{0}
		return r.Query(crashCounts, nil, func(row value.Row) error { n = append(n, row.Int(0)); return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	rows, paid, gone := n[1], n[2], n[7]
	for _, tt := range []struct {
		what      string
		got, want int64
	}{
		{"jobs of creates", n[3], rows + gone}, {"rows of these", n[4], rows + gone},
		{"jobs of payments", n[5], paid + gone}, {"rows of these", n[6], paid + gone},
		{"rows that went", n[8], gone},
		{"timers", n[9], rows}, {"timers with the time of their row", n[10], rows},
		{"rows without a job", n[11], 0}, {"paid rows without a job", n[12], 0},
		{"rows that are there and went", n[13], 0}, {"rows that are not paid and have a job", n[14], 0},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, tt.got, tt.want)
		}
	}
	if rows+gone < int64(acknowledged["made"]) || paid+gone < int64(acknowledged["paid"]) || gone < int64(acknowledged["gone"]) || acknowledged["made"] < kills {
		t.Errorf("%d rows, %d paid, %d gone, and acknowledged were %v", rows, paid, gone, acknowledged)
	}
	t.Logf("%d kills, %d rows, %d paid, %d gone, acknowledged %v", kills, rows, paid, gone, acknowledged)
}
