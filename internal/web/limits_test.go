package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func limiter(declared ...model.Limit) *limit.Limiter {
	return limit.New(&model.Limits{Rules: declared}, limit.Config{})
}

func hourly(name string, unit model.LimitUnit, count int) model.Limit {
	return model.Limit{Name: name, Per: unit, Rates: []model.Rate{{Count: count, Window: time.Hour}}}
}

// byName identifies a caller by the text of its header: a user, or a key with scopes.
func byName(r *http.Request) (caller.Caller, error) {
	name := r.Header.Get("Authorization")
	switch {
	case name == "":
		return caller.Caller{}, nil
	case name == "bad":
		return caller.Caller{}, errs.New(errs.Unauthenticated, "bad token")
	case name == "system":
		return caller.System("test"), nil
	case strings.HasPrefix(name, "key "):
		return caller.Key(caller.Identity{ID: "owner", Proof: caller.Proof{Kind: caller.ProofKey, ID: name}, Scopes: &caller.Scopes{Names: []string{"ingest"}}}), nil
	}
	return caller.User(caller.Identity{ID: name}), nil
}

func rowRoutes() []Route {
	ok := func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, []byte(`{}`)) }
	return []Route{
		{Pattern: "GET /api/{table}", Handler: ok, Operation: model.ListOperation},
		{Pattern: "POST /api/{table}", Handler: ok, Operation: model.CreateOperation},
		{Pattern: "POST /batch", Handler: func(w http.ResponseWriter, r *http.Request) error {
			n, err := strconv.Atoi(r.URL.Query().Get("n"))
			if err != nil {
				return err
			}
			if err := Charge(w, r, n-1); err != nil {
				return err
			}
			return JSON(w, 200, []byte(`{}`))
		}},
		{Pattern: "GET /healthz", Handler: ok, Class: Probe},
	}
}

func addRoutes(m *Mux) {
	for _, route := range rowRoutes() {
		m.add(route)
	}
}

// Ten thousand requests over 100 connections against a limit of 100: exactly 100 pass.
func TestExhaustion_ParallelRequestsPassExactly(t *testing.T) {
	for _, unit := range []model.LimitUnit{model.PerAddress, model.PerCaller} {
		t.Run(string(unit), func(t *testing.T) {
			receiver, err := NewReceiver(Config{Limits: limiter(hourly("hundred", unit, 100)), Identify: byName})
			if err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(receiver.Handler(NewMux(rowRoutes()...)))
			defer server.Close()
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}}
			defer client.CloseIdleConnections()
			var passed, refused atomic.Int64
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() {
					for range 100 {
						r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/posts", nil)
						if err != nil {
							t.Error(err)
							return
						}
						r.Header.Set("Authorization", "ann")
						resp, err := client.Do(r)
						if err != nil {
							t.Error(err)
							return
						}
						_ = resp.Body.Close()
						switch resp.StatusCode {
						case http.StatusOK:
							passed.Add(1)
						case http.StatusTooManyRequests:
							refused.Add(1)
						}
					}
				})
			}
			wait.Wait()
			if passed.Load() != 100 || refused.Load() != 9900 {
				t.Errorf("%d passed and %d were refused, want 100 and 9900", passed.Load(), refused.Load())
			}
		})
	}
}

