package takeover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"
)

// OfferConfig configures an Offer.
type OfferConfig struct {
	Folder  string                  // data folder
	Sockets map[string]net.Listener // by name
	Within  time.Duration           // the server has released the data folder so long after it began to stop
	Refuse  string                  // why the server hands nothing over; "": it does
	Logger  *slog.Logger
}

// An Offer is the socket at which a server waits for its successor.
type Offer struct {
	cfg OfferConfig
	ln  *net.UnixListener
}

// Listen opens the socket in the data folder. Only one server at a time offers there.
func Listen(cfg OfferConfig) (*Offer, error) {
	address, err := socketPath(cfg.Folder)
	if err != nil {
		return nil, err
	}
	if conn, err := net.DialUnix("unix", nil, address); err == nil {
		_ = conn.Close()
		return nil, errors.New("another server offers its sockets in this data folder")
	}
	if err := os.Remove(address.Name); err != nil && !errors.Is(err, os.ErrNotExist) { // of a process that was killed
		return nil, err
	}
	ln, err := net.ListenUnix("unix", address)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(address.Name, 0o600); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	return &Offer{cfg, ln}, nil
}

// acceptPause keeps a failing Accept from using the processor.
const acceptPause = time.Second

// Await answers processes that ask, one after the other, until one says that this server shall stop. It returns nil when ctx
// ends before. It closes the offer.
func (o *Offer) Await(ctx context.Context) *Successor {
	defer o.ln.Close()
	defer context.AfterFunc(ctx, func() { _ = o.ln.Close() })()
	for ctx.Err() == nil {
		conn, err := o.ln.AcceptUnix()
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		}
		s, err := o.hand(ctx, &wire{conn: conn})
		if err == nil {
			return s
		}
		_ = conn.Close()
		if !isEnd(err) && ctx.Err() == nil {
			o.cfg.Logger.Warn("no take-over: serving on", "error", err)
		}
	}
	return nil
}

// hand passes the sockets to the process at the other end, and waits until that has made its checks.
func (o *Offer) hand(ctx context.Context, w *wire) (_ *Successor, err error) {
	defer w.closeOn(ctx)()
	if err := checkPeer(w.conn); err != nil {
		return nil, err
	}
	asked, fds, err := w.receive(answerTime, ask)
	closeAll(fds)
	if err != nil {
		return nil, err
	}
	if o.cfg.Refuse != "" {
		return nil, errors.Join(fmt.Errorf("process %d asked for the sockets, but %s", asked.PID, o.cfg.Refuse), w.send(message{Kind: refused, Reason: o.cfg.Refuse}))
	}
	s := &Successor{PID: asked.PID, wire: w}
	defer func() {
		if err != nil {
			closeFiles(s.files)
		}
	}()
	for name, ln := range o.cfg.Sockets {
		held, ok := ln.(interface{ File() (*os.File, error) })
		if !ok {
			return nil, fmt.Errorf("the listener %s has no socket", name)
		}
		file, err := held.File()
		if err != nil {
			return nil, err
		}
		s.names, s.files = append(s.names, name), append(s.files, file)
	}
	if err := w.send(message{Kind: sockets, Names: s.names, Within: o.cfg.Within.Seconds()}, s.files...); err != nil {
		return nil, err
	}
	_, fds, err = w.receive(checkTime, stop)
	closeAll(fds)
	if isEnd(err) {
		return nil, fmt.Errorf("process %d ended before it took over", asked.PID)
	}
	return s, err
}

// A Successor is the process that takes over from this one.
type Successor struct {
	PID   int
	wire  *wire
	names []string // of the sockets
	files []*os.File
}

// Stopping says that this server accepts no more connections. Their queue is the successor's.
func (s *Successor) Stopping() error { return s.wire.send(message{Kind: stopping}) }

// Released says that the data folder is free.
func (s *Successor) Released() error { return s.wire.send(message{Kind: released}) }

// Failed waits until the successor serves. It returns true if the successor ended before. If ctx ends or the successor takes too
// long, nobody can tell: Failed returns false.
func (s *Successor) Failed(ctx context.Context) bool {
	defer s.wire.closeOn(ctx)()
	_, fds, err := s.wire.receive(openTime, serving)
	closeAll(fds)
	return isEnd(err) && ctx.Err() == nil
}

// Sockets returns the listeners that were handed over, for this server to serve again.
func (s *Successor) Sockets() (map[string]net.Listener, error) {
	found := map[string]net.Listener{}
	for i, file := range s.files {
		ln, err := net.FileListener(file)
		if err != nil {
			closeListeners(found)
			return nil, err
		}
		found[s.names[i]] = ln
	}
	return found, nil
}

// Close ends the connection, and closes this process's descriptors of the sockets.
func (s *Successor) Close() {
	_ = s.wire.conn.Close()
	closeFiles(s.files)
}

func closeFiles(files []*os.File) {
	for _, file := range files {
		_ = file.Close()
	}
}

func closeListeners(listeners map[string]net.Listener) {
	for _, ln := range listeners {
		_ = ln.Close()
	}
}
