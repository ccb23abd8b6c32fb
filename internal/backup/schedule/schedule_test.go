package schedule

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// world is a target in memory, and a clock that is set.
type world struct {
	mu      sync.Mutex
	now     time.Time
	backups []Backup
	taken   []string // times of all calls of Take
	drilled []string
	fail    error // of Take
	damage  error // of Drill
	closed  error // of Probe
	during  func(ctx context.Context)
	alerts  []string
}

func newWorld() *world { return &world{now: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)} }

// clock returns a later time with each call, so that attempts have an order.
func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Millisecond)
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Take(ctx context.Context) (Backup, error) {
	if w.during != nil {
		w.during(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(w.fail, ctx.Err()); err != nil {
		return Backup{}, err
	}
	w.taken = append(w.taken, w.now.Format("02T15:04"))
	b := Backup{ID: "b" + strconv.Itoa(len(w.taken)), Taken: w.now, Bytes: 42}
	w.backups = append(w.backups, b)
	return b, nil
}

func (w *world) List(context.Context) ([]Backup, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.backups), nil
}

func (w *world) Remove(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.backups = slices.DeleteFunc(w.backups, func(b Backup) bool { return b.ID == id })
	return nil
}

func (w *world) Drill(_ context.Context, id string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drilled = append(w.drilled, id)
	return "3 tables", w.damage
}

func (w *world) Probe(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closed
}

func (w *world) node(db store.DB, name string) *Service {
	backups := model.DefaultBackups()
	return New(Config{Backups: backups, Work: w, Store: db, Node: name, Now: w.clock, Alerts: func(a Alert) {
		w.mu.Lock()
		defer w.mu.Unlock()
		word := "ends"
		if a.Firing {
			word = "fires"
		}
		w.alerts = append(w.alerts, a.Kind+" "+word)
	}})
}

// tick lets a node look once.
func tick(t *testing.T, s *Service) time.Duration {
	t.Helper()
	sleep, err := s.tick(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return sleep
}

const source = "ashlar: 1\nname: app\ntables: {notes: {fields: {title: {type: text}}}}\n"

func prepare(t *testing.T, db store.DB) {
	t.Helper()
	options := migrate.Options{System: []system.Fragment{Tables}}
	if _, err := migrate.Apply(t.Context(), db, modeltest.Rules(t, source), options); err != nil {
		t.Fatal(err)
	}
}

// each runs a test on each engine. open opens one more node of the same database.
func each(t *testing.T, test func(t *testing.T, open func() store.DB)) {
	quiet := slog.New(slog.DiscardHandler)
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		db, err := sqlite.Open(t.Context(), t.TempDir()+"/test.db", sqlite.Config{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		prepare(t, db)
		test(t, func() store.DB { return db })
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := pgtest.URL(t)
		prepared := false
		test(t, func() store.DB {
			db, err := postgres.Open(t.Context(), url, postgres.Config{Readers: 2, Writers: 2, Groups: 1, Logger: quiet})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if !prepared {
				prepare(t, db)
				prepared = true
			}
			return db
		})
	})
}

// states returns the attempts of a database, the oldest first.
func states(t *testing.T, s *Service) (all []string) {
	t.Helper()
	attempts, err := s.Attempts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range slices.Backward(attempts) {
		all = append(all, a.Kind+" "+a.State)
	}
	return all
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestBackupsAreTakenAtTheirTime(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld()
		s := w.node(open(), "a")
		tick(t, s)
		same(t, "at the first start", []string{"28T09:00"}, w.taken)
		same(t, "the first drill", []string{"b1"}, w.drilled)
		for range 24 * 12 {
			w.pass(5 * time.Minute)
			tick(t, s)
		}
		same(t, "a day later", []string{"28T09:00", "29T09:00"}, w.taken)

		// A server that was down makes up for all missed backups with one, and keeps to the time of the day.
		w.pass(3*24*time.Hour + 2*time.Hour)
		s = w.node(s.cfg.Store, "a")
		for range 24 * 12 {
			tick(t, s)
			w.pass(5 * time.Minute)
		}
		same(t, "after three days", []string{"28T09:00", "29T09:00", "02T11:00", "03T09:00"}, w.taken)
		same(t, "drills", []string{"b1"}, w.drilled)
		w.pass(2 * 24 * time.Hour)
		tick(t, s)
		same(t, "drills after a week", []string{"b1", "b5"}, w.drilled)
		attempts, err := s.Attempts(t.Context())
		if err != nil || attempts[0].Found != "3 tables" || attempts[0].Backup != "b5" || attempts[0].Bytes != 42 || attempts[0].Node != "a" {
			t.Errorf("the newest attempt is %+v, %v", attempts[0], err)
		}
	})
}

func TestOneNodeTakesABackup(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld()
		var nodes []*Service
		for i := range 3 {
			nodes = append(nodes, w.node(open(), "node"+strconv.Itoa(i)))
		}
		const days = 10
		for range days {
			var all sync.WaitGroup
			for _, s := range nodes {
				all.Go(func() {
					if _, err := s.tick(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			w.pass(24 * time.Hour)
		}
		if len(w.taken) != days || len(w.drilled) != 2 {
			t.Errorf("%d backups in %d days, and %d drills: %v", len(w.taken), days, len(w.drilled), w.taken)
		}
	})
}

// TestALongBackupKeepsItsLease has a target that is slower than the lease. The clock goes on only after a renewal, so that a busy
// machine loses no lease.
func TestALongBackupKeepsItsLease(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld()
		a, b := w.node(open(), "a"), w.node(open(), "b")
		a.lease, b.lease = 400*time.Millisecond, 400*time.Millisecond
		until := func() time.Time {
			t.Helper()
			all, _, err := a.read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return all[KindBackup].Until
		}
		w.during = func(ctx context.Context) {
			for range 6 { // two and a half leases and more
				last := until()
				w.pass(a.lease / 2)
				for deadline := time.Now().Add(time.Minute); !until().After(last); time.Sleep(5 * time.Millisecond) {
					if ctx.Err() != nil || time.Now().After(deadline) {
						t.Errorf("the lease is not renewed: %v", context.Cause(ctx))
						return
					}
				}
				tick(t, b)
			}
		}
		begin := w.clock()
		tick(t, a)
		if passed := w.clock().Sub(begin); passed < 2*a.lease {
			t.Errorf("the backup took %s, which is no long one", passed)
		}
		tick(t, b)
		if len(w.taken) != 1 {
			t.Errorf("backups were taken at %v, want one", w.taken)
		}
		all := states(t, a)
		if slices.ContainsFunc(all, func(state string) bool { return strings.Contains(state, "lost") }) {
			t.Errorf("attempts: %v", all)
		}
	})
}

func TestAnotherNodeTakesOver(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld()
		a, b := w.node(open(), "a"), w.node(open(), "b")
		if _, claimed, err := a.claim(t.Context(), KindBackup); !claimed || err != nil {
			t.Fatalf("claim = %v, %v", claimed, err)
		} // and a is killed
		tick(t, b)
		same(t, "while the lease holds", nil, w.taken)
		if err := b.RunNow(t.Context(), KindBackup); errs.KindOf(err) != errs.Conflict {
			t.Errorf("RunNow = %v", err)
		}
		w.pass(leaseTime)
		tick(t, b)
		same(t, "attempts", []string{"backup lost", "backup done", "drill done"}, states(t, b))
	})
}

func TestFailuresAreTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		w := newWorld()
		s := w.node(open(), "a")
		w.fail = errors.New("the bucket answered 500")
		begun, attempts := w.clock(), 0
		for w.clock().Sub(begun) < 6*time.Hour {
			tick(t, s)
			w.pass(time.Minute)
		}
		attempts = len(states(t, s))
		if attempts < 8 || attempts > 14 {
			t.Errorf("%d attempts in six hours", attempts)
		}
		if status := s.Status().Of(KindBackup); status.Failures != attempts || status.LastOK != (time.Time{}) {
			t.Errorf("status = %+v", status)
		}
		w.fail = nil
		w.pass(time.Hour)
		tick(t, s)
		same(t, "alerts", []string{"backup fires", "backup ends"}, w.alerts)
		if status := s.Status().Of(KindBackup); status.Failures != 0 || status.Overdue {
			t.Errorf("status = %+v", status)
		}
	})
}

func TestOverdueBackupsAndFailedDrillsAlert(t *testing.T) {
	w := newWorld()
	db, _ := modeltest.Open(t, source)
	prepare(t, db)
	s := w.node(db, "a")
	tick(t, s)
	w.damage = errors.New("a checksum differs")
	if err := s.RunNow(t.Context(), KindDrill); err != nil {
		t.Fatal(err)
	}
	tick(t, s)
	w.damage = nil
	w.pass(time.Hour)
	tick(t, s)
	w.pass(37 * time.Hour)
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	tick(t, s)
	same(t, "alerts", []string{"drill fires", "drill ends", "backup fires", "backup ends"}, w.alerts)
}

