package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"
)

// app writes the files of a txtar archive to a new folder.
func app(t *testing.T, files string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	return dir
}

func write(t *testing.T, dir, files string) {
	t.Helper()
	for _, file := range txtar.Parse([]byte(files)).Files {
		path := filepath.Join(dir, filepath.FromSlash(file.Name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, file.Data, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// loaded loads a valid app.
func loaded(t *testing.T, dir string) *Loaded {
	t.Helper()
	app, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func loadAndOpen(ctx context.Context, dir string, cfg Config) (*App, error) {
	app, err := Load(dir)
	if err != nil {
		return nil, err
	}
	return Open(ctx, app, cfg)
}

// opened opens a valid app until the end of the test.
func opened(t *testing.T, dir string, cfg Config) *App {
	t.Helper()
	server, err := loadAndOpen(t.Context(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return server
}

// running is a running server.
type running struct {
	base   string
	stop   context.CancelFunc
	served chan error
}

func start(t *testing.T, server *App) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run := &running{base: "http://" + ln.Addr().String(), stop: cancel, served: make(chan error, 1)}
	go func() { run.served <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		<-run.served
	})
	return run
}

// wait returns the result of Serve.
func (r *running) wait() error {
	err := <-r.served
	r.served <- err
	return err
}

type answer struct {
	status int
	header http.Header
	body   string
}

func get(t *testing.T, url string) answer {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

// rows opens the app and returns the answer to GET path.
func rows(t *testing.T, dir, path string) string {
	t.Helper()
	server, err := loadAndOpen(t.Context(), dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, server)
	got := get(t, run.base+path).body
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
	return got
}

// log keeps a server's log lines.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// line returns the one line of the log with the text.
func (l *log) line(t *testing.T, text string) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !strings.Contains(line, text) {
			continue
		}
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		return record
	}
	t.Fatalf("no line holds %q in\n%s", text, l.text.String())
	return nil
}

// untouched fails if the app has a data folder.
func untouched(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, ".ashlar")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is a data folder (%v)", err)
	}
}

// send posts JSON, and returns the status.
func send(t *testing.T, url, body string) int {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}