func TestRefusalOfALimit(t *testing.T) {
	s := newSite(t, Config{Limits: limiter(hourly("wide", model.PerAddress, 100), model.Limit{
		Name: "comments", Per: model.PerCaller, Tables: []string{"comments"}, Operations: []model.Operation{model.CreateOperation},
		Rates: []model.Rate{{Count: 2, Window: time.Minute}},
	}), Identify: byName}, addRoutes)
	for range 2 {
		if resp, body := s.do(t, "POST", "/api/comments", "Authorization", "ann"); resp.StatusCode != 200 {
			t.Fatalf("status %d: %s", resp.StatusCode, body)
		}
	}
	resp, body := s.do(t, "POST", "/api/comments", "Authorization", "ann")
	var document map[string]any
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatal(err)
	}
	delete(document, "request_id")
	want := map[string]any{
		"type": "/problems/limited", "title": "Too many requests", "status": 429.0, "limit": "comments",
		"detail": "the limit “comments” allows 2 requests in 1m",
	}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("document (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"Retry-After": "30", "Ratelimit": `"comments";r=0;t=30`, "Ratelimit-Policy": `"wide";q=100;w=3600, "comments";q=2;w=60`,
		"Content-Type": "application/problem+json", "Cache-Control": "no-store",
	} {
		if got := strings.Join(resp.Header[name], " | "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if line := s.log.lines(t, 3)[2]; line["limit"] != "comments" || line["status"] != 429.0 {
		t.Errorf("log line %v", line)
	}
	for _, other := range [][]string{{"POST", "/api/comments", "bob"}, {"GET", "/api/comments", "ann"}, {"POST", "/api/posts", "ann"}} {
		if resp, _ := s.do(t, other[0], other[1], "Authorization", other[2]); resp.StatusCode != 200 {
			t.Errorf("%v: status %d", other, resp.StatusCode)
		}
	}
}

func TestHeadersOfLimits(t *testing.T) {
	given := hourly("given", model.PerAddress, 50)
	assumed := hourly("assumed", model.PerCaller, 3)
	assumed.SparesLoopback = true
	receiver, err := NewReceiver(Config{Limits: limiter(given, assumed), Identify: byName})
	if err != nil {
		t.Fatal(err)
	}
	handler := receiver.Handler(NewMux(rowRoutes()...))
	for i, want := range []string{
		`200 "given";q=50;w=3600 "given";r=49;t=72`,
		`200 "given";q=50;w=3600 "given";r=48;t=144`,
		`200 "given";q=50;w=3600 "given";r=47;t=216`,
		`429 "given";q=50;w=3600, "assumed";q=3;w=3600 "assumed";r=0;t=1200`,
	} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/posts", nil))
		header := map[string][]string(recorder.Result().Header) // with the spelling of the answer
		if got := fmt.Sprint(recorder.Code, " ", strings.Join(header[rateLimitPolicyHeader], "|"), " ", strings.Join(header[rateLimitHeader], "|")); got != want {
			t.Errorf("answer %d: %s, want %s", i, got, want)
		}
	}
}

// What each kind of request counts as.
func TestWhatLimitsCount(t *testing.T) {
	rules := []model.Limit{hourly("address", model.PerAddress, 10), hourly("caller", model.PerCaller, 4), hourly("ingest", model.PerKey, 2)}
	rules[2].Scope = "ingest"
	for _, tt := range []struct {
		name, method, path, who string
		want                    int // requests that pass
		limit                   string
	}{
		{"a row", "GET", "/api/posts", "ann", 4, "caller"},
		{"anonymous", "GET", "/api/posts", "", 4, "caller"},
		{"no route", "GET", "/nowhere", "ann", 4, "caller"},
		{"no method", "PUT", "/api/posts", "ann", 4, "caller"},
		{"a bad token", "GET", "/api/posts", "bad", 10, "address"},
		{"a key", "GET", "/api/posts", "key 1", 2, "ingest"},
		{"code of the server", "GET", "/api/posts", "system", 10, "address"},
		{"a probe", "GET", "/healthz", "ann", 20, ""},
		{"a batch of three", "POST", "/batch?n=3", "ann", 1, "caller"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, Config{Limits: limiter(rules...), Identify: byName}, addRoutes)
			passed, refusal := 0, ""
			for range 20 {
				resp, body := s.do(t, tt.method, tt.path, "Authorization", tt.who)
				if resp.StatusCode != http.StatusTooManyRequests {
					passed++
				} else {
					refusal = body
				}
			}
			if passed != tt.want || (tt.limit != "") != strings.Contains(refusal, `"limit":"`+tt.limit+`"`) {
				t.Errorf("%d passed, want %d and then %q; last refusal %s", passed, tt.want, tt.limit, refusal)
			}
		})
	}
}

func TestBatchCostsItsOperations(t *testing.T) {
	s := newSite(t, Config{Limits: limiter(hourly("address", model.PerAddress, 100), hourly("caller", model.PerCaller, 50)), Identify: byName}, addRoutes)
	for _, tt := range []struct {
		n, want int
		detail  string
	}{
		{1, 200, ""}, {40, 200, ""}, {10, 429, "allows 50 requests in 1h"}, {8, 200, ""}, {1, 429, ""}, {52, 429, ""},
	} {
		resp, body := s.do(t, "POST", "/batch?n="+strconv.Itoa(tt.n), "Authorization", "ann")
		if resp.StatusCode != tt.want || !strings.Contains(body, tt.detail) {
			t.Errorf("a batch of %d: %d %s, want %d %s", tt.n, resp.StatusCode, body, tt.want, tt.detail)
		}
	}
	if resp, body := s.do(t, "POST", "/batch?n=52", "Authorization", "bob"); resp.StatusCode != 429 || !strings.Contains(body, "at most 50 operations at once: send fewer") {
		t.Errorf("a batch that never has room: %d %s", resp.StatusCode, body)
	}
}

