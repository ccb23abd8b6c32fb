package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// A writer keeps one connection, and knows what became of each of its requests.
type writer struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
}

// errRefused says that no connection was made: the request was not sent.
var errRefused = errors.New("the connection was refused")

// create sends one request, and returns the status of its answer.
func (w *writer) create(round, n int) (status int, err error) {
	if w.conn == nil {
		if w.conn, err = net.DialTimeout("tcp", w.address, 10*time.Second); err != nil {
			w.conn = nil
			return 0, errors.Join(errRefused, err)
		}
		w.in = bufio.NewReader(w.conn)
	}
	_ = w.conn.SetDeadline(time.Now().Add(20 * time.Second))
	body := fmt.Sprintf(`{"round": %d, "n": %d}`, round, n)
	_, err = fmt.Fprintf(w.conn, "POST /api/entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if err != nil {
		return 0, err
	}
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	if res.Close {
		w.close()
	}
	return res.StatusCode, nil
}

func (w *writer) close() {
	if w.conn != nil {
		_ = w.conn.Close()
		w.conn = nil
	}
}

// writers are clients that write without a pause, each over one connection that it keeps.
type writers struct {
	address   string
	round     int
	mayRefuse bool // a refused connection ends a writer; else it is a failure

	wg      sync.WaitGroup
	stopped atomic.Bool
	mu      sync.Mutex
	written map[int]bool // created, by their answers
	failed  []string
	longest time.Duration // of a request
	ended   time.Time     // the last one
}

// startWriters starts 24 writers.
func startWriters(base string, round int, mayRefuse bool) *writers {
	const count = 24
	ws := &writers{address: strings.TrimPrefix(base, "http://"), round: round, mayRefuse: mayRefuse, written: map[int]bool{}}
	for i := range count {
		ws.wg.Go(func() {
			w := &writer{address: ws.address}
			defer w.close()
			for n := i; !ws.stopped.Load(); n += count {
				if !ws.write(w, n) {
					return
				}
			}
		})
	}
	return ws
}

// startPaced starts as many writers as keep up with a rate while requests take up to a quarter of a second. Together they send so many
// requests, each at its time. A failed request ends no writer.
func startPaced(base string, rate, total int) *writers {
	ws := &writers{address: strings.TrimPrefix(base, "http://"), written: map[int]bool{}}
	var taken atomic.Int64
	begun := time.Now()
	for range rate / 4 {
		ws.wg.Go(func() {
			w := &writer{address: ws.address}
			defer w.close()
			for n := int(taken.Add(1)) - 1; n < total; n = int(taken.Add(1)) - 1 {
				time.Sleep(time.Until(begun.Add(time.Duration(n) * time.Second / time.Duration(rate))))
				if !ws.write(w, n) {
					w.close()
				}
			}
		})
	}
	return ws
}

// finished returns true if so many requests have ended.
func (ws *writers) finished(total int) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.written)+len(ws.failed) >= total
}

func (ws *writers) write(w *writer, n int) (more bool) {
	start := time.Now()
	status, err := w.create(ws.round, n)
	took := time.Since(start)
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.longest, ws.ended = max(ws.longest, took), start.Add(took)
	switch {
	case ws.mayRefuse && errors.Is(err, errRefused):
		return false
	case err != nil || status != http.StatusCreated:
		ws.failed = append(ws.failed, fmt.Sprintf("entry %d: status %d, %v", n, status, err))
		return false
	}
	ws.written[n] = true
	return true
}

// await waits until so many writes are answered.
func (ws *writers) await(t *testing.T, count int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		ws.mu.Lock()
		written, failed := len(ws.written), len(ws.failed)
		ws.mu.Unlock()
		if written >= count || failed > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d writes are answered, want %d", written, count)
		}
	}
}

// check ends the writers. Each request was answered, and each answered write is stored by the server at base.
func (ws *writers) check(t *testing.T, stored map[int]bool) {
	t.Helper()
	for i, failure := range ws.failed {
		if i < 5 {
			t.Errorf("round %d: %s", ws.round, failure)
		}
	}
	if len(ws.failed) > 0 {
		t.Errorf("round %d: %d requests failed of %d", ws.round, len(ws.failed), len(ws.failed)+len(ws.written))
	}
	for n := range ws.written {
		if !stored[n] {
			t.Errorf("round %d: entry %d was acknowledged and is lost", ws.round, n)
		}
	}
	if len(stored) != len(ws.written) {
		t.Errorf("round %d: %d entries are stored, %d were acknowledged", ws.round, len(stored), len(ws.written))
	}
}

