package netconn

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A Lot parks idle connections. A parked one has no goroutine and no buffers of net/http: 1.5 kB of heap instead of 11 kB, and no
// stack instead of 8 kB (BenchmarkIdleConnections). With 10,000 clients the garbage collector took a quarter of a core without
// it: it scanned and shrank each stack, and the next request grew it again.
//
// When the client of a parked connection sends bytes, the Lot hands the connection out like a new one. So a Lot is a listener, and
// a server serves it beside the one of the network.
//
// net/http cannot park, so an idle connection pretends its end: Read returns io.EOF. net/http then frees the buffers and calls
// Close, which parks.
//
// While known clients come, the connections of newcomers wait for each other: few have a turn at once, and a turn ends when the
// connection comes back, or after turnTime. The others wait without a goroutine and buffers. So what thousands of new clients send
// at once does not stand before the requests of clients that were here before them. See docs/decisions/0077-newcomers.md.
type Lot struct {
	cfg   LotConfig
	begin sync.Once

	closed atomic.Bool // or never open

	mu     sync.Mutex
	poller *poller // nil: nothing was parked yet
	parked map[uint64]*conn
	last   uint64              // number of a connection
	awake  map[*conn]time.Time // connections of newcomers that have a turn, and since when
	most   int                 // connections that may have one
	freeAt time.Time           // since when none has one, while some wait
	hungry bool                // Accept waits for a turn
	rung   bool                // the poller was told of one since

	queue    []newcomer // connections that have bytes and wait for a turn; only Accept changes it
	admitted int64      // connections that had one

	// Of Accept alone.
	ready  []uint64 // numbers of connections of known clients that have bytes
	handed int      // connections that were returned
	looked int      // times that the queue was looked at
}

// A LotConfig configures a Lot.
type LotConfig struct {
	From      int                // idle connections are parked while at least so many are open
	Serve     func(net.Listener) // starts to serve the Lot; called when the first connection is parked
	Known     Known              // nil: nobody is a newcomer
	FirstWait time.Duration      // a new connection that is parked is closed if it has sent nothing for so long
	Turns     int                // connections of newcomers that have a turn at once while known clients come, or up to mostTurns times as many
}

// Known tells known clients from newcomers: see admit.Known.
type Known interface {
	Knows(client caller.Client) bool // whether a client is no newcomer
	Here() bool                      // whether known clients come
	Waited(client caller.Client)     // notes that a newcomer waits
	SetTurns(turns admit.Stats)      // notes the turns of the connections of newcomers
}

// A newcomer is a connection that waits for a turn.
type newcomer struct {
	number uint64
	since  time.Time
}

const (
	// burst is how many connections Accept returns before it yields.
	burst = 16

	// A turn that nobody has for idleTime is lost: the system did not let the process run. Then more of them are given, up to so
	// many times LotConfig.Turns.
	idleTime  = 500 * time.Microsecond
	mostTurns = 8

	// clientShare is the part of the turns that one client may have.
	clientShare = 4

	// lookedThrough is how many waiting connections are looked at for one of a client that may have a turn.
	lookedThrough = 64

	// lookEach is after how many newcomers Accept looks whether known clients have come.
	lookEach = 8

	// turnTime is the longest turn of a connection. After that its request waits for something else than the processor.
	turnTime = 10 * time.Millisecond

	// forever is a wait without an end.
	forever = time.Duration(-1)

	// longestQueue is the longest wait of a connection that has bytes. Then its request gets its answer, or is refused.
	longestQueue = 5 * time.Second
)

// NewLot returns a Lot. Without epoll it parks none.
func NewLot(cfg LotConfig) *Lot {
	return &Lot{cfg: cfg, most: cfg.Turns, parked: map[uint64]*conn{}, awake: map[*conn]time.Time{}}
}

// open begins to serve the Lot, if the system has a poller for it.
func (l *Lot) open() {
	if l.openPoller() {
		l.cfg.Serve(l)
	}
}

