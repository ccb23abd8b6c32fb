package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// as returns a context whose work is done for a client, identified by a number.
func as(t *testing.T, client int, operation string) context.Context {
	who := caller.Caller{}.From(fmt.Sprintf("192.0.2.%d:4000", client))
	return admit.WithOrigin(t.Context(), admit.Origin{Client: who.Client(), Shape: admit.Shape{Table: "rows", Operation: operation}})
}

// hold keeps the writer busy until release is called.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		if err := db.Write(as(t, 99, ""), func(store.Tx) error { close(entered); <-leave; return nil }); err != nil {
			t.Errorf("the write that holds the writer: %v", err)
		}
	})
	<-entered
	return func() { close(leave); group.Wait() }
}

// queued starts a write and returns when it is in the line.
func queued(t *testing.T, db *DB, group *sync.WaitGroup, ctx context.Context, f func(store.Tx) error, answer func(error)) {
	t.Helper()
	before := db.writer.jobs.len()
	group.Go(func() { answer(db.Write(ctx, f)) })
	for db.writer.jobs.len() != before+1 {
		runtime.Gosched()
	}
}

// A client that has hundreds of writes in the line delays the write of another client by a turn for each of the others.
func TestFloodOfWrites(t *testing.T) {
	const flood, others = 300, 5
	db := openRows(t, Config{})
	release := hold(t, db)
	var group sync.WaitGroup
	var order []int // clients, as their writes ran; only the writer's goroutine appends
	none := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	add := func(client int) {
		queued(t, db, &group, as(t, client, "create"), func(store.Tx) error { order = append(order, client); return nil }, none)
	}
	for range flood {
		add(0)
	}
	for client := range others {
		add(client + 1)
	}
	release()
	group.Wait()
	last := 0
	for client := range others {
		last = max(last, slices.Index(order, client+1))
	}
	if len(order) != flood+others || last > others {
		t.Errorf("of %d writes, the last of %d other clients ran at place %d, want %d at most", len(order), others, last, others)
	}
}

// A client whose writes take long runs one now and then. Between two of them, the writes of others run, as many as come.
func TestLongWritesOfOneClient(t *testing.T) {
	const long, each = 4, 60 * time.Millisecond
	db := openRows(t, Config{})
	var short atomic.Int64 // writes of the other client
	var counts []int64     // of short, when each long write began
	var group sync.WaitGroup
	over := make(chan struct{})
	for range 4 { // so that always one waits
		group.Go(func() {
			for {
				err := db.Write(as(t, 1, "delete"), func(store.Tx) error {
					counts = append(counts, short.Load())
					if len(counts) == long {
						close(over)
					}
					time.Sleep(each)
					return errs.New(errs.Conflict, "refused in the end")
				})
				select {
				case <-over:
					return
				default:
				}
				if errs.KindOf(err) != errs.Conflict {
					t.Errorf("a long write: %v", err)
				}
			}
		})
	}
	group.Go(func() {
		for i := int64(0); ; i++ {
			select {
			case <-over:
				return
			default:
			}
			if err := db.Write(as(t, 2, "create"), func(tx store.Tx) error { return insert(tx, i) }); err != nil {
				t.Errorf("a short write: %v", err)
			}
			short.Add(1)
		}
	})
	group.Wait()
	for i := 2; i < long; i++ { // the first is not known to be long
		if between := counts[i] - counts[i-1]; between < 2 {
			t.Errorf("%d short writes ran between two long ones, want many: %v", between, counts)
		}
	}
}

// A write that is known to take long does not keep those before it in its group from their commit.
func TestLongWriteRunsInAGroupOfItsOwn(t *testing.T) {
	db := openRows(t, Config{GroupTime: time.Minute})
	err := db.Write(as(t, 1, "delete"), func(store.Tx) error { time.Sleep(60 * time.Millisecond); return nil })
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, db)
	var group sync.WaitGroup
	none := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	var before, then int64
	queued(t, db, &group, as(t, 1, "delete"), func(store.Tx) error { then = db.Stats().Writer.Commits; return nil }, none)
	queued(t, db, &group, as(t, 2, "create"), func(tx store.Tx) error { before = db.Stats().Writer.Commits; return insert(tx, 1) }, none)
	release()
	group.Wait()
	if then != before+1 {
		t.Errorf("the long write began after %d commits, the short one after %d, want one more", then, before)
	}
}

// When the line is full, a client with few writes still finds room: one of the client with most is refused.
func TestFullLine(t *testing.T) {
	const size = 20
	db := openRows(t, Config{Queue: size})
	release := hold(t, db)
	var group sync.WaitGroup
	var refused [2]atomic.Int64
	write := func(client int) error {
		return db.Write(as(t, client, "create"), func(store.Tx) error { return nil })
	}
	for range size {
		queued(t, db, &group, as(t, 0, "create"), func(store.Tx) error { return nil }, func(err error) {
			if err != nil {
				refused[0].Add(1)
			}
		})
	}
	if err := write(0); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("one more of the same client: %v, want unavailable", err)
	}
	for range 3 {
		group.Go(func() {
			if err := write(1); err != nil {
				refused[1].Add(1)
			}
		})
	}
	for refused[0].Load()+refused[1].Load() < 3 {
		runtime.Gosched()
	}
	release()
	group.Wait()
	if refused[0].Load() != 3 || refused[1].Load() != 0 {
		t.Errorf("%d of the flood were refused and %d of the other client, want 3 and 0", refused[0].Load(), refused[1].Load())
	}
	if stats := db.Stats().Writer; stats.Refused != 4 {
		t.Errorf("%d are counted as refused, want 4", stats.Refused)
	}
}

// A group ends before a second write of a client, if another client of it wants nothing else. It goes on if all want more.
func TestGroupsEndForClientsThatWaitForThem(t *testing.T) {
	of := func(client int) *job {
		origin, _ := admit.OriginOf(as(t, client, "create"))
		return &job{origin: origin, since: time.Now()}
	}
	for _, tt := range []struct {
		name           string
		group, waiting []int // clients
		next           int
		want           bool
	}{
		{"the first of a client", []int{1}, []int{2, 2}, 2, false},
		{"only one client", []int{1, 1, 1}, []int{1}, 1, false},
		{"a second one, and the other has no more", []int{1, 2}, []int{1}, 1, true},
		{"a second one, and the other has more", []int{1, 2}, []int{1, 2}, 1, false},
		{"a second one, and one of the others has no more", []int{1, 2, 3}, []int{1, 2}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newJobs(Config{Queue: 100, WriteTimeout: time.Hour})
			for _, client := range tt.waiting {
				if err := w.add(of(client)); err != nil {
					t.Fatal(err)
				}
			}
			var group []*job
			for _, client := range tt.group {
				group = append(group, of(client))
			}
			if got := w.delays(of(tt.next), group); got != tt.want {
				t.Errorf("delays() = %t, want %t", got, tt.want)
			}
		})
	}
}
