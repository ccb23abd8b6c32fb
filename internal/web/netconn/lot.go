package netconn

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
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
type Lot struct {
	from  int64 // open connections from which on idle ones are parked
	serve func(net.Listener)
	begin sync.Once

	closed atomic.Bool // or never open

	mu     sync.Mutex
	poller *poller // nil: nothing was parked yet
	parked map[uint64]*conn
	last   uint64 // number of a connection

	ready  []uint64 // numbers of connections that have bytes; of Accept alone
	handed int      // connections that Accept returned; of Accept alone
}

// burst is how many connections Accept returns before it yields.
const burst = 16

// NewLot returns a Lot that parks while at least so many connections are open. When the first one is parked, it calls serve, which
// starts to serve the Lot. Without epoll it parks none.
func NewLot(from int, serve func(net.Listener)) *Lot {
	return &Lot{from: int64(from), serve: serve, parked: map[uint64]*conn{}}
}

// open begins to serve the Lot, if the system has a poller for it.
func (l *Lot) open() {
	if l.openPoller() {
		l.serve(l)
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
		for len(l.ready) > 0 {
			number := l.ready[0]
			l.ready = l.ready[1:]
			if c := l.take(number); c != nil {
				c.hear(1)
				c.resumed = true
				return c, nil
			}
		}
		var err error
		if l.ready, err = l.poller.wait(); err != nil {
			return nil, net.ErrClosed
		}
	}
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
	if c.raw == nil || c.bounds == nil || l.closed.Load() || c.bounds.count.Load() < l.from {
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
	return true
}

// take takes a connection out, or returns nil if it is not parked.
func (l *Lot) take(number uint64) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.parked[number]
	delete(l.parked, number)
	return c
}
