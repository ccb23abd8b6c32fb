package record

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// sightings remember what reads have seen of the newest state of the database. As long as it is the newest one, a kept
// answer can be found valid without a snapshot, and so without the gate. The zero value is ready.
//
// The proof: a commit makes another state before it is acknowledged, see store.State. So a request that begins after the
// acknowledgement finds another state than the one of the sighting.
type sightings struct{ newest atomic.Pointer[sighting] }

// A sighting is what reads have seen of one state.
type sighting struct {
	state store.State

	mu       sync.RWMutex
	versions map[string][]int64 // by statements of pages
	checks   map[store.GuardCheck]struct{}
}

// maxSeen bounds each map of a sighting.
const maxSeen = 4096

// at returns the sighting of a state, or nil.
func (s *sightings) at(state store.State) *sighting {
	if known := s.newest.Load(); known != nil && known.state == state {
		return known
	}
	return nil
}

// of returns the sighting of a state, and begins one if it is the newest state. Otherwise it returns nil.
func (s *sightings) of(state store.State, db store.DB) *sighting {
	if known := s.at(state); known != nil {
		return known
	}
	if now, ok := db.State(); !ok || now != state {
		return nil
	}
	made := &sighting{state: state, versions: map[string][]int64{}, checks: map[store.GuardCheck]struct{}{}}
	s.newest.Store(made)
	return made
}

// version returns the version of the tables of a page, or nil.
func (s *sighting) version(pages string) []int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[pages]
}

// accepted reports whether a guard has accepted the state.
func (s *sighting) accepted(check store.GuardCheck) bool {
	if check == (store.GuardCheck{}) {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, ok := s.checks[check]
	return ok
}

// note notes a version and an accepted guard.
func (s *sighting) note(pages string, version []int64, check store.GuardCheck) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.versions[pages]; !ok && len(s.versions) < maxSeen {
		s.versions[pages] = slices.Clone(version)
	}
	if check != (store.GuardCheck{}) && len(s.checks) < maxSeen {
		s.checks[check] = struct{}{}
	}
}