func (l *Lot) openPoller() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	l.poller = newPoller()
	l.closed.Store(l.poller == nil)
	return l.poller != nil
}

// Accept implements net.Listener. It returns a parked connection that has bytes, or has ended.
//
// It yields after each burst of connections, so that those are served first. A thousand that come at once then wait in the kernel,
// not each with a goroutine, buffers and a half-done request. A goroutine that yields waits for up to 61 others on a busy
// processor, so yielding for each connection would let other work starve parked ones.
func (l *Lot) Accept() (net.Conn, error) {
	if l.handed++; l.handed%burst == 0 {
		runtime.Gosched()
	}
	for {
		if c := l.nextReady(); c != nil {
			return c.resume(), nil
		}
		wait := forever
		if len(l.queue) > 0 {
			if l.looked++; l.looked%lookEach == 0 { // whether known clients have come: they go first
				if err := l.look(0); err != nil {
					return nil, net.ErrClosed
				}
			}
			if len(l.ready) > 0 {
				continue
			}
			if c := l.nextNewcomer(time.Now()); c != nil {
				return c.resume(), nil
			}
			wait = turnTime
		}
		if err := l.look(wait); err != nil {
			return nil, net.ErrClosed
		}
	}
}

// look finds connections that have bytes. It waits for a time.
func (l *Lot) look(wait time.Duration) error {
	found, err := l.poller.wait(wait)
	if err != nil {
		return err
	}
	for _, c := range l.sort(found) {
		_ = c.SetReadDeadline(time.Time{}) // was the one of an idle connection; the error would mean that it is closed
	}
	return nil
}

// sort puts connections that have bytes where nextReady and nextNewcomer find them. It returns the ones of newcomers.
func (l *Lot) sort(found []uint64) (waiting []*conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.adapt(time.Now())
	l.hungry, l.rung = false, false
	for _, number := range found {
		switch c := l.parked[number]; {
		case c == nil:
		case l.knows(c):
			l.ready = append(l.ready, number)
		default:
			c.noteBusy()
			l.queue = append(l.queue, newcomer{number, time.Now()})
			waiting = append(waiting, c)
		}
	}
	l.noteTurns()
	return waiting
}

// adapt gives more turns if none was used for a while though some wait, and fewer otherwise. A process that shares its processors
// with others may sleep between two turns for much longer than a turn takes. The caller holds mu.
func (l *Lot) adapt(now time.Time) {
	switch {
	case !l.hungry:
	case !l.freeAt.IsZero() && now.Sub(l.freeAt) > idleTime:
		l.most = min(2*l.most, mostTurns*l.cfg.Turns)
	case l.rung:
		l.most = max(l.most-max(1, l.most/4), l.cfg.Turns)
	}
	l.freeAt = time.Time{}
}

// knows reports whether a connection is not the one of a newcomer.
func (l *Lot) knows(c *conn) bool {
	return l.cfg.Known == nil || c.shared || l.cfg.Known.Knows(c.client)
}

// noteTurns tells how many newcomers have a turn, and how many wait. The caller holds mu.
func (l *Lot) noteTurns() {
	if l.cfg.Known != nil {
		l.cfg.Known.SetTurns(admit.Stats{Total: l.most, Taken: min(len(l.awake), l.most), Waiting: len(l.queue), Admitted: l.admitted})
	}
}

// nextReady takes out a connection that has bytes, or returns nil.
func (l *Lot) nextReady() *conn {
	for len(l.ready) > 0 {
		number := l.ready[0]
		if l.ready = l.ready[1:]; len(l.ready) == 0 {
			l.ready = nil
		}
		if c := l.take(number); c != nil {
			return c
		}
	}
	return nil
}

