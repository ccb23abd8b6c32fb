package telemetry

import (
	"context"
	"log/slog"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Request is what is logged about one request, once, at its end. Package web makes it and fills it; a handler adds the
// table. It holds no query string, no header and no body: those hold data.
type Request struct {
	ID       string // made by us, in the answer as X-Request-Id
	ClientID string // the client's own X-Request-Id, "" where there is none or it is not well-formed
	Method   string
	Path     string
	Route    string // the pattern that matched, "" where none did
	Table    string
	Status   int // 499: the client went away first
	Bytes    int64
	Duration time.Duration
	Caller   string    // as caller.Caller.String gives it
	Remote   string    // address and port of the peer
	Kind     errs.Kind // of the error, "" where there was none
	Err      error     // with its private cause
	Stack    string    // of a panic
}

// Log writes the record as one line: at level error where the fault is ours (internal, a panic), else at level info.
func (r *Request) Log(logger *slog.Logger) {
	level := slog.LevelInfo
	if r.Kind == errs.Internal || r.Stack != "" {
		level = slog.LevelError
	}
	ctx := context.Background()
	if !logger.Enabled(ctx, level) {
		return
	}
	if l, ok := logger.Handler().(*lines); ok && l.request(time.Now(), level, r) {
		return
	}
	var room [14]slog.Attr
	logger.LogAttrs(ctx, level, "request", r.attrs(room[:0])...)
}

// LogValue gives the record as a group, for a line about something else.
func (r *Request) LogValue() slog.Value { return slog.GroupValue(r.attrs(nil)...) }

// attrs appends what is known, in an order that does not change.
func (r *Request) attrs(to []slog.Attr) []slog.Attr {
	to = append(to,
		slog.String("id", r.ID),
		slog.String("method", r.Method),
		slog.String("path", r.Path),
		slog.Int("status", r.Status),
		slog.Int64("bytes", r.Bytes),
		slog.Float64("duration_ms", r.milliseconds()),
		slog.String("caller", r.Caller),
		slog.String("remote", r.Remote),
	)
	for _, a := range [...]struct{ key, text string }{
		{"route", r.Route}, {"table", r.Table}, {"client_id", r.ClientID}, {"kind", string(r.Kind)}, {"error", r.cause()}, {"stack", r.Stack},
	} {
		if a.text != "" {
			to = append(to, slog.String(a.key, a.text))
		}
	}
	return to
}

func (r *Request) milliseconds() float64 { return float64(r.Duration.Microseconds()) / 1000 }

// cause is the error, except where the request could not be read: that message shows the client what it sent, and what it
// sent may be a secret.
func (r *Request) cause() string {
	if r.Err == nil || r.Kind == errs.Malformed {
		return ""
	}
	return r.Err.Error()
}
