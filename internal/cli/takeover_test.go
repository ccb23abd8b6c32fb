package cli

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/takeover"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// takeOver starts a process that takes over from p, and waits until it serves.
func (p *process) takeOver(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	all := append([]string{"serve", dir, "--listen", p.address(), "--log-format", "json", "--take-over"}, flags...)
	next := startServer(t, exec.Command(os.Args[0], all...))
	if code := p.wait(); code != 0 || next.url != p.url {
		t.Errorf("the former server ended with %d, and the next one is at %s, not %s:\n%s", code, next.url, p.url, strings.Join(p.lines(), "\n"))
	}
	return next
}

// failTakeOver runs a take-over from p that must fail with a text. Then p serves.
func (p *process) failTakeOver(t *testing.T, want string, args ...string) {
	t.Helper()
	out, code := command(t, append([]string{"serve", "--take-over"}, args...)...)
	if code != 1 || !strings.Contains(out, want) {
		t.Errorf("the take-over ends with %d, want 1 and %q:\n%s", code, want, out)
	}
	p.mustWrite(t)
}

// mustWrite writes to p.
func (p *process) mustWrite(t *testing.T) {
	t.Helper()
	w := &writer{address: p.address()}
	defer w.close()
	if status, err := w.create(1, 1); err != nil || (status != http.StatusCreated && status != http.StatusConflict) {
		t.Errorf("the former server answers %d, %v", status, err)
	}
}

// addField gives the entries of an app one more field, which a server adds by itself.
func addField(t *testing.T, dir, name string) {
	t.Helper()
	changeModel(t, dir, "      n: {type: int}\n", "      n: {type: int}\n      "+name+": {type: int, optional: true}\n")
}

// changeModel replaces a text in the model of an app, and returns the former model.
func changeModel(t *testing.T, dir, from, to string) (former string) {
	t.Helper()
	path := filepath.Join(dir, "ashlar.yaml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("the model lacks %q, %v:\n%s", from, err, text)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// more waits for further writes.
func (ws *writers) more(t *testing.T, count int) {
	t.Helper()
	ws.mu.Lock()
	count += len(ws.written)
	ws.mu.Unlock()
	ws.await(t, count)
}

// end ends the writers: none was refused, and each write is stored once.
func (ws *writers) end(t *testing.T) {
	t.Helper()
	ws.more(t, 200)
	ws.stopped.Store(true)
	ws.wg.Wait()
	ws.check(t, storedIn(t, "http://"+ws.address, ws.round))
	t.Logf("%d writes; the longest took %v", len(ws.written), ws.longest)
}

// Servers that follow each other with changed models refuse no connection, and lose no request of 24 clients.
func TestTakeOverRefusesNobody(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--operate-listen", "127.0.0.1:0", "--take-over")
	if log := strings.Join(p.lines(), "\n"); !strings.Contains(log, "there is no server to take over from: starting as usual") {
		t.Errorf("a server that took over from nobody does not say so:\n%s", log)
	}
	operate := operateOf(t, p)
	ws := startWriters(p.url, 0, false)
	for i := range effort.Cases(3, 20) {
		ws.more(t, 100)
		addField(t, dir, "extra_"+strings.Repeat("x", i+1))
		p = p.takeOver(t, dir, "--log-level", "error", "--operate-listen", strings.TrimPrefix(operate, "http://"))
		if got := operateOf(t, p); got != operate {
			t.Errorf("the operate listener is at %s, want %s", got, operate)
		}
		getBody(t, http.DefaultClient, operate+"/metrics")
	}
	ws.end(t)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}

func TestTakeOverOnPostgres(t *testing.T) {
	effort.SkipRaced(t)
	dir, database := writeApp(t, ledger), pgtest.URL(t)
	p := startProcess(t, dir, "--log-level", "error", "--database", database)
	ws := startWriters(p.url, 0, false)
	ws.more(t, 100)
	p = p.takeOver(t, dir, "--log-level", "error", "--database", database)
	ws.end(t)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}

// A take-over that cannot succeed is refused while the former server serves.
func TestTakeOverThatIsRefused(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--log-level", "error")
	p.failTakeOver(t, "serves "+p.address()+", and --listen is 127.0.0.1:1: name the same address, or stop that server", dir, "--listen", "127.0.0.1:1")
	former := changeModel(t, dir, "type: int", "type: integer")
	p.failTakeOver(t, "integer", dir, "--listen", p.address())
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(former), 0o600); err != nil {
		t.Fatal(err)
	}
	changeModel(t, dir, "      n: {type: int}\n    unique: [[round, n]]\n", "")
	p.failTakeOver(t, "run `ashlar migrate`", dir, "--listen", p.address())
	if log := strings.Join(p.lines(), "\n"); strings.Contains(log, "stopping") {
		t.Errorf("the former server stopped:\n%s", log)
	}
}

// A server that offers no sockets is named, and a socket that a killed server left is no server.
func TestTakeOverWithoutAnOffer(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--log-level", "error")
	_ = p.cmd.Process.Kill()
	p.wait()
	data := filepath.Join(dir, ".ashlar")
	if _, err := os.Stat(filepath.Join(data, "takeover.sock")); err != nil {
		t.Error(err)
	}
	release, err := sqlite.Lock(data)
	if err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "serve", dir, "--take-over", "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(out, "offers no sockets: it starts, it stops, or it is of a release without --take-over; stop it, then start this server") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	startProcess(t, dir, "--take-over").mustWrite(t)
}

// A server that hangs is named after some seconds, and keeps its data folder.
func TestTakeOverFromAServerThatHangs(t *testing.T) {
	effort.SkipRaced(t)
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--log-level", "error")
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, "serve", dir, "--take-over", "--listen", p.address())
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code != 1 || !strings.Contains(out, "did not answer within 10s, and still has the data folder") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	p.mustWrite(t)
}

