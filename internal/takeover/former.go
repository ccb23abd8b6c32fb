package takeover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// ErrNobody is the error of Ask if no server offers its sockets in a data folder.
var ErrNobody = errors.New("no server offers its sockets")

// A Former is the server that this process takes over from.
type Former struct {
	PID     int
	Sockets map[string]net.Listener // by name; they are the caller's
	Stopped bool                    // it was asked to stop, and agreed

	wire   *wire
	within time.Duration
}

// Ask asks the server on a data folder for its sockets. That server goes on.
func Ask(ctx context.Context, folder string) (*Former, error) {
	address, err := socketPath(folder)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialUnix("unix", nil, address)
	if errors.Is(err, fs.ErrNotExist) || isRefused(err) {
		return nil, ErrNobody
	}
	if err != nil {
		return nil, fmt.Errorf("cannot ask the former server for its sockets: %w", err)
	}
	f := &Former{wire: &wire{conn: conn}}
	defer f.wire.closeOn(ctx)()
	if err := f.take(); err != nil {
		f.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	return f, nil
}

// take receives the sockets.
func (f *Former) take() error {
	if err := f.wire.send(message{Kind: ask}); err != nil {
		return fmt.Errorf("cannot ask the former server for its sockets: %w", err)
	}
	m, fds, err := f.wire.receive(answerTime, sockets, refused)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the former server did not answer within %v, and still has the data folder: see whether it hangs, stop it, then start this one", answerTime)
	case isEnd(err):
		return errors.New("the former server closed the connection without an answer: its log says why. Both must run as the same user")
	case err != nil:
		return err
	case m.Kind == refused:
		closeAll(fds)
		return fmt.Errorf("process %d hands nothing over: %s", m.PID, m.Reason)
	}
	f.PID, f.within, f.Sockets = m.PID, time.Duration(m.Within*float64(time.Second)), map[string]net.Listener{}
	if len(fds) != len(m.Names) {
		closeAll(fds)
		return fmt.Errorf("process %d named %d sockets and passed %d: this process may have too many open files", m.PID, len(m.Names), len(fds))
	}
	for i, fd := range fds {
		ln, err := listenerOf(fd, m.Names[i])
		if err != nil {
			closeAll(fds[i+1:])
			closeListeners(f.Sockets)
			return fmt.Errorf("the socket %q of process %d cannot be used: %w", m.Names[i], m.PID, err)
		}
		f.Sockets[m.Names[i]] = ln
	}
	return nil
}

// Stop makes the former server stop, and waits until it has released the data folder.
func (f *Former) Stop(ctx context.Context) (err error) {
	defer f.wire.closeOn(ctx)()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	err = f.wire.send(message{Kind: stop})
	if err == nil {
		err = f.expect(answerTime, stopping)
	}
	if err != nil {
		return fmt.Errorf("process %d did not take the request to stop, perhaps because it was stopped otherwise: see whether it still runs, then start this one again: %w", f.PID, err)
	}
	f.Stopped = true
	err = f.expect(f.within+answerTime, released)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("process %d has not released the data folder within %v: it serves again when this one has ended. See its log before you try again", f.PID, f.within+answerTime)
	}
	if isEnd(err) {
		return nil // it has ended, and the kernel has released its locks
	}
	return err
}

func (f *Former) expect(within time.Duration, kind string) error {
	_, fds, err := f.wire.receive(within, kind)
	closeAll(fds)
	return err
}

// Serving says that this process serves, so that the former one can end.
func (f *Former) Serving() error {
	return errors.Join(f.wire.send(message{Kind: serving}), f.wire.conn.Close())
}

// Close ends the connection. Unless this process has said that it serves, the former one serves on, or again.
func (f *Former) Close() { _ = f.wire.conn.Close() }
