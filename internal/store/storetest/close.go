package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
)

func afterClose(t *testing.T, f *fixture) {
	if err := f.db.Close(); err != nil {
		t.Fatalf("Close() = %v", err)
	}
	wantKind(t, "Read after Close", f.db.Read(t.Context(), func(store.Reader) error { return nil }), errs.Unavailable)
	wantKind(t, "Write after Close", f.db.Write(t.Context(), func(store.Tx) error { return nil }), errs.Unavailable)
	wantKind(t, "Close after Close", f.db.Close(), errs.Unavailable)
}

// closeDrains: Close waits for the writes in the queue. Each is done, or refused as unavailable.
func closeDrains(t *testing.T, f *fixture) {
	const n = 100
	release := f.hold()
	answers := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			answers[i] = f.db.Write(t.Context(), func(tx store.Tx) error { return addNote(tx, int64(i), fmt.Sprint(i)) })
		})
	}
	time.Sleep(50 * time.Millisecond)
	closed := make(chan error, 1)
	go func() { closed <- f.db.Close() }()
	time.Sleep(20 * time.Millisecond)
	release()
	if err := soon(t, "Close()", closed); err != nil {
		t.Errorf("Close() = %v", err)
	}
	wg.Wait()
	done := int64(0)
	for i, err := range answers {
		if err == nil {
			done++
			continue
		}
		wantKind(t, fmt.Sprintf("write %d beside Close", i), err, errs.Unavailable)
	}
	if done == 0 {
		t.Error("no write was done that was queued before Close")
	}
	f.openAgain()
	f.wantNotes(done)
}
