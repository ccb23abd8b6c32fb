package job

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A worker gets jobs of the names that it gave, of queues with limits and without.
func TestPullByName(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		for _, c := range []QueueConfig{{Name: "plain", Pull: true}, {Name: "fair", Pull: true, Each: &Each{AtOnce: 2}}} {
			q := Open(open(), fast(c))
			others := map[string]bool{}
			for range 70 { // more than one look passes by
				others[enqueue(t, q, Insert{Queue: c.Name, Name: "other", Key: "a"})] = true
			}
			mine := enqueue(t, q, Insert{Queue: c.Name, Name: "mine", Key: "a"})
			want := LeaseOrder{Queues: []string{c.Name}, Names: []string{"mine"}, Most: 9, Wait: 5 * time.Second}
			all, err := q.Lease(t.Context(), want)
			if err != nil || len(all) != 1 || all[0].ID != mine {
				t.Fatalf("%s: leased %v, %v", c.Name, all, err)
			}
			want.Names = []string{"mine", "other"}
			all, err = q.Lease(t.Context(), want)
			if err != nil || len(all) == 0 || !others[all[0].ID] {
				t.Fatalf("%s: leased %v, %v", c.Name, all, err)
			}
		}
	})
}

func TestPausedPullQueue(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "pulled", Pull: true}))
		enqueue(t, q, Insert{Queue: "pulled"})
		want := LeaseOrder{Queues: []string{"pulled"}, Names: []string{"work"}, Most: 1}
		if err := q.Set(t.Context(), "pulled", Settings{Paused: true}, "test"); err != nil {
			t.Fatal(err)
		}
		if all, err := q.Lease(t.Context(), want); err != nil || len(all) != 0 {
			t.Errorf("a paused queue gave %v, %v", all, err)
		}
		if err := q.Set(t.Context(), "pulled", Settings{}, "test"); err != nil {
			t.Fatal(err)
		}
		if all, err := q.Lease(t.Context(), want); err != nil || len(all) != 1 {
			t.Errorf("leased %v, %v", all, err)
		}
	})
}

// A worker that is gone before it has its jobs loses no attempt.
func TestPullWorkerGoneBeforeTheAnswer(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "pulled", Pull: true}))
		id := enqueue(t, q, Insert{Queue: "pulled"})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		want := LeaseOrder{Queues: []string{"pulled"}, Names: []string{"work"}, Most: 1}
		if all, err := q.Lease(gone, want); err == nil || len(all) != 0 {
			t.Errorf("leased %v, %v for nobody", all, err)
		}
		if s, err := q.State(t.Context(), id); err != nil || s.State != waiting || s.Attempt != 0 {
			t.Errorf("the job is %+v, %v", s, err)
		}
	})
}

// No worker extends a lease past the time that an attempt may take.
func TestExtendEndsWithTheAttempt(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		ahead := &clock{}
		cfg := fast(QueueConfig{Name: "pulled", Pull: true})
		cfg.Now = ahead.now
		q := Open(open(), cfg)
		enqueue(t, q, Insert{Queue: "pulled"})
		all, err := q.Lease(t.Context(), LeaseOrder{Queues: []string{"pulled"}, Names: []string{"work"}, Most: 1})
		if err != nil || len(all) != 1 {
			t.Fatalf("leased %v, %v", all, err)
		}
		j, err := q.Leased(t.Context(), all[0].ID, all[0].Lease)
		if err != nil {
			t.Fatal(err)
		}
		most := q.cfg.lease / 2
		until, err := q.Extend(t.Context(), j, most)
		if err != nil || until.After(j.Begun.Add(most)) {
			t.Errorf("extended from %v to %v, %v", j.Begun, until, err)
		}
		ahead.leap(most + time.Millisecond)
		if _, err := q.Extend(t.Context(), j, most); errs.KindOf(err) != errs.Conflict {
			t.Errorf("after its time: %v", err)
		}
	})
}

// An id in capital letters names the same job on both engines, as the id of a row does.
func TestIDsInCapitals(t *testing.T) {
	each(t, func(t *testing.T, open func() store.DB) {
		q := Open(open(), fast(QueueConfig{Name: "pulled", Pull: true}))
		enqueue(t, q, Insert{Queue: "pulled"})
		all, err := q.Lease(t.Context(), LeaseOrder{Queues: []string{"pulled"}, Names: []string{"work"}, Most: 1})
		if err != nil || len(all) != 1 {
			t.Fatalf("leased %v, %v", all, err)
		}
		id := strings.ToUpper(all[0].ID)
		if s, err := q.State(t.Context(), id); err != nil || s.ID != all[0].ID {
			t.Errorf("State = %v, %v", s, err)
		}
		if d, err := q.Get(t.Context(), id); err != nil || d.ID != all[0].ID {
			t.Errorf("Get = %v, %v", d, err)
		}
		j, err := q.Leased(t.Context(), id, all[0].Lease)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Done(t.Context(), j, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestStateOfNoJob(t *testing.T) {
	q := Open(openSQLite(t, t.TempDir()+"/test.db"), fast())
	for _, id := range []string{"", "x", "01920000-0000-7000-8000-000000000000", "{01920000-0000-7000-8000-00000000000}"} {
		if _, err := q.State(t.Context(), id); errs.KindOf(err) != errs.NotFound {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := q.Leased(t.Context(), id, "lease"); errs.KindOf(err) != errs.NotFound && errs.KindOf(err) != errs.Conflict {
			t.Errorf("leased %q: %v", id, err)
		}
	}
}
