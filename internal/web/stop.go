package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// forcedWait bounds the wait for handlers after Serve closed their connections. They see their context end.
	forcedWait = 5 * time.Second
	// defaultQuiet is longer than a request takes from a client in the same region.
	defaultQuiet = 250 * time.Millisecond
	// drainPause is the time between two looks at the idle connections.
	drainPause = 5 * time.Millisecond
	// queueTime is how long the queue of a listener must stay empty before the listener is closed.
	queueTime = 50 * time.Millisecond
	// queueMost bounds the wait for an empty queue, if clients go on to connect.
	queueMost = time.Second
)

// A server is an HTTP server that can stop without the loss of a request.
type server struct {
	cfg      ServerConfig
	http     *http.Server
	http2    *http2Server // nil without TLS
	gate     *gate
	served   <-chan error
	inFlight atomic.Int64
	draining atomic.Bool // answers end their connections

	mu   sync.Mutex
	held map[net.Conn]struct{} // connections that Hold took from net/http; their answers are in flight
}

type serverKey struct{}

// hold notes a connection that was taken from net/http. A server that Serve did not make is nil.
func (s *server) hold(conn net.Conn) {
	if s == nil {
		return
	}
	s.inFlight.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[conn] = struct{}{}
}

// release forgets a connection whose answer has ended.
func (s *server) release(conn net.Conn) {
	if s == nil {
		return
	}
	s.mu.Lock()
	delete(s.held, conn)
	s.mu.Unlock()
	s.inFlight.Add(-1)
}

// cutHeld closes the connections that are held.
func (s *server) cutHeld() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.held {
		_ = conn.Close() // its answer notices the end
	}
}

// count returns h as the handler of the server.
func (s *server) count(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		if s.draining.Load() {
			w.Header()["Connection"] = closeConnection
		}
		h.ServeHTTP(w, r)
	})
}

var closeConnection = []string{"close"}

// stop takes the steps that Serve describes, from the first on.
func (s *server) stop(ctx context.Context) error {
	call(s.cfg.OnStop)
	lameDuck := s.cfg.LameDuck
	if s.cfg.HandedOver != nil && s.cfg.HandedOver() {
		s.gate.shared = true
		lameDuck = 0
	}
	select {
	case err := <-s.served:
		return fmt.Errorf("stopped serving: %w", err)
	case <-time.After(lameDuck):
	}
	s.gate.stop()
	<-s.served
	s.cfg.Bounds.BeginStop()
	s.draining.Store(true)
	s.http2.goAway(ctx)
	call(s.cfg.OnDrain)
	ctx, cancel := context.WithTimeout(ctx, orElse(s.cfg.Grace, 30*time.Second))
	defer cancel()
	s.closeQuiet(ctx, orElse(s.cfg.Quiet, defaultQuiet))
	return s.end(ctx)
}

func call(hook func()) {
	if hook != nil {
		hook()
	}
}

// closeQuiet closes connections that are idle for a time of quiet, until none is open.
func (s *server) closeQuiet(ctx context.Context, quiet time.Duration) {
	for s.cfg.Bounds.CloseQuiet(quiet) > 0 {
		s.http2.goAwayLate(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(drainPause):
		}
	}
}

// end closes what is left, and waits for its handlers.
func (s *server) end(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	for err == nil && s.inFlight.Load() > 0 { // of held connections, which net/http does not know
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(drainPause):
		}
	}
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("while it stopped: %w", err)
	}
	cut := s.inFlight.Load()
	s.cutHeld()
	if err := s.http.Close(); err != nil {
		return fmt.Errorf("while it stopped: %w", err)
	}
	for deadline := time.Now().Add(forcedWait); s.inFlight.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(drainPause)
	}
	if cut == 0 {
		return nil // only idle connections were closed
	}
	return fmt.Errorf("%d requests were cut after %v; %d of them still run", cut, orElse(s.cfg.Grace, 30*time.Second), s.inFlight.Load())
}

// A gate is a listener that stops accepting without the loss of a connection.
//
// The kernel completes connections before the server accepts them. When a listener is closed, the kernel resets the waiting
// ones, also those with a request in their buffer. So the gate turns new connections away first, accepts what waits, and closes
// the listener last. A listener that another process has too is only left: its queue waits for that process.
type gate struct {
	net.Listener
	shared bool         // read after until is set
	until  atomic.Int64 // after stop: when the listener is closed at the latest, in nanoseconds since 1970
}

// deadliner is what a TCP listener can do.
type deadliner interface{ SetDeadline(time.Time) error }

// Accept implements net.Listener. After stop it fails when the queue is empty.
func (g *gate) Accept() (net.Conn, error) {
	if g.until.Load() != 0 && g.shared {
		return nil, net.ErrClosed
	}
	c, err := g.Listener.Accept()
	switch {
	case g.until.Load() == 0:
		return c, err
	case err != nil:
		return nil, errors.Join(net.ErrClosed, g.Listener.Close())
	}
	g.setDeadline()
	return c, nil
}

// setDeadline ends the next Accept when the queue stays empty.
func (g *gate) setDeadline() {
	end := time.Now()
	if !g.shared {
		end = end.Add(queueTime)
	}
	if last := time.Unix(0, g.until.Load()); end.After(last) {
		end = last
	}
	timed, ok := g.Listener.(deadliner)
	if !ok || timed.SetDeadline(end) != nil {
		_ = g.Close()
	}
}

// stop lets Accept end.
func (g *gate) stop() {
	if !g.shared {
		turnAway(g.Listener)
	}
	g.until.Store(time.Now().Add(queueMost).UnixNano())
	g.setDeadline()
}
