package web

import (
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// A client whose requests do not end cannot take all places. Clients are told apart by their address, and by who they are.
func TestExhaustion_PlacesOfOneClient(t *testing.T) {
	const places = 16
	for _, tt := range []struct{ name, header, abuser, other string }{
		{"addresses", "X-Forwarded-For", "192.0.2.1", "192.0.2.2"},
		{"a network of IPv6", "X-Forwarded-For", "2001:db8::1", "2001:db8:0:1::1"},
		{"users", "X-User", "ann", "bob"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			started, free := make(chan bool, 2*places), make(chan bool)
			s := newSite(t, Config{
				MaxConcurrent: places,
				Proxies:       []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
				Identify: func(r *http.Request) (caller.Caller, error) {
					if id := r.Header.Get("X-User"); id != "" {
						return caller.User(caller.Identity{ID: id}), nil
					}
					return caller.Caller{}, nil
				},
			}, func(m *Mux) {
				handle(m, "GET /hold", func(http.ResponseWriter, *http.Request) error {
					started <- true
					<-free
					return nil
				})
				handle(m, "GET /quick", fails(nil))
			})
			var group sync.WaitGroup
			refused := make(chan string, 2*places)
			for range 2 * places {
				group.Go(func() {
					if resp, body := s.do(t, "GET", "/hold", tt.header, tt.abuser); resp.StatusCode == 503 {
						refused <- body
					}
				})
			}
			held := 0
			for range 2 * places { // each request of the abuser is at work or refused
				select {
				case <-started:
					held++
				case <-refused:
				}
			}
			for range 20 {
				if resp, body := s.do(t, "GET", "/quick", tt.header, tt.other); resp.StatusCode != 200 {
					t.Fatalf("beside %d requests of one client another one gets %d %s", held, resp.StatusCode, body)
				}
			}
			close(free)
			group.Wait()
			if held >= places || held < places/2 {
				t.Errorf("one client had %d of %d places", held, places)
			}
			limits := map[any]int{}
			for _, line := range s.log.lines(t, 2*places+20) {
				limits[line["limit"]]++
			}
			if limits["max-concurrent-share"] != 2*places-held {
				t.Errorf("the records name the limits %v, want %d of the share", limits, 2*places-held)
			}
		})
	}
}
