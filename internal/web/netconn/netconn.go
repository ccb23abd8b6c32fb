package web

import (
	"net"
	"os"
	"sync"
	"time"
)

// listener gives each connection the cheap deadlines of conn.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newConn(raw), nil
}

// conn is a connection of net/http, for which each request costs less. Two things that net/http does to a connection are
// a twentieth of the time of a short request:
//
// It sets a deadline seven times a request, each of which moves a timer of the runtime, and hardly any of which is
// reached. Here a deadline is noted, and one timer looks whether it has come: it is moved only where it would look too late,
// which is after seconds, not at each request. A deadline that has come ends the reads and writes as ever.
//
// While a handler runs, it reads one byte ahead, to see the client go away. That read finds nothing, waits, and is called
// off. Here it begins only when the handler has run for a while: most are done by then. So a client that goes away is
// noticed up to 2 × headStart late.
type conn struct {
	net.Conn
	opened time.Time

	mu     sync.Mutex
	closed bool

	timer   *time.Timer
	next    time.Time // when timer looks; zero: never
	readAt  time.Time // the deadlines; zero: none, or it has come
	writeAt time.Time

	over     bool // the deadline of reads has come
	reading  bool // a read of Conn is under way
	readCut  bool // Conn has a deadline in the past
	writeCut bool

	awake   sync.Cond // what a read ahead waits for: its time, or that it is called off
	waiting bool      // one waits
	waits   uint64    // that began
	tick    *time.Timer
	ticking bool
	ticked  uint64 // waits, at the tick before
}

// headStart is what a handler has before the client is watched, at least; at most twice that.
const headStart = 10 * time.Millisecond

// past is a deadline that has come.
func past() time.Time { return time.Unix(1, 0) }

func newConn(raw net.Conn) *conn {
	c := &conn{Conn: raw, opened: time.Now()}
	c.awake.L = &c.mu
	c.timer = time.AfterFunc(time.Hour, c.look)
	c.timer.Stop()
	c.tick = time.AfterFunc(time.Hour, c.watch)
	c.tick.Stop()
	return c
}

// Read implements net.Conn. A read of one byte is taken for one ahead; were it another, it would only be late.
func (c *conn) Read(p []byte) (int, error) {
	if !c.beginRead(len(p) == 1) {
		return 0, os.ErrDeadlineExceeded
	}
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	c.reading = false
	c.mu.Unlock()
	return n, err
}

func (c *conn) beginRead(ahead bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ahead {
		c.wait()
	}
	if c.over {
		return false
	}
	c.reading = true
	return true
}

// wait waits for the time of a read ahead, or until there is no use in it.
func (c *conn) wait() {
	c.waiting = true
	c.waits++
	if !c.ticking && !c.closed {
		c.ticking = true
		c.tick.Reset(headStart)
	}
	for c.waiting && !c.over && !c.closed {
		c.awake.Wait()
	}
	c.waiting = false
}

// watch lets the read ahead begin that waited at the tick before already. The ticks go on while there are new ones.
func (c *conn) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticked == c.waits || c.closed {
		c.ticking, c.waiting = false, false
		c.awake.Signal()
		return
	}
	c.ticked = c.waits
	c.tick.Reset(headStart)
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.IsZero() && t.Before(c.opened) {
		return c.cutRead()
	}
	c.readAt, c.over = t, false
	c.lookAt(t)
	if !c.readCut {
		return nil
	}
	c.readCut = false
	return c.Conn.SetReadDeadline(time.Time{})
}

// cutRead ends the read that is under way or waits, and those to come.
func (c *conn) cutRead() error {
	c.readAt, c.over = time.Time{}, true
	c.awake.Signal()
	if !c.reading {
		return nil
	}
	c.readCut = true
	return c.Conn.SetReadDeadline(past())
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !t.IsZero() && t.Before(c.opened) {
		return c.cutWrite()
	}
	c.writeAt = t
	c.lookAt(t)
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
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// lookAt sees to it that the timer looks no later than at t.
func (c *conn) lookAt(t time.Time) {
	if t.IsZero() || c.closed || (!c.next.IsZero() && !t.Before(c.next)) {
		return
	}
	c.next = t
	c.timer.Reset(time.Until(t))
}

// look ends what has come to its deadline.
func (c *conn) look() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.next = time.Time{}
	now := time.Now()
	// The error would be that of a connection that is closed, which its reads and writes tell.
	if !c.readAt.IsZero() && !now.Before(c.readAt) {
		_ = c.cutRead()
	}
	if !c.writeAt.IsZero() && !now.Before(c.writeAt) {
		_ = c.cutWrite()
	}
	c.lookAt(c.readAt)
	c.lookAt(c.writeAt)
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.mu.Lock()
	c.closed = true
	c.timer.Stop()
	c.tick.Stop()
	c.awake.Signal()
	c.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite lets net/http end its side first, so that a client still reads the last answer.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
