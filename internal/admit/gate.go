package admit

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Levels is how many levels of work a Gate tells apart. Level 0 is the cheapest.
const Levels = 4

// ErrHopeless is the error of Enter for a caller that would not get a slot in time.
var ErrHopeless = errors.New("no slot is to be expected in time")

// maxWaiting bounds the callers that wait at one gate.
const maxWaiting = 4096

// shortWait is how long a caller waits before it watches its context. Done of a request's context starts a timer, which
// costs more than most waits last.
const shortWait = 10 * time.Millisecond

// Gate shares a few slots among the work of many clients. Work of a level may take only so many slots, together with
// the work of all higher levels: however much costly work comes, slots remain for cheap work. The two cheapest levels
// together may take only as many slots as are worth running at once.
//
// A free slot goes to the levels in turn, and within a level to the clients in turn. So a client that asks a thousand
// times delays another one by a single turn. A Gate is safe for concurrent use.
type Gate[K comparable] struct {
	caps    [Levels]int // the most slots of a level and of those above it
	quick   int         // the most slots of the levels below firstSlow
	waiters sync.Pool   // of *waiter[K]

	mu      sync.Mutex
	taken   [Levels]int
	lines   [Levels]line[K]
	waiting int
	next    int // the level whose turn it is
}

// firstSlow is the first level whose work does not count as quick.
const firstSlow = 2

// NewGate returns a gate with that many slots. All levels but the first leave one slot free. The third has half of the
// slots at most, the fourth a quarter. The first two together have at most quick slots. Each has one at least.
func NewGate[K comparable](slots, quick int) *Gate[K] {
	g := &Gate[K]{caps: [Levels]int{slots, slots - 1, slots / 2, slots / 4}, quick: max(1, quick)}
	for i := range g.caps {
		g.caps[i] = max(1, g.caps[i])
		g.lines[i].of = map[K]*clientLine[K]{}
	}
	return g
}

// TryEnter takes a slot of a level where one is free. Whoever waits could not use it.
func (g *Gate[K]) TryEnter(level int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	free := g.room(level)
	if free {
		g.taken[level]++
	}
	return free
}

// Enter takes a slot of a level for a client and waits for one where none is free. The error is ErrHopeless or that of
// ctx. A caller that would wait longer than the patience is refused at once, unless it is the first in its line:
// nobody knows when a slot comes free. No caller waits longer than three times the patience.
func (g *Gate[K]) Enter(ctx context.Context, level int, client K, patience time.Duration) error {
	g.mu.Lock()
	if g.room(level) {
		g.taken[level]++
		g.mu.Unlock()
		return nil
	}
	if g.waiting >= maxWaiting || g.expected(level, client) > patience {
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

// Leave gives a slot of a level back that was held for that long.
func (g *Gate[K]) Leave(level int, held time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[level]--
	if held > 0 {
		l := &g.lines[level]
		l.held += (held - l.held) / 8
	}
	g.grant()
}

// Move makes a slot one of a higher level, where there is room at once.
func (g *Gate[K]) Move(from, to int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken[from]--
	if !g.room(to) {
		g.taken[from]++
		return false
	}
	g.taken[to]++
	return true
}

// Wanted says whether a caller waits that a slot of the level would help.
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

// room says whether the level may take one slot more.
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

// grant gives the free slots to those who wait.
func (g *Gate[K]) grant() {
	for tried := 0; g.waiting > 0 && tried < Levels; tried++ {
		level := g.next
		g.next = (g.next + 1) % Levels
		if g.lines[level].count == 0 || !g.room(level) {
			continue
		}
		waiting := g.lines[level].pop()
		g.waiting--
		g.taken[level]++
		waiting.granted <- struct{}{}
		tried = -1
	}
}

// expected is how long a caller that comes now would wait, given how long slots of the level were held lately.
func (g *Gate[K]) expected(level int, key K) time.Duration {
	l := &g.lines[level]
	before := l.before(key)
	slots := g.caps[level]
	for _, taken := range g.taken[level+1:] {
		slots -= taken
	}
	if level < firstSlow {
		slots = min(slots, g.quick)
	}
	return time.Duration(before) * l.held / time.Duration(max(1, slots))
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
	return true
}

// waiter is a caller that waits.
type waiter[K comparable] struct {
	level   int
	key     K
	granted chan struct{}
	timer   *time.Timer

	before, after *waiter[K] // neighbours among the waiters of the client
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

// line is the waiters of one level: clients in turn, and the waiters of a client as they came.
type line[K comparable] struct {
	of    map[K]*clientLine[K]
	turn  *clientLine[K] // whose turn it is, in a ring
	count int
	held  time.Duration // for which a slot was held lately, in the mean
}

// clientLine is the waiters of one client.
type clientLine[K comparable] struct {
	key         K
	first, last *waiter[K]
	count       int

	before, after *clientLine[K] // in the ring
}

func (l *line[K]) add(waiting *waiter[K]) {
	c := l.of[waiting.key]
	if c == nil {
		c = &clientLine[K]{key: waiting.key}
		l.of[waiting.key] = c
		l.link(c)
	}
	waiting.before, waiting.after = c.last, nil
	if c.last != nil {
		c.last.after = waiting
	} else {
		c.first = waiting
	}
	c.last = waiting
	c.count++
	l.count++
}

// link puts a client at the end of the ring: before the one whose turn it is.
func (l *line[K]) link(c *clientLine[K]) {
	if l.turn == nil {
		c.before, c.after, l.turn = c, c, c
		return
	}
	c.before, c.after = l.turn.before, l.turn
	c.before.after, c.after.before = c, c
}

func (l *line[K]) unlink(c *clientLine[K]) {
	delete(l.of, c.key)
	if c.after == c {
		l.turn = nil
		return
	}
	c.before.after, c.after.before = c.after, c.before
	if l.turn == c {
		l.turn = c.after
	}
}

// pop removes the first waiter of the client whose turn it is. The line is not empty.
func (l *line[K]) pop() *waiter[K] {
	c := l.turn
	l.turn = c.after
	waiting := c.first
	l.remove(waiting)
	return waiting
}

func (l *line[K]) remove(waiting *waiter[K]) {
	c := l.of[waiting.key]
	if waiting.before != nil {
		waiting.before.after = waiting.after
	} else {
		c.first = waiting.after
	}
	if waiting.after != nil {
		waiting.after.before = waiting.before
	} else {
		c.last = waiting.before
	}
	waiting.before, waiting.after = nil, nil
	c.count--
	l.count--
	if c.count == 0 {
		l.unlink(c)
	}
}

// before is how many waiters would get a slot before a new one of that client: of each client no more than the client
// itself would then have.
func (l *line[K]) before(key K) int {
	own := 0
	if c := l.of[key]; c != nil {
		own = c.count
	}
	others := len(l.of)
	if own > 0 {
		others--
	}
	return min(l.count, own+others*(own+1))
}
