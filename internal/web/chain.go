package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web/netconn"
)

// Handler returns the handler of a server with the routes of m. Each request takes the steps of the chain; then m finds
// its route.
func (rc *Receiver) Handler(m *Mux) http.Handler {
	next := rc.chain(m.Serve)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = rc.base.enter(r)
		from := origin{probe: m.isProbe(r.URL.Path), base: rc.base}
		from.client, from.proxied = rc.proxies.client(r)
		rc.receive(w, r, from, next)
	})
}

// An origin is where a request comes from.
type origin struct {
	client  string        // address
	proxied bool          // a trusted proxy sent the request
	probe   bool          // the route is of class Probe
	base    base          // path below which the client sees the app
	caller  caller.Caller // anonymous until authenticate knows better
}

// chain returns next with the steps before it, in the order of a request.
func (rc *Receiver) chain(next Handler) Handler {
	steps := [...]func(Handler) Handler{
		setHeaders,      // the id of the request, and the headers of all answers
		rc.allowOrigin,  // answers CORS preflights
		rc.limitAddress, // refuses a request when its address asks too often
		rc.limit,        // refuses a request when too many are at work
		rc.authenticate,
		rc.takeTurn, // waits while many requests of the caller compute; Mux applies the other limits, when it knows the route
	}
	for _, step := range slices.Backward(steps[:]) {
		next = step(next)
	}
	return next
}

// receive gives a request an id and a deadline, answers the errors and panics of next, and logs one line.
func (rc *Receiver) receive(w http.ResponseWriter, r *http.Request, from origin, next Handler) {
	start := time.Now()
	x := &exchange{client: r.Context(), timeout: rc.timeout, probe: from.probe, explain: rc.explain, proxied: from.proxied, relayed: rc.relayed, labeler: rc.labeler}
	rc.begin(&x.record, r, start, from.client)
	x.out = response{ResponseWriter: w, base: from.base, client: r.Context(), head: r.Method == http.MethodHead, accepts: r.Header["Accept-Encoding"]}
	x.parent, x.at = x.client, start.Add(rc.timeout)
	x.caller = from.caller.From(from.client)
	x.record.Queue = netconn.Queued(x.client)
	defer x.end()
	r = r.WithContext(x)
	r.RemoteAddr = from.client
	if r.ContentLength != 0 {
		x.in.ReadCloser = r.Body
		x.out.in, x.out.inLength = &x.in, r.ContentLength
		r.Body = &x.in
	}

	abort := rc.answer(x, r, next)
	if x.rest != nil && !abort {
		rc.hold(x, r)
		return
	}
	rc.complete(x, r)
	if abort {
		panic(http.ErrAbortHandler) // net/http closes the connection and prints nothing
	}
}

// complete notes a request that has ended.
func (rc *Receiver) complete(x *exchange, r *http.Request) {
	if x.record.Route = r.Pattern; r.Pattern == "" {
		x.label("", "", "")
	}
	if x.record.Caller == "" {
		x.record.Caller = x.caller.String()
	}
	x.record.CallerKind = x.caller.Kind().String()
	x.record.Key, _ = x.caller.APIKey()
	x.record.Received, x.record.Bytes = x.in.bytes, x.out.bytes
	x.record.Duration = time.Since(x.record.Start)
	rc.records.Add(&x.record)
}

// begin fills the new record of a request with what is known at its start.
func (rc *Receiver) begin(record *telemetry.Record, r *http.Request, start time.Time, client string) {
	record.Work = telemetry.WorkRequest
	if r.RemoteAddr == probeAddress {
		record.Work = telemetry.WorkProbe
	}
	record.Start, record.Weight = start, 1
	record.ID, record.ClientID, record.Remote = rand.Text(), clientID(r), client
	record.Method, record.Path = errs.Clip(r.Method, 32), errs.Clip(r.URL.Path, 1024)
	record.Join(traceparent(r))
	if record.Parent == (telemetry.SpanID{}) {
		record.Sampled = rc.sample(record.Trace)
	}
	record.Statements.Begin(start)
}