func TestRequestsAtWorkOfACaller(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := newSite(t, Config{Limits: limiter(model.Limit{Name: "caller", Per: model.PerCaller, InFlight: 2}), Identify: byName}, func(m *Mux) {
		addRoutes(m)
		handle(m, "GET /slow", func(w http.ResponseWriter, _ *http.Request) error {
			started <- struct{}{}
			<-release
			return JSON(w, 200, []byte("{}"))
		})
		handle(m, "GET /panic", func(http.ResponseWriter, *http.Request) error { panic("of the handler") })
	})
	for range 5 { // a panic ends a request too
		s.do(t, "GET", "/panic", "Authorization", "ann")
	}
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() { s.do(t, "GET", "/slow", "Authorization", "ann") })
		<-started
	}
	resp, body := s.do(t, "GET", "/api/posts", "Authorization", "ann")
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" || !strings.Contains(body, "allows 2 requests at work at once") {
		t.Errorf("the third request: %d %s", resp.StatusCode, body)
	}
	if resp, _ := s.do(t, "GET", "/api/posts", "Authorization", "bob"); resp.StatusCode != 200 {
		t.Errorf("another caller: %d", resp.StatusCode)
	}
	close(release)
	wait.Wait()
	if resp, _ := s.do(t, "GET", "/api/posts", "Authorization", "ann"); resp.StatusCode != 200 {
		t.Errorf("after the end of both: %d", resp.StatusCode)
	}
}

// An address is refused before anybody looks at its token.
func TestExhaustion_RefusedFloodCostsNoTokenCheck(t *testing.T) {
	checks := 0
	s := newSite(t, Config{Limits: limiter(hourly("address", model.PerAddress, 3)), Identify: func(*http.Request) (caller.Caller, error) {
		checks++
		return caller.Caller{}, nil
	}}, addRoutes)
	for range 50 {
		s.do(t, "GET", "/api/posts")
	}
	if checks != 3 {
		t.Errorf("%d tokens were checked, want 3", checks)
	}
}

