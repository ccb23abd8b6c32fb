package audit

import (
	"context"
	"testing"
	"time"
)

// trims returns the number of rows that tell of a trim.
func (n *node) trims(t *testing.T) int {
	t.Helper()
	page, err := n.log.List(t.Context(), Filter{Action: trimAction}, "", 500)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries)
}

// runKeepers runs a keeper on each node at once until the log begins at a row.
func runKeepers(t *testing.T, now time.Time, keep time.Duration, first int64, nodes ...*node) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, len(nodes))
	for _, n := range nodes {
		keeper := NewKeeper(New(n.rows, Config{Now: func() time.Time { return now }}), keep, nil)
		go func() { done <- keeper.Run(ctx) }()
	}
	for {
		head, err := nodes[0].log.head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if head.First >= first {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("a keeper ended with %v while the log begins at row %d", err, head.First)
		case <-time.After(time.Millisecond):
		}
	}
	stop()
	for range nodes {
		<-done
	}
}

func TestKeepersTrimOnceADay(t *testing.T) {
	const day = 24 * time.Hour
	each(t, func(t *testing.T, a, b *node) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for i, event := range some(12) { // days 0, 1 and 2 have four rows each
			event.At = start.Add(time.Duration(i) * 6 * time.Hour)
			a.append(t, event)
		}
		for _, tt := range []struct {
			now   time.Duration // since start
			first int64
			trims int
		}{
			{3*day + 13*time.Hour, 5, 1}, // day 0 goes
			{3*day + 23*time.Hour, 5, 1}, // the same day
			{4*day + 13*time.Hour, 9, 2},
		} {
			runKeepers(t, start.Add(tt.now), 2*day+time.Hour, tt.first, a, b)
			if got := b.trims(t); got != tt.trims {
				t.Errorf("after %v there are %d trims, want %d", tt.now, got, tt.trims)
			}
			if r, err := b.verify(t, ""); err != nil || r.Head.First != tt.first {
				t.Errorf("after %v Verify = %+v, %v, want the first row %d", tt.now, r, err, tt.first)
			}
		}
	})
}
