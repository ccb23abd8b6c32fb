package telemetry

import (
	"context"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/jsonline"
)

// A Work is a kind of work that gets a record.
type Work string

const (
	WorkRequest   Work = "request"
	WorkMigration Work = "migration" // one step of a plan
	WorkProbe     Work = "probe"     // a request that the server made to itself
	WorkJob       Work = "job"       // background work of the server: see Jobs
)

// A Record is the wide record of one unit of work, written once, at its end. For a request, package web makes and fills it, a
// handler adds the table, and the engine adds the statements. It holds no query string, no header, no body and no value of
// a row, since those hold data.
type Record struct {
	Work     Work
	ID       string // made by the server, sent as X-Request-Id
	ClientID string // X-Request-Id of the request, if it is well-formed
	Start    time.Time
	Duration time.Duration
	Weight   float64 // units of work that this record stands for: 1, or 1/sample for a sampled one

	Trace   TraceID
	Span    SpanID // of the work
	Parent  SpanID // of the caller; zero if the trace begins here
	Sampled bool   // the trace may be exported: see TraceContext

	Method   string
	Path     string
	Route    string // pattern of the route; "" if none matched
	Status   int    // 499: the client went away before the answer
	Remote   string // address and port of the client
	Received int64  // bytes of the request's body
	Bytes    int64  // of the answer's body, as sent
	Limit    string // name of the limit that refused the work; "" if none did
	Advice   string // for the operator: what would let refused work pass; "" if there is nothing to say

	Job  string // name of background work
	Idle bool   // a job found nothing to do: metrics count it, and nothing else needs it

	Caller     string // text of caller.Caller.String; a handler that identifies its callers itself sets it
	CallerKind string // text of caller.Kind
	Key        string // id of the API key that the caller came with

	Table     string
	Operation string // what was done with the table: list, get, create, update, delete
	Shape     string // name of the query's shape, without values: "list posts filter(title == arg.t) sort(-id)"

	Held   time.Duration // of Duration, waited for changes to tell: the work is a stream, or a list that waits
	Queue  time.Duration // waited for admission, a connection or the writer
	Encode time.Duration // took to encode the answer; 0 if it was not measured
	Cache  string        // "hit", "stale", "shared", "miss", or "" if no cache was asked
	Public time.Duration // how long others may keep the answer; 0: they may not

	Statements Statements
	Rows       int // rows of the answer, or rows changed

	Problem errs.Kind // kind of the error; "" without one
	Err     error     // with its private cause
	Stack   string    // stack of a panic
}

// Waited notes that the work waited since a time for its turn. A nil record notes nothing.
func (r *Record) Waited(since time.Time) {
	if r != nil {
		r.Queue += time.Since(since)
	}
}

// Refuse notes the name of the limit that refused the work. A nil record notes nothing.
func (r *Record) Refuse(limit string) {
	if r != nil {
		r.Limit = limit
	}
}

// Busy returns how long the work took without the time for which it was held.
func (r *Record) Busy() time.Duration { return r.Duration - r.Held }

// Join makes the work of the record a span below parent, or the first span of a new trace if there is no parent.
func (r *Record) Join(parent TraceContext) {
	own := parent.Begin()
	r.Trace, r.Span, r.Parent, r.Sampled = own.Trace, own.Span, parent.Span, own.Sampled
}

// Failed reports whether the fault is ours: an internal error, a panic, a status of 500 or above, or any error of a job.
func (r *Record) Failed() bool {
	return r.Problem == errs.Internal || r.Stack != "" || r.Status >= 500 || (r.Work == WorkJob && r.Err != nil)
}

// Log writes the record as one line. Its level is error after an internal error or a panic, else info. Idle jobs have no
// line.
func (r *Record) Log(logger *slog.Logger) {
	level := slog.LevelInfo
	if r.Problem == errs.Internal || r.Stack != "" {
		level = slog.LevelError
	}
	if r.Idle {
		return
	}
	ctx := context.Background()
	if !logger.Enabled(ctx, level) {
		return
	}
	end := r.Start.Add(r.Duration)
	switch h := logger.Handler().(type) {
	case *jsonline.Handler:
		if h.Log(end, level, r.message(), r) {
			return
		}
	case *terminalHandler:
		if r.isRequest() {
			h.request(end, r)
			return
		}
	}
	logger.LogAttrs(ctx, level, r.message(), r.attrs()...)
}

