// Package limit decides whether a request may proceed, or whether its address, caller or key has asked too often.
//
// The files form layers. From the top down:
//   - limit.go applies the rules to a request, header.go says in words what they allow.
//   - rule.go decides which requests a rule is about.
//   - shard.go holds the buckets that one lock guards, table.go their memory.
//   - keeper.go saves quotas for the next start, in the form of state.go.
//   - ledger.go is what nodes that share their limits ask. sharing.go decides when a request needs it, share.go what a node
//     knows of one shared bucket. asker.go does the asking.
//   - gcra.go is the arithmetic of one bucket, hash.go gives buckets their keys.
//
// The caller passes the time, which should come from a monotonic clock.
package limit

import (
	"fmt"
	"log/slog"
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// Config configures a Limiter. The zero value works.
type Config struct {
	Bytes  int          // most memory of all buckets; default: 32 MiB
	File   string       // keeps quotas over restarts; default: nothing does
	Logger *slog.Logger // default: no log

	Ledger   Ledger        // of limits that nodes share; default: the node counts by itself
	Secret   [32]byte      // names the buckets of Ledger: the same on all nodes of an app, and known to nobody else
	Patience time.Duration // how long a request waits for Ledger; default: 50 ms
}

// defaultBytes holds 500,000 buckets that are not full before the first one is forgotten, and at most 2,097,152.
const defaultBytes = 32 << 20

// cellBytes is the size of a cell.
const cellBytes = 16

// maxRules is how many rules fit into a set of rules.
const maxRules = 64

// A Limiter applies the rules of a model. It is safe for concurrent use.
type Limiter struct {
	cfg      Config
	rules    []rule
	early    rules // that Arrive applies
	late     rules // that Admit applies
	shown    rules // that answers without a refusal tell of
	hash     hashKey
	epoch    time.Time
	shards   [shards]shard
	refusals []atomic.Uint64 // by rule
	policies policies
	asker    *asker // nil: limits are not shared
}

// rules is a set of rules, by their index.
type rules uint64

// New returns a Limiter for the rules of a model. It panics if there are more than 64: the loader refuses such models.
func New(limits *model.Limits, cfg Config) *Limiter {
	if len(limits.Rules) > maxRules {
		panic(fmt.Sprintf("limit: %d rules", len(limits.Rules)))
	}
	if cfg.Bytes == 0 {
		cfg.Bytes = defaultBytes
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Ledger != nil {
		cfg.File = "" // the ledger keeps the quotas
	}
	state, secret := load(cfg)
	l := &Limiter{cfg: cfg, hash: secret, epoch: time.Now(), refusals: make([]atomic.Uint64, len(limits.Rules))}
	if cfg.Ledger != nil {
		l.hash = hashKeyOf(cfg.Secret)
		l.asker = newAsker(cfg, l.epoch)
	}
	for i, declared := range limits.Rules {
		r := newRule(declared, l.hash)
		if r.isEarly() {
			l.early |= 1 << i
		} else {
			l.late |= 1 << i
		}
		if !r.SparesLoopback {
			l.shown |= 1 << i
		}
		l.rules = append(l.rules, r)
	}
	for i := range l.shards {
		l.shards[i].table = newTable(cfg.Bytes / cellBytes / shards)
		l.shards[i].atWork = map[uint64]int{}
	}
	if state != nil {
		l.restore(state, time.Now())
	}
	return l
}

// A Request is a request as far as limits are concerned. The fields below Address are set before Admit. The same Request
// is passed to all methods that concern a request, by one goroutine at a time.
type Request struct {
	Address   netip.Addr      // as caller.Network returns it; an invalid one counts as this machine
	Proxied   bool            // a proxy may stand between: an address of this machine may be the proxy's
	Client    caller.Client   // of the caller; zero: an anonymous caller, who counts by its address
	KeyID     string          // of the caller's API key; "": none
	Scopes    []string        // names of the key's scopes
	Route     string          // pattern of the route
	Table     string          // of a route of data
	Operation model.Operation // of a route of data

	hashes  [units]uint64
	met     rules // that apply
	early   rules // that Arrive has charged
	late    rules // that Admit has charged
	holding rules // that count the request as at work
	tight   State
}

func (r *Request) isLocal() bool {
	return !r.Proxied && (!r.Address.IsValid() || r.Address.IsLoopback())
}

// A Refusal says which rule has no room for a request.
type Refusal struct {
	Limit    string        // name of the rule
	Rate     model.Rate    // that has no room; zero if too many requests are at work
	InFlight int           // requests that may be at work; 0 if a rate has no room
	Wait     time.Duration // until there may be room
	TooMany  bool          // the rate never has room for so many operations at once
}

// Arrive applies the rules that look at nothing but the address. It charges all of them, or none if one refuses.
func (l *Limiter) Arrive(now time.Time, r *Request) (Refusal, bool) {
	if l.early == 0 {
		return Refusal{}, true
	}
	r.hashes[byAddress] = l.hashAddress(r.Address)
	some := l.applicable(l.early, r)
	r.met |= some
	refusal, ok := l.charge(now, r, some, &costs{each: 1}, true)
	if ok {
		r.early = some
	}
	return refusal, ok
}

// Admit applies the other rules. It charges all of them. If one refuses, it charges none, and gives back what Arrive has
// charged.
func (l *Limiter) Admit(now time.Time, r *Request) (Refusal, bool) {
	if l.late == 0 {
		return Refusal{}, true
	}
	if r.hashes[byAddress] == 0 {
		r.hashes[byAddress] = l.hashAddress(r.Address)
	}
	r.hashes[byCaller] = r.hashes[byAddress]
	if r.Client != (caller.Client{}) {
		r.hashes[byCaller] = l.hashClient(r.Client)
	}
	if r.KeyID != "" {
		r.hashes[byKey] = l.hashKeyID(r.KeyID)
	}
	some := l.applicable(l.late, r)
	r.met |= some
	refusal, ok := l.charge(now, r, some, &costs{each: 1}, true)
	if ok {
		r.late = some
	} else {
		l.giveBack(now, r)
	}
	return refusal, ok
}

// More charges further operations of the kind of a request to all rules that have charged it, or to none if one refuses.
func (l *Limiter) More(now time.Time, r *Request, operations int) (Refusal, bool) {
	if operations <= 0 {
		return Refusal{}, true
	}
	return l.charge(now, r, r.early|r.late, &costs{each: int64(operations)}, false)
}

// Work is some operations of one kind in a request.
type Work struct {
	Table     string
	Operation model.Operation
	Count     int
}

// Charge charges a request for all the work in it, instead of for one operation. A rule counts the work that it would
// count as requests of their own, also if it is not about the request that brings them. If a rule refuses, none is
// charged.
func (l *Limiter) Charge(now time.Time, r *Request, all []Work) (Refusal, bool) {
	byRule := costs{byRule: &[maxRules]int64{}}
	var some rules
	for i := range l.rules {
		cost := l.rules[i].costOf(r, all)
		if cost > 0 && (r.early|r.late)&(1<<i) != 0 {
			cost-- // of the request itself
		}
		if cost > 0 {
			some |= 1 << i
			byRule.byRule[i] = cost
		}
	}
	r.met |= some
	return l.charge(now, r, some, &byRule, false)
}

// Done ends a request: it is no longer at work.
func (l *Limiter) Done(r *Request) {
	for each := r.holding; each != 0; each &= each - 1 {
		rule := &l.rules[bits.TrailingZeros64(uint64(each))]
		hash := r.hashes[rule.unit]
		s := l.shard(hash)
		s.mu.Lock()
		s.leave(hash ^ rule.inFlight.salt)
		s.mu.Unlock()
	}
	r.holding = 0
}

// applicable returns the rules among some that are about a request.
func (l *Limiter) applicable(some rules, r *Request) (all rules) {
	for each := some; each != 0; each &= each - 1 {
		i := bits.TrailingZeros64(uint64(each))
		if l.rules[i].applies(r) {
			all |= 1 << i
		}
	}
	return all
}

func (l *Limiter) shard(hash uint64) *shard { return &l.shards[hash>>(64-6)] }

// The first byte of a hashed name tells addresses, callers and keys apart.

func (l *Limiter) hashAddress(address netip.Addr) uint64 {
	var name [17]byte
	bytes := address.As16()
	copy(name[1:], bytes[:])
	return l.hash.sum(name[:])
}

func (l *Limiter) hashClient(client caller.Client) uint64 {
	var space [64]byte
	return l.hash.sum(client.AppendTo(append(space[:0], 1)))
}

func (l *Limiter) hashKeyID(id string) uint64 {
	var space [64]byte
	return l.hash.sum(append(append(space[:0], 2), id...))
}
