package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// A load creates rows and lists them, from eight clients. It remembers the answer to each creation.
type load struct {
	t    *testing.T
	base string
	stop chan struct{}
	wg   sync.WaitGroup

	mu      sync.Mutex
	answers map[string]outcome // by the text of the row
	since   map[int]int        // answers to creations in this phase, by status
}

// An outcome is the answer to a creation.
type outcome struct {
	status  int
	unknown bool // the server does not know if it created the row
}

// startLoad starts the clients. They go on until check, or until the test ends.
func startLoad(t *testing.T, base string) *load {
	t.Helper()
	load := &load{t: t, base: base, stop: make(chan struct{}), answers: map[string]outcome{}, since: map[int]int{}}
	t.Cleanup(load.end)
	for n := range 8 {
		load.wg.Go(func() { load.run(n) })
	}
	return load
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
		l.answers[text] = outcome{status, strings.Contains(body, "outcome of the write is unknown")}
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

// phase begins a phase, and waits until a creation in it is answered with the status. It fails the test after within.
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

// check stops the clients and compares the rows in the database with the answers. A created row is there once, a refused
// one is not, and a row of unknown outcome is there at most once.
func (l *load) check() {
	l.t.Helper()
	l.end()
	found := l.rows()
	counts := map[int]int{}
	unknown := 0
	for text, answer := range l.answers {
		counts[answer.status]++
		rows := found[text]
		switch {
		case answer.status == http.StatusCreated && rows == 1:
		case answer.status == http.StatusServiceUnavailable && answer.unknown && rows <= 1:
			unknown++
		case answer.status == http.StatusServiceUnavailable && rows == 0:
		default:
			l.t.Errorf("the row %s was answered with %d (unknown outcome: %t), and is there %d times", text, answer.status, answer.unknown, rows)
		}
	}
	l.t.Logf("answers by status: %v, of the 503s %d of unknown outcome; %d rows", counts, unknown, len(found))
}

// rows lists all rows, and counts them by their text.
func (l *load) rows() map[string]int {
	l.t.Helper()
	found := map[string]int{}
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
			found[item.Text]++
		}
		if page.Next == "" {
			return found
		}
		cursor = "&cursor=" + page.Next
	}
}

func (l *load) command(pooler *pgtest.Pooler, order string) {
	l.t.Helper()
	if err := pooler.Command(order); err != nil {
		l.t.Errorf("%s: %v", order, err)
	}
}

// refused returns the number of refused creations so far.
func (l *load) refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for _, answer := range l.answers {
		if answer.status != http.StatusCreated {
			count++
		}
	}
	return count
}
