package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// process is a server in a process of its own.
type process struct {
	cmd   *exec.Cmd
	url   string
	ended chan error

	mu  sync.Mutex
	log []string
}

// startProcess serves the app in dir on a free port, and waits until it does.
func startProcess(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	return startServer(t, exec.Command(os.Args[0], append([]string{"serve", dir, "--listen", "127.0.0.1:0", "--log-format", "json"}, flags...)...))
}

// startServer starts a command that serves, and waits until it does.
func startServer(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan error, 1)}
	p.cmd.Env = asCommand()
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		err := <-p.ended
		p.ended <- err
	})
	serving := make(chan string, 1)
	go p.read(stderr, serving)
	select {
	case p.url = <-serving:
	case <-time.After(30 * time.Second):
	}
	if p.url == "" {
		t.Fatalf("the server did not start:\n%s", strings.Join(p.lines(), "\n"))
	}
	return p
}

// read keeps the log until the process ends, and sends the address in it.
func (p *process) read(stderr io.Reader, serving chan<- string) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log = append(p.log, lines.Text())
		p.mu.Unlock()
		var record struct{ Msg, URL string }
		if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "serving" {
			select {
			case serving <- record.URL:
			default: // it serves again, after a take-over that failed
			}
		}
	}
	close(serving)
	p.ended <- p.cmd.Wait()
}

func (p *process) address() string { return strings.TrimPrefix(p.url, "http://") }

func (p *process) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.log...)
}

// wait returns the exit code, -1 after a signal.
func (p *process) wait() int {
	err := <-p.ended
	p.ended <- err
	return p.cmd.ProcessState.ExitCode()
}

func writeApp(t *testing.T, files string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func getBody(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v\n%s", url, res.Status, err, body)
	}
	return string(body)
}
