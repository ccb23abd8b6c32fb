package objective

import (
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Collector counts requests for the objectives of a model. It is a telemetry.Sink that never waits nor allocates.
type Collector struct {
	objectives []Objective
	counters   []*counter // of objectives, with the same index
	slos       []slo
	probe      *counter     // nil without a probe
	requests   atomic.Int64 // of users, to the API
}

// slo is an SLO of the model, ready to be compared with records.
type slo struct {
	all             bool // requests of the API
	routes          map[model.Route]bool
	tables          map[string]bool
	available, fast *counter // nil: not an objective
	below           time.Duration
}

// NewCollector returns a collector for the objectives of a model, as Of lists them.
func NewCollector(operate *model.Operate) *Collector {
	c := &Collector{objectives: Of(operate)}
	next := func() *counter {
		c.counters = append(c.counters, &counter{})
		return c.counters[len(c.counters)-1]
	}
	for _, declared := range operate.SLOs {
		s := slo{routes: map[model.Route]bool{}, tables: map[string]bool{}, below: declared.FastBelow}
		s.all = len(declared.Routes)+len(declared.Tables) == 0
		for _, text := range declared.Routes {
			s.routes[model.RouteOf(text)] = true
		}
		for _, table := range declared.Tables {
			s.tables[table] = true
		}
		if declared.Available > 0 {
			s.available = next()
		}
		if declared.FastShare > 0 {
			s.fast = next()
		}
		if s.available != nil || s.fast != nil {
			c.slos = append(c.slos, s)
		}
	}
	if operate.Probe.Every > 0 {
		c.probe = next()
	}
	return c
}

// Take implements telemetry.Sink.
func (c *Collector) Take(r *telemetry.Record) {
	switch {
	case r.Work == telemetry.WorkProbe && c.probe != nil:
		c.probe.count(r.Failed() || r.Status >= 400, r)
	case r.Work == telemetry.WorkRequest && isAPI(r.Path):
		c.requests.Add(1)
		for i := range c.slos {
			if s := &c.slos[i]; s.all || s.concerns(r) {
				s.count(r)
			}
		}
	}
}

func isAPI(path string) bool {
	return strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/auth/")
}

// concerns reports whether a request is one that the objective names.
func (s *slo) concerns(r *telemetry.Record) bool {
	if r.Route == "" {
		return s.concernsUnrouted(r)
	}
	at := model.Route{Pattern: r.Route}
	if strings.HasSuffix(r.Route, " "+model.RowsPath) || strings.HasSuffix(r.Route, " "+model.RowPath) {
		at.Table = r.Table
	}
	return s.routes[at] || (r.Table != "" && s.tables[r.Table])
}

// concernsUnrouted is concerns for a request that was refused before it had a route, because the server was too busy.
func (s *slo) concernsUnrouted(r *telemetry.Record) bool {
	rest, isData := strings.CutPrefix(r.Path, "/api/")
	table, _, hasID := strings.Cut(rest, "/")
	if isData && s.tables[table] {
		return true
	}
	for known := range s.routes {
		method, pattern, _ := strings.Cut(known.Pattern, " ")
		sameForm := strings.HasSuffix(pattern, "{id}") == hasID
		if method == r.Method && ((isData && known.Table == table && sameForm) || (known.Table == "" && pattern == r.Path)) {
			return true
		}
	}
	return false
}

// statusGone is the status of a request whose client went away.
const statusGone = 499

// count counts a request. Faults of the client are no failures of the server. A client that went away is one only if it had
// waited for too long.
func (s *slo) count(r *telemetry.Record) {
	gone := r.Status == statusGone
	failed := r.Failed() && !gone
	if s.available != nil && !gone {
		s.available.count(failed, r)
	}
	slow := r.Busy() > s.below
	if s.fast != nil && !failed && (slow || !gone) {
		s.fast.count(slow, r)
	}
}

// A counter counts the events of one objective until they are drained. Counting never waits.
type counter struct {
	good, bad     atomic.Uint64
	suspect       atomic.Uint64 // hash of the first caller with a bad event; 0: nobody had one
	suspectEvents atomic.Uint64
	many          atomic.Bool // another caller had one too
	quiet         int         // drains since a bad event; only drain uses it
}

func (c *counter) count(bad bool, r *telemetry.Record) {
	if bad {
		c.bad.Add(1)
	} else {
		c.good.Add(1)
	}
	suspect := c.suspect.Load()
	if suspect == 0 && !bad { // the usual case: no caller needs a hash
		return
	}
	hash := callerHash(r)
	if suspect == 0 && !c.suspect.CompareAndSwap(0, hash) {
		suspect = c.suspect.Load()
	}
	switch {
	case suspect == 0 || suspect == hash:
		c.suspectEvents.Add(1)
	case bad:
		c.many.Store(true)
	}
}

// forgetAfter is the number of drains without a bad event after which the suspect is forgotten: an hour.
const forgetAfter = 360

// drain returns the events since the last drain.
func (c *counter) drain() Counts {
	counts := Counts{Good: c.good.Swap(0), Bad: c.bad.Swap(0), Many: c.many.Swap(false)}
	caller, events := c.suspect.Load(), c.suspectEvents.Swap(0)
	if c.quiet++; counts.Bad > 0 {
		c.quiet = 0
	}
	if counts.Many || c.quiet >= forgetAfter {
		c.suspect.Store(0)
	}
	if !counts.Many && events > 0 {
		counts.Caller, counts.CallerEvents = caller, events
	}
	return counts
}

const anonymous = "anonymous"

// callerHash returns the FNV-1a hash of the caller, or of the address of an anonymous one. It is never 0.
func callerHash(r *telemetry.Record) uint64 {
	name := r.Caller
	if name == "" || name == anonymous {
		name = r.Remote
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
	}
	const offset, prime = 14695981039346656037, 1099511628211
	hash := uint64(offset)
	for i := range len(name) {
		hash = (hash ^ uint64(name[i])) * prime
	}
	return max(hash, 1)
}
