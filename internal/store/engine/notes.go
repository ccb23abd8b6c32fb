package engine

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Notes are what a goroutine notes about work that it does for another, for the record of that one. They belong to the goroutine
// that works until it has answered, and to the one that asked from then on. The zero value notes nothing.
type Notes struct {
	record     *telemetry.Record // only the one that asked uses it
	statements telemetry.Statements
	began      time.Time // of the work; zero if it did not begin
	ended      time.Time
}

// For makes the notes ready, for the record of ctx.
func (n *Notes) For(ctx context.Context) {
	if n.record = telemetry.RecordOf(ctx); n.record != nil {
		n.statements.Begin(n.record.Start)
	}
}

// Begin notes that the work begins, and returns where to add its statements. It returns nil if nobody wants to know.
func (n *Notes) Begin(now time.Time) *telemetry.Statements {
	if n.record == nil {
		return nil
	}
	n.began = now
	return &n.statements
}

// End notes that the last statement has ended.
func (n *Notes) End() {
	if n.record != nil {
		n.ended = time.Now()
	}
}

// Add notes a statement behind the last one.
func (n *Notes) Add(sql string, began time.Time, took time.Duration, rows int) {
	if n.record != nil {
		n.statements.Add(sql, began, took, rows)
		n.ended = began.Add(took)
	}
}

// Commit is telemetry.Commit.
const Commit = telemetry.Commit

// Report adds the notes to the record. Work that waits since a time, unless it is zero, has been answered.
func (n *Notes) Report(since time.Time, committed bool) {
	if n.record == nil || n.began.IsZero() {
		return
	}
	if !since.IsZero() {
		n.record.Queue += n.began.Sub(since)
	}
	if committed {
		n.statements.Add(Commit, n.ended, time.Since(n.ended), 0)
	}
	n.record.AddAll(&n.statements)
}
