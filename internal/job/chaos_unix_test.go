//go:build linux || darwin

package job

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
)

const (
	chaosAtOnce = 2
	chaosKeys   = 5
)

func chaosConfig() Config {
	return fast(
		QueueConfig{Name: "plain", Workers: 8},
		QueueConfig{Name: "keyed", Workers: 8, Each: &Each{AtOnce: chaosAtOnce}},
		QueueConfig{Name: "rated", Workers: 8, Rate: &chaosRate},
	)
}

var chaosRate = Rate{Count: 50, Window: 200 * time.Millisecond}

// childWorkers does jobs until it is killed.
func childWorkers(args childArgs) error {
	db, err := args.open()
	if err != nil {
		return err
	}
	q := Open(db, chaosConfig())
	q.Handle("work", 0, func(context.Context, *Job) error { // ignores its context, as a worker that was paused does
		time.Sleep(rand.N(4 * time.Millisecond))
		return nil
	})
	fmt.Println("ready")
	return q.Run(context.Background())
}

// The database itself notes what must not be: a job that leaves the state done, and a start with more live leases of its key than
// allowed. It also notes the time of each start. A renewal has no time of its own in the row, so it is not looked at: leases that
// have ended since the job began would count.
func chaosTriggers(dialect sqlgen.Dialect) []string {
	const (
		tables = `CREATE TABLE %s (what TEXT NOT NULL, job TEXT NOT NULL, at BIGINT NOT NULL)`
		live   = `(SELECT count(*) FROM ashlar_jobs WHERE queue = 'keyed' AND state = 'running' AND key = NEW.key AND turn_at > NEW.updated_at) > %d`
	)
	all := []string{fmt.Sprintf(tables, "events")}
	live2 := fmt.Sprintf(live, chaosAtOnce)
	events := []struct{ what, when string }{
		{"started", `NEW.state = 'running' AND OLD.state <> 'running'`},
		{"completed", `NEW.state = 'done'`},
		{"reopened", `OLD.state = 'done'`},
	}
	if dialect == sqlgen.SQLite {
		for _, e := range events {
			all = append(all, fmt.Sprintf(`CREATE TRIGGER on_%s AFTER UPDATE ON ashlar_jobs WHEN %s BEGIN INSERT INTO events VALUES ('%s ' || NEW.queue, NEW.id, NEW.updated_at); END`, e.what, e.when, e.what))
		}
		return append(all, `CREATE TRIGGER on_crowd AFTER UPDATE ON ashlar_jobs WHEN NEW.state = 'running' AND OLD.state <> 'running' AND NEW.queue = 'keyed' AND `+live2+
			` BEGIN INSERT INTO events VALUES ('crowded', NEW.id, NEW.updated_at); END`)
	}
	body := ""
	for _, e := range events {
		body += fmt.Sprintf(`IF %s THEN INSERT INTO events VALUES ('%s ' || NEW.queue, NEW.id::text, (extract(epoch FROM NEW.updated_at) * 1000000)::bigint); END IF; `, e.when, e.what)
	}
	body += `IF NEW.state = 'running' AND OLD.state <> 'running' AND NEW.queue = 'keyed' AND ` + live2 + ` THEN INSERT INTO events VALUES ('crowded', NEW.id::text, 0); END IF; RETURN NULL;`
	return append(all, `CREATE FUNCTION note_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN `+quoteTwice(body)+` END'`,
		`CREATE TRIGGER on_change AFTER UPDATE ON ashlar_jobs FOR EACH ROW EXECUTE FUNCTION note_event()`)
}

// Workers are killed, paused for longer than their leases, and revived at random. No job ends twice, no limit is exceeded, and
// every job is done in the end.
func TestChaos(t *testing.T) {
	jobs := 2000
	if nightly() {
		jobs = 100_000
	}
	eachEngine(t, func(t *testing.T, db store.DB, args childArgs) {
		storetest.Exec(t, db, chaosTriggers(db.Dialect())...)
		kills, pauses := harass(t, db, args, jobs)
		for _, what := range []string{"reopened plain", "reopened keyed", "reopened rated", "crowded"} {
			if n := numbersOf(t, db, `SELECT count(*) FROM events WHERE what = '`+what+`'`)[0]; n != 0 {
				t.Errorf("%s: %d times", what, n)
			}
		}
		if twice := numbersOf(t, db, `SELECT count(*) FROM events WHERE what LIKE 'completed %' GROUP BY job HAVING count(*) > 1`); len(twice) > 0 {
			t.Errorf("%d jobs ended twice", len(twice))
		}
		var starts []time.Time
		for _, at := range numbersOf(t, db, `SELECT at FROM events WHERE what = 'started rated'`) {
			starts = append(starts, time.UnixMicro(at))
		}
		slices.SortFunc(starts, time.Time.Compare)
		if most := mostWithin(starts, chaosRate.Window); most > chaosRate.Count {
			t.Errorf("%d jobs started within one window, %d are allowed", most, chaosRate.Count)
		}
		again := numbersOf(t, db, `SELECT count(*) FROM ashlar_jobs WHERE attempt > 1`)[0]
		if kills == 0 || pauses == 0 || again == 0 {
			t.Errorf("%d kills, %d pauses and %d jobs with a second attempt are no chaos", kills, pauses, again)
		}
		t.Logf("%d kills, %d pauses, %d jobs with a second attempt", kills, pauses, again)
	})
}

// addChaos adds jobs to all queues.
func addChaos(t *testing.T, q *Queue, jobs int) {
	t.Helper()
	err := q.db.Write(t.Context(), func(tx store.Tx) error {
		for i := range jobs {
			spec := Insert{Name: "work", Queue: "plain", Tries: 1000}
			switch i % 10 {
			case 0, 1:
				spec.Queue = "rated"
			case 2, 3, 4:
				spec.Queue, spec.Key = "keyed", fmt.Sprint("k", i%chaosKeys)
			}
			if _, _, err := q.Enqueue(tx, spec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// harass starts workers, adds jobs, and disturbs the workers until all jobs are done and some were done again.
func harass(t *testing.T, db store.DB, args childArgs, jobs int) (kills, pauses int) {
	t.Helper()
	workers := make([]*child, 3)
	for i := range workers {
		workers[i] = startChild(t, "workers", args)
		workers[i].line(t)
	}
	most := time.Duration(jobs) * 60 * time.Millisecond
	q, added := Open(db, chaosConfig()), 0
	for deadline := time.Now().Add(most); ; {
		all := counts(t, db)
		if time.Now().After(deadline) {
			t.Fatalf("after %v the jobs are %v", most, all)
		}
		calm := kills == 0 || pauses == 0 || numbersOf(t, db, `SELECT count(*) FROM ashlar_jobs WHERE attempt > 1`)[0] == 0
		if all[done] == added && added >= jobs && !calm {
			break
		}
		if added-all[done] < 250 && (added < jobs || calm) {
			addChaos(t, q, 500)
			added += 500
		}
		time.Sleep(rand.N(100 * time.Millisecond))
		i := rand.N(len(workers))
		if rand.N(2) == 0 {
			kills++
			workers[i].kill(t)
			workers[i] = startChild(t, "workers", args)
			workers[i].line(t)
			continue
		}
		pauses++
		process := workers[i].cmd.Process
		if err := process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(900 * time.Millisecond)) // longer than a lease, or not
		if err := process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	for _, w := range workers {
		w.kill(t)
	}
	return kills, pauses
}
