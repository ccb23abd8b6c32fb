package web

import (
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
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
