package admit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Levels is the number of levels of work in a Gate. Level 0 is the cheapest.
const Levels = 4

// ErrHopeless is the error of Enter if the caller cannot expect a slot in time.
var ErrHopeless = errors.New("no slot is to be expected in time")

// maxWaiting bounds the waiting callers of one gate.
const maxWaiting = 4096

// shortWait is the first part of a wait, in which the caller does not watch its context. The Done method of a request's
// context starts a timer, and this timer costs more than an average wait.
const shortWait = 10 * time.Millisecond

// A Gate shares a few slots among the work of many clients. K identifies a client.
//
// Each level has a cap on its slots, and the slots of all higher levels count too. So the cheap levels always keep some
// slots, even if much costly work comes. The two cheapest levels have one more cap together: the number of quick reads
// worth running concurrently.
//
// A free slot goes to the levels in turn, and within a level to the clients in turn. So a client with a thousand requests
// delays another client by a single turn. A Gate is safe for concurrent use.
type Gate[K comparable] struct {
	caps    [Levels]int // most slots of a level and all higher levels together
	quick   int         // most slots of the levels below firstSlow together
	waiters sync.Pool   // of *waiter[K]

	mu      sync.Mutex
	taken   [Levels]int
	lines   [Levels]line[K]
	waiting int
	next    int // next level in turn

	admitted, refused int64 // see Stats
}

// Stats are counts of a gate, and its state at a moment.
type Stats struct {
	Taken    int   // slots
	Waiting  int   // callers
	Admitted int64 // callers that got a slot
	Refused  int64 // callers that were refused, or gave up
}

// Stats returns the counts since the gate was made.
func (g *Gate[K]) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	stats := Stats{Waiting: g.waiting, Admitted: g.admitted, Refused: g.refused}
	for _, taken := range g.taken {
		stats.Taken += taken
	}
	return stats
}

// admit takes a slot of a level, which must have room.
func (g *Gate[K]) admit(level int) {
	g.taken[level]++
	g.admitted++
}

// firstSlow is the cheapest slow level. Work of the lower levels counts as quick.
const firstSlow = 2

// NewGate returns a gate with the given number of slots. All levels but the first leave one slot free. The third has at
// most half of the slots, the fourth a quarter. The first two together have at most quick slots. Each level has at least
// one slot.
func NewGate[K comparable](slots, quick int) *Gate[K] {
	gate := &Gate[K]{caps: [Levels]int{slots, slots - 1, slots / 2, slots / 4}, quick: max(1, quick)}
	for i := range gate.caps {
		gate.caps[i] = max(1, gate.caps[i])
		gate.lines[i].clients = map[K]*clientLine[K]{}
	}
	return gate
}

// TryEnter takes a slot of a level and returns true, or returns false if none is free. It does not overtake anybody: no
// waiting caller could use the slot.
func (g *Gate[K]) TryEnter(level int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	free := g.room(level)
	if free {
		g.admit(level)
	}
	return free
}

// Enter takes a slot of a level for a client. If no slot is free, it waits, at most for three times the patience. Enter
// refuses at once if the expected wait is longer than the patience; the first caller in a line may always wait. The error
// is ErrHopeless or the error of ctx.
func (g *Gate[K]) Enter(ctx context.Context, level int, client K, patience time.Duration) error {
	g.mu.Lock()
	if g.room(level) {
		g.admit(level)
		g.mu.Unlock()
		return nil
	}
	if g.waiting >= maxWaiting || g.expected(level, client) > patience {
		g.refused++
		g.mu.Unlock()
		return ErrHopeless
	}
	waiting := g.waiter(level, client)
	g.lines[level].add(waiting)
	g.waiting++
	g.mu.Unlock()
	err := waiting.wait(ctx, 3*patience)
	if err != nil && !g.abandon(waiting) { // the slot came at the last moment
		err = nil
	}
	g.waiters.Put(waiting)
	if err == nil {
		if err = ctx.Err(); err != nil {
			g.Leave(level, 0)
		}
	}
	return err
}

// Leave gives a slot of a level back. The gate estimates later waits from held, the time for which the caller had the
// slot. A held of 0 does not count.
func (g *Gate[K]) Leave(level int, held time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[level]--
	if held > 0 {
		line := &g.lines[level]
		line.held += (held - line.held) / 8
	}
	g.grant()
}

// Move turns a slot into a slot of a higher level and returns true, or returns false if that level has no room.
func (g *Gate[K]) Move(from, to int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[from]--
	if !g.room(to) {
		g.taken[from]++
		return false
	}
	g.taken[to]++
	g.grant() // one of the quick levels may have got room
	return true
}

// Wanted returns true if a waiting caller could use a slot of the given level.
func (g *Gate[K]) Wanted(level int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.waiting == 0 {
		return false
	}
	g.taken[level]--
	defer func() { g.taken[level]++ }()
	for i := range g.lines {
		if g.lines[i].count > 0 && g.room(i) {
			return true
		}
	}
	return false
}

// room returns true if the level may take one more slot.
func (g *Gate[K]) room(level int) bool {
	if level < firstSlow && g.taken[0]+g.taken[1] >= g.quick {
		return false
	}
	sum := 0
	for i := Levels - 1; i >= 0; i-- {
		sum += g.taken[i]
		if i <= level && sum >= g.caps[i] {
			return false
		}
	}
	return true
}

// grant gives the free slots to waiting callers.
func (g *Gate[K]) grant() {
	for tried := 0; g.waiting > 0 && tried < Levels; tried++ {
		level := g.next
		g.next = (g.next + 1) % Levels
		if g.lines[level].count == 0 || !g.room(level) {
			continue
		}
		waiting := g.lines[level].pop()
		g.waiting--
		g.admit(level)
		waiting.granted <- struct{}{}
		tried = -1
	}
}

// expected returns the probable wait of a new caller. It assumes that the next slots of the level are held for their
// recent mean time.
func (g *Gate[K]) expected(level int, key K) time.Duration {
	line := &g.lines[level]
	before := line.before(key)
	slots := g.caps[level]
	for _, taken := range g.taken[level+1:] {
		slots -= taken
	}
	if level < firstSlow {
		slots = min(slots, g.quick)
	}
	return time.Duration(before) * line.held / time.Duration(max(1, slots))
}

// abandon takes a waiter out of its line, unless it was granted a slot.
func (g *Gate[K]) abandon(waiting *waiter[K]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-waiting.granted:
		return false
	default:
	}
	g.lines[waiting.level].remove(waiting)
	g.waiting--
	g.refused++
	return true
}

func (g *Gate[K]) waiter(level int, key K) *waiter[K] {
	waiting, _ := g.waiters.Get().(*waiter[K])
	if waiting == nil {
		waiting = &waiter[K]{granted: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	}
	waiting.level, waiting.key = level, key
	return waiting
}

func (w *waiter[K]) wait(ctx context.Context, longest time.Duration) error {
	if at, ok := ctx.Deadline(); ok {
		longest = min(longest, time.Until(at))
	}
	short := max(0, min(shortWait, longest))
	w.timer.Reset(short)
	defer w.timer.Stop()
	select {
	case <-w.granted:
		return nil
	case <-w.timer.C:
	}
	w.timer.Reset(max(0, longest-short))
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.timer.C:
		return ErrHopeless
	}
}
