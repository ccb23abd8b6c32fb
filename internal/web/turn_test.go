package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// waits notes how long requests waited, by their address.
type waits struct {
	mu      sync.Mutex
	longest map[string]time.Duration
}

// Take implements telemetry.Sink.
func (w *waits) Take(r *telemetry.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.longest[r.Remote] = max(w.longest[r.Remote], r.Queue)
}

// While others come, one client has some requests that compute, and the rest wait. The record says so. Nobody else waits, and
// streams that have left do not count.
func TestExhaustion_OneClientComputes(t *testing.T) {
	const abuser, honest, streamer = "192.0.2.1", "192.0.2.2", "192.0.2.3"
	turns := turnsPerProcessor * background.Processors()
	seen := &waits{longest: map[string]time.Duration{}}
	open, stop := make(chan bool), make(chan struct{})
	s := newSite(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Sinks: []telemetry.Sink{seen}}, func(m *Mux) {
		handle(m, "GET /compute", func(http.ResponseWriter, *http.Request) error {
			for range 20 {
				runtime.Gosched()
			}
			return nil
		})
		handle(m, "GET /stream", func(_ http.ResponseWriter, r *http.Request) error {
			defer Leave(r)()
			open <- true
			<-stop
			return nil
		})
		handle(m, "GET /quick", fails(nil))
	})
	ask := func(t *testing.T, path, address string) {
		if resp, body := s.do(t, "GET", path, "X-Forwarded-For", address); resp.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	var others, flood sync.WaitGroup
	for range 4 * turns {
		others.Go(func() { ask(t, "/stream", streamer) })
		<-open
	}
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				ask(t, "/quick", honest)
			}
		}
	})
	for range 8 * turns {
		flood.Go(func() {
			for range 30 {
				ask(t, "/compute", abuser)
			}
		})
	}
	flood.Wait()
	for range 4 * turns {
		ask(t, "/quick", streamer)
	}
	close(stop)
	others.Wait()
	s.Close() // so all records are there
	for _, address := range []string{honest, streamer} {
		if waited, ok := seen.longest[address+":0"]; waited > 0 || !ok {
			t.Errorf("a request of another client, %s, waited for %v", address, waited)
		}
	}
	if seen.longest[abuser+":0"] == 0 {
		t.Errorf("of %d requests at a time of one client none waited", 8*turns)
	}
}

// A crowd of newcomers, each with one request at a time, neither computes before a known client nor takes all places.
func TestExhaustion_NewcomersWaitForEachOther(t *testing.T) {
	const honest, supervisor = "192.0.2.2", "192.0.2.3"
	turns := turnsPerProcessor * background.Processors()
	places := 16 * turns
	seen := &waits{longest: map[string]time.Duration{}}
	started, free := make(chan bool, places), make(chan bool)
	s := newSite(t, Config{MaxConcurrent: places, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Sinks: []telemetry.Sink{seen}}, func(m *Mux) {
		handle(m, "GET /compute", func(http.ResponseWriter, *http.Request) error {
			for range 20 {
				runtime.Gosched()
			}
			return nil
		})
		handle(m, "GET /hold", func(_ http.ResponseWriter, r *http.Request) error {
			started <- true
			<-free
			return nil
		})
		handle(m, "GET /quick", fails(nil))
		m.add(Route{Pattern: "GET /healthz", Handler: fails(nil), Class: Probe})
	})
	ask := func(path, address string) (status int) {
		resp, body := s.do(t, "GET", path, "X-Forwarded-For", address)
		if resp.StatusCode != 200 && resp.StatusCode != 503 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
		return resp.StatusCode
	}
	newcomer := func(n int) string { return fmt.Sprintf("198.51.%d.%d", n/250, n%250) }
	for begun := time.Now(); time.Since(begun) < 6*time.Second; time.Sleep(100 * time.Millisecond) { // becomes known
		ask("/quick", honest)
		ask("/healthz", supervisor)
	}
	if !s.receiver.known.Knows(caller.Caller{}.From(supervisor).Client()) {
		t.Error("a supervisor that only probes stays a newcomer, whose connections wait")
	}

	var others, crowd sync.WaitGroup
	stop := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if status := ask("/quick", honest); status != 200 {
					t.Errorf("the known client gets %d", status)
				}
			}
		}
	})
	for n := range 8 * turns {
		crowd.Go(func() {
			for range 30 {
				ask("/compute", newcomer(n))
			}
		})
	}
	crowd.Wait()

	refused := make(chan bool, places)
	for n := range places {
		crowd.Go(func() {
			if ask("/hold", newcomer(n)) == 503 {
				refused <- true
			}
		})
	}
	held := 0
	for range places {
		select {
		case <-started:
			held++
		case <-refused:
		}
	}
	if most := places - places/4; held > most || held < most/2 {
		t.Errorf("newcomers have %d of %d places, want at most %d", held, places, most)
	}
	close(stop)
	others.Wait()
	close(free)
	crowd.Wait()
	s.Close() // so all records are there
	if waited, ok := seen.longest[honest+":0"]; waited > 0 || !ok {
		t.Errorf("a known client waited for %v", waited)
	}
	waited := 0
	for n := range 8 * turns {
		if seen.longest[newcomer(n)+":0"] > 0 {
			waited++
		}
	}
	if waited < turns {
		t.Errorf("%d of %d newcomers waited", waited, 8*turns)
	}
}
