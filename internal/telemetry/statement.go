package telemetry

import (
	"context"
	"time"
)

// maxStatements bounds the statements that a record keeps. Further ones are counted.
const maxStatements = 32

// A Statement is one statement that a unit of work ran.
type Statement struct {
	SQL   string        // text without values
	Start time.Duration // since the start of the record
	Took  time.Duration
	Rows  int // rows returned, or changed
}

// Statements are the statements of a unit of work.
type Statements struct {
	Count int           // all of them
	Took  time.Duration // all of them
	List  []Statement   // the first ones, at most 32
}

// Add adds a statement. A nil record takes none.
func (r *Record) Add(sql string, start time.Time, took time.Duration, rows int) {
	if r == nil {
		return
	}
	s := &r.Statements
	s.Count++
	s.Took += took
	r.Rows += rows
	if len(s.List) < maxStatements {
		s.List = append(s.List, Statement{SQL: sql, Start: start.Sub(r.Start), Took: took, Rows: rows})
	}
}

// Key is the key under which a context holds the *Record of its work.
type Key struct{}

// RecordOf returns the record of the work that a context belongs to, or nil. Only the goroutine of the work may use it.
func RecordOf(ctx context.Context) *Record {
	r, _ := ctx.Value(Key{}).(*Record)
	return r
}

// WithRecord returns a context for the work of a record.
func WithRecord(ctx context.Context, r *Record) context.Context {
	return context.WithValue(ctx, Key{}, r)
}
