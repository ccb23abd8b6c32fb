package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/jsonline"
)

// A Request is the log record of one request, written once, at its end. Package web makes and fills it; a handler adds the
// table. It holds no query string, no header and no body, since those hold data.
type Request struct {
	ID       string // made by the server, sent as X-Request-Id
	ClientID string // X-Request-Id of the request, if it is well-formed
	Method   string
	Path     string
	Route    string // pattern of the route; "" if none matched
	Table    string
	Status   int // 499: the client went away before the answer
	Bytes    int64
	Duration time.Duration
	Caller   string    // text of caller.Caller.String; a handler that identifies its callers itself sets it
	Remote   string    // address and port of the peer
	Kind     errs.Kind // kind of the error; "" without one
	Err      error     // with its private cause
	Stack    string    // stack of a panic
}

// Log writes the record as one line. Its level is error if the fault is ours (an internal error or a panic), else info.
func (r *Request) Log(logger *slog.Logger) {
	level := slog.LevelInfo
	if r.Kind == errs.Internal || r.Stack != "" {
		level = slog.LevelError
	}
	ctx := context.Background()
	if !logger.Enabled(ctx, level) {
		return
	}
	if h, ok := logger.Handler().(*jsonline.Handler); ok && h.Log(time.Now(), level, "request", r) {
		return
	}
	logger.LogAttrs(ctx, level, "request", r.attrs()...)
}

// AddTo implements jsonline.Record.
func (r *Request) AddTo(line *jsonline.Line) { r.addTo(line) }

// LogValue returns the record as a group, for a line about something else.
func (r *Request) LogValue() slog.Value { return slog.GroupValue(r.attrs()...) }

func (r *Request) attrs() []slog.Attr {
	var list attrs
	r.addTo(&list)
	return list
}

// members receives the members of a record.
type members interface {
	Text(key, text string)
	Int(key string, n int64)
	Float(key string, f float64)
}

// addTo adds all known members, always in this order.
func (r *Request) addTo(m members) {
	m.Text("id", r.ID)
	m.Text("method", r.Method)
	m.Text("path", r.Path)
	m.Int("status", int64(r.Status))
	m.Int("bytes", r.Bytes)
	m.Float("duration_ms", float64(r.Duration.Microseconds())/1000)
	m.Text("caller", r.Caller)
	m.Text("remote", r.Remote)
	for _, optional := range [...]struct{ key, text string }{
		{"route", r.Route}, {"table", r.Table}, {"client_id", r.ClientID}, {"kind", string(r.Kind)}, {"error", r.cause()}, {"stack", r.Stack},
	} {
		if optional.text != "" {
			m.Text(optional.key, optional.text)
		}
	}
}

// attrs collects members as attributes of slog.
type attrs []slog.Attr

func (a *attrs) Text(key, text string)       { *a = append(*a, slog.String(key, text)) }
func (a *attrs) Int(key string, n int64)     { *a = append(*a, slog.Int64(key, n)) }
func (a *attrs) Float(key string, f float64) { *a = append(*a, slog.Float64(key, f)) }

// cause returns the text of the error. A malformed request has none: its message repeats the client's text, and that
// may be a secret.
func (r *Request) cause() string {
	if r.Err == nil || r.Kind == errs.Malformed {
		return ""
	}
	return r.Err.Error()
}
