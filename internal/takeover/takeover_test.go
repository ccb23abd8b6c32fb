//go:build unix

package takeover

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// folder returns a data folder with a short path.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "to")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// log is a log that several goroutines write and read.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) await(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		all := l.text.String()
		l.mu.Unlock()
		if strings.Contains(all, text) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %q:\n%s", text, all)
		}
	}
}

// offer offers sockets until the test ends, or a process takes over.
func offer(t *testing.T, cfg OfferConfig) (said *log, taken <-chan *Successor) {
	t.Helper()
	said = &log{}
	cfg.Logger = slog.New(slog.NewTextHandler(said, nil))
	o, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, ended := make(chan *Successor, 1), make(chan bool)
	go func() {
		defer close(ended)
		got <- o.Await(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return said, got
}

// A connection that waits in the queue of the old process is accepted by the new one.
func TestSocketsAreHandedOverWithTheirQueues(t *testing.T) {
	dir, public, private := folder(t), listen(t), listen(t)
	_, taken := offer(t, OfferConfig{Folder: dir, Sockets: map[string]net.Listener{"public": public, "private": private}, Within: time.Minute})
	if info, err := os.Stat(filepath.Join(dir, socketFile)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has the mode %v, %v; want 0600", info.Mode(), err)
	}
	client, err := net.Dial("tcp", public.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f, err := Ask(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.PID != os.Getpid() || f.within != time.Minute || len(f.Sockets) != 2 || f.Sockets["private"].Addr().String() != private.Addr().String() {
		t.Fatalf("the former process is %d with %v, and stops within %v", f.PID, f.Sockets, f.within)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop(t.Context()) }()
	s := <-taken
	defer s.Close()
	if _, err := Ask(t.Context(), dir); !errors.Is(err, ErrNobody) {
		t.Errorf("a second process gets the sockets too: %v", err)
	}
	if err := s.Stopping(); err != nil {
		t.Fatal(err)
	}
	_ = public.Close()
	select {
	case err := <-stopped:
		t.Fatalf("Stop ends before the folder is released: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := s.Released(); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	accepted, err := f.Sockets["public"].Accept()
	if err != nil || accepted.RemoteAddr().String() != client.LocalAddr().String() {
		t.Fatalf("accepted %v, %v; want the client that waited", accepted, err)
	}
	_ = accepted.Close()
	if err := f.Serving(); err != nil {
		t.Fatal(err)
	}
	if s.Failed(t.Context()) {
		t.Error("the new process serves, and counts as failed")
	}
}

// The sockets of an old process can be served again after the new one failed.
func TestSocketsSurviveAFailure(t *testing.T) {
	dir, ln := folder(t), listen(t)
	said, taken := offer(t, OfferConfig{Folder: dir, Sockets: map[string]net.Listener{"public": ln}})
	f, err := Ask(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	closeListeners(f.Sockets)
	f.Close()
	said.await(t, "ended before it took over")
	if f, err = Ask(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	closeListeners(f.Sockets)
	stopped := make(chan error, 1)
	go func() { stopped <- f.Stop(t.Context()) }()
	s := <-taken
	defer s.Close()
	_ = ln.Close()
	if err := errors.Join(s.Stopping(), s.Released(), <-stopped); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if !s.Failed(t.Context()) {
		t.Error("a process that ended before it served has not failed")
	}
	again, err := s.Sockets()
	if err != nil {
		t.Fatal(err)
	}
	defer closeListeners(again)
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if accepted, err := again["public"].Accept(); err != nil {
		t.Error(err)
	} else {
		_ = accepted.Close()
	}
}

// An old process that stops for another reason before it agreed is not taken for a released folder.
func TestStopNeedsAnAnswer(t *testing.T) {
	dir, ln := folder(t), listen(t)
	_, taken := offer(t, OfferConfig{Folder: dir, Sockets: map[string]net.Listener{"public": ln}})
	f, err := Ask(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer closeListeners(f.Sockets)
	go func() { (<-taken).Close() }()
	if err := f.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "perhaps because it was stopped otherwise") {
		t.Errorf("Stop = %v", err)
	}
}

func TestAskWithoutAServer(t *testing.T) {
	dir := folder(t)
	if _, err := Ask(t.Context(), dir); !errors.Is(err, ErrNobody) {
		t.Errorf("without a socket: %v", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, socketFile), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	_ = ln.Close() // as a killed process leaves it
	if _, err := Ask(t.Context(), dir); !errors.Is(err, ErrNobody) {
		t.Errorf("with the socket of a dead process: %v", err)
	}
	offer(t, OfferConfig{Folder: dir})
	if _, err := Listen(OfferConfig{Folder: dir}); err == nil || !strings.Contains(err.Error(), "another server offers its sockets") {
		t.Errorf("a second offer: %v", err)
	}
	long := filepath.Join(dir, strings.Repeat("x", longestPath))
	if _, err := Ask(t.Context(), long); err == nil || !strings.Contains(err.Error(), "name a shorter data folder") {
		t.Errorf("a long path: %v", err)
	}
}

func TestOfferThatRefuses(t *testing.T) {
	dir := folder(t)
	said, _ := offer(t, OfferConfig{Folder: dir, Refuse: "it must not"})
	if _, err := Ask(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "hands nothing over: it must not") {
		t.Errorf("Ask = %v", err)
	}
	said.await(t, "asked for the sockets, but it must not")
}

// What is no message of a take-over hurts nobody.
func TestOfferSurvivesStrangers(t *testing.T) {
	for _, tt := range []struct{ sent, logged string }{
		{"GET / HTTP/1.1\n", "sent no message of a take-over"},
		{`{"version":1,"kind":"stop","pid":7}` + "\n", `sent \"stop\"`},
		{`{"version":2,"kind":"ask","pid":7}` + "\n", "process 7 speaks version 2"},
		{strings.Repeat("x", longestMessage+5000), "too long"},
	} {
		dir := folder(t)
		said, _ := offer(t, OfferConfig{Folder: dir})
		conn, err := net.Dial("unix", filepath.Join(dir, socketFile))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, tt.sent) // the offer may have read enough
		said.await(t, tt.logged)
		_ = conn.Close()
		f, err := Ask(t.Context(), dir)
		if err != nil {
			t.Fatalf("after %.20q: %v", tt.sent, err)
		}
		f.Close()
	}
}
