package record

import (
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/cache"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	manyRefusals = 8           // a caller with so many refusals in refusalsTime writes by functions
	refusalsTime = time.Second // from the first refusal
	maxRefused   = 4096        // callers that are remembered
)

// refusals counts the refused writes of callers and of ended sessions. It is safe for concurrent use.
type refusals struct {
	ignored bool // for tests that want scripts to be refused

	any   atomic.Bool // a caller was refused; usually none was
	known *cache.Recent[refusalKey, refused]
}

// refused counts the refusals of one caller.
type refused struct {
	since time.Time
	times int
}

func newRefusals() *refusals {
	return &refusals{known: cache.NewRecent[refusalKey, refused](maxRefused, nil)}
}

// often reports whether the writes of a caller were refused often of late.
func (r *refusals) often(who caller.Caller, now time.Time) bool {
	if r.ignored || !r.any.Load() {
		return false
	}
	return r.isOften(keyOf(who), now) || r.isOften(proofKey(who), now)
}

func (r *refusals) isOften(key refusalKey, now time.Time) bool {
	e, _ := r.known.Get(key)
	return e.times >= manyRefusals && now.Sub(e.since) < refusalsTime
}

// note counts a refusal under keyOf or proofKey. Two at the same moment may count as one.
func (r *refusals) note(key refusalKey, now time.Time) {
	e, _ := r.known.Get(key)
	if now.Sub(e.since) >= refusalsTime {
		e = refused{since: now}
	}
	e.times++
	r.known.Put(key, e)
	r.any.Store(true)
}

// A refusalKey is whose refusals are counted together: a client's, or an ended session's.
type refusalKey struct {
	client caller.Client
	proof  string // id of the session; "" for all others
}

// keyOf returns the key of a caller. Anonymous callers are told apart by their address.
func keyOf(who caller.Caller) refusalKey { return refusalKey{client: who.Client()} }

// proofKey returns the key of a caller whose session has ended. The other sessions of the user have keys of their own, so
// that an ended one does not slow them down.
func proofKey(who caller.Caller) refusalKey {
	return refusalKey{client: who.Client(), proof: "ended " + who.Proof().ID}
}

// isRefusal reports whether an error is about the request, not about the server.
func isRefusal(err error) bool {
	switch errs.KindOf(err) {
	case errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Conflict, errs.Stale, errs.Invalid:
		return true
	}
	return false
}
