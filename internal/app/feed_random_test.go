package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// listOf returns the rows of a list by their ids.
func listOf(t *testing.T, address string) map[string]string {
	t.Helper()
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal([]byte(get(t, address).body), &page); err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, item := range page.Items {
		var key struct{ ID json.Number }
		if err := json.Unmarshal(item, &key); err != nil {
			t.Fatal(err)
		}
		rows[key.ID.String()] = string(item)
	}
	return rows
}

// A viewer shows a watched list over connections that are cut.
type viewer struct {
	shown  map[string]string
	last   string
	events int
	resets int
}

// apply shows an event.
func (v *viewer) apply(t *testing.T, e told) {
	t.Helper()
	var key struct{ ID json.Number }
	if err := json.Unmarshal([]byte(e.data), &key); err != nil {
		t.Fatalf("%v: %v", e, err)
	}
	id := key.ID.String()
	_, was := v.shown[id]
	v.events++
	switch e.name {
	case "reset":
		v.resets++
		clear(v.shown)
	case "enter", "change":
		if was != (e.name == "change") {
			t.Errorf("%v, shown before: %v", e, was)
		}
		v.shown[id] = e.data
	case "leave":
		if !was {
			t.Errorf("%v of a row that is not shown", e)
		}
		delete(v.shown, id)
	}
}

// run reads from a server until ctx ends, the stream does, or, if it shall, at ready. A client shows whole events only.
func (v *viewer) run(ctx context.Context, t *testing.T, address string, toReady bool) (ready bool) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Error(err)
		return false
	}
	r.Header.Set("Accept", "text/event-stream")
	if v.last != "" {
		r.Header.Set("Last-Event-ID", v.last)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return false // cut
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		switch {
		case res.StatusCode == http.StatusTooManyRequests: // the server has not seen yet that earlier streams were cut
			time.Sleep(50 * time.Millisecond)
		case res.StatusCode < http.StatusInternalServerError:
			t.Errorf("%d %s", res.StatusCode, text)
		}
		return false
	}
	in := &stream{res.Body, bufio.NewReader(res.Body), v.last}
	if v.last == "" {
		clear(v.shown)
	}
	for {
		e, err := in.next()
		if err != nil {
			return false
		}
		switch e.name {
		case "end":
			t.Errorf("the stream has ended: %s", e.data)
			return false
		case "retry":
			v.last = in.last
			return false
		case "ready":
			v.last = in.last
			if toReady {
				return true
			}
		default:
			v.apply(t, e)
			v.last = in.last
		}
		if !toReady && ctx.Err() != nil {
			return false
		}
	}
}

// attempt sends a request that may fail, because its row is not there or the database is away.
func attempt(t *testing.T, method, address, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

// Clients are cut at random, nodes restart, and the connections of the database break. Each stream, applied to what its client
// shows, gives its list.
func TestStreamsEqualListsOverHTTP(t *testing.T) {
	events := effort.Cases(2000, 1_000_000)
	onEngines(t, func(t *testing.T, cfg Config) {
		dir, rnd := app(t, watchedApp), effort.Seeds(t)(0)
		r := &randomStreams{cfg: cfg, dir: dir, rnd: rnd, viewers: make([]*viewer, 8)}
		for i := range r.viewers {
			r.viewers[i] = &viewer{shown: map[string]string{}}
		}
		for r.total() < events && !t.Failed() {
			t.Run("rounds", func(t *testing.T) { r.rounds(t, events) }) // frees what the servers of a test hold
			t.Logf("%d events, %d connections, %d restarts, %d resets", r.total(), r.resumed, r.restarts, r.resets())
		}
	})
}

// randomStreams are clients of servers that restart, with what they show.
type randomStreams struct {
	cfg               Config
	dir               string
	rnd               *rand.Rand
	viewers           []*viewer
	resumed, restarts int
}

func (r *randomStreams) total() (events int) {
	for _, v := range r.viewers {
		events += v.events
	}
	return events
}

func (r *randomStreams) resets() (n int) {
	for _, v := range r.viewers {
		n += v.resets
	}
	return n
}

// rounds runs some rounds on new servers, and compares what the clients show at the end.
func (r *randomStreams) rounds(t *testing.T, events int) {
	const most = 200
	cfg, dir, rnd, viewers := r.cfg, r.dir, r.rnd, r.viewers
	nodes := 1
	if cfg.Database != "" {
		nodes = 2
	}
	runs, servers := make([]*running, nodes), make([]*App, nodes)
	for i := range nodes {
		servers[i] = opened(t, dir, cfg)
		runs[i] = start(t, servers[i])
	}
	paths := []string{"/api/notes:watch?initial=true", "/api/notes:watch?initial=true&filter=n%20%3C%2050", "/api/notes:watch?initial=true&fields=n,team_id&filter=n%20%3E%2025"}
	for round := 0; round < most && r.total() < events; round++ {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{}, len(viewers))
		for i, v := range viewers {
			own, cut := context.WithTimeout(ctx, time.Duration(20+rnd.IntN(400))*time.Millisecond)
			address := runs[rnd.IntN(nodes)].base + paths[i%len(paths)]
			r.resumed++
			go func() {
				defer func() { cut(); done <- struct{}{} }()
				v.run(own, t, address, false)
			}()
		}
		for range 40 + rnd.IntN(80) {
			base := runs[rnd.IntN(nodes)].base
			id := 1 + rnd.IntN(60)
			switch rnd.IntN(12) {
			case 0, 1, 2, 3:
				attempt(t, http.MethodPost, base+"/api/notes", fmt.Sprintf(`{"id": %d, "n": %d, "team_id": %d}`, id, rnd.IntN(100), 1+rnd.IntN(2)))
			case 4, 5, 6, 7, 8:
				attempt(t, http.MethodPatch, fmt.Sprintf("%s/api/notes/%d", base, id), fmt.Sprintf(`{"n": %d, "team_id": %d}`, rnd.IntN(100), 1+rnd.IntN(2)))
			case 9, 10:
				attempt(t, http.MethodDelete, fmt.Sprintf("%s/api/notes/%d", base, id), "")
			default:
				if rnd.IntN(8) == 0 {
					attempt(t, http.MethodPatch, fmt.Sprintf("%s/api/teams/%d", base, 1+rnd.IntN(2)), fmt.Sprintf(`{"open": %v}`, rnd.IntN(2) == 0))
				}
			}
		}
		if cfg.Database != "" && rnd.IntN(6) == 0 { // every connection of the database breaks
			storetest.Exec(t, servers[0].Store, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		}
		if rnd.IntN(6) == 0 { // a node stops with its streams, and starts again
			i := rnd.IntN(nodes)
			runs[i].stop()
			if err := runs[i].wait(); err != nil && cfg.Database == "" {
				t.Errorf("a stop: %v", err)
			}
			servers[i] = opened(t, dir, cfg)
			runs[i] = start(t, servers[i])
			r.restarts++
		}
		if rnd.IntN(2) == 0 {
			cancel()
		}
		for range viewers {
			<-done
		}
		cancel()
		if t.Failed() {
			return
		}
	}
	for i, v := range viewers {
		want := listOf(t, strings.ReplaceAll(strings.ReplaceAll(runs[0].base+paths[i%len(paths)], ":watch?initial=true", "?limit=500"), "fields=n,", "fields=id,n,"))
		for !v.run(t.Context(), t, runs[0].base+paths[i%len(paths)], true) {
			if t.Failed() {
				return
			}
		}
		if diff := cmp.Diff(want, v.shown); diff != "" {
			t.Errorf("viewer %d (-list +stream):\n%s", i, diff)
		}
	}
}
