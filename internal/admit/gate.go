package admit

import (
	"context"
	"runtime"
	"sync"
	"time"
)

// Levels is the number of levels of work in a Gate. Level 0 is the cheapest.
const Levels = 4

// defaultWaiting bounds the waiting callers of a gate that has no bound of its own.
const defaultWaiting = 4096

// shortWait is the first part of a wait, in which the caller does not watch its context. The Done method of a request's
// context starts a timer, and this timer costs more than an average wait.
const shortWait = 10 * time.Millisecond

// A Gate shares a few slots among the work of many clients. K identifies a client.
//
// Each level has a cap on its slots, and the slots of all higher levels count too. So the cheap levels always keep some
// slots, even if much costly work comes. The two cheapest levels have one more cap together: the number of quick reads
// worth running concurrently.
//
// While others come, a client has at most half of the slots of the third level and above. Each may hold a core for seconds.
//
// A free slot goes to the levels in turn, and within a level to the clients in turn: see Line. A Gate is safe for concurrent
// use.
type Gate[K comparable] struct {
	MaxWaiting int // callers that may wait; set it before the gate is used

	caps    [Levels]int // most slots of a level and all higher levels together
	quick   int         // most slots of the levels below firstSlow together
	slowOwn int         // most slots of one client at the levels from firstSlow
	waiters sync.Pool   // of *waiter[K]

	mu       sync.Mutex
	taken    [Levels]int
	slow     map[K]int // slots of each client at the levels from firstSlow
	accounts Accounts[K]
	lines    [Levels]Line[K, *waiter[K]]
	waiting  int
	next     int // next level in turn

	admitted, refused int64 // see Stats
}

// Stats are counts of a gate, and its state at a moment.
type Stats struct {
	Total    int           // slots that there are
	Taken    int           // slots
	Waiting  int           // callers
	Wait     time.Duration // that a client which comes now may expect, on the level with the longest wait
	Admitted int64         // callers that got a slot
	Refused  int64         // callers that were refused, or gave up
}

// Stats returns the counts since the gate was made.
func (g *Gate[K]) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	stats := Stats{Total: g.caps[0], Waiting: g.waiting, Admitted: g.admitted, Refused: g.refused}
	for level, taken := range g.taken {
		stats.Taken += taken
		stats.Wait = max(stats.Wait, g.lines[level].NewcomerWait(g.slots(level)))
	}
	return stats
}

// take takes a slot of a level for a client. The level must have room.
func (g *Gate[K]) take(level int, client K) {
	g.taken[level]++
	if level >= firstSlow {
		g.slow[client]++
	}
}

// release is the reverse of take.
func (g *Gate[K]) release(level int, client K) {
	g.taken[level]--
	if level < firstSlow {
		return
	}
	if g.slow[client]--; g.slow[client] == 0 {
		delete(g.slow, client)
	}
}

// full reports whether a client has its share of the slow slots, and others come.
func (g *Gate[K]) full(client K) bool {
	return g.slow[client] >= g.slowOwn && g.accounts.othersCome(client, time.Now())
}

// firstSlow is the cheapest slow level. Work of the lower levels counts as quick.
const firstSlow = 2

// NewGate returns a gate with the given number of slots. All levels but the first leave one slot free. The third has at
// most half of the slots, the fourth a quarter. The first two together have at most quick slots. Each level has at least
// one slot.
func NewGate[K comparable](slots, quick int) *Gate[K] {
	gate := &Gate[K]{MaxWaiting: defaultWaiting, caps: [Levels]int{slots, slots - 1, slots / 2, slots / 4}, quick: max(1, quick), slow: map[K]int{}}
	for i := range gate.caps {
		gate.caps[i] = max(1, gate.caps[i])
		gate.lines[i].Accounts = &gate.accounts
		if i >= firstSlow {
			gate.lines[i].Full = gate.full
		}
	}
	gate.slowOwn = max(1, gate.caps[firstSlow]/2)
	return gate
}

