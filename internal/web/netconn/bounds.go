package netconn

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Bounds bound the open connections of a listener: of all peers, and by a share for each address. When a connection
// comes beyond them, the listener closes idle ones, the longest idle first. If it finds none, it closes the new one.
type Bounds struct {
	shares *admit.Shares[caller.Client]
	spared []netip.Prefix
	closed atomic.Int64 // idle connections that were closed for others

	stopping atomic.Int64 // when BeginStop was called, in nanoseconds since 1970; 0: it was not

	refused atomic.Int64 // new connections that found no room

	mu    sync.Mutex
	open  map[*conn]struct{}
	count atomic.Int64 // of open
}

// NewBounds returns bounds for total connections; 0 means DefaultTotal. Peers in the spared networks are proxies, which
// speak for many clients: they have no share.
func NewBounds(total int, spared []netip.Prefix) *Bounds {
	if total <= 0 {
		total = DefaultTotal()
	}
	return &Bounds{shares: admit.NewShares[caller.Client](int64(total)), spared: spared, open: map[*conn]struct{}{}}
}

// MostTotal is the largest number of connections that bounds may allow: what Linux lets a process open by default.
const MostTotal = 1 << 20

const (
	maxTotal      = 65_536 // connections, however many descriptors there are
	ownFiles      = 256    // descriptors for the database, mails, logs and other listeners
	unknownOfOpen = 16_384 // connections where the system does not tell its limit
)

// DefaultTotal returns how many connections a listener of this process may have: what its limit of descriptors leaves.
func DefaultTotal() int {
	files, ok := openFiles()
	if !ok {
		return unknownOfOpen
	}
	return int(min(maxTotal, max(files/2, files-min(files, ownFiles))))
}

// Stats returns counts of the connections. A connection for which an idle one was closed was not refused.
func (b *Bounds) Stats() admit.Stats {
	stats := b.shares.Stats()
	stats.Refused = b.refused.Load()
	return stats
}

// Closed returns how many idle connections were closed for others.
func (b *Bounds) Closed() int64 { return b.closed.Load() }

// closing is the idleSince of a connection that is closed for another.
const closing = -1

// admit takes a new connection in, or returns false.
func (b *Bounds) admit(c *conn) bool {
	c.client, c.shared = b.clientOf(c.Conn)
	c.idleSince.Store(time.Now().UnixNano())
	c.bounds = b
	if !b.take(c) && !(b.closeIdle(c) && b.take(c)) {
		b.refused.Add(1)
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[c] = struct{}{}
	b.count.Add(1)
	return true
}

func (b *Bounds) take(c *conn) (ok bool) {
	if c.shared {
		c.share, ok = b.shares.TakeShared(1)
		return ok
	}
	var err error
	c.share, err = b.shares.Take(c.client, 1)
	return err == nil
}

// clientOf returns whose connection it is. shared says that the peer speaks for many clients, or is not known. With the PROXY
// protocol RemoteAddr would wait for a header, so a connection tells its Peer.
func (b *Bounds) clientOf(raw net.Conn) (_ caller.Client, shared bool) {
	var address string
	switch known := raw.(type) {
	case *net.TCPConn:
		address = known.RemoteAddr().String()
	case interface{ Peer() net.Addr }:
		address = known.Peer().String()
	default:
		return caller.Client{}, true
	}
	if peer, err := netip.ParseAddrPort(address); err == nil {
		ip := peer.Addr().Unmap().WithZone("")
		if slices.ContainsFunc(b.spared, func(network netip.Prefix) bool { return network.Contains(ip) }) {
			return caller.Client{}, true
		}
	}
	return caller.Caller{}.From(address).Client(), false
}

// batch is how many of the idle connections are closed at once: one in so many. So a flood of connections does not look
// through all of them each time.
const batch = 32

// closeIdle closes the connections that have been idle the longest. It begins with connections of the client itself.
// Other clients lose one only if all places are taken. It reports whether there was one.
func (b *Bounds) closeIdle(c *conn) bool {
	idle := b.idle(func(other *conn) bool { return !c.shared && other.client == c.client })
	if len(idle) == 0 && b.shares.Full() {
		idle = b.idle(func(*conn) bool { return true })
	}
	for _, each := range idle {
		b.closed.Add(1)
		_ = each.end() // its server notices the end
	}
	return len(idle) > 0
}

// idle returns one in batch of the idle connections of a kind: the ones that have been idle the longest. It marks them as
// closing, and the caller must close all of them.
func (b *Bounds) idle(kind func(*conn) bool) (idle []*conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	since := map[*conn]int64{}
	for c := range b.open {
		if at := c.idleSince.Load(); at > 0 && kind(c) {
			since[c] = at
			idle = append(idle, c)
		}
	}
	slices.SortFunc(idle, func(x, y *conn) int { return cmp.Compare(since[x], since[y]) })
	return slices.DeleteFunc(idle[:min(len(idle), 1+len(idle)/batch)], func(c *conn) bool {
		return !c.idleSince.CompareAndSwap(since[c], closing) // a request has just come
	})
}

// leave forgets a connection that is closed.
func (b *Bounds) leave(c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, open := b.open[c]; open {
		delete(b.open, c)
		b.count.Add(-1)
		c.share.Give()
	}
}

// NoteState is a hook for http.Server.ConnState. It knows which connections are idle.
func NoteState(raw net.Conn, state http.ConnState) {
	secure, encrypted := raw.(*tls.Conn)
	if encrypted {
		raw = secure.NetConn()
	}
	c, ok := raw.(*conn)
	if !ok || c.bounds == nil {
		return
	}
	switch state {
	case http.StateActive:
		c.idleSince.Store(0)
	case http.StateIdle:
		c.idleSince.Store(time.Now().UnixNano())
		if !encrypted {
			c.noteIdle()
		}
	}
}
