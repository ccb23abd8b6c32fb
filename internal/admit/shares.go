package admit

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Shares divides a number of units among clients, such as places for requests or bytes of memory. Nobody waits for units.
//
// A client may have three times as many units as are free, of all but a reserve. The reserve, an eighth of all, is for clients
// that have nothing yet. So one client alone gets seven tenths, and a few clients that take all they can leave something for
// many that come later. The first quarter is not divided: while three quarters are free, it costs one atomic addition to take a
// unit. Shares is safe for concurrent use.
type Shares[K comparable] struct {
	total     int64
	undivided int64 // units that anybody may take without being counted
	reserve   int64 // the last units, for clients that have none
	taken     atomic.Int64
	admitted  atomic.Int64 // times that somebody got units
	refused   atomic.Int64

	mu  sync.Mutex
	own map[K]int64 // counted units of each client
}

// ErrFull is the error of Take if too few units are left, and ErrShare if there are some, but the client has its share.
var (
	ErrFull  = errors.New("nothing is left")
	ErrShare = errors.New("the client has its share already")
)

// perFree is how many units a client may have for each one that is free, beside the reserve.
const perFree = 3

// NewShares returns shares of total units.
func NewShares[K comparable](total int64) *Shares[K] {
	return &Shares[K]{total: total, undivided: total / 4, reserve: total / 8, own: map[K]int64{}}
}

// A Share is what a client has taken. The zero value is nothing.
type Share[K comparable] struct {
	of      *Shares[K]
	client  K
	units   int64
	counted bool
}

// TryTake takes units for anybody, if much is free.
func (s *Shares[K]) TryTake(units int64) (_ Share[K], ok bool) {
	if !s.add(units, s.undivided) {
		return Share[K]{}, false
	}
	s.admitted.Add(1)
	return Share[K]{of: s, units: units}, true
}

// Take takes units for a client. The error is ErrFull or ErrShare. After the use the caller calls Share.Give.
func (s *Shares[K]) Take(client K, units int64) (Share[K], error) {
	return s.take(client, units, s.total)
}

// TakeLeaving is Take, but leaves a quarter of all units to others.
func (s *Shares[K]) TakeLeaving(client K, units int64) (Share[K], error) {
	return s.take(client, units, s.total-s.total/4)
}

// take takes units if no more than limit are taken then.
func (s *Shares[K]) take(client K, units, limit int64) (Share[K], error) {
	if share, ok := s.TryTake(units); ok {
		return share, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken := s.taken.Load(); taken+units <= limit && !s.allows(client, taken) {
		return Share[K]{}, ErrShare
	}
	if !s.add(units, limit) {
		s.refused.Add(1)
		return Share[K]{}, ErrFull
	}
	s.own[client] += units
	s.admitted.Add(1)
	return Share[K]{of: s, client: client, units: units, counted: true}, nil
}

// TakeShared takes units for somebody who speaks for many clients, and so has no share. ok is false if too few are left.
func (s *Shares[K]) TakeShared(units int64) (_ Share[K], ok bool) {
	if !s.add(units, s.total) {
		s.refused.Add(1)
		return Share[K]{}, false
	}
	s.admitted.Add(1)
	return Share[K]{of: s, units: units}, true
}

// add takes units if no more than limit are taken then. Nobody sees units that are refused: requests of one client that
// are refused at the same time must not fill the place of another one.
func (s *Shares[K]) add(units, limit int64) bool {
	for {
		taken := s.taken.Load()
		if taken+units > limit {
			return false
		}
		if s.taken.CompareAndSwap(taken, taken+units) {
			return true
		}
	}
}

// Full reports whether all units are taken.
func (s *Shares[K]) Full() bool { return s.taken.Load() >= s.total }

// allows reports whether a client may take more while so many units are taken.
func (s *Shares[K]) allows(client K, taken int64) bool {
	if own := s.own[client]; own == 0 || own < perFree*(s.total-s.reserve-taken) {
		return true
	}
	s.refused.Add(1)
	return false
}

// Counted reports whether the units count for a client. Only then does Move do something.
func (h *Share[K]) Counted() bool { return h.counted }

// Move hands the units to another client, who may be known only later. After ErrShare they belong to nobody, and the
// caller still calls Give.
func (h *Share[K]) Move(client K) error {
	if !h.counted || client == h.client {
		return nil
	}
	s := h.of
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(h)
	if !s.allows(client, s.taken.Load()-h.units) {
		h.counted = false
		return ErrShare
	}
	h.client = client
	s.own[client] += h.units
	return nil
}

// drop counts units of a share no longer for its client.
func (s *Shares[K]) drop(h *Share[K]) {
	if s.own[h.client] -= h.units; s.own[h.client] == 0 {
		delete(s.own, h.client)
	}
}

// Give gives the units back.
func (h *Share[K]) Give() {
	s := h.of
	if s == nil {
		return
	}
	if h.counted {
		s.mu.Lock()
		s.drop(h)
		s.mu.Unlock()
	}
	s.taken.Add(-h.units)
	h.of = nil
}

// Stats returns the counts in the form of a gate. Taken counts units, and nobody waits.
func (s *Shares[K]) Stats() Stats {
	return Stats{Total: int(s.total), Taken: int(s.taken.Load()), Admitted: s.admitted.Load(), Refused: s.refused.Load()}
}