// TryEnter takes a slot of a level for a client and returns true, or returns false if none is free. It does not overtake
// anybody: no waiting caller could use the slot.
func (g *Gate[K]) TryEnter(level int, client K) bool {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.accounts.Came(client, now)
	return g.tryEnter(level, client)
}

func (g *Gate[K]) tryEnter(level int, client K) bool {
	if !g.fits(level, client) {
		return false
	}
	g.take(level, client)
	g.admitted++
	return true
}

// fits returns true if a client may take one more slot of a level.
func (g *Gate[K]) fits(level int, client K) bool {
	return g.room(level) && (level < firstSlow || !g.full(client))
}

// Enter takes a slot of a level for a client. If no slot is free, it waits, at most for three times the patience. Enter
// refuses at once if the expected wait is longer than the patience; the first caller in a line may always wait. The error
// is a *Refusal or the error of ctx.
func (g *Gate[K]) Enter(ctx context.Context, level int, client K, patience time.Duration) error {
	now := time.Now()
	g.mu.Lock()
	g.accounts.Came(client, now)
	if g.tryEnter(level, client) {
		g.mu.Unlock()
		return nil
	}
	if wait := g.expected(level, client, now); wait > patience || !g.makeRoom(client) {
		g.refused++
		g.mu.Unlock()
		return &Refusal{wait}
	}
	waiting := g.waiter(level, client)
	waiting.entry = g.lines[level].Add(client, Shape{}, waiting, now)
	g.waiting++
	if g.room(level) {
		g.grant() // the client has its share: now its line knows
	}
	g.mu.Unlock()
	answered, err := waiting.wait(ctx, 3*patience)
	if !answered && !g.abandon(waiting) { // the answer came at the last moment
		err = <-waiting.granted
	}
	waiting.entry = nil
	g.waiters.Put(waiting)
	if err == nil {
		if err = ctx.Err(); err != nil {
			g.Leave(level, client, 0)
		}
	}
	return err
}

// makeRoom makes room for one more waiter, and returns false if the client itself has too many. It refuses one of the
// client that has most.
func (g *Gate[K]) makeRoom(client K) bool {
	if g.waiting < g.MaxWaiting {
		return true
	}
	var most *Entry[K, *waiter[K]]
	for i := range g.lines {
		e := g.lines[i].Crowd(client)
		if e != nil && (most == nil || e.queue.count > most.queue.count) {
			most = e
		}
	}
	if most == nil {
		return false
	}
	refused := most.Item
	g.lines[refused.level].Remove(most)
	g.waiting--
	g.refused++
	refused.granted <- &Refusal{g.lines[refused.level].Wait(g.lines[refused.level].count, g.slots(refused.level))}
	return true
}

// Leave gives a slot of a level back. The gate estimates later waits from held, the time for which the client had the
// slot, and charges the client for it. A held of 0 does not count.
func (g *Gate[K]) Leave(level int, client K, held time.Duration) {
	g.LeaveAfter(level, client, Shape{}, held)
}

// LeaveAfter is Leave after work of a shape, which the gate remembers if it was costly: see Level.
func (g *Gate[K]) LeaveAfter(level int, client K, shape Shape, held time.Duration) {
	if g.leave(level, client, shape, held) {
		runtime.Gosched()
	}
}

// crowded is from how many waiting callers on a granted slot must not lie idle.
const crowded = 4

// leave gives a slot back. It reports whether a slot went to a caller while many others wait.
//
// Then the goroutine should let that caller run at once. It stands next in the queue of this processor, but the goroutine goes
// on with its answer, and anything that it wakes takes that place. With 10,000 connections a granted slot lay idle for 217 µs,
// and a read takes 30: the line grew, though half of a core was free.
func (g *Gate[K]) leave(level int, client K, shape Shape, held time.Duration) (yield bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	waiting := g.waiting
	g.release(level, client)
	if held > 0 {
		g.lines[level].Note(held)
		if used := held / time.Duration(g.caps[0]); used >= cheap { // of the time of all slots
			g.accounts.Charge(client, shape, used, time.Now())
		}
	}
	g.grant()
	return waiting >= crowded && g.waiting < waiting
}

