package mail

import (
	"net"
	"sync"
)

// conns are the connections of one attempt.
type conns struct {
	mu     sync.Mutex
	open   []net.Conn
	closed bool
}

// add keeps a connection for close, or closes it if close came first.
func (c *conns) add(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return
	}
	c.open = append(c.open, conn)
}

// close closes all connections. Most are closed already.
func (c *conns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, conn := range c.open {
		_ = conn.Close()
	}
	c.open = nil
}
