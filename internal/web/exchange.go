package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// statusClientGone is what the log says of a request whose client went away before the answer. It is never sent.
const statusClientGone = 499

// exchange is one request and its answer. It is the context of the request, so that one allocation carries all of it.
type exchange struct {
	deadline
	client context.Context // the context of the connection: ends when the client goes away
	caller caller.Caller
	record telemetry.Request
	out    response
	id     [1]string // of the request, as the value of a header
}

// The values of headers that are the same in every answer. Nothing changes them: who adds to one makes another.
var (
	noSniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	typeJSON   = []string{"application/json"}
)

type exchangeKey struct{}

func (x *exchange) Value(key any) any {
	if key == (exchangeKey{}) {
		return x
	}
	return x.deadline.Value(key)
}

func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// Caller returns who asks. Outside of Wrap that is anonymous.
func Caller(r *http.Request) caller.Caller {
	if x := exchangeOf(r); x != nil {
		return x.caller
	}
	return caller.Caller{}
}

// Record returns what will be logged about the request, so that a handler can add the table. It belongs to the
// goroutine of the handler.
func Record(r *http.Request) *telemetry.Request {
	if x := exchangeOf(r); x != nil {
		return &x.record
	}
	return &telemetry.Request{}
}

// Wrap makes a handler that net/http can serve: it gives the request an id, a deadline and a caller, answers errors and
// panics as problem documents, and logs one line.
func (s *Web) Wrap(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		x := &exchange{client: r.Context()}
		x.record = telemetry.Request{
			ID: rand.Text(), ClientID: clientID(r), Method: errs.Clip(r.Method, 32), Path: errs.Clip(r.URL.Path, 1024), Remote: r.RemoteAddr,
		}
		x.out = response{ResponseWriter: w, head: r.Method == http.MethodHead, accepts: r.Header["Accept-Encoding"]}
		x.parent, x.at = x.client, start.Add(s.timeout)
		defer x.end()
		r = r.WithContext(x)

		abort := s.answer(x, r, h)

		x.record.Route = r.Pattern
		x.record.Caller = x.caller.String()
		x.record.Bytes = x.out.bytes
		x.record.Duration = time.Since(start)
		x.record.Log(s.log)
		if abort {
			panic(http.ErrAbortHandler) // net/http closes the connection and prints nothing
		}
	})
}

// answer runs the handler and answers for it where it did not. It says whether the connection must be aborted.
func (s *Web) answer(x *exchange, r *http.Request, h Handler) (abort bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler {
			x.record.Status, abort = x.out.status, true
			return
		}
		x.record.Stack = string(debug.Stack())
		abort = s.finish(x, r, errs.Wrapf(fmt.Errorf("%v", p), errs.Internal, "panic"))
	}()
	return s.finish(x, r, s.handle(x, r, h))
}

// handle does what comes before the handler, in order.
func (s *Web) handle(x *exchange, r *http.Request, h Handler) (err error) {
	header := x.out.Header()
	// By their canonical names: Set looks at every letter, and allocates for each.
	x.id[0] = x.record.ID
	header["X-Request-Id"], header["X-Content-Type-Options"] = x.id[:], noSniff
	header["Referrer-Policy"], header["Cache-Control"] = noReferrer, noStore
	if s.cors(&x.out, r) {
		return nil
	}
	if slices.Contains(s.probes, r.URL.Path) {
		return h(&x.out, r)
	}
	defer s.atWork.Add(-1)
	if s.atWork.Add(1) > s.most {
		return errs.New(errs.Unavailable, "the server has too much to do")
	}
	if x.caller, err = s.identify(r); err != nil {
		return err
	}
	x.caller = x.caller.From(r.RemoteAddr)
	return h(&x.out, r)
}

// finish answers an error, unless the handler has answered already or nobody listens any more.
func (s *Web) finish(x *exchange, r *http.Request, err error) (abort bool) {
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
		x.record.Kind = errs.KindOf(err)
		return true
	}
	e := public(err)
	x.record.Kind = kindOf(e.Kind).Kind
	x.record.Status = writeProblem(&x.out, r, e, x.record.ID)
	return false
}

// public turns any error into one that has a kind. What is internal only because time ran out is not our fault.
func public(err error) *errs.Error {
	e, ok := errors.AsType[*errs.Error](err)
	if ok && e.Kind != errs.Internal {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return errs.Wrapf(err, errs.Unavailable, "the request took too long")
	}
	return errs.Wrapf(err, errs.Internal, "")
}

// clientID returns the client's own id of the request, where it cannot do harm in a log.
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
