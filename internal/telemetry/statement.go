package telemetry

import (
	"context"
	"time"
)

// maxStatements bounds the statements that a record keeps. Further ones are counted.
const maxStatements = 32

// Commit is the text of the statement that stands for the wait of a write for its commit.
const Commit = "COMMIT"

// A Statement is one statement that a unit of work ran.
type Statement struct {
	SQL   string        // text without values
	Start time.Duration // since the start of the record
	Took  time.Duration
	Rows  int // rows returned, or changed
}

// Statements are the statements of a unit of work. Do not copy them: a copy would share the list.
type Statements struct {
	Count int           // all of them
	Took  time.Duration // all of them
	Rows  int           // returned or changed by all of them, guards and totals included
	List  []Statement   // the first 31, then the slowest of the others

	begin time.Time    // of the record
	few   [2]Statement // the list of most work, without an allocation
}

// Begin makes the statements ready to be added to. The record began at begin.
func (s *Statements) Begin(begin time.Time) {
	s.begin = begin
	s.List = s.few[:0]
}

// Add adds a statement. Nil takes none.
func (s *Statements) Add(sql string, start time.Time, took time.Duration, rows int) {
	if s == nil {
		return
	}
	s.Count++
	s.Took += took
	s.Rows += rows
	s.keep(Statement{SQL: sql, Start: start.Sub(s.begin), Took: took, Rows: rows})
}

func (s *Statements) keep(one Statement) {
	last := len(s.List) - 1
	switch {
	case len(s.List) < maxStatements:
		s.List = append(s.List, one)
	case one.Took > s.List[last].Took:
		s.List[last] = one
	}
}

// AddAll adds statements that another goroutine collected for the record. That goroutine has ended its work.
func (r *Record) AddAll(others *Statements) {
	s := &r.Statements
	if s.List == nil {
		s.Begin(r.Start)
	}
	s.Count += others.Count
	s.Took += others.Took
	s.Rows += others.Rows
	for _, one := range others.List {
		s.keep(one)
	}
}

// Add adds a statement. A nil record takes none.
func (r *Record) Add(sql string, start time.Time, took time.Duration, rows int) {
	if r == nil {
		return
	}
	if r.Statements.List == nil {
		r.Statements.Begin(r.Start)
	}
	r.Statements.Add(sql, start, took, rows)
}

// Key is the key under which a context holds the *Record of its work.
type Key struct{}

// RecordOf returns the record of the work that a context belongs to, or nil. Only the goroutine of the work may use it.
func RecordOf(ctx context.Context) *Record {
	r, _ := ctx.Value(Key{}).(*Record)
	return r
}

// StatementsOf returns the statements of the record of RecordOf, or nil.
func StatementsOf(ctx context.Context) *Statements {
	r := RecordOf(ctx)
	if r == nil {
		return nil
	}
	if r.Statements.List == nil {
		r.Statements.Begin(r.Start)
	}
	return &r.Statements
}

// WithRecord returns a context for the work of a record.
func WithRecord(ctx context.Context, r *Record) context.Context {
	return context.WithValue(ctx, Key{}, r)
}