func TestAClosedTargetStartsNoBackup(t *testing.T) {
	w := newWorld()
	db, _ := modeltest.Open(t, source)
	prepare(t, db)
	s := w.node(db, "a")
	w.closed = errors.New("/mnt/backups: read-only file system")
	tick(t, s)
	if status := s.Status(); len(w.taken) > 0 || !strings.Contains(status.Problem, "read-only") {
		t.Errorf("%d backups, and the problem is %q", len(w.taken), status.Problem)
	}
	w.closed = nil
	tick(t, s)
	same(t, "before the next probe", nil, w.taken)
	w.pass(firstBackoff)
	tick(t, s)
	same(t, "alerts", []string{"target fires", "target ends"}, w.alerts)
	if len(w.taken) != 1 {
		t.Errorf("%d backups", len(w.taken))
	}
}

func TestAStopCutsABackupShort(t *testing.T) {
	w := newWorld()
	db, _ := modeltest.Open(t, source)
	prepare(t, db)
	s := w.node(db, "a")
	ctx, stop := context.WithCancel(t.Context())
	w.during = func(ctx context.Context) {
		stop()
		<-ctx.Done()
	}
	if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
	same(t, "attempts", []string{"backup stopped"}, states(t, s))
	w.during = nil
	s = w.node(db, "a")
	tick(t, s)
	same(t, "after a restart", []string{"backup stopped", "backup done", "drill done"}, states(t, s))
	same(t, "alerts", nil, w.alerts)
}

func TestOldBackupsAreRemoved(t *testing.T) {
	w := newWorld()
	db, _ := modeltest.Open(t, source)
	prepare(t, db)
	s := w.node(db, "a")
	s.cfg.Backups.Keep = model.Keep{Days: 3}
	for range 10 {
		tick(t, s)
		w.pass(24 * time.Hour)
	}
	var left []string
	for _, b := range w.backups {
		left = append(left, b.ID)
	}
	same(t, "backups", []string{"b8", "b9", "b10"}, left)
}

func TestRunNowIsNotedWithIt(t *testing.T) {
	w := newWorld()
	db, _ := modeltest.Open(t, source)
	prepare(t, db)
	s := w.node(db, "a")
	tick(t, s)
	refused := errors.New("no entry in the audit log")
	if err := s.RunNow(t.Context(), KindBackup, func(store.Tx) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("RunNow = %v", err)
	}
	tick(t, s)
	if err := s.RunNow(t.Context(), "restore"); errs.KindOf(err) != errs.Malformed {
		t.Errorf("RunNow = %v", err)
	}
	if len(w.taken) != 1 {
		t.Errorf("%d backups", len(w.taken))
	}
	w.pass(time.Hour)
	if err := s.RunNow(t.Context(), KindBackup); err != nil {
		t.Fatal(err)
	}
	tick(t, s)
	same(t, "backups", []string{"28T09:00", "28T10:00"}, w.taken)
}