// A server that stops under the writes of 24 clients answers every request that reached it.
func TestStopLosesNoRequest(t *testing.T) {
	dir := writeApp(t, ledger)
	answered := 0
	for round, lameDuck := range []string{"0s", "0s", "200ms"} {
		p := startProcess(t, dir, "--log-level", "error", "--lame-duck", lameDuck)
		ws := startWriters(p.url, round, true)
		ws.await(t, 200)
		if _, err := p.stop(); err != nil {
			t.Error(err)
		}
		ws.wg.Wait()
		again := startProcess(t, dir, "--log-level", "error")
		ws.check(t, storedIn(t, again.url, round))
		answered += len(ws.written)
		if _, err := again.stop(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d writes were answered", answered)
}

// newSocket opens a socket to pass on. It stays open until the test ends.
func newSocket(t *testing.T) (socket *os.File, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if socket, err = ln.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return socket, ln.Addr().String()
}

// startOnSocket serves the app in dir on a socket that is passed as systemd does.
func startOnSocket(t *testing.T, socket *os.File, dir string, flags ...string) *process {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=ashlar@x.socket exec "$0" "$@"`,
		os.Args[0], "serve", dir, "--log-format", "json", "--log-level", "error", "--operate-listen", "off"}, flags...)...)
	cmd.ExtraFiles = []*os.File{socket}
	return startServer(t, cmd)
}

// A server that restarts on a socket of the service manager refuses no connection, and loses no request of 24 clients.
func TestRestartOnASocketRefusesNobody(t *testing.T) {
	socket, address := newSocket(t)
	dir := writeApp(t, ledger)
	p := startOnSocket(t, socket, dir)
	if want := "http://" + address; p.url != want {
		t.Fatalf("the server is at %s, want the socket %s", p.url, want)
	}
	ws := startWriters(p.url, 0, false)
	count := 200
	for range 3 {
		ws.await(t, count)
		if _, err := p.stop(); err != nil {
			t.Error(err)
		}
		p = startOnSocket(t, socket, dir)
		ws.mu.Lock()
		count = len(ws.written) + 200
		ws.mu.Unlock()
	}
	ws.await(t, count)
	ws.stopped.Store(true)
	ws.wg.Wait()
	ws.check(t, storedIn(t, p.url, 0))
	t.Logf("%d writes; the longest waited %v for a restart", len(ws.written), ws.longest)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}

// The readiness of a lame duck fails, and its requests are answered.
func TestLameDuck(t *testing.T) {
	p := startProcess(t, writeApp(t, ledger), "--lame-duck", "1m")
	awaitLog(t, p, func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }, `"msg":"stopping"`)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		res, err := http.Get(p.url + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the readiness is %s", res.Status)
		}
	}
	w := &writer{address: strings.TrimPrefix(p.url, "http://")}
	defer w.close()
	if status, err := w.create(0, 0); status != http.StatusCreated || err != nil || w.conn == nil {
		t.Errorf("a lame duck answers a write with %d, %v, and the connection is open: %t", status, err, w.conn != nil)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != -1 {
		t.Errorf("exit code %d, want the second signal to end it", code)
	}
}

func TestLameDuckDefault(t *testing.T) {
	for _, tt := range []struct {
		given, loopback, terminal bool
		want                      time.Duration
	}{
		{want: defaultLameDuck},
		{loopback: true},
		{terminal: true},
		{given: true, want: time.Second},
		{given: true, loopback: true, want: time.Second},
	} {
		f := &serveFlags{lameDuckGiven: tt.given}
		if tt.given {
			f.lameDuck = time.Second
		}
		if got := f.lameDuckOf(tt.loopback, tt.terminal); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

const watchable = `
-- ashlar.yaml --
ashlar: 1
name: news
tables:
  entries:
    key: int
    watch: true
    fields: {n: {type: int}}
    access: {read: true, create: true}
`

// A server with many open streams ends soon: it resets them.
func TestStopWithManyStreams(t *testing.T) {
	effort.SkipRaced(t)
	if runtime.GOOS != "linux" {
		t.Skip("the streams come from many addresses of the loopback network, which only Linux has from the start")
	}
	streams := effort.Cases(200, 1000)
	p := startProcess(t, writeApp(t, watchable), "--log-level", "error", "--operate-listen", "off")
	address := strings.TrimPrefix(p.url, "http://")
	var open []net.Conn
	for i := range streams {
		from := &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i/20))} // an address may have 20 streams
		c, err := (&net.Dialer{LocalAddr: from}).Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
		if _, err := io.WriteString(c, "GET /api/entries:watch HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if kind := res.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			t.Fatalf("stream %d is answered %s with %s", len(open), res.Status, kind)
		}
	}
	start := time.Now()
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
	took := time.Since(start)
	for _, c := range open {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Errorf("a stream ends with %v", err)
			break
		}
	}
	t.Logf("%d streams ended, and the process %v after SIGTERM", streams, took)
	if took > 10*time.Second {
		t.Errorf("the server ended %v after SIGTERM, want 10s at most", took)
	}
}
