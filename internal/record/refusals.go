package record

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

func isRefusal(err error) bool {
	switch errs.KindOf(err) {
	case errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.Conflict, errs.Stale, errs.Invalid:
		return true
	}
	return false
}

const (
	manyRefusals = 8           // in refusalsTime, after which a caller's writes are functions for the rest of it
	refusalsTime = time.Second // from the first of them
	maxRefused   = 4096        // callers that are remembered; then all are forgotten
)

// refusals counts how often callers were refused of late. The zero value is ready.
type refusals struct {
	ignored bool // by a test that wants scripts to be refused

	any atomic.Bool // callers were refused; most of the time none was

	mu sync.RWMutex
	of map[string]refused
}

type refused struct {
	since time.Time
	times int
}

func (r *refusals) often(who caller.Caller, now time.Time) bool {
	if r.ignored || !r.any.Load() {
		return false
	}
	id, _ := who.ID() // "" for all who said nothing
	r.mu.RLock()
	defer r.mu.RUnlock()
	e := r.of[id]
	return e.times >= manyRefusals && now.Sub(e.since) < refusalsTime
}

func (r *refusals) note(who caller.Caller, now time.Time) {
	id, _ := who.ID()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= maxRefused {
		r.of = map[string]refused{}
	}
	e := r.of[id]
	if now.Sub(e.since) >= refusalsTime {
		e = refused{since: now}
	}
	e.times++
	r.of[id] = e
	r.any.Store(true)
}