// If the new process ends before it serves, the former server goes on, and refuses nobody meanwhile.
func TestTakeOverThatFails(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir)
	ws := startWriters(p.url, 0, false)
	ws.more(t, 100)
	data := filepath.Join(dir, ".ashlar")

	f, err := takeover.Ask(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	awaitLog(t, p, f.Close, "ended before it took over")

	if f, err = takeover.Ask(t.Context(), data); err != nil { // the same after the former server has stopped
		t.Fatal(err)
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if by, err := sqlite.Server(data); by != "" || err != nil {
		t.Errorf("the folder is not released: %s, %v", by, err)
	}
	awaitLog(t, p, f.Close, "ended before it served: serving again")
	ws.more(t, 100)

	addField(t, dir, "extra") // a real one, which is not allowed to add the field
	p.failTakeOver(t, "this server cannot start, so the former one serves again", dir, "--listen", p.address(), "--migrate", "off")
	if log := strings.Join(p.lines(), "\n"); strings.Count(log, "serving again") != 2 {
		t.Errorf("the former server did not stop:\n%s", log)
	}
	p = p.takeOver(t, dir, "--log-level", "error") // and after all that one succeeds
	ws.end(t)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}

// A signal ends a server that waits for the process that takes over.
func TestSignalDuringATakeOver(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir, "--log-level", "error")
	f, err := takeover.Ask(t.Context(), filepath.Join(dir, ".ashlar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
	if log := strings.Join(p.lines(), "\n"); !strings.Contains(log, `"successor":`) || strings.Contains(log, "serving again") {
		t.Errorf("the log does not tell of a hand-over, or of a second start:\n%s", log)
	}
}

// A service manager takes the end of its process for the end of the service.
func TestTakeOverFromAService(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	dir := writeApp(t, ledger)
	p := startOnSocket(t, socket, dir)
	p.failTakeOver(t, "hands nothing over: a service manager runs it", dir, "--listen", p.address())
}

// A signal and a take-over exclude each other: the first one wins.
func TestHandOverIsDecidedOnce(t *testing.T) {
	to := &takeover.Successor{PID: 7}
	stopped, handed := &handOver{}, &handOver{}
	if stopped.decided() || stopped.decide(to) || stopped.decided() {
		t.Error("a server that stops is handed over")
	}
	if !handed.decide(to) || !handed.decided() || handed.decide(to) || handed.pid() != 7 {
		t.Error("a server is not handed over, or twice")
	}
}

func TestHasAddress(t *testing.T) {
	for _, tt := range []struct {
		have, want string
		same       bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:0", true},
		{"[::]:80", ":80", true},
		{"0.0.0.0:80", ":80", true},
		{"[::]:80", "0.0.0.0:80", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", ":80", false},
		{"[::]:80", "127.0.0.1:80", false},
		{"127.0.0.2:80", "127.0.0.1:80", false},
	} {
		have, err := net.ResolveTCPAddr("tcp", tt.have)
		if err != nil {
			t.Fatal(err)
		}
		want, err := net.ResolveTCPAddr("tcp", tt.want)
		if err != nil {
			t.Fatal(err)
		}
		if got := hasAddress(have, want); got != tt.same {
			t.Errorf("hasAddress(%s, %s) = %t", tt.have, tt.want, got)
		}
	}
}
