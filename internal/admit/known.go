package admit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Known tells clients that have been here for a while from newcomers.
//
// Ten thousand clients that come at once are, each for itself, as honest as any other, so no share of a client bounds them. But
// who was there before should not wait for all of them. So newcomers wait for each other while known clients come: they count as
// one client of a Turnstile, for example.
//
// A client is a newcomer until acquaintance has passed since its first request. If many newcomers have to wait, there is a rush.
// While it lasts nobody becomes known. See docs/decisions/0077-newcomers.md.
//
// Known is safe for concurrent use.
type Known struct {
	shards [16]knownShard
	seed   maphash.Seed
	start  time.Time

	// Times are nanoseconds after start.
	began atomic.Int64 // of the last rush
	last  atomic.Int64 // when many newcomers last waited
	here  atomic.Int64 // when a known client last came, to a tenth of hereTime

	mu       sync.Mutex
	waited   map[caller.Client]bool // newcomers that had to wait since windowAt, up to rush of them
	windowAt int64
	turns    Stats // of connections

	rushed atomic.Int64
}

const (
	// acquaintance is the time from the first request of a client until it is known.
	acquaintance = 5 * time.Second

	// hereTime is how long known clients count as coming after the last request of one.
	hereTime = time.Minute

	// A rush begins when so many newcomers have to wait within rushTime. It has ended when that has not happened for rushEnd.
	rush     = 32
	rushTime = time.Second
	rushEnd  = 10 * time.Second

	// longestRush bounds a rush. What lasts longer is the usual load, and all who have come are known then.
	longestRush = 10 * time.Minute

	// knownTime is how long a client is remembered at least after its last request. At most it is twice that long.
	knownTime = 10 * time.Minute

	// mostKnown bounds the new clients that are remembered in a knownTime, and also the others: together 30 MB at most.
	mostKnown = 100_000
)

// A knownShard has the first requests of some clients, as nanoseconds after Known.start.
type knownShard struct {
	mu      sync.RWMutex
	turned  int64 // when recent became former
	recent  map[caller.Client]int64
	former  map[caller.Client]int64
	carried int // clients of recent that were in former
}

// NewKnown returns a Known that knows nobody.
func NewKnown() *Known {
	k := &Known{seed: maphash.MakeSeed(), start: time.Now(), waited: map[caller.Client]bool{}}
	k.last.Store(int64(-rushEnd))
	k.here.Store(int64(-hereTime))
	for i := range k.shards {
		k.shards[i].recent = map[caller.Client]int64{}
	}
	return k
}

// Came notes a request of a client. It reports whether that is a newcomer who waits for others.
func (k *Known) Came(client caller.Client) (newcomer bool) {
	now := int64(time.Since(k.start))
	if first := k.shardOf(client).note(client, now); first > k.latest(now) {
		return k.Here()
	}
	if now-k.here.Load() > int64(hereTime)/10 {
		k.here.Store(now)
	}
	return false
}

// Vouch notes that a known client uses an address, which is known from then on.
func (k *Known) Vouch(client, address caller.Client) {
	if first, ok := k.shardOf(client).first(client); ok && first <= k.latest(int64(time.Since(k.start))) {
		k.shardOf(address).set(address, first)
	}
}

// Knows reports whether a client is no newcomer.
func (k *Known) Knows(client caller.Client) bool {
	first, ok := k.shardOf(client).first(client)
	return ok && first <= k.latest(int64(time.Since(k.start)))
}

// Here reports whether known clients come.
func (k *Known) Here() bool { return int64(time.Since(k.start))-k.here.Load() < int64(hereTime) }

func (k *Known) shardOf(client caller.Client) *knownShard {
	return &k.shards[maphash.Comparable(k.seed, client)%uint64(len(k.shards))]
}

// latest returns the latest time of the first request of a client that is known now.
func (k *Known) latest(now int64) int64 {
	if k.rushes(now) {
		now = k.began.Load()
	}
	return now - int64(acquaintance)
}

func (k *Known) rushes(now int64) bool {
	return now-k.last.Load() < int64(rushEnd) && now-k.began.Load() < int64(longestRush)
}

// Waited notes that a newcomer had to wait, or was refused.
func (k *Known) Waited(client caller.Client) {
	now := int64(time.Since(k.start))
	k.mu.Lock()
	defer k.mu.Unlock()
	if now-k.windowAt >= int64(rushTime) {
		clear(k.waited)
		k.windowAt = now
	}
	if len(k.waited) < rush {
		k.waited[client] = true
	}
	if len(k.waited) < rush {
		return
	}
	if !k.rushes(now) {
		k.began.Store(now)
		k.rushed.Add(1)
	}
	k.last.Store(now)
}

// SetTurns notes the turns of connections of newcomers.
func (k *Known) SetTurns(turns Stats) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.turns = turns
}

// Stats returns the turns of connections of newcomers, in the form of a gate.
func (k *Known) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.turns
}

// Rushes returns how many rushes there have been.
func (k *Known) Rushes() int64 { return k.rushed.Load() }

// first returns when a client sent its first request.
func (s *knownShard) first(client caller.Client) (first int64, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if first, ok = s.recent[client]; !ok {
		first, ok = s.former[client]
	}
	return first, ok
}

// note notes a request of a client, and returns when it sent its first one.
func (s *knownShard) note(client caller.Client, now int64) (first int64) {
	s.mu.RLock()
	first, ok := s.recent[client]
	late := now-s.turned >= int64(knownTime)
	s.mu.RUnlock()
	if ok && !late {
		return first
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now-s.turned >= int64(knownTime) {
		s.former, s.recent, s.carried, s.turned = s.recent, map[caller.Client]int64{}, 0, now
	}
	if first, ok = s.recent[client]; ok {
		return first
	}
	const room = mostKnown / len(Known{}.shards)
	if first, ok = s.former[client]; ok {
		if s.carried < room {
			s.recent[client] = first
			s.carried++
		}
		return first
	}
	if len(s.recent)-s.carried < room {
		s.recent[client] = now
	}
	return now
}

// set changes when a client that is remembered sent its first request.
func (s *knownShard) set(client caller.Client, first int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.recent[client]; ok && first < was {
		s.recent[client] = first
	}
}
