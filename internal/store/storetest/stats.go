package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// stats: the numbers follow what reads and writes do.
func stats(t *testing.T, f *fixture) {
	before := f.db.Stats()
	release := f.hold()
	const n = 20
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f.write(func(tx store.Tx) error { return addNote(tx, int64(i), fmt.Sprint(i)) }) })
	}
	f.until("20 writes wait", func(now store.Stats) bool { return now.Writer.Waiting == n })
	f.read(func(r store.Reader) error {
		_, err := count(r, countNotes)
		if pool := f.db.Stats().Pools[0]; pool.Name != "read" || pool.InUse < 1 || pool.Size < 1 {
			t.Errorf("the pool of a read under way is %+v", pool)
		}
		return err
	})
	if writer := f.db.Stats().Writer; writer.Queue > 0 && writer.Queue < n {
		t.Errorf("%d writes wait in a queue for %d", n, writer.Queue)
	}
	release()
	wg.Wait()

	after := f.db.Stats()
	writes, commits := after.Writer.Writes-before.Writer.Writes, after.Writer.Commits-before.Writer.Commits
	if writes < n || commits < 1 || commits > writes {
		t.Errorf("%d writes in %d commits, want at least %d writes in at most as many commits", writes, commits, n)
	}
	if after.Writer.Waited <= before.Writer.Waited {
		t.Error("the writes that waited have waited for no time")
	}
	if after.Opened < int64(after.Pools[0].Size) && after.Opened < 2 {
		t.Errorf("%d connections were opened", after.Opened)
	}
	f.until("nothing is under way, and the size is known", func(now store.Stats) bool {
		return now.Pools[0].InUse == 0 && now.Writer.Waiting == 0 && now.Size > 0
	})
	if log := after.Log; log != nil && (log.Pages < 1 || log.Bytes < log.Pages) {
		t.Errorf("the log is %+v", *log)
	}
	if err := f.db.Close(); err != nil {
		t.Fatal(err)
	}
	f.db.Stats() // does not panic
}

// until waits for a state.
func (f *fixture) until(what string, reached func(store.Stats) bool) {
	f.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for now := f.db.Stats(); !reached(now); now = f.db.Stats() {
		if time.Now().After(deadline) {
			f.t.Fatalf("not after 20 s: %s: %+v", what, now)
		}
		time.Sleep(time.Millisecond)
	}
}