// Only a trusted proxy says which address a request counts for. A /64 network of IPv6 is one.
func TestAddressesOfLimits(t *testing.T) {
	for _, tt := range []struct {
		name, peer, other string
		forwarded         [2]string
		same              bool
	}{
		{"one address", "203.0.113.9:1", "203.0.113.9:2", [2]string{}, true},
		{"two addresses", "203.0.113.9:1", "203.0.113.8:1", [2]string{}, false},
		{"a stranger names others", "203.0.113.9:1", "203.0.113.9:1", [2]string{"192.0.2.1", "192.0.2.2"}, true},
		{"a proxy names two", "10.0.0.1:1", "10.0.0.1:1", [2]string{"192.0.2.1", "192.0.2.2"}, false},
		{"two proxies name one", "10.0.0.1:1", "10.0.0.2:1", [2]string{"192.0.2.1", "192.0.2.1"}, true},
		{"one network of IPv6", "[2001:db8::1]:1", "[2001:db8::ffff:2]:1", [2]string{}, true},
		{"two networks of IPv6", "[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", [2]string{}, false},
		{"IPv4 as IPv6", "203.0.113.9:1", "[::ffff:203.0.113.9]:1", [2]string{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			receiver, err := NewReceiver(Config{Limits: limiter(hourly("address", model.PerAddress, 1)), Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
			if err != nil {
				t.Fatal(err)
			}
			handler := receiver.Handler(NewMux(rowRoutes()...))
			status := 0
			for i, peer := range []string{tt.peer, tt.other} {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/posts", nil)
				r.RemoteAddr = peer
				if tt.forwarded[i] != "" {
					r.Header.Set("X-Forwarded-For", tt.forwarded[i])
				}
				recorder := httptest.NewRecorder()
				handler.ServeHTTP(recorder, r)
				status = recorder.Code
			}
			if (status == http.StatusTooManyRequests) != tt.same {
				t.Errorf("the second request: %d, want a refusal: %t", status, tt.same)
			}
		})
	}
}

// The limits that a model does not give spare this machine, by each of its addresses.
func TestDefaultLimitsSpareThisMachine(t *testing.T) {
	for peer, spared := range map[string]bool{"127.0.0.1:9": true, "127.9.9.9:9": true, "[::1]:9": true, "[::ffff:127.0.0.1]:9": true, "@": true, "192.0.2.1:9": false, "10.0.0.1:9": false, "[fe80::1%eth0]:9": false} {
		receiver, err := NewReceiver(Config{Limits: limit.New(model.DefaultLimits(), limit.Config{})})
		if err != nil {
			t.Fatal(err)
		}
		handler := receiver.Handler(NewMux(rowRoutes()...))
		refused := false
		for range 3000 {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/posts", nil)
			r.RemoteAddr = peer
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			refused = refused || recorder.Code == http.StatusTooManyRequests
		}
		if refused == spared {
			t.Errorf("%s: refused %t", peer, refused)
		}
	}
}

// A check allocates nothing. The headers of limits that the model gives cost one allocation here, for the value of RateLimit,
// and two more where the map of headers grows.
func TestAllocationsOfLimits(t *testing.T) {
	effort.SkipRaced(t)
	fast := func(spares bool) []model.Limit {
		rates := []model.Rate{{Count: 1e9, Window: time.Second}}
		return []model.Limit{
			{Name: "address", Per: model.PerAddress, Rates: rates, SparesLoopback: spares},
			{Name: "caller", Per: model.PerCaller, Rates: rates, InFlight: 16, SparesLoopback: spares},
		}
	}
	allocations := func(limits *limit.Limiter) float64 {
		receiver, err := NewReceiver(Config{Limits: limits, Identify: byName})
		if err != nil {
			t.Fatal(err)
		}
		handler := receiver.Handler(NewMux(rowRoutes()...))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/posts", nil)
		r.Header.Set("Authorization", "ann")
		return testing.AllocsPerRun(1000, func() { handler.ServeHTTP(unread{http.Header{}}, r.Clone(t.Context())) })
	}
	none := allocations(nil)
	if with := allocations(limiter(fast(true)...)); with > none {
		t.Errorf("%v allocations with the limits that hold without being written, %v without", with, none)
	}
	with := allocations(limiter(fast(false)...))
	if with > none+3 {
		t.Errorf("%v allocations with limits that the model gives, %v without", with, none)
	}
	t.Logf("%v allocations without limits, %v with headers", none, with)
}

// A request that waits for long holds no place of a limit, and its time of waiting is no work.
func TestARequestThatLeavesIsNotAtWork(t *testing.T) {
	var sink recordSink
	left, end := make(chan struct{}), make(chan struct{})
	rc, err := NewReceiver(Config{Limits: limiter(model.Limit{Name: "one", Per: model.PerAddress, InFlight: 1}), Sinks: []telemetry.Sink{&sink}})
	if err != nil {
		t.Fatal(err)
	}
	handler := rc.Handler(NewMux(
		Route{Pattern: "GET /wait", Handler: func(w http.ResponseWriter, r *http.Request) error {
			defer Leave(r)()
			close(left)
			<-end
			time.Sleep(5 * time.Millisecond)
			return Empty(w, http.StatusNoContent)
		}},
		Route{Pattern: "GET /now", Handler: func(w http.ResponseWriter, _ *http.Request) error { return Empty(w, http.StatusNoContent) }},
	))
	done := make(chan int, 1)
	ask := func(path string) int {
		out := httptest.NewRecorder()
		handler.ServeHTTP(out, httptest.NewRequest(http.MethodGet, path, nil))
		return out.Code
	}
	go func() { done <- ask("/wait") }()
	<-left
	if status := ask("/now"); status != http.StatusNoContent {
		t.Errorf("beside a request that has left: %d", status)
	}
	close(end)
	if status := <-done; status != http.StatusNoContent {
		t.Errorf("the request that has left: %d", status)
	}
	rc.Records().Flush()
	for _, r := range sink.all {
		if r.Path == "/wait" && (r.Held < 5*time.Millisecond || r.Busy() > r.Duration-5*time.Millisecond) {
			t.Errorf("held %v of %v", r.Held, r.Duration)
		}
	}
	if len(sink.all) != 2 {
		t.Errorf("%d records", len(sink.all))
	}
}

type recordSink struct{ all []telemetry.Record }

func (s *recordSink) Take(r *telemetry.Record) { s.all = append(s.all, *r) }
