package web

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// statusClientGone is the status in the log for a client that closed the connection before the answer. It is never sent.
const statusClientGone = 499

// exchange is one request and its answer. It is also the context of the request, so one allocation holds everything.
type exchange struct {
	deadline
	client  context.Context // context of the connection; it ends when the client goes away
	timeout time.Duration   // from the start to the deadline
	probe   bool            // the route is of class Probe
	explain bool            // a 404 says what was not found
	proxied bool            // a trusted proxy sent the request
	relayed bool            // a proxy may stand between, whatever the address says
	caller  caller.Caller
	limiter *limit.Limiter // nil: no limits
	limits  limit.Request
	unit    caller.Client              // of the caller, as far as it is known
	isNew   bool                       // unit is a newcomer, see admit.Known
	place   admit.Share[caller.Client] // among the requests at work
	turn    admit.Turn
	record  telemetry.Record
	in      requestBody
	out     response
	routing recorder
	id      [1]string // value of X-Request-Id
	policy  [2]string // values of RateLimit-Policy and RateLimit

	rest func(*Stream, *http.Request) error // of an answer whose handler called Hold; else nil

	labeler *profile.Labeler                 // nil: the request gets no labels
	labels  atomic.Pointer[profile.Attached] // atomic, since other goroutines may use the context
}

type exchangeKey struct{}

func (x *exchange) Value(key any) any {
	switch key {
	case exchangeKey{}:
		return x
	case telemetry.Key{}:
		return &x.record
	case admit.TurnKey():
		return &x.turn
	case admit.OriginKey():
		return x
	}
	if labels := x.labels.Load(); labels != nil {
		if v := labels.Value(key); v != nil {
			return v
		}
	}
	return x.deadline.Value(key)
}

// Origin implements admit.Originator.
func (x *exchange) Origin() admit.Origin {
	return admit.Origin{Client: x.caller.Client(), Shape: admit.Shape{Table: x.record.Table, Operation: x.record.Operation}}
}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// Caller returns the caller of a request, anonymous if no Receiver has identified it.
func Caller(r *http.Request) caller.Caller {
	if x := exchangeOf(r); x != nil {
		return x.caller
	}
	return caller.Caller{}
}

// Record returns the log record of a request, so that a handler can add the table. Only the goroutine of the handler may
// use it.
func Record(r *http.Request) *telemetry.Record {
	if x := exchangeOf(r); x != nil {
		return &x.record
	}
	return &telemetry.Record{}
}

// SetTable notes the table of a request, and what is done with it.
func SetTable(r *http.Request, table, operation string) {
	if x := exchangeOf(r); x != nil {
		x.record.Table, x.record.Operation = table, operation
		x.label(r.Pattern, table, operation)
	}
}

// label labels the goroutine of the request. The labels stay until the next request of the connection has its own: net/http
// still has to send the answer, and the next request is likely to be of the same kind.
func (x *exchange) label(route, table, operation string) {
	if x.labeler == nil {
		return
	}
	key, _ := x.caller.APIKey()
	labels := x.labeler.Of(route, table, operation, key)
	x.labels.Store(labels)
	labels.Attach()
}

// relabel labels another goroutine of the request.
func (x *exchange) relabel() {
	if labels := x.labels.Load(); labels != nil {
		labels.Attach()
	}
}

// finish answers an error, unless the handler has already answered or the client is gone. It reports whether the
// connection must be aborted.
func (x *exchange) finish(r *http.Request, err error) (abort bool) {
	x.record.Status = x.out.status
	if err == nil {
		if x.out.status == 0 {
			x.out.WriteHeader(http.StatusOK)
			x.record.Status = http.StatusOK
		}
		return false
	}
	gone := x.client.Err() != nil
	x.record.Err = err
	switch {
	case gone && (x.out.status != 0 || errors.Is(err, context.Canceled)):
		x.record.Status = statusClientGone
		return true
	case x.out.status != 0:
		x.record.Problem = errs.KindOf(err)
		return true
	}
	failure := public(err)
	x.record.Problem = problemOf(failure.Kind).Kind
	x.record.Status = writeProblem(&x.out, r, failure, x.record.ID)
	return false
}

// public returns err as an error with a kind. An internal error is unavailable if time ran out.
func public(err error) *errs.Error {
	failure, ok := errors.AsType[*errs.Error](err)
	if ok && failure.Kind != errs.Internal {
		return failure
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errs.Wrapf(err, errs.Unavailable, "the request took too long")
	}
	return errs.Wrapf(err, errs.Internal, "")
}

// clientID returns the client's own X-Request-Id if it is safe to log, else "".
func clientID(r *http.Request) string {
	ids := r.Header["X-Request-Id"]
	if len(ids) != 1 || len(ids[0]) == 0 || len(ids[0]) > 64 {
		return ""
	}
	for _, c := range []byte(ids[0]) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '.', c == '-':
		default:
			return ""
		}
	}
	return ids[0]
}
