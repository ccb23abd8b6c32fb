package operation

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// tracesPage lists traces.
type tracesPage struct {
	Kinds            []choice
	Only             string
	Route, Statement string
	AtLeast          string
	Faults           []errs.Fault
	Traces           []traceRow
	Filtered         bool
	Trouble          string
	Elsewhere        string // nodes whose traces are not here
}

// A traceRow is a trace in the list.
type traceRow struct {
	*trace.Trace
	Page string // its address
	Kept bool   // the list does not know its statements
}

// Detail returns the path, unless the title ends with it.
func (r *traceRow) Detail() string {
	if strings.HasSuffix(r.Title(), " "+r.Path) {
		return ""
	}
	return r.Path
}

// Title returns the name of the work.
func (r *traceRow) Title() string {
	if r.Kept {
		return r.Route
	}
	return r.Name()
}

const (
	listedTraces = 100  // on the page
	allTraces    = 3000 // more than memory has: what the page leaves out must not push the others off
)

func (p *pages) traces(q *console.Request) error {
	values := q.HTTP().URL.Query()
	page := tracesPage{Elsewhere: p.elsewhere(), Only: values.Get("only"), Route: clip(values.Get("route")), Statement: clip(values.Get("statement")), AtLeast: clip(values.Get("min"))}
	f := trace.Filter{Route: page.Route, Statement: page.Statement, Limit: allTraces, Failed: page.Only == onlyFailed, Slow: page.Only == "slow"}
	if page.AtLeast != "" {
		var err error
		if f.AtLeast, err = parseSpan(page.AtLeast); err != nil {
			page.Faults = append(page.Faults, errs.Fault{Pointer: "/min", Detail: err.Error()})
		}
	}
	page.Filtered = f.Failed || f.Slow || page.Route != "" || page.Statement != "" || f.AtLeast > 0
	for _, kind := range [...]struct{ word, title string }{{"", "Recent"}, {"slow", "Slow"}, {onlyFailed, "Failed"}, {onlyKept, "Older slow and failed"}} {
		if kind.word == onlyKept && p.Kept == nil {
			continue
		}
		values := url.Values{}
		for name, text := range map[string]string{"only": kind.word, "route": page.Route, "statement": page.Statement, "min": page.AtLeast} {
			if text != "" {
				values.Set(name, text)
			}
		}
		page.Kinds = append(page.Kinds, choice{kind.title, addressOf(tracesPath, values), page.Only == kind.word})
	}
	if len(page.Faults) > 0 {
		return show(q, http.StatusUnprocessableEntity, "Traces", "traces.html", page)
	}
	if page.Only == onlyKept && p.Kept != nil {
		if err := p.addKept(q, &page, f); err != nil {
			return err
		}
		return show(q, http.StatusOK, "Traces", "traces.html", page)
	}
	for _, found := range p.Traces.Recent(f) {
		if len(page.Traces) == listedTraces {
			break
		}
		if page.Route == "" && slices.Contains(quietRoutes(), found.Route) {
			continue
		}
		page.Traces = append(page.Traces, traceRow{&found, tracesPath + "/" + url.PathEscape(found.ID), false})
	}
	return show(q, http.StatusOK, "Traces", "traces.html", page)
}

// addKept adds the traces of the archive.
func (p *pages) addKept(q *console.Request, page *tracesPage, f trace.Filter) error {
	var found []archive.Trace
	err := within(q, func(ctx context.Context) (err error) {
		now := p.Now()
		found, err = p.Kept.Traces(ctx, now.Add(-maxSpan), now.Add(time.Minute), listedTraces)
		return err
	})
	for _, each := range found {
		if (f.Route != "" && f.Route != each.Name) || each.Duration < f.AtLeast {
			continue
		}
		t := trace.Trace{Route: each.Name, Start: each.Start, Duration: each.Duration, Failed: each.Failed, Slow: !each.Failed}
		page.Traces = append(page.Traces, traceRow{&t, tracesPath + "/" + each.ID.String(), true})
	}
	page.Trouble, err = troubleOf(err)
	return err
}

// keptTrace returns a trace of the archive.
func (p *pages) keptTrace(q *console.Request, id telemetry.TraceID) (t trace.Trace, err error) {
	if p.Kept == nil {
		return t, errs.New(errs.NotFound, "there is no telemetry database")
	}
	err = within(q, func(ctx context.Context) error {
		found, err := p.Kept.Trace(ctx, id)
		if err != nil {
			return err
		}
		t, err = trace.Decode(found.Body)
		return err
	})
	return t, err
}

// tracePage is one trace.
type tracePage struct {
	tracePart
	Record string // address of its record
	Same   string // address of the other work of the trace
	Log    bool   // there is a log
}

// A tracePart is the waterfall of a trace.
type tracePart struct {
	*trace.Trace
	Bars []bar
	More int // statements that the trace did not keep
}

// A bar is one line of a waterfall.
type bar struct {
	trace.Bar
	X, Width string // in percent
	Other    bool   // not a statement
}

// leastWidth makes bars of short spans visible, in percent.
const leastWidth = 0.4

func newTracePart(t *trace.Trace) *tracePart {
	part := &tracePart{Trace: t}
	shown := 0
	for _, b := range t.Waterfall() {
		if b.Statement {
			shown++
		}
		width := max(leastWidth, b.Width)
		part.Bars = append(part.Bars, bar{b, percent(min(b.Left, 100-width)), percent(width), !b.Statement})
	}
	part.More = max(0, t.Statements-shown)
	return part
}

// End returns the end of the trace.
func (p *tracePart) End() time.Time { return p.Start.Add(p.Duration) }

func (p *pages) trace(q *console.Request) error {
	id := q.HTTP().PathValue("id")
	found, ok := p.Traces.ByID(id)
	if known, err := hex.DecodeString(id); !ok && err == nil && len(known) == len(telemetry.TraceID{}) {
		if found, err = p.keptTrace(q, telemetry.TraceID(known)); err == nil {
			ok = true
		} else if errs.KindOf(err) != errs.NotFound {
			return err
		}
	}
	if !ok {
		return p.lookElsewhere(errs.New(errs.NotFound, "this trace is not kept: memory has the last 2,000 traces, the telemetry database has slow and failed ones"))
	}
	same := addressOf(logsPath, url.Values{"trace": {found.Trace.String()}, "last": {"7d"}})
	return show(q, http.StatusOK, "Trace", "trace.html", tracePage{*newTracePart(&found), logsPath + "/" + url.PathEscape(found.ID), same, p.Records != nil})
}