// traceparent returns the span that a request says it belongs to. Baggage is never read: nobody needs it here, and its size
// is up to the client.
func traceparent(r *http.Request) telemetry.TraceContext {
	values := r.Header["Traceparent"]
	if len(values) != 1 {
		return telemetry.TraceContext{}
	}
	parent, _ := telemetry.ParseTraceparent(values[0])
	return parent
}

// answer runs next and answers its error or panic. It reports whether the connection must be aborted.
func (rc *Receiver) answer(x *exchange, r *http.Request, next Handler) (abort bool) {
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
		abort = x.finish(r, errs.Wrapf(fmt.Errorf("%v", p), errs.Internal, "panic"))
	}()
	return x.finish(r, next(&x.out, r))
}

// Values of headers shared by all answers. Nothing changes these slices: code that adds a value copies them.
var (
	noSniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	aYear      = []string{"max-age=31536000"} // for Strict-Transport-Security
	typeJSON   = []string{"application/json"}
)

// setHeaders sets the headers of all answers. It writes to the map by canonical names, since Header.Set inspects
// every letter and allocates a slice for each value.
func setHeaders(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r)
		x.id[0] = x.record.ID
		header := w.Header()
		header["X-Request-Id"], header["X-Content-Type-Options"] = x.id[:], noSniff
		header["Referrer-Policy"], header["Cache-Control"] = noReferrer, noStore
		if r.TLS != nil && isPublicName(r.Host) {
			header["Strict-Transport-Security"] = aYear
		}
		return next(w, r)
	}
}

// meet notes the caller as one that has come.
func (rc *Receiver) meet(x *exchange) {
	x.unit = x.caller.Client()
	x.isNew = rc.known.Came(x.unit)
}

// limit bounds the requests at work, of all clients and of each. The client is an address until authenticate knows its
// caller. Probes pass: a supervisor must get its answer from a busy server too.
func (rc *Receiver) limit(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r)
		rc.meet(x)
		if x.probe {
			return next(w, r)
		}
		take := rc.places.Take
		if x.isNew {
			take = rc.places.TakeLeaving
		}
		var err error
		if x.place, err = take(x.unit, 1); err != nil {
			if x.isNew {
				rc.known.Waited(x.unit)
			}
			return x.refusePlace(err)
		}
		defer x.place.Give()
		return next(w, r)
	}
}

// refusePlace refuses a request that gets no place among those at work.
func (x *exchange) refusePlace(cause error) error {
	if errors.Is(cause, admit.ErrShare) {
		x.record.Refuse("max-concurrent-share")
		return errs.New(errs.Unavailable, "too many of your requests are at work, while the server is nearly full: wait for their answers")
	}
	x.record.Refuse("max-concurrent")
	return errs.New(errs.Unavailable, "the server has too many requests at work: try again")
}

// authenticate finds the caller, whose place it is from then on. A probe has none.
func (rc *Receiver) authenticate(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r)
		if x.probe {
			return next(w, r)
		}
		who, err := rc.identify(r)
		if err != nil {
			return err
		}
		x.caller = who.From(r.RemoteAddr)
		if !who.IsAnonymous() {
			address, fromNew := x.unit, x.isNew
			if rc.meet(x); fromNew && !x.isNew {
				rc.known.Vouch(x.unit, address)
			}
		}
		if x.place.Counted() {
			if err := x.place.Move(x.unit); err != nil {
				return x.refusePlace(err)
			}
		}
		return next(w, r)
	}
}

// takeTurn waits if too many requests of the caller compute, or of all newcomers together, and others come.
func (rc *Receiver) takeTurn(next Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r)
		if x.probe {
			return next(w, r)
		}
		if x.unit == (caller.Client{}) { // a request from inside
			rc.meet(x)
		}
		unit := x.unit
		if x.isNew {
			unit = caller.Newcomers
		}
		rc.turns.Enter(&x.turn, unit)
		if x.isNew && x.turn.Waited() > 0 {
			rc.known.Waited(x.unit)
		}
		defer func() {
			x.turn.Leave()
			x.record.Queue += x.turn.Waited()
		}()
		return next(w, r)
	}
}