// Level returns the level for work whose cost nothing else tells: the highest if it was costly when the client last did it,
// else the lowest. Costly is work that had a slot for so long that all slots together could have done it in 50 ms.
func (g *Gate[K]) Level(client K, shape Shape) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.accounts.Empty() && g.accounts.Costly(client, shape, time.Now()) {
		return Levels - 1
	}
	return 0
}

// Move turns a slot of a client into a slot of a higher level and returns true, or returns false if that level has no room.
func (g *Gate[K]) Move(from, to int, client K) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.release(from, client)
	if !g.fits(to, client) {
		g.take(from, client)
		return false
	}
	g.take(to, client)
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
		if g.lines[i].Ready() && g.room(i) {
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
	if g.waiting == 0 {
		return
	}
	now := time.Now()
	for tried := 0; g.waiting > 0 && tried < Levels; tried++ {
		level := g.next
		g.next = (g.next + 1) % Levels
		if g.lines[level].Len() == 0 || !g.room(level) {
			continue
		}
		waiting, _, ok := g.lines[level].Next(now)
		if !ok { // all who wait have their share
			continue
		}
		g.waiting--
		g.take(level, waiting.client)
		g.admitted++
		waiting.granted <- nil
		tried = -1
	}
}

// expected returns the probable wait of a new caller. It assumes that the next slots of the level are held for their
// recent mean time.
func (g *Gate[K]) expected(level int, client K, now time.Time) time.Duration {
	line := &g.lines[level]
	return line.Wait(line.Before(client, now), g.slots(level))
}

// slots returns how many slots a level has beside the levels above it.
func (g *Gate[K]) slots(level int) int {
	slots := g.caps[level]
	for _, taken := range g.taken[level+1:] {
		slots -= taken
	}
	if level < firstSlow {
		slots = min(slots, g.quick)
	}
	return max(1, slots)
}

// abandon takes a waiter out of its line, unless it was answered.
func (g *Gate[K]) abandon(waiting *waiter[K]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.lines[waiting.level].Remove(waiting.entry) {
		return false
	}
	g.waiting--
	g.refused++
	return true
}

// A waiter is a waiting caller.
type waiter[K comparable] struct {
	level   int
	client  K
	entry   *Entry[K, *waiter[K]]
	granted chan error // of one element; nil grants a slot
	timer   *time.Timer
}

func (g *Gate[K]) waiter(level int, client K) *waiter[K] {
	waiting, _ := g.waiters.Get().(*waiter[K])
	if waiting == nil {
		waiting = &waiter[K]{granted: make(chan error, 1), timer: time.NewTimer(time.Hour)}
	}
	waiting.level, waiting.client = level, client
	return waiting
}

// wait waits for the answer of the gate. answered is false if the caller gave up before.
func (w *waiter[K]) wait(ctx context.Context, longest time.Duration) (answered bool, err error) {
	over := error(&Refusal{longest})
	if at, ok := ctx.Deadline(); ok && time.Until(at) < longest {
		longest, over = time.Until(at), context.DeadlineExceeded
	}
	short := max(0, min(shortWait, longest))
	w.timer.Reset(short)
	defer w.timer.Stop()
	select {
	case err := <-w.granted:
		return true, err
	case <-w.timer.C:
	}
	w.timer.Reset(max(0, longest-short))
	select {
	case err := <-w.granted:
		return true, err
	case <-ctx.Done():
		return false, ctx.Err()
	case <-w.timer.C:
		if err := ctx.Err(); err != nil {
			return false, err
		}
		return false, over
	}
}
