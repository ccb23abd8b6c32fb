package admit

import (
	"context"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A Turnstile bounds how many requests of one client compute at once, while other clients come. The others of that client wait
// in line, at most for turnPatience.
//
// A turn that becomes free goes to the next request by way of a pipe. The runtime looks for bytes from the network only when a
// processor has nothing else to run, or after 10 ms. If each request woke the next one, a client with many connections would
// keep the processors busy, and requests of others would wait in the kernel. So the processors run out of work first: then they
// find the pipe, and whatever else has come. See docs/decisions/0075-turnstile.md.
//
// A Turnstile is safe for concurrent use. Until Run is called, each request wakes the next one.
type Turnstile struct {
	perClient int          // requests of one client that may compute
	working   atomic.Int64 // requests with a turn, paused ones too
	passers   sync.Pool    // of *passer

	mu       sync.Mutex
	accounts Accounts[caller.Client]
	clients  map[caller.Client]*visitor
	freed    []*visitor // have free turns, which their lines get when the bell was heard
	rung     bool       // the bell is on its way
	bell     *os.File   // nil unless Run runs
	waiting  int
	admitted int64
}

// turnPatience is the longest wait for a turn. The turns of a client may all have requests that wait for something without a Pause.
const turnPatience = 50 * time.Millisecond

// A visitor is a client with counted turns.
type visitor struct {
	client    caller.Client
	turns     int // counted, paused ones too
	computing int
	returning []*passer // go before the coming ones
	coming    []*passer
	freed     bool // Turnstile.freed has it
}

// A passer waits for a turn.
type passer struct {
	turn    *Turn
	granted chan struct{} // of one element
	timer   *time.Timer
}

// A Turn is the right of a request to compute. The zero value is none, and its methods do nothing. Pause and Resume of a nil Turn
// do nothing either: work that is no request has none.
type Turn struct {
	of      *Turnstile
	visitor *visitor // nil if the turn is not counted

	// The mutex of the Turnstile guards these fields of a counted turn.
	left     bool
	computes bool
	pauses   int // that have not ended
	waited   time.Duration
}

// NewTurnstile returns a Turnstile that lets so many requests of each client compute.
func NewTurnstile(perClient int) *Turnstile {
	return &Turnstile{perClient: perClient, clients: map[caller.Client]*visitor{}}
}

// Enter gives a request of a client a turn, which was the zero value. It may wait.
func (t *Turnstile) Enter(turn *Turn, client caller.Client) {
	turn.of = t
	if t.working.Add(1) <= int64(t.perClient) { // so no client has more
		return
	}
	now := time.Now()
	t.mu.Lock()
	t.accounts.Came(client, now)
	t.admitted++
	v := t.clients[client]
	if v == nil {
		v = &visitor{client: client}
		t.clients[client] = v
	}
	v.turns++
	turn.visitor = v
	t.compute(turn, &v.coming, now)
}

// compute lets a turn compute, or waits in a line until it may. The caller has locked mu, which compute unlocks.
func (t *Turnstile) compute(turn *Turn, line *[]*passer, now time.Time) {
	v := turn.visitor
	before := len(v.returning)
	if line == &v.coming {
		before += len(v.coming)
	}
	if (v.computing < t.perClient && before == 0) || !t.accounts.othersCome(v.client, now) {
		v.computing++
		turn.computes = true
		t.mu.Unlock()
		return
	}
	p, _ := t.passers.Get().(*passer)
	if p == nil {
		p = &passer{granted: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	}
	p.turn = turn
	*line = append(*line, p)
	t.waiting++
	t.mu.Unlock()
	p.timer.Reset(turnPatience)
	defer p.timer.Stop()
	select {
	case <-p.granted:
	case <-p.timer.C:
		t.lose(p, line)
		<-p.granted
	}
	t.mu.Lock()
	turn.waited += time.Since(now)
	t.mu.Unlock()
	p.turn = nil
	t.passers.Put(p)
}

// lose lets a passer go on that has lost its patience, unless it may go on already.
func (t *Turnstile) lose(p *passer, line *[]*passer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(*line, p); i >= 0 {
		*line = slices.Delete(*line, i, i+1)
		t.pass(p)
	}
}

// pass lets a passer go on that has left its line.
func (t *Turnstile) pass(p *passer) {
	t.waiting--
	if p.turn.pauses == 0 && !p.turn.left { // another goroutine of the request may have paused or ended it
		p.turn.computes = true
		p.turn.visitor.computing++
	}
	p.granted <- struct{}{}
}

// Leave ends a turn. Further calls do nothing.
func (turn *Turn) Leave() {
	t := turn.of
	if t == nil || turn.left {
		return
	}
	t.working.Add(-1)
	v := turn.visitor
	if v == nil {
		turn.left = true
		return
	}
	t.mu.Lock()
	turn.left = true
	rings := t.stop(turn)
	if v.turns--; v.turns == 0 {
		delete(t.clients, v.client)
	}
	t.mu.Unlock()
	t.ring(rings)
}

// Waited returns how long the request has waited in lines.
func (turn *Turn) Waited() time.Duration {
	if turn.visitor == nil {
		return 0
	}
	turn.of.mu.Lock()
	defer turn.of.mu.Unlock()
	return turn.waited
}

// Pause says that the request will wait for something, such as a commit or an answer of PostgreSQL. Resume ends the pause.
func (turn *Turn) Pause() {
	if turn == nil || turn.visitor == nil {
		return
	}
	t := turn.of
	t.mu.Lock()
	turn.pauses++
	rings := t.stop(turn)
	t.mu.Unlock()
	t.ring(rings)
}

// Resume ends a pause. It may wait.
func (turn *Turn) Resume() {
	if turn == nil || turn.visitor == nil {
		return
	}
	t := turn.of
	t.mu.Lock()
	if turn.pauses--; turn.pauses > 0 || turn.computes || turn.left {
		t.mu.Unlock()
		return
	}
	t.compute(turn, &turn.visitor.returning, time.Now())
}

// stop notes that a turn computes no more. It reports whether the caller must ring the bell.
func (t *Turnstile) stop(turn *Turn) (rings bool) {
	if !turn.computes {
		return false
	}
	turn.computes = false
	v := turn.visitor
	v.computing--
	if len(v.returning)+len(v.coming) == 0 {
		return false
	}
	if t.bell == nil {
		t.grant(v)
		return false
	}
	if !v.freed {
		v.freed = true
		t.freed = append(t.freed, v)
	}
	rings, t.rung = !t.rung, true
	return rings
}

// grant gives the free turns of a client to its lines.
func (t *Turnstile) grant(v *visitor) {
	for _, line := range []*[]*passer{&v.returning, &v.coming} {
		for v.computing < t.perClient && len(*line) > 0 {
			p := (*line)[0]
			(*line)[0] = nil
			*line = (*line)[1:]
			t.pass(p)
		}
	}
}

// ring rings the bell, if it must. The caller has unlocked mu: writing is a call of the system.
func (t *Turnstile) ring(rings bool) {
	if !rings {
		return
	}
	t.mu.Lock()
	bell := t.bell
	t.mu.Unlock()
	if bell != nil {
		_, _ = bell.Write([]byte{0}) // fails only after Run has ended, which has granted all
	}
}

// Run hands on free turns until ctx ends. It implements background.Service.
func (t *Turnstile) Run(ctx context.Context) error {
	ear, bell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ear.Close()
	t.setBell(bell)
	defer bell.Close()
	defer t.setBell(nil)
	defer context.AfterFunc(ctx, func() { _ = ear.SetReadDeadline(time.Now()) })()
	heard := make([]byte, 8)
	for {
		if _, err := ear.Read(heard); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		t.handOn()
	}
}

// setBell sets the bell. Without one, nobody would hear that turns are free, so it gives them away.
func (t *Turnstile) setBell(bell *os.File) {
	t.mu.Lock()
	t.bell = bell
	t.mu.Unlock()
	if bell == nil {
		t.handOn()
	}
}

// handOn gives the free turns of all clients away.
func (t *Turnstile) handOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rung = false
	for i, v := range t.freed {
		v.freed = false
		t.grant(v)
		t.freed[i] = nil
	}
	t.freed = t.freed[:0]
}

// Stats returns counts in the form of a gate. Taken is of the client with most. Few requests at work are not counted.
func (t *Turnstile) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	stats := Stats{Total: t.perClient, Waiting: t.waiting, Admitted: t.admitted}
	for _, v := range t.clients {
		stats.Taken = max(stats.Taken, min(v.computing, t.perClient))
	}
	return stats
}

// turnKey is the key of a Turn in a context.
type turnKey struct{}

// TurnKey returns the key under which a context has its *Turn.
func TurnKey() any { return turnKey{} }

// TurnOf returns the turn of the work of a context, or nil.
func TurnOf(ctx context.Context) *Turn {
	turn, _ := ctx.Value(turnKey{}).(*Turn)
	return turn
}
