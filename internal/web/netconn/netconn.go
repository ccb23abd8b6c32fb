// Package netconn wraps the connections of an HTTP server so that each request costs less.
//
// Two habits of net/http take 5 % of the CPU time of a short request (a get of 500 bytes), as BenchmarkServer shows. A third
// takes 14 % of a kept list of 11 kB, as BenchmarkJoin shows. Drop the package when the benchmarks no longer show it.
//
// Deadlines: net/http sets a deadline seven times per request. Each moves a timer of the runtime, and hardly any comes
// due. A conn only notes a deadline. It has one timer, which moves when it would fire too late: once in seconds, not
// at each request. Reads and writes still end at their deadlines.
//
// Read-ahead: while a handler runs, net/http reads one byte ahead to notice that the client went away. That read
// finds nothing, waits, and is called off. A conn delays it until the handler has run for readAheadDelay, since most
// handlers are done by then. So the server notices a lost client up to twice that delay later.
//
// Writes: an answer that does not fit into the buffer of net/http takes two writes, and wakes its client twice. Join makes
// one of them.
//
// Idle connections: while many are open, net/http keeps no goroutine and no buffers for idle ones. The Lot has them.
package netconn

import (
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Listen returns ln with cheaper connections. They count their bytes in traffic, stay within the bounds, and are parked in lot,
// if those are not nil. The server needs the hook NoteState.
func Listen(ln net.Listener, traffic *Traffic, bounds *Bounds, lot *Lot) net.Listener {
	return listener{ln, traffic, bounds, lot}
}

// Traffic counts the bytes of connections.
type Traffic struct{ in, out atomic.Int64 }

// Bytes returns the bytes that were read and written.
func (t *Traffic) Bytes() (in, out int64) { return t.in.Load(), t.out.Load() }

type listener struct {
	net.Listener
	traffic *Traffic
	bounds  *Bounds
	lot     *Lot
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := newConn(raw, l.traffic)
		c.parkIn(l.lot)
		switch {
		case l.bounds != nil && !l.bounds.admit(c):
			_ = raw.Close() // the peer sees the end
		case l.lot == nil || !l.lot.receive(c):
			return c, nil
		}
	}
}

// conn is a connection with noted deadlines and delayed read-aheads. The package comment explains both.
type conn struct {
	net.Conn
	opened  time.Time
	traffic *Traffic

	joins bool         // the next write waits for the one after it
	held  *[Large]byte // a write that waits; nil: none

	bounds    *Bounds // nil: none
	client    caller.Client
	shared    bool // the peer speaks for many clients
	share     admit.Share[caller.Client]
	idleSince atomic.Int64 // in nanoseconds since 1970; 0 while there is a request, or closing
	heard     atomic.Int64 // when bytes came while the server stops, in nanoseconds since 1970

	lot     *Lot            // nil: none
	raw     syscall.RawConn // for lot; nil: the connection cannot be parked
	number  uint64          // in lot; 0: it was never parked
	resumed bool            // the next read is the first since it was parked
	queued  time.Duration   // how long it waited in lot for its turn, for the next request

	mu     sync.Mutex
	closed bool
	step   idleStep

	timer   *time.Timer // calls expire
	next    time.Time   // when timer fires; zero: it is stopped
	readAt  time.Time   // read deadline; zero: none, or it has passed
	writeAt time.Time   // write deadline; zero: none, or it has passed

	expired  bool // the read deadline has passed
	reading  bool // a read of the inner connection is under way
	readCut  bool // the inner connection has a read deadline in the past
	writeCut bool // the inner connection has a write deadline in the past

	ready   sync.Cond   // wakes a waiting read-ahead
	waiting bool        // a read-ahead waits
	waits   uint64      // read-aheads started
	ticker  *time.Timer // calls tick
	ticking bool        // ticker is running
	ticked  uint64      // value of waits at the previous tick
}

// readAheadDelay is the shortest wait of a read-ahead. The longest is twice as long.
const readAheadDelay = 10 * time.Millisecond

// past returns a time before every deadline.
func past() time.Time { return time.Unix(1, 0) }

func newConn(raw net.Conn, traffic *Traffic) *conn {
	c := &conn{Conn: raw, opened: time.Now(), traffic: traffic}
	c.ready.L = &c.mu
	c.timer = time.AfterFunc(time.Hour, c.expire)
	c.timer.Stop()
	c.ticker = time.AfterFunc(time.Hour, c.tick)
	c.ticker.Stop()
	return c
}

