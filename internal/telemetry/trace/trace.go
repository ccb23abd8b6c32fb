// Package trace keeps the traces of recent work in memory, made from its records.
//
// A record already holds the statements of its work with their times. So no work pays for span objects: Traces copies a
// finished record into a ring, and OpenTelemetry sees a trace only when it is exported.
package trace

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Trace is one unit of work with what it waited for and what it asked the database. It holds no text of an error, since
// that may repeat a value.
type Trace struct {
	ID      string            `json:"id"` // of the record, as in the log and in X-Request-Id
	Trace   telemetry.TraceID `json:"trace"`
	Span    telemetry.SpanID  `json:"span"`
	Parent  telemetry.SpanID  `json:"parent,omitzero"`   // of the caller; zero if the trace begins here
	Sampled bool              `json:"sampled,omitempty"` // where the trace began

	Work     telemetry.Work `json:"work"`
	Start    time.Time      `json:"start"`
	Duration time.Duration  `json:"duration"`        // in nanoseconds, as all durations here
	Queue    time.Duration  `json:"queue,omitempty"` // waited in a queue, in total
	Encode   time.Duration  `json:"encode,omitempty"`

	Method   string `json:"method,omitempty"`
	Path     string `json:"path,omitempty"`
	Route    string `json:"route,omitempty"`
	Status   int    `json:"status,omitempty"`
	Received int64  `json:"received,omitempty"` // bytes
	Bytes    int64  `json:"bytes,omitempty"`

	Caller     string    `json:"caller,omitempty"`
	CallerKind string    `json:"caller_kind,omitempty"`
	Key        string    `json:"key,omitempty"`
	Table      string    `json:"table,omitempty"`
	Operation  string    `json:"operation,omitempty"`
	Shape      string    `json:"shape,omitempty"`
	Cache      string    `json:"cache,omitempty"`
	Limit      string    `json:"limit,omitempty"`
	Job        string    `json:"job,omitempty"`
	Problem    errs.Kind `json:"kind,omitempty"`

	Failed bool `json:"failed,omitempty"` // the fault is ours
	Slow   bool `json:"slow,omitempty"`

	Rows       int           `json:"rows,omitempty"`
	Statements int           `json:"statements"` // all statements; Spans has 32 of them
	Database   time.Duration `json:"database,omitempty"`
	Spans      []Span        `json:"spans"` // in the order of their start
}

// A Span is a part of the work of a Trace.
type Span struct {
	ID        telemetry.SpanID `json:"id"`
	Name      string           `json:"name"`  // "queue", or the summary of a statement: "SELECT occupations"
	Start     time.Duration    `json:"start"` // since the start of the trace
	Duration  time.Duration    `json:"duration"`
	Statement bool             `json:"statement,omitempty"`
	Rows      int              `json:"rows,omitempty"` // returned or changed
	SQL       string           `json:"sql,omitempty"`  // with ? for each string; "" if the text is not kept any more
}

// queueName is the name of the span of a wait.
const queueName = "queue"

// Name returns the name of the whole work: "GET /api/{table}", "job mail".
func (t *Trace) Name() string {
	switch {
	case t.Route != "":
		return t.Route
	case t.Job != "":
		return string(t.Work) + " " + t.Job
	case t.Work == telemetry.WorkRequest:
		return t.Method
	}
	return string(t.Work)
}

// A Bar is one line of a waterfall.
type Bar struct {
	Span
	Depth int     // 0 for the whole work
	Left  float64 // begin of the bar, in percent of the whole
	Width float64
}

// Waterfall returns the spans as bars, the whole work first.
func (t *Trace) Waterfall() []Bar {
	whole := Span{ID: t.Span, Name: t.Name(), Duration: t.Duration, Rows: t.Rows}
	bars := []Bar{{Span: whole, Width: 100}}
	for _, span := range t.Spans {
		left, right := t.percent(span.Start), t.percent(span.Start+span.Duration)
		bars = append(bars, Bar{Span: span, Depth: 1, Left: left, Width: right - left})
	}
	return bars
}

// percent returns the share of the whole at a moment. A clock may have stepped, so a moment may be outside.
func (t *Trace) percent(at time.Duration) float64 {
	if t.Duration <= 0 {
		return 0
	}
	return min(100, max(0, 100*float64(at)/float64(t.Duration)))
}

// addQueue adds the span of a wait. A record knows only how long the work waited. The span ends at the first statement, since
// what is waited for is the database.
func (t *Trace) addQueue() {
	if t.Queue <= 0 {
		return
	}
	end := t.Queue
	if len(t.Spans) > 0 {
		end = max(end, t.Spans[0].Start)
	}
	t.Spans = append(t.Spans, Span{Name: queueName, Start: end - t.Queue, Duration: t.Queue})
}

// finish sorts the spans and gives them ids. The ids follow from the id of the whole: the same trace read twice has the
// same ones.
func (t *Trace) finish() {
	slices.SortStableFunc(t.Spans, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	seed := binary.BigEndian.Uint64(t.Span[:])
	for i := range t.Spans {
		binary.BigEndian.PutUint64(t.Spans[i].ID[:], mix(seed+uint64(i)+1)|1) // never zero
	}
}

// mix is the finisher of SplitMix64: it turns neighbours into unlike numbers.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// A Filter selects traces. The zero value selects all.
type Filter struct {
	Trace     telemetry.TraceID
	Route     string
	Table     string
	Operation string
	Caller    string
	Failed    bool // only failed ones
	Slow      bool // only slow ones
	AtLeast   time.Duration
	Statement string // part of a span's name
	Limit     int    // most traces; default: 100
}

func (f *Filter) matches(t *Trace) bool {
	switch {
	case f.Trace != telemetry.TraceID{} && f.Trace != t.Trace,
		f.Route != "" && f.Route != t.Route,
		f.Table != "" && f.Table != t.Table,
		f.Operation != "" && f.Operation != t.Operation,
		f.Caller != "" && f.Caller != t.Caller,
		f.Failed && !t.Failed,
		f.Slow && !t.Slow,
		t.Duration < f.AtLeast:
		return false
	}
	return f.Statement == "" || slices.ContainsFunc(t.Spans, func(s Span) bool { return strings.Contains(s.Name, f.Statement) })
}
