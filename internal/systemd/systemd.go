// Package systemd tells the service manager of Linux how a server is doing.
//
// The protocol is one datagram for each message (sd_notify(3)). So the package needs no library.
package systemd

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// A Notifier sends messages to the service manager. A nil Notifier, for a process that no manager watches, sends none.
type Notifier struct {
	socket   *net.UnixAddr
	watchdog time.Duration // the manager ends the service after such a time without a ping; 0: never
}

// Open returns the Notifier for this process, which has the id pid. It is nil if the environment names no socket.
func Open(getenv func(string) string, pid int) *Notifier {
	path := getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "@") { // "@": a socket without a file; "vsock:…" is for virtual machines
		return nil
	}
	n := &Notifier{socket: &net.UnixAddr{Name: path, Net: "unixgram"}}
	if id := getenv("WATCHDOG_PID"); id != "" && id != strconv.Itoa(pid) {
		return n
	}
	if usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64); err == nil && usec > 0 {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// Ready says that the server answers requests.
func (n *Notifier) Ready(status string) error { return n.send("READY=1\nSTATUS=" + oneLine(status)) }

// Stopping says that the server has begun to stop.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1\nSTATUS=finishing requests") }

// Extend asks for more time to start or to stop: the manager gives up that long after the message.
func (n *Notifier) Extend(d time.Duration) error {
	return n.send(fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d", d.Microseconds()))
}

// Watchdog returns how long the manager waits for a ping before it ends the service; 0 if it does not.
func (n *Notifier) Watchdog() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// sendTimeout bounds a message. The manager reads at once, or its queue is full.
const sendTimeout = time.Second

func (n *Notifier) send(message string) (err error) {
	if n == nil {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, n.socket)
	if err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	if _, err := conn.Write([]byte(message)); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}

// oneLine keeps a text from adding lines of its own to a message.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// KeepExtending asks for more time until ctx ends, for a start that may change large tables.
func (n *Notifier) KeepExtending(ctx context.Context) error {
	const every, by = 10 * time.Second, time.Minute
	if n == nil {
		return nil
	}
	for {
		if err := n.Extend(by); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