// Read implements net.Conn. It takes a read of one byte for a read-ahead. If it is wrong, that read is only late.
func (c *conn) Read(p []byte) (int, error) {
	if c.resumed {
		c.resumed = false
		growStack()
	}
	if c.leave(len(p)) {
		return 0, io.EOF
	}
	if !c.beginRead(len(p) == 1) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	c.traffic.in.Add(int64(n))
	c.hear(n)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	switch {
	case c.held != nil:
		return c.writeHeld(p)
	case c.hold(p):
		return len(p), nil
	}
	n, err := c.Conn.Write(p)
	c.traffic.out.Add(int64(n))
	return n, err
}

func (c *conn) beginRead(ahead bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead {
		c.wait()
	}
	if c.expired {
		return false
	}
	c.reading = true
	return true
}

// wait delays a read-ahead until its time has come, or it is called off.
func (c *conn) wait() {
	c.waiting = true
	c.waits++
	if !c.ticking && !c.closed {
		c.ticking = true
		c.ticker.Reset(readAheadDelay)
	}
	for c.waiting && !c.expired && !c.closed {
		c.ready.Wait()
	}
	c.waiting = false
}

// tick starts a read-ahead that already waited at the previous tick. It goes on while new read-aheads start.
func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticked == c.waits || c.closed {
		c.ticking, c.waiting = false, false
		c.ready.Signal()
		return
	}
	c.ticked = c.waits
	c.ticker.Reset(readAheadDelay)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() && at.Before(c.opened) {
		return c.cutRead()
	}
	c.readAt, c.expired = at, false
	c.noteDeadline()
	c.expireAt(at)
	if !c.readCut {
		return nil
	}
	c.readCut = false
	return c.Conn.SetReadDeadline(time.Time{})
}

// cutRead ends a read that is under way or waits, and all later ones.
func (c *conn) cutRead() error {
	c.readAt, c.expired = time.Time{}, true
	c.ready.Signal()
	if !c.reading {
		return nil
	}
	c.readCut = true
	return c.Conn.SetReadDeadline(past())
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !at.IsZero() && at.Before(c.opened) {
		return c.cutWrite()
	}
	c.writeAt = at
	c.expireAt(at)
	if !c.writeCut {
		return nil
	}
	c.writeCut = false
	return c.Conn.SetWriteDeadline(time.Time{})
}

func (c *conn) cutWrite() error {
	c.writeAt, c.writeCut = time.Time{}, true
	return c.Conn.SetWriteDeadline(past())
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(at time.Time) error {
	if err := c.SetReadDeadline(at); err != nil {
		return err
	}
	return c.SetWriteDeadline(at)
}

// expireAt makes the timer fire at t or before.
func (c *conn) expireAt(at time.Time) {
	if at.IsZero() || c.closed || (!c.next.IsZero() && !at.Before(c.next)) {
		return
	}
	c.next = at
	c.timer.Reset(time.Until(at))
}

// expire ends reads and writes after their deadline. It closes a parked connection.
func (c *conn) expire() {
	if c.endDeadlines() {
		_ = c.end()
	}
}

// endDeadlines ends reads and writes after their deadline. It reports whether the connection was parked until now.
func (c *conn) endDeadlines() (parked bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.next = time.Time{}
	now := time.Now()
	// An error means a closed connection. Its reads and writes report that.
	if !c.readAt.IsZero() && !now.Before(c.readAt) {
		_ = c.cutRead()
		parked = c.number != 0 && c.lot.take(c.number) != nil
	}
	if !c.writeAt.IsZero() && !now.Before(c.writeAt) {
		_ = c.cutWrite()
	}
	c.expireAt(c.readAt)
	c.expireAt(c.writeAt)
	return parked
}

// Close implements net.Conn. It parks a connection that net/http closes only because it is idle.
func (c *conn) Close() error {
	if c.park() {
		return nil
	}
	return c.end()
}

// end closes the connection, parked or not.
func (c *conn) end() error {
	c.mu.Lock()
	c.closed = true
	c.timer.Stop()
	c.ticker.Stop()
	c.ready.Signal()
	wasParked := c.number != 0
	c.mu.Unlock()
	if c.bounds != nil {
		c.bounds.leave(c)
	}
	err := c.Conn.Close()
	if wasParked {
		c.lot.forget(c)
	}
	return err
}

// CloseWrite lets net/http close its side first, so that the client can still read the last answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
