package netconn

import (
	"os"
	"syscall"
)

// idleStep is how far a connection is on its way into the Lot. After an answer net/http calls the hook with StateIdle,
// SetReadDeadline for the idle time, and Read. If Read fails, it calls Close. If it has read bytes of the next request already, it
// calls SetReadDeadline again instead of Read.
//
// TestLot_LosesNoBytes fails if a version of Go has another order.
type idleStep int

const (
	stepNone     idleStep = iota
	stepAnswered          // net/http has called the hook
	stepWaiting           // net/http has set the deadline
	stepLeaving           // Read has returned io.EOF
)

// bufferSize is the size of net/http's buffer. A Read with fewer bytes of room means that the buffer holds some of a request.
const bufferSize = 4 << 10

// parkIn lets a connection be parked, if the system can watch it.
func (c *conn) parkIn(lot *Lot) {
	inner, ok := c.Conn.(syscall.Conn)
	if lot == nil || !ok {
		return
	}
	if raw, err := inner.SyscallConn(); err == nil {
		c.lot, c.raw = lot, raw
	}
}

// noteIdle notes that net/http has called the hook with StateIdle.
func (c *conn) noteIdle() {
	if c.lot == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step = stepAnswered
}

// noteDeadline notes that net/http has set a read deadline. The caller holds c.mu.
func (c *conn) noteDeadline() {
	if c.step == stepAnswered {
		c.step = stepWaiting
	} else {
		c.step = stepNone
	}
}

// leave reports whether a Read of size bytes shall return io.EOF, so that net/http closes the connection.
func (c *conn) leave(size int) bool {
	if c.lot == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.step == stepWaiting && size == bufferSize && c.lot.wants(c) {
		c.step = stepLeaving
		return true
	}
	c.step = stepNone
	return false
}

// park parks a connection that net/http closes because of leave, or returns false.
func (c *conn) park() bool {
	if c.lot == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	leaving := c.step == stepLeaving
	c.step = stepNone
	return leaving && !c.closed && !c.expired && c.lot.park(c)
}

// growStack makes the stack of a new goroutine large enough for most requests. Else it would grow in two or three steps, each
// deeper, and copying it took 8 % of the CPU time of a server with parked connections.
//
//go:noinline
func growStack() byte {
	var room [12 << 10]byte
	return room[len(os.Args)&1]
}