// nextNewcomer takes out the connection of a newcomer if there is a turn for it, or returns nil.
func (l *Lot) nextNewcomer(now time.Time) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.noteTurns()
	for range lookedThrough {
		if len(l.queue) == 0 {
			l.queue = nil
			return nil
		}
		first := l.queue[0]
		c := l.parked[first.number]
		switch {
		case c == nil:
			l.queue = l.queue[1:]
		case l.hasTurn(c, first, now):
			l.queue = l.queue[1:]
			delete(l.parked, first.number)
			l.awake[c] = now
			c.queued = now.Sub(first.since)
			l.admitted++
			return c
		default:
			l.cfg.Known.Waited(c.client)
			l.hungry = true
			if len(l.awake) >= l.most {
				return nil
			}
			l.queue = append(l.queue[1:], first) // its client has turns: others go first
		}
	}
	return nil
}

// hasTurn reports whether the connection of a newcomer may be handed out. The caller holds mu.
func (l *Lot) hasTurn(c *conn, waits newcomer, now time.Time) bool {
	if now.Sub(waits.since) >= longestQueue || !l.cfg.Known.Here() || l.knows(c) {
		return true
	}
	if len(l.awake) >= l.most {
		l.endLongTurns(now)
	}
	own := 0
	for other := range l.awake {
		if other.client == c.client {
			own++
		}
	}
	return len(l.awake) < l.most && own < max(1, l.most/clientShare)
}

// endLongTurns ends turns that have lasted for turnTime. The caller holds mu.
func (l *Lot) endLongTurns(now time.Time) {
	for c, since := range l.awake {
		if now.Sub(since) >= turnTime {
			delete(l.awake, c)
		}
	}
}

// endTurn ends the turn of a connection, if it has one. The caller holds mu.
func (l *Lot) endTurn(c *conn) {
	if _, has := l.awake[c]; has {
		delete(l.awake, c)
		l.noteTurns()
		if len(l.awake) == 0 && l.hungry {
			l.freeAt = time.Now()
		}
	}
	if l.hungry && !l.rung && len(l.awake) < l.most {
		l.rung = true
		l.poller.ring()
	}
}

// receive parks a new connection of a newcomer, while many are open. So it waits for its turn like the others.
func (l *Lot) receive(c *conn) bool {
	if l.knows(c) || !l.wants(c) || c.SetReadDeadline(time.Now().Add(l.cfg.FirstWait)) != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && !c.expired && l.park(c)
}

// resume returns a connection that was parked, like a new one.
func (c *conn) resume() net.Conn {
	c.hear(1)
	c.resumed = true
	return c
}

// Close implements net.Listener. It closes the parked connections.
func (l *Lot) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	var err error
	l.mu.Lock()
	left := l.parked
	l.parked = nil
	if l.poller != nil {
		err = l.poller.close()
	}
	l.mu.Unlock()
	for _, c := range left {
		_ = c.end()
	}
	return err
}

// Addr implements net.Listener.
func (l *Lot) Addr() net.Addr { return lotAddr{} }

type lotAddr struct{}

func (lotAddr) Network() string { return "parked" }
func (lotAddr) String() string  { return "parked connections" }

// wants reports whether an idle connection shall be parked.
func (l *Lot) wants(c *conn) bool {
	if c.raw == nil || c.bounds == nil || l.closed.Load() || c.bounds.count.Load() < int64(l.cfg.From) {
		return false
	}
	l.begin.Do(l.open)
	return !l.closed.Load()
}

// park takes a connection in, or returns false.
func (l *Lot) park(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return false
	}
	known := c.number != 0
	if !known {
		l.last++
		c.number = l.last
	}
	l.parked[c.number] = c // first, since the bytes may have come already
	if err := l.poller.watch(c.raw, c.number, known); err != nil {
		delete(l.parked, c.number)
		return false
	}
	l.endTurn(c)
	return true
}

// forget takes out a connection that is closed.
func (l *Lot) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.parked, c.number)
	l.endTurn(c)
}

// take takes a connection out, or returns nil if it is not parked.
func (l *Lot) take(number uint64) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.parked[number]
	delete(l.parked, number)
	return c
}
