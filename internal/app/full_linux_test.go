package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/web/health"
)

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// crowd fills a disk to the last byte.
func crowd(t *testing.T, dir string) (room func()) {
	t.Helper()
	name := filepath.Join(dir, "of-another-program")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

const fullApp = `
-- ashlar.yaml --
ashlar: 1
name: full
tables:
  notes: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
-- seed/notes.json --
[{"id": 1, "body": "first"}]
`

// TestFullDisk: with a full disk, an app still serves reads, also after a restart. It refuses writes, is alive but
// not ready, and logs one error with the folder. It takes writes again after somebody makes room.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=8m,mode=0700"); err != nil {
		t.Skipf("SKIPPED: this test of a full disk needs the right to mount a tmpfs (root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	dir, data := app(t, fullApp), filepath.Join(disk, "data")
	room := crowd(t, disk)
	if s, err := loadAndOpen(t.Context(), dir, Config{Data: data}); err == nil || !strings.Contains(err.Error(), data) || !strings.Contains(err.Error(), "make room there") {
		t.Errorf("the first start on a full disk = %v, %v; want the folder and what to do", s, err)
	}
	room()
	lines := new(log)
	cfg := Config{Data: data, Logger: slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: slog.LevelError}))}
	times := []string{"while it serves", "before it starts"}
	for round, when := range times[:effort.Cases(2, 2)] {
		if round > 0 {
			room = crowd(t, disk)
		}
		server, err := loadAndOpen(t.Context(), dir, cfg)
		if err != nil {
			t.Fatalf("the disk is full %s: %v", when, err)
		}
		run := start(t, server)
		if round == 0 {
			wantStatus(t, run, "GET /readyz", "", 200, "ready")
			room = crowd(t, disk)
		}
		body := fmt.Sprintf(`{"body": %q}`, strings.Repeat("x", 900<<10))
		for range effort.Cases(20, 20) {
			if answer := wantStatus(t, run, "POST /api/notes", body, 503, "nothing was written"); answer.Get("Retry-After") != "10" {
				t.Errorf("Retry-After = %q, want 10", answer.Get("Retry-After"))
			}
		}
		time.Sleep(3 * time.Second) // small writes would still find room in the log
		wantStatus(t, run, "GET /readyz", "", 503, "Writes fail")
		wantStatus(t, run, "GET /healthz", "", 200, "up")
		wantStatus(t, run, "GET /api/notes?total=true&fields=id", "", 200, fmt.Sprintf(`"total":%d`, 1+round))
		if text := lines.String(); strings.Count(text, "\n") != 1+round || !strings.Contains(text, "folder="+data) || !strings.Contains(text, "make room") {
			t.Errorf("the log at level error is %q, want one line with the folder and what to do", text)
		}
		room()
		wantStatus(t, run, "POST /api/notes", `{"body": "again"}`, 201, "again")
		for deadline := time.Now().Add(30 * time.Second); health.Database(server.Store)[1].Func(t.Context()) != nil && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		wantStatus(t, run, "GET /readyz", "", 200, "ready")
		run.stop()
		if err := run.wait(); err != nil {
			t.Error(err)
		}
	}
}

func wantStatus(t *testing.T, run *running, request, body string, status int, part string) http.Header {
	t.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequest(method, run.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != status || !strings.Contains(got.String(), part) {
		t.Errorf("%s = %d %.300s, want %d with %q", request, answer.StatusCode, got.String(), status, part)
	}
	return answer.Header
}

// TestLeftCopies: the next start removes the copy of a process that was killed while it copied the database.
func TestLeftCopies(t *testing.T) {
	dir := app(t, fullApp)
	data := filepath.Join(dir, "data")
	copies := filepath.Join(data, copiesFolder)
	if err := os.MkdirAll(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.db.unfinished", "a.db.unfinished-journal", "b.db"} {
		if err := os.WriteFile(filepath.Join(copies, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	opened(t, dir, Config{Data: data})
	left, err := os.ReadDir(copies)
	if err != nil || len(left) != 1 || left[0].Name() != "b.db" {
		t.Errorf("in the folder of copies are %v, %v; want b.db alone", left, err)
	}
}
