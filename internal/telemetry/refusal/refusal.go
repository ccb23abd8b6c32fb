// Package refusal remembers which clients were refused lately, and by which limit.
//
// The files form layers: refusal.go takes records and answers questions, table.go holds the clients in bounded memory,
// minutes.go counts over time.
package refusal

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Client is who was refused, in the unit that the limit counts. One of the fields is set.
type Client struct {
	Address string // of an anonymous client, or of any client of a limit per address; a /64 network of IPv6 is one
	Caller  string // text of caller.Caller
	Key     string // id of an API key, of a limit per key
}

// A Row says how often a limit refused a client.
type Row struct {
	Limit string // name of the limit, or of the bound of the server
	Client
	Count uint64
	Last  Request
}

// A Request is the last request that was refused.
type Request struct {
	At           time.Time
	Method, Path string // the path is clipped
	Remote       string // address of the client
	Key          string // id of the API key that the client came with
}

// Clients remembers who was refused in the last hour. It is a telemetry.Sink.
type Clients struct {
	units map[string]model.LimitUnit

	mu    sync.Mutex
	table table
	all   minutes
}

// New returns Clients that know the limits of a model.
func New(limits *model.Limits) *Clients {
	c := &Clients{units: map[string]model.LimitUnit{}, table: newTable()}
	for i := range limits.Rules {
		c.units[limits.Rules[i].Name] = limits.Rules[i].Per
	}
	return c
}

// The longest texts that are kept, in characters.
const (
	maxPath = 120
	maxName = 200
)

// Take implements telemetry.Sink. Only a request that was refused takes time.
func (c *Clients) Take(r *telemetry.Record) {
	if r.Limit == "" || r.Work != telemetry.WorkRequest {
		return
	}
	last := Request{
		At: r.Start.Add(r.Duration), Method: r.Method, Path: errs.Clip(r.Path, maxPath), Remote: hostOf(r.Remote), Key: r.Key,
	}
	of := name{r.Limit, c.clientOf(r)}
	c.mu.Lock()
	defer c.mu.Unlock()
	minute := minuteOf(last.At)
	c.all.add(minute)
	e := c.table.entry(of, minute)
	e.minutes.add(minute)
	e.last = last
}

// clientOf returns who the limit of a record counts.
func (c *Clients) clientOf(r *telemetry.Record) Client {
	unit := c.units[r.Limit]
	switch {
	case unit == model.PerKey && r.Key != "":
		return Client{Key: errs.Clip(r.Key, maxName)}
	case unit == model.PerAddress || r.CallerKind == caller.KindAnonymous.String():
		return Client{Address: networkOf(r.Remote)}
	}
	return Client{Caller: errs.Clip(r.Caller, maxName)}
}

// networkOf writes an address as limits tell addresses apart.
func networkOf(remote string) string {
	ip := caller.Network(remote)
	switch {
	case !ip.IsValid():
		return errs.Clip(remote, maxName)
	case ip.Is6() && !ip.IsLoopback():
		return netip.PrefixFrom(ip, 64).String()
	}
	return ip.String()
}

// hostOf returns an address without its port.
func hostOf(remote string) string {
	if at, err := netip.ParseAddrPort(remote); err == nil {
		return at.Addr().String()
	}
	return errs.Clip(remote, maxName)
}

// Between returns who was refused between two times, the most often refused first. It knows the hour before now. all counts the
// refusals of everybody: more than the sum of the rows if some clients were forgotten.
func (c *Clients) Between(from, now time.Time) (rows []Row, all uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first, last := minuteOf(from), minuteOf(now)
	for e := range c.table.all() {
		if n := e.minutes.since(first, last); n > 0 {
			rows = append(rows, Row{e.of.limit, e.of.client, n, e.last})
		}
	}
	slices.SortFunc(rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), y.Last.At.Compare(x.Last.At), cmp.Compare(x.Limit, y.Limit))
	})
	return rows, c.all.since(first, last)
}
