package netconn

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Large is the size of a body, in bytes, from which Join has an effect. It is the size of the buffer of net/http, so an answer
// with such a body never fits into it.
const Large = 4 << 10

// buffers has the memory of held writes.
var buffers = sync.Pool{New: func() any { return new([Large]byte) }}

type connKey struct{}

// noteConn is a hook of http.Server, so that Join finds the connection of a request.
func noteConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// Hook sets the hooks of a server that Bounds and Join need.
func Hook(srv *http.Server) { srv.ConnContext = noteConn }

// Join makes one write of the next two on the connection of a request. ctx is the context of the request as net/http made it.
// After it the caller writes a body of at least Large bytes, with its length in the header. A shorter body might leave the
// first write without a second one.
func Join(ctx context.Context) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		c.joins = true
	}
}

// Queued returns how long a request waited before it was read, because many newcomers came. ctx is as with Join. A second call
// returns 0.
func Queued(ctx context.Context) (waited time.Duration) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		waited, c.queued = c.queued, 0
	}
	return waited
}

// hold keeps a write for the next one. It reports false if the write must not wait.
//
// net/http fills its buffer with the header and the beginning of the body, and writes it. Then it writes the rest of the body. A
// full buffer is only written when more follows.
func (c *conn) hold(p []byte) bool {
	if !c.joins {
		return false
	}
	c.joins = false
	if len(p) != Large {
		return false
	}
	c.held = buffers.Get().(*[Large]byte)
	copy(c.held[:], p)
	return true
}

// writeHeld writes what was held and p.
func (c *conn) writeHeld(p []byte) (int, error) {
	held := c.held
	c.held = nil
	defer buffers.Put(held)
	both := net.Buffers{held[:], p}
	n, err := both.WriteTo(c.Conn)
	c.traffic.out.Add(n)
	return max(0, int(n)-Large), err
}
