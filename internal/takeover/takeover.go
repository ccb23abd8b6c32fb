// Package takeover hands the listening sockets of a server to the process that follows it on the same data folder.
//
// The two processes speak over a unix socket in the data folder, one line of JSON for each message:
//
//	new: ask                    I want to follow you
//	old: sockets                here they are (SCM_RIGHTS)
//	new: stop                   my checks have passed
//	old: stopping               I accept no more connections
//	old: released               the database is closed
//	new: serving                you can end
//
// The old process goes on if the connection ends before "stop". If it ends before "serving", the old process serves again.
package takeover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	socketFile = "takeover.sock"
	version    = 1 // of the messages

	// longestPath is the bound of every system for the path of a socket.
	longestPath = 103
	// longestMessage bounds a message, in bytes.
	longestMessage = 16 << 10
	// mostSockets bounds the descriptors of a message.
	mostSockets = 8
	// answerTime bounds the wait for a message that the other process can send at once.
	answerTime = 10 * time.Second
	// checkTime bounds the checks of the new process, which may ask identity providers.
	checkTime = 2 * time.Minute
	// openTime bounds the wait for the new process to serve. It may change large tables.
	openTime = time.Hour
)

// The kinds of messages.
const (
	ask      = "ask"
	sockets  = "sockets"
	refused  = "refused"
	stop     = "stop"
	stopping = "stopping"
	released = "released"
	serving  = "serving"
)

type message struct {
	Version int      `json:"version"`
	Kind    string   `json:"kind"`
	PID     int      `json:"pid"`
	Names   []string `json:"names,omitempty"`        // of the sockets, in the order of their descriptors
	Within  float64  `json:"stops_within,omitempty"` // seconds from stopping to released
	Reason  string   `json:"reason,omitempty"`
}

// A wire is a connection to the other process.
type wire struct {
	conn    *net.UnixConn
	pending []byte // received, after the last message
}

// send sends a message with descriptors.
func (w *wire) send(m message, files ...*os.File) error {
	m.Version, m.PID = version, os.Getpid()
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(answerTime)); err != nil {
		return err
	}
	rights, err := encodeRights(files)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	n, _, err := w.conn.WriteMsgUnix(text, rights, nil)
	if err == nil && n < len(text) {
		_, err = w.conn.Write(text[n:])
	}
	return err
}

// receive returns the next message, which must be of one of the kinds, and the descriptors that came with it.
func (w *wire) receive(within time.Duration, kinds ...string) (m message, fds []int, err error) {
	defer func() {
		if err != nil {
			closeAll(fds)
			fds = nil
		}
	}()
	if err := w.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return m, nil, err
	}
	buf, oob := make([]byte, 4096), make([]byte, rightsSpace(mostSockets))
	for !bytes.ContainsRune(w.pending, '\n') {
		if len(w.pending) > longestMessage {
			return m, fds, errors.New("the message of the other process is too long")
		}
		n, rights, _, _, err := w.conn.ReadMsgUnix(buf, oob)
		fds = append(fds, decodeRights(oob[:rights])...)
		if err != nil {
			return m, fds, err
		}
		w.pending = append(w.pending, buf[:n]...)
	}
	line, rest, _ := bytes.Cut(w.pending, []byte{'\n'})
	w.pending = rest
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fds, fmt.Errorf("the other process sent no message of a take-over: %w", err)
	}
	if m.Version != version {
		return m, fds, fmt.Errorf("process %d speaks version %d of the take-over, and this one version %d: stop the former server before you start the new one", m.PID, m.Version, version)
	}
	for _, kind := range kinds {
		if m.Kind == kind {
			return m, fds, nil
		}
	}
	return m, fds, fmt.Errorf("process %d sent %q, not %q", m.PID, m.Kind, kinds)
}

// closeOn closes the connection when ctx ends, until done is called.
func (w *wire) closeOn(ctx context.Context) (done func() bool) {
	return context.AfterFunc(ctx, func() { _ = w.conn.Close() })
}

// isEnd reports whether an error says that the other process has closed the connection, or has ended.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || isReset(err) }

// socketPath returns the address of the socket in a data folder.
func socketPath(folder string) (*net.UnixAddr, error) {
	path := filepath.Join(folder, socketFile)
	if len(path) > longestPath {
		return nil, fmt.Errorf("the path %s is too long for a socket: it has %d bytes, and may have %d; name a shorter data folder", path, len(path), longestPath)
	}
	return &net.UnixAddr{Name: path, Net: "unix"}, nil
}

// listenerOf returns the listener of a descriptor, and closes the descriptor: the listener has its own.
func listenerOf(fd int, name string) (net.Listener, error) {
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	return net.FileListener(file)
}
