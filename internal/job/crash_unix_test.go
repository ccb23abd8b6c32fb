//go:build linux || darwin

package job

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const (
	crashWriters = 64

	// countPairs counts in one snapshot: a server may commit the last write of a process that was killed a moment ago.
	countPairs = `SELECT n FROM (SELECT 1 AS place, count(*) AS n FROM notes
UNION ALL SELECT 2, count(*) FROM ashlar_jobs
UNION ALL SELECT 3, count(DISTINCT notes.id) FROM notes JOIN ashlar_jobs ON row_id = CAST(notes.id AS text)) AS counts ORDER BY place`
)

// childWriters writes rows with a job each until it is killed, and reports each write that was acknowledged. Each third write is
// undone after its statements.
func childWriters(args childArgs) error {
	db, err := args.open()
	if err != nil {
		return err
	}
	q := Open(db, fast())
	next := atomic.Int64{}
	next.Store(args.First)
	var group sync.WaitGroup
	for range crashWriters {
		group.Go(func() {
			for {
				id := next.Add(1)
				err := writeNote(q, id, true, id%3 == 0)
				if err != nil && errs.KindOf(err) != errs.Conflict {
					fmt.Fprintln(os.Stderr, "write", id, err)
					os.Exit(1)
				}
				if err == nil {
					_, _ = os.Stdout.WriteString(fmt.Sprintf("%d\n", id)) // one call, so that lines stay whole
				}
			}
		})
	}
	group.Wait()
	return nil
}

// A process with 64 writers is killed again and again. Every row that was committed has one job, and no job is without its row.
func TestKillsUnderWrites(t *testing.T) {
	kills := 20
	if nightly() {
		kills = 1000
	}
	eachEngine(t, func(t *testing.T, db store.DB, args childArgs) {
		acknowledged := 0
		for round := range kills {
			args.First = int64(round+1) * 1_000_000
			c := startChild(t, "writers", args)
			c.line(t)
			acknowledged++
			time.Sleep(time.Duration(10+37*round%80) * time.Millisecond)
			acknowledged += len(c.kill(t))
		}
		counted := numbersOf(t, db, countPairs)
		notes, jobs, pairs := counted[0], counted[1], counted[2]
		if notes != jobs || notes != pairs {
			t.Errorf("%d rows, %d jobs, and %d rows with a job", notes, jobs, pairs)
		}
		if notes < int64(acknowledged) || acknowledged < kills*2 {
			t.Errorf("%d rows of %d acknowledged writes", notes, acknowledged)
		}
		if undone := numbersOf(t, db, `SELECT id FROM notes WHERE id % 3 = 0`); len(undone) > 0 {
			t.Errorf("%d rows were not undone", len(undone))
		}
		t.Logf("%d kills, %d rows, %d acknowledged", kills, notes, acknowledged)
	})
}
