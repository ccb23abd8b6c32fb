package cost

import (
	"cmp"
	"slices"
	"time"
)

// Usage is CPU time of work with the same labels, as a profile tells it.
type Usage struct {
	Route, Table, Operation, Key, Job string // of the work; empty if it has none

	Part string // name of CPU time without labels
	Way  Way    // how it is shared

	CPU time.Duration
}

// A Way is how CPU time without labels is shared among routes and jobs.
type Way byte

const (
	Apart  Way = iota // not at all
	ByCPU             // by their own CPU time: garbage is collected for all
	ByUnit            // by the number of requests: each is read from a connection
)

// A pass is what happened between two flushes.
type pass struct {
	counts   []count
	usage    []Usage
	profiled bool          // usage is known
	cpu      time.Duration // of the process
	in, out  int64         // bytes on the connections of the process
}

// A load is an entry of a pass that gets a share of what all have in common.
type load struct {
	entry
	onWire int64 // requests that came over a connection
}

// sheet returns the entries of a pass, each with its share.
func (p *pass) sheet() sheet {
	loads, parts := p.loads(), p.parts()
	share(loads, parts)
	p.shareBytes(loads)
	s := sheet{p.process()}
	s = append(s, parts...)
	for i := range loads {
		s = append(s, loads[i].entry)
	}
	return s.tidy()
}

// process returns the entry of the whole process.
func (p *pass) process() entry {
	e := entry{kind: kindProcess}
	e.numbers[numberCPU] = p.cpu.Microseconds()
	e.numbers[numberIn], e.numbers[numberOut] = p.in, p.out
	return e
}

// parts returns the CPU time without labels. What nobody shares keeps it.
func (p *pass) parts() (parts sheet) {
	for i := range p.usage {
		u := &p.usage[i]
		if u.Job != "" || u.Route != "" || u.Part == "" {
			continue
		}
		part := entry{kind: kindPart, name: u.Part}
		part.numbers[numberOwn] = u.CPU.Microseconds()
		part.numbers[numberUnits] = int64(u.Way)
		parts = append(parts, part)
	}
	return parts
}

// loads returns what was counted, with its own CPU time.
func (p *pass) loads() (loads []load) {
	for _, n := range p.counts {
		if p.profiled {
			n.numbers[numberProfiled] = n.numbers[numberUnits]
		}
		loads = append(loads, load(n))
	}
	for i := range p.usage {
		u := &p.usage[i]
		switch {
		case u.Job != "":
			loads = addOwn(loads, entry{kind: kindJob, name: u.Job}, u.CPU)
		case u.Route != "":
			loads = addRoute(loads, u)
		}
		if u.Key != "" {
			loads = addOwn(loads, entry{kind: kindKey, name: u.Key}, u.CPU)
		}
	}
	return loads
}

// addOwn adds CPU time to the entry with the name of e, or makes that entry.
func addOwn(loads []load, e entry, cpu time.Duration) []load {
	i := slices.IndexFunc(loads, func(l load) bool { return compare(l.entry, e) == 0 })
	if i < 0 {
		i = len(loads)
		loads = append(loads, load{entry: e})
	}
	loads[i].numbers[numberOwn] += cpu.Microseconds()
	return loads
}

// addRoute adds CPU time to the entry of a route and a table. Before a request knows its table, it has only a route: that time
// is shared by all tables of the route.
func addRoute(loads []load, u *Usage) []load {
	var same []*load
	units := int64(0)
	for i := range loads {
		l := &loads[i]
		route, table, operation := l.parts()
		switch {
		case l.kind != kindRoute || route != u.Route:
		case table == u.Table:
			return addOwn(loads, routeEntry(route, table, operation), u.CPU)
		case u.Table == "":
			same, units = append(same, l), units+l.numbers[numberUnits]
		}
	}
	if units == 0 {
		return addOwn(loads, routeEntry(u.Route, u.Table, u.Operation), u.CPU)
	}
	for _, l := range same {
		l.numbers[numberOwn] += int64(float64(u.CPU.Microseconds()) * float64(l.numbers[numberUnits]) / float64(units))
	}
	return loads
}

// share gives each entry its share of the parts. Each CPU time of routes and jobs is in one entry of their kind, and the time of
// keys is in one more.
func share(loads []load, parts sheet) {
	var byCPU, byUnit, own, units int64
	for i := range parts {
		switch part := &parts[i]; Way(part.numbers[numberUnits]) {
		case ByCPU:
			byCPU += part.numbers[numberOwn]
		case ByUnit:
			byUnit += part.numbers[numberOwn]
		default:
			own += part.numbers[numberOwn]
		}
	}
	for i := range loads {
		if l := &loads[i]; l.kind == kindRoute || l.kind == kindJob {
			own, units = own+l.numbers[numberOwn], units+l.onWire
		}
	}
	// Connections are work like any other: garbage is collected for them too.
	factor := 1 + float64(byCPU)/float64(max(1, own+byUnit))
	each := float64(byUnit) / float64(max(1, units)) * factor
	for i := range loads {
		n := &loads[i].numbers
		n[numberCPU] = int64(float64(n[numberOwn])*factor + each*float64(loads[i].onWire))
	}
	for i := range parts {
		n := &parts[i].numbers
		if way := Way(n[numberUnits]); way == Apart || (way == ByUnit && units == 0) {
			n[numberCPU] = int64(float64(n[numberOwn]) * factor)
		}
		n[numberUnits] = 0
	}
}

// shareBytes gives each request the same share of the bytes that are in no body: headers, and requests that were cut.
func (p *pass) shareBytes(loads []load) {
	units, in, out := int64(0), p.in, p.out
	for i := range loads {
		if l := &loads[i]; l.kind == kindRoute {
			units += l.onWire
			in, out = in-l.numbers[numberIn], out-l.numbers[numberOut]
		}
	}
	for i := range loads {
		l := &loads[i]
		l.numbers[numberIn] += max(0, in) * l.onWire / cmp.Or(units, 1)
		l.numbers[numberOut] += max(0, out) * l.onWire / cmp.Or(units, 1)
	}
}
