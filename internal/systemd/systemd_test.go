package systemd_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/systemd"
)

// manager is a socket as systemd has one.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
	path string
}

func newManager(t *testing.T, path string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &manager{t, conn, path}
}

// next returns the next message.
func (m *manager) next() string {
	m.t.Helper()
	buf := make([]byte, 4096)
	if err := m.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	n, err := m.conn.Read(buf)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

// folder returns a folder with a short path: the name of a socket has at most 108 bytes.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func environ(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestMessagesReachTheSocketOfTheManager(t *testing.T) {
	paths := []string{filepath.Join(folder(t), "notify")}
	if runtime.GOOS == "linux" {
		paths = append(paths, "@ashlar-test-"+filepath.Base(folder(t))) // a socket without a file
	}
	for _, path := range paths {
		m := newManager(t, path)
		n := systemd.Open(environ(map[string]string{"NOTIFY_SOCKET": path}), 1)
		var got []string
		for _, send := range []func() error{
			func() error { return n.Ready("serving\nMAINPID=1 at http://x") },
			func() error { return n.Extend(time.Minute) },
			n.Stopping,
		} {
			if err := send(); err != nil {
				t.Fatal(err)
			}
			got = append(got, m.next())
		}
		want := []string{"READY=1\nSTATUS=serving MAINPID=1 at http://x", "EXTEND_TIMEOUT_USEC=60000000", "STOPPING=1\nSTATUS=finishing requests"}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("messages to %s (-want +got):\n%s", path, d)
		}
	}
}

func TestWithoutAManagerNothingIsSent(t *testing.T) {
	for _, socket := range []string{"", "vsock:2:1234", "relative/path"} {
		n := systemd.Open(environ(map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "1000000"}), 1)
		if err := errors.Join(n.Ready("x"), n.Stopping(), n.Extend(time.Second), n.KeepExtending(t.Context())); err != nil || n.Watchdog() != 0 {
			t.Errorf("with NOTIFY_SOCKET=%q: %v, watchdog %v", socket, err, n.Watchdog())
		}
	}
}

func TestAManagerThatIsGoneIsAnError(t *testing.T) {
	n := systemd.Open(environ(map[string]string{"NOTIFY_SOCKET": filepath.Join(folder(t), "none")}), 1)
	if err := n.Ready("x"); err == nil || !strings.HasPrefix(err.Error(), "tell systemd: ") {
		t.Errorf("Ready without a socket = %v", err)
	}
}

func TestWatchdogIsThatOfThisProcess(t *testing.T) {
	for _, tt := range []struct {
		pid, usec string
		want      time.Duration
	}{
		{"", "3000000", 3 * time.Second},
		{"77", "3000000", 3 * time.Second},
		{"78", "3000000", 0},
		{"77", "", 0},
		{"77", "0", 0},
		{"77", "-5", 0},
		{"77", "soon", 0},
	} {
		n := systemd.Open(environ(map[string]string{"NOTIFY_SOCKET": "/run/x", "WATCHDOG_PID": tt.pid, "WATCHDOG_USEC": tt.usec}), 77)
		if got := n.Watchdog(); got != tt.want {
			t.Errorf("with WATCHDOG_PID=%s WATCHDOG_USEC=%s: %v, want %v", tt.pid, tt.usec, got, tt.want)
		}
	}
}

func TestWatchdogIsPingedOnlyWhileTheServerIsAlive(t *testing.T) {
	m := newManager(t, filepath.Join(folder(t), "notify"))
	n := systemd.Open(environ(map[string]string{"NOTIFY_SOCKET": m.path, "WATCHDOG_USEC": "20000"}), 1)
	var asked atomic.Int64
	alive := func(ctx context.Context) error {
		switch asked.Add(1) {
		case 1, 2:
			return nil
		case 3:
			return errors.New("the database does not answer")
		case 4: // hangs
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}
	var log strings.Builder
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- systemd.Watchdog{Notifier: n, Alive: alive, Logger: slog.New(slog.NewTextHandler(&log, nil))}.Run(ctx)
	}()
	for i := range 3 { // the third comes after the two failures
		if got := m.next(); got != "WATCHDOG=1" {
			t.Fatalf("message %d = %q", i, got)
		}
	}
	if asked.Load() < 5 {
		t.Errorf("3 pings after %d questions, want none while it fails", asked.Load())
	}
	stop()
	<-ended
	if strings.Count(log.String(), "no ping to systemd") != 2 {
		t.Errorf("the log tells not of two failures:\n%s", log.String())
	}
}
