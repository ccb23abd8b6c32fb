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

	"github.com/ashlar-dev/ashlar/internal/server"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const failoverApp = `
ashlar: 1
name: failover
tables:
  notes:
    key: text
    fields: {text: {type: text, max: 80}}
    access: {read: true, create: true}
`

// TestFailover crashes the primary of a server under load, and promotes its standby.
func TestFailover(t *testing.T) {
	primary := pgtest.StartCluster(t, "synchronous_commit=on")
	standby := primary.StartStandby(t)
	l := &load{t: t, base: serveFailover(t, pgtest.URLs("postgres", primary, standby)), answers: map[string]int{}, since: map[int]int{}}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() { l.run(n, stop) })
	}
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
	close(stop)
	wg.Wait()
	l.check()
}

func serveFailover(t *testing.T, database string) (base string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(failoverApp), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.Open(ctx, dir, server.Config{Database: database})
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

// load creates rows, and remembers what it was told of each.
type load struct {
	t    *testing.T
	base string

	mu      sync.Mutex
	answers map[string]int // id of a row → status
	since   map[int]int    // of the phase: status → how many
}

func (l *load) run(n int, stop <-chan struct{}) {
	client := &http.Client{Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		id := fmt.Sprintf("%d-%d", n, i)
		res, err := client.Post(l.base+"/api/notes", "application/json", strings.NewReader(`{"id": "`+id+`", "text": "x"}`))
		if err != nil {
			l.t.Error(err)
			return
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			if res.Header.Get("Retry-After") == "" {
				l.t.Errorf("a 503 without Retry-After")
			}
			time.Sleep(5 * time.Millisecond)
		}
		l.mu.Lock()
		l.answers[id] = res.StatusCode
		l.since[res.StatusCode]++
		l.mu.Unlock()
	}
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

// check compares the rows that are there with what was answered.
func (l *load) check() {
	there := map[string]bool{}
	for cursor := ""; ; {
		res, err := http.Get(l.base + "/api/notes?fields=id&limit=500" + cursor)
		if err != nil {
			l.t.Fatal(err)
		}
		var page struct {
			Items []struct{ ID string }
			Next  string
		}
		err = errors.Join(json.NewDecoder(res.Body).Decode(&page), res.Body.Close())
		if err != nil || res.StatusCode != http.StatusOK {
			l.t.Fatalf("the list: %d, %v", res.StatusCode, err)
		}
		for _, item := range page.Items {
			there[item.ID] = true
		}
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + page.Next
	}
	counts := map[int]int{}
	for id, status := range l.answers {
		counts[status]++
		switch {
		case status == http.StatusCreated && !there[id]:
			l.t.Errorf("the row %s was acknowledged and is lost", id)
		case status != http.StatusCreated && status != http.StatusServiceUnavailable:
			l.t.Errorf("the row %s was answered with %d", id, status)
		}
	}
	l.t.Logf("answers by status: %v; %d rows", counts, len(there))
}
