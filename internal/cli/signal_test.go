package cli

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stop asks the process to end, and returns its exit code.
func (p *process) stop() (int, error) {
	http.DefaultClient.CloseIdleConnections()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	code := p.wait()
	if code != 0 {
		return code, errors.New("the server did not end cleanly:\n" + strings.Join(p.lines(), "\n"))
	}
	return code, nil
}

func TestStopSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := startProcess(t, writeApp(t, ledger))
		if err := p.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := p.wait(); code != 0 {
			t.Errorf("%v: exit code %d", signal, code)
		}
		if log := strings.Join(p.lines(), "\n"); !strings.Contains(log, `"msg":"stopping"`) || !strings.Contains(log, `"msg":"stopped"`) {
			t.Errorf("%v: the log does not tell of the stop:\n%s", signal, log)
		}
	}
}

// A second signal ends a server with a request in flight.
func TestSecondSignal(t *testing.T) {
	p := startProcess(t, writeApp(t, ledger))
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("POST /api/entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	awaitLog(t, p, func() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }, `"msg":"stopping"`)
	select {
	case err := <-p.ended:
		t.Fatalf("the first signal ended it at once: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != -1 {
		t.Errorf("exit code %d, want the signal to end it", code)
	}
}

func awaitLog(t *testing.T, p *process, do func(), text string) {
	t.Helper()
	time.Sleep(50 * time.Millisecond) // the request has arrived
	do()
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(strings.Join(p.lines(), "\n"), text); {
		if time.Now().After(deadline) {
			t.Fatalf("the log does not say %s:\n%s", text, strings.Join(p.lines(), "\n"))
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestPortInUse(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	dir := writeApp(t, ledger)
	out, code := command(t, "serve", dir, "--listen", ln.Addr().String())
	if code != 1 || !strings.Contains(out, ln.Addr().String()+" is in use by another program: stop it, or choose another address with --listen\n") {
		t.Errorf("serve = %d\n%s", code, out)
	}
	if _, err := os.Stat(dir + "/.ashlar"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a data folder (%v)", err)
	}
}

func TestSecondServe(t *testing.T) {
	dir := writeApp(t, ledger)
	startProcess(t, dir)
	out, code := command(t, "serve", dir, "--listen", "127.0.0.1:0")
	if code != 1 || !strings.Contains(out, "is in use by process ") {
		t.Errorf("serve = %d\n%s", code, out)
	}
}

func TestTokenWhileServing(t *testing.T) {
	dir := writeApp(t, ledger)
	p := startProcess(t, dir)
	out, code := command(t, "token", "--id", "018f0000-0000-7000-8000-0000000000a1", dir)
	if code != 0 {
		t.Fatalf("token = %d\n%s", code, out)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	req, err := http.NewRequest(http.MethodGet, p.url+"/api/users/018f0000-0000-7000-8000-0000000000a1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+lines[len(lines)-1])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the bearer is answered %s", res.Status)
	}
}

// command runs the command to its end.
func command(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = asCommand()
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
