package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const failoverApp = `
ashlar: 1
name: failover
tables:
  notes:
    fields: {text: {type: text, max: 80}}
    access: {read: true, create: true}
`

// TestFailover crashes the primary of a server under load, and promotes its standby.
func TestFailover(t *testing.T) {
	primary := pgtest.StartCluster(t, "synchronous_commit=on")
	standby := primary.StartStandby(t)
	l := startLoad(t, serveFailover(t, app.Config{Database: pgtest.URLs("postgres", primary, standby)}))
	l.phase("before", 201, 20*time.Second)
	time.Sleep(time.Second)
	if err := primary.Stop("QUIT"); err != nil {
		t.Fatal(err)
	}
	l.phase("while there is no primary", 503, 20*time.Second)
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	l.phase("after the promotion", 201, 5*time.Second)
	t.Logf("created again %v after the promotion", time.Since(promoted).Round(time.Millisecond))
	time.Sleep(500 * time.Millisecond)
	l.check()
}

func serveFailover(t *testing.T, cfg app.Config) (base string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(failoverApp), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := loadAndOpen(ctx, dir, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, s.Close()))
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// load creates rows and reads, and remembers what it was told of each row.
type load struct {
	t    *testing.T
	base string
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	answers map[string]told // text of a row → what was said of it
	since   map[int]int     // of the phase: status → how many
}

// told is what an answer says of a row.
type told struct {
	status  int
	unknown bool // it may be there or not
}

// startLoad begins with requests from eight clients, until check.
func startLoad(t *testing.T, base string) *load {
	t.Helper()
	l := &load{t: t, base: base, stop: make(chan struct{}), answers: map[string]told{}, since: map[int]int{}}
	t.Cleanup(l.end)
	for n := range 8 {
		l.wg.Go(func() { l.run(n) })
	}
	return l
}

func (l *load) end() {
	if l.stop != nil {
		close(l.stop)
		l.wg.Wait()
		l.stop = nil
	}
}

func (l *load) run(n int) {
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	stop := l.stop
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		text := fmt.Sprintf("%d-%d", n, i)
		status, body := l.ask(client, "POST", "/api/notes", `{"text": "`+text+`"}`)
		l.mu.Lock()
		l.answers[text] = told{status, strings.Contains(body, "outcome of the write is unknown")}
		l.since[status]++
		l.mu.Unlock()
		if status, body := l.ask(client, "GET", "/api/notes?limit=1", ""); status != http.StatusOK && status != http.StatusServiceUnavailable {
			l.t.Errorf("a list was answered with %d %s", status, body)
		}
	}
}

func (l *load) ask(client *http.Client, method, path, body string) (status int, answer string) {
	req, err := http.NewRequest(method, l.base+path, strings.NewReader(body))
	if err != nil {
		l.t.Error(err)
		return 0, ""
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		l.t.Error(err)
		return 0, ""
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		l.t.Error(err)
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		if res.Header.Get("Retry-After") == "" {
			l.t.Errorf("a 503 without Retry-After")
		}
		time.Sleep(5 * time.Millisecond)
	}
	return res.StatusCode, string(text)
}

// phase waits until a request is answered so from now on.
func (l *load) phase(name string, status int, within time.Duration) {
	l.t.Helper()
	deadline := time.Now().Add(within)
	l.mu.Lock()
	l.since = map[int]int{}
	l.mu.Unlock()
	for {
		l.mu.Lock()
		seen, all := l.since[status], maps.Clone(l.since)
		l.mu.Unlock()
		switch {
		case seen > 0:
			return
		case time.Now().After(deadline):
			l.t.Errorf("%s: answers %v, want a %d within %v", name, all, status, within)
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// check ends the requests, and compares the rows that are there with what was answered.
func (l *load) check() {
	l.t.Helper()
	l.end()
	there := map[string]int{}
	for cursor := ""; ; {
		status, body := l.ask(http.DefaultClient, "GET", "/api/notes?fields=text&limit=500"+cursor, "")
		var page struct {
			Items []struct{ Text string }
			Next  string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			l.t.Fatalf("the list: %d %s, %v", status, body, err)
		}
		for _, item := range page.Items {
			there[item.Text]++
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	counts := map[int]int{}
	unknown := 0
	for text, of := range l.answers {
		counts[of.status]++
		rows := there[text]
		switch {
		case of.status == http.StatusCreated && rows == 1:
		case of.status == http.StatusServiceUnavailable && of.unknown && rows <= 1:
			unknown++
		case of.status == http.StatusServiceUnavailable && rows == 0:
		default:
			l.t.Errorf("the row %s was answered with %d (unknown outcome: %t), and is there %d times", text, of.status, of.unknown, rows)
		}
	}
	l.t.Logf("answers by status: %v, of the 503s %d of unknown outcome; %d rows", counts, unknown, len(there))
}
