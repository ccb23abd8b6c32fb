package archive

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestEventsWaitUntilTheyCanBeWritten(t *testing.T) {
	folder, now := filepath.Join(t.TempDir(), "missing"), time.Now()
	a := Open(filepath.Join(folder, FileName), Config{Now: func() time.Time { return now }})
	for range maxKept + 5 {
		a.PutEvent(Event{Kind: EventDisk, Text: "The disk is full."})
	}
	a.Flush()
	if got := a.Dropped(); got != 5 {
		t.Errorf("%d events were dropped, want 5", got)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	a.PutEvent(Event{Kind: EventDisk, Text: "The disk has room again."})
	a.Flush()
	list, err := a.Events(t.Context(), now.Add(-time.Hour), now.Add(time.Hour), 1000, EventDisk)
	if err != nil || len(list) != maxKept+1 {
		t.Errorf("%d events, %v; want %d", len(list), err, maxKept+1)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