// message returns the message of the line.
func (r *Record) message() string {
	if r.isRequest() {
		return "request"
	}
	return string(r.Work)
}

// isRequest reports whether a server answered a request, be it one of its own.
func (r *Record) isRequest() bool { return r.Work != WorkMigration && r.Work != WorkJob }

// AddTo implements jsonline.Record.
func (r *Record) AddTo(line *jsonline.Line) { r.addTo(line) }

// LogValue returns the record as a group, for a line about something else.
func (r *Record) LogValue() slog.Value { return slog.GroupValue(r.attrs()...) }

func (r *Record) attrs() []slog.Attr {
	var list attrs
	r.addTo(&list)
	return list
}

// members receives the members of a record.
type members interface {
	Text(key, text string)
	Hex(key string, id []byte)
	Int(key string, n int64)
	Float(key string, f float64)
	Millis(key string, d time.Duration)
}

// addTo adds all known members, always in this order.
func (r *Record) addTo(m members) {
	m.Text("id", r.ID)
	if r.isRequest() {
		m.Text("method", r.Method)
		m.Text("path", r.Path)
		m.Int("status", int64(r.Status))
		m.Int("bytes", r.Bytes)
	}
	m.Millis("duration_ms", r.Duration)
	if r.Held > 0 {
		m.Millis("held_ms", r.Held)
	}
	m.Text("caller", r.Caller)
	if r.Remote != "" {
		m.Text("remote", r.Remote)
	}
	if r.Trace != (TraceID{}) {
		m.Hex("trace", r.Trace[:])
		m.Hex("span", r.Span[:])
	}
	if r.Parent != (SpanID{}) {
		m.Hex("parent", r.Parent[:])
	}
	r.addNumbers(m)
	addText(m, "job", r.Job)
	addText(m, "route", r.Route)
	addText(m, "table", r.Table)
	addText(m, "operation", r.Operation)
	addText(m, "shape", r.Shape)
	addText(m, "key", r.Key)
	addText(m, "cache", r.Cache)
	if r.Public > 0 {
		m.Int("public_s", int64(r.Public/time.Second))
	}
	addText(m, "limit", r.Limit)
	addText(m, "advice", r.Advice)
	addText(m, "client_id", r.ClientID)
	addText(m, "kind", string(r.Problem))
	addText(m, "error", r.cause())
	addText(m, "stack", r.Stack)
}

// addText adds a text that is not empty.
func addText(m members, key, text string) {
	if text != "" {
		m.Text(key, text)
	}
}

// addNumbers adds the numbers that are often zero, if they are not.
func (r *Record) addNumbers(m members) {
	if r.Statements.Count > 0 {
		m.Int("statements", int64(r.Statements.Count))
		m.Millis("database_ms", r.Statements.Took)
	}
	if r.Queue > 0 {
		m.Millis("queue_ms", r.Queue)
	}
	if r.Rows > 0 {
		m.Int("rows", int64(r.Rows))
	}
	if r.Received > 0 {
		m.Int("received", r.Received)
	}
	if r.Weight != 0 && r.Weight != 1 {
		m.Float("weight", r.Weight)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// attrs collects members as attributes of slog.
type attrs []slog.Attr

func (a *attrs) Text(key, text string)              { *a = append(*a, slog.String(key, text)) }
func (a *attrs) Hex(key string, id []byte)          { a.Text(key, hex.EncodeToString(id)) }
func (a *attrs) Int(key string, n int64)            { *a = append(*a, slog.Int64(key, n)) }
func (a *attrs) Float(key string, f float64)        { *a = append(*a, slog.Float64(key, f)) }
func (a *attrs) Millis(key string, d time.Duration) { a.Float(key, milliseconds(d)) }

// cause returns the text of the error. A malformed request has none: its message repeats the client's text, and that
// may be a secret.
func (r *Record) cause() string {
	if r.Err == nil || r.Problem == errs.Malformed {
		return ""
	}
	return r.Err.Error()
}
