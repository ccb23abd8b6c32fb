package cost

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A counter counts the work of one entry.
type counter struct {
	of entry // kind and name

	units, offWire, statements, database, in, out atomic.Int64 // database: nanoseconds; offWire: units that no client sent
}

func (c *counter) take(r *telemetry.Record) {
	if !r.Idle {
		c.units.Add(1)
	}
	if r.Statements.Count > 0 {
		c.statements.Add(int64(r.Statements.Count))
		c.database.Add(int64(r.Statements.Took))
	}
	if r.Work == telemetry.WorkProbe {
		c.offWire.Add(1)
		return
	}
	if r.Received > 0 {
		c.in.Add(r.Received)
	}
	c.out.Add(r.Bytes)
}

// A count is what a counter counted since it was last emptied.
type count struct {
	entry
	onWire int64 // units that clients sent
}

// empty returns what was counted, and begins at zero.
func (c *counter) empty() (n count) {
	n.entry = c.of
	n.numbers[numberUnits] = c.units.Swap(0)
	n.numbers[numberStatements] = c.statements.Swap(0)
	n.numbers[numberDatabase] = c.database.Swap(0) / 1000
	n.numbers[numberIn], n.numbers[numberOut] = c.in.Swap(0), c.out.Swap(0)
	if n.kind == kindRoute || n.kind == kindKey {
		n.onWire = n.numbers[numberUnits] - c.offWire.Swap(0)
	}
	return n
}

// counters are counters by name. A counter is found without a lock.
type counters[K comparable] struct {
	byName atomic.Pointer[map[K]*counter] // a new map replaces it
	other  *counter                       // counts what has no counter of its own
	most   int                            // counters

	adding  sync.Mutex
	retired []*counter // no longer in the map, but a request may still hold one
}

func newCounters[K comparable](k kind, most int) *counters[K] {
	c := &counters[K]{other: &counter{of: entry{kind: k, name: Others}}, most: most}
	c.byName.Store(&map[K]*counter{})
	return c
}

// add adds a counter of a name. With too many counters it returns the other one.
func (c *counters[K]) add(name K, of entry) *counter {
	c.adding.Lock()
	defer c.adding.Unlock()
	known := *c.byName.Load()
	if found := known[name]; found != nil {
		return found
	}
	if len(known) >= c.most {
		return c.other
	}
	more := maps.Clone(known)
	of.name = strings.Clone(errs.Clip(of.name, maxName))
	added := &counter{of: of}
	more[name] = added
	c.byName.Store(&more)
	return added
}

// empty empties all counters, and returns the ones that counted something.
func (c *counters[K]) empty() (list []count) {
	c.adding.Lock()
	defer c.adding.Unlock()
	for _, one := range *c.byName.Load() {
		list = appendCount(list, one)
	}
	for _, one := range c.retired {
		list = appendCount(list, one)
	}
	c.retired = nil
	return appendCount(list, c.other)
}

func appendCount(list []count, c *counter) []count {
	if n := c.empty(); n.numbers != ([numbers]int64{}) {
		list = append(list, n)
	}
	return list
}

// retire removes the counters whose names are not among those to keep, so that others find room.
func (c *counters[K]) retire(keep func(K) bool) {
	c.adding.Lock()
	defer c.adding.Unlock()
	left := maps.Clone(*c.byName.Load())
	for name, one := range left {
		if !keep(name) {
			c.retired = append(c.retired, one)
			delete(left, name)
		}
	}
	c.byName.Store(&left)
}

// routeKey tells apart the counters of routes. The operation follows from the route.
type routeKey struct{ route, table string }

// Bounds of what is counted between two flushes. The busiest keys keep their counters, and the others make room.
const (
	maxKeys   = 128
	stayKeys  = 64
	maxRoutes = 1000
	maxJobs   = 100
)

// tally counts work. It implements telemetry.Sink.
type tally struct {
	routes *counters[routeKey]
	jobs   *counters[string]
	keys   *counters[string]
}

func newTally() *tally {
	return &tally{
		routes: newCounters[routeKey](kindRoute, maxRoutes),
		jobs:   newCounters[string](kindJob, maxJobs),
		keys:   newCounters[string](kindKey, maxKeys),
	}
}

// Take implements telemetry.Sink.
func (t *tally) Take(r *telemetry.Record) {
	if r.Work != telemetry.WorkRequest && r.Work != telemetry.WorkProbe {
		t.job(r)
		return
	}
	at := routeKey{r.Route, r.Table}
	found := (*t.routes.byName.Load())[at]
	if found == nil {
		found = t.routes.add(routeKey{strings.Clone(r.Route), strings.Clone(r.Table)}, routeEntry(r.Route, r.Table, r.Operation))
	}
	found.take(r)
	if r.Key == "" {
		return
	}
	if found = (*t.keys.byName.Load())[r.Key]; found == nil {
		found = t.keys.add(strings.Clone(r.Key), entry{kind: kindKey, name: r.Key})
	}
	found.take(r)
}

func (t *tally) job(r *telemetry.Record) {
	name := cmp.Or(r.Job, string(r.Work))
	found := (*t.jobs.byName.Load())[name]
	if found == nil {
		found = t.jobs.add(name, entry{kind: kindJob, name: name})
	}
	found.take(r)
}

// empty returns what was counted since the last call.
func (t *tally) empty() []count {
	keys := t.keys.empty()
	slices.SortFunc(keys, func(a, b count) int { return int(b.numbers[numberUnits] - a.numbers[numberUnits]) })
	busiest := map[string]bool{}
	for _, one := range keys[:min(stayKeys, len(keys))] {
		busiest[one.name] = true
	}
	t.keys.retire(func(key string) bool { return busiest[key] })
	return slices.Concat(t.routes.empty(), t.jobs.empty(), keys)
}
