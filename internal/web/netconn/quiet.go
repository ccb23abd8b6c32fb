package netconn

import "time"

// BeginStop notes that the server stops. From then on a connection notes when it receives bytes, so that CloseQuiet spares one
// whose request is just arriving.
func (b *Bounds) BeginStop() { b.stopping.Store(time.Now().UnixNano()) }

// CloseQuiet closes the connections that have had no request, and received no bytes, since BeginStop and for a time of quiet. It
// returns how many connections are left.
//
// Shutdown of net/http closes idle connections at once, also one whose next request is on its way.
func (b *Bounds) CloseQuiet(quiet time.Duration) (open int) {
	before := time.Now().Add(-quiet).UnixNano()
	for _, c := range b.quiet(before) {
		if c.hasBytes() { // of a request that the Lot has not seen yet
			c.idleSince.Store(0)
			continue
		}
		_ = c.end() // its server notices the end
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.open)
}

// quiet returns the connections without a request since a time, and marks them as closing.
func (b *Bounds) quiet(before int64) (found []*conn) {
	if b.stopping.Load() > before {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.open {
		since := c.idleSince.Load()
		if since > 0 && max(since, c.heard.Load()) <= before && c.idleSince.CompareAndSwap(since, closing) {
			found = append(found, c)
		}
	}
	return found
}

// noteBusy notes that a request has come on an idle connection, though nobody has read it yet.
func (c *conn) noteBusy() {
	if since := c.idleSince.Load(); since > 0 {
		c.idleSince.CompareAndSwap(since, 0)
	}
}

// hear notes that bytes have come, while the server stops.
func (c *conn) hear(n int) {
	if n > 0 && c.bounds != nil && c.bounds.stopping.Load() != 0 {
		c.heard.Store(time.Now().UnixNano())
	}
}
