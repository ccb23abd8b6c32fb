package app

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/migrate/plan"
	"github.com/ashlar-dev/ashlar/internal/systemd"
	"github.com/ashlar-dev/ashlar/internal/web"
)

func local(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// A scrape counts all requests that were answered before it, though their records are handed on in batches.
func TestScrapeCountsAllAnsweredRequests(t *testing.T) {
	ln := local(t)
	run := start(t, opened(t, app(t, notes), Config{Operate: Operate{Listener: ln}}))
	for n := range 20 {
		if a := get(t, run.base+"/api/notes"); a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		line := fmt.Sprintf("http_server_requests_total{error_type=\"\",http_request_method=\"GET\",http_response_status_code=\"2xx\",http_route=\"/api/{table}\"} %d\n", n+1)
		if metrics := get(t, "http://"+ln.Addr().String()+"/metrics").body; !strings.Contains(metrics, line) {
			t.Fatalf("after %d requests, the metrics have no line %s", n+1, line)
		}
	}
}

// The operate listener tells that the server stops while the requests in flight finish, and ends after them.
func TestOperateListenerStopsLast(t *testing.T) {
	ln := local(t)
	server := opened(t, app(t, notes), Config{Operate: Operate{Listener: ln}})
	entered, release := make(chan bool), make(chan bool)
	server.routes = append(server.routes, web.Route{Pattern: "GET /slow", Handler: func(w http.ResponseWriter, _ *http.Request) error {
		close(entered)
		<-release
		return web.Empty(w, http.StatusNoContent)
	}})
	run := start(t, server)
	operate := "http://" + ln.Addr().String()
	if a := get(t, operate+"/readyz"); a.status != http.StatusOK || !strings.Contains(a.body, `"free_bytes"`) {
		t.Errorf("/readyz = %d %s, want the figures", a.status, a.body)
	}
	if a := get(t, run.base+"/readyz"); a.status != http.StatusOK || strings.Contains(a.body, "figures") {
		t.Errorf("/readyz for everybody = %d %s", a.status, a.body)
	}
	if a := get(t, operate+"/api/notes"); a.status != http.StatusNotFound {
		t.Errorf("the data API at the operate listener = %d", a.status)
	}
	if a := get(t, run.base+"/debug/pprof/heap"); a.status != http.StatusNotFound {
		t.Errorf("profiles for everybody = %d", a.status)
	}
	slow := make(chan int, 1)
	go func() {
		res, err := http.Get(run.base + "/slow")
		if err != nil {
			slow <- 0
			return
		}
		_ = res.Body.Close()
		slow <- res.StatusCode
	}()
	<-entered
	run.stop()
	for {
		if a := get(t, operate+"/readyz"); a.status == http.StatusServiceUnavailable {
			if !strings.Contains(a.body, "The server is stopping.") {
				t.Errorf("/readyz of a server that stops = %s", a.body)
			}
			break
		}
	}
	if a := get(t, operate+"/healthz"); a.status != http.StatusOK {
		t.Errorf("/healthz of a server that stops = %d", a.status)
	}
	close(release)
	if status := <-slow; status != http.StatusNoContent {
		t.Errorf("the request in flight = %d", status)
	}
	if err := run.wait(); err != nil {
		t.Error(err)
	}
	if _, err := http.Get(operate + "/healthz"); err == nil {
		t.Error("the operate listener still answers")
	}
}

// Somebody migrates the database beside the server.
func TestReadinessComparesTheTables(t *testing.T) {
	const before = "-- ashlar.yaml --\nashlar: 1\nname: notes\ntables: {notes: {fields: {text: {type: text}}, access: {read: true}}}\n"
	server := opened(t, app(t, before), Config{})
	for _, tt := range []struct {
		name, fields string
		allow        []string
		want         string
	}{
		{"same", "text: {type: text}", nil, "<nil>"},
		{"safe", "text: {type: text}, more: {type: text, optional: true}", nil, "The database has a newer model that this server can run with."},
		{"other", "more: {type: text}", []string{"notes.text"}, "The tables of the database are not those of this server's model"},
	} {
		other := loaded(t, app(t, strings.Replace(before, "text: {type: text}", tt.fields, 1)))
		opts := server.migrateOptions(server.Store)
		opts.Allow, opts.Hazards = tt.allow, plan.Rewrites|plan.Breaks
		if _, err := migrate.Apply(t.Context(), server.Store, other.Rules, opts); err != nil {
			t.Fatal(err)
		}
		got := "<nil>"
		if err := server.compareTables(t.Context()); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// The service manager hears of the start and the stop, and of the database in between.
func TestServiceManagerIsTold(t *testing.T) {
	dir, err := os.MkdirTemp("", "sd") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = manager.Close() })
	environment := map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "20000"}
	server := opened(t, app(t, notes), Config{Notifier: systemd.Open(func(name string) string { return environment[name] }, 1)})
	run := start(t, server)
	// until returns the messages up to one that begins so.
	until := func(begin string) (all []string) {
		buf := make([]byte, 1024)
		for {
			_ = manager.SetReadDeadline(time.Now().Add(30 * time.Second))
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("no message %s after %q: %v", begin, all, err)
			}
			all = append(all, string(buf[:n]))
			if strings.HasPrefix(all[len(all)-1], begin) {
				return all
			}
		}
	}
	if got := until("READY=1\nSTATUS=serving notes"); got[0] != "EXTEND_TIMEOUT_USEC=60000000" && len(got) > 2 {
		t.Errorf("messages of the start: %q", got)
	}
	until("WATCHDOG=1")
	until("WATCHDOG=1")
	run.stop()
	until("STOPPING=1")
	if err := run.wait(); err != nil {
		t.Error(err)
	}
}

func TestWatchdogNeedsTheEmbeddedDatabase(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	alive := server.alive(server.checks[1])
	if err := alive(t.Context()); err != nil {
		t.Errorf("with a database: %v", err)
	}
	if err := server.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if alive(t.Context()) == nil {
		t.Error("without its database the server counts as alive")
	}
	server.cfg.Database = "postgres://elsewhere" // its outage is mended by no restart
	if err := alive(t.Context()); err != nil {
		t.Errorf("without a database server: %v", err)
	}
	server.Store = nil
}

// A page of a stranger has pointed its own name to the server.
func TestForgery_PagesOfOperatorsAndUsersKnowTheirNames(t *testing.T) {
	const files = "-- ashlar.yaml --\nashlar: 1\nname: notes\naccounts: {signup: open}\ntables: {notes: {fields: {text: {type: text}}, access: {read: true}}}\n"
	for _, tt := range []struct {
		name string
		cfg  Config
		host string
		want int // status of a page
	}{
		{"rebound name on this machine", Config{Loopback: true}, "evil.example", 403},
		{"this machine", Config{Loopback: true}, "localhost:8080", 200},
		{"rebound name of a server that knows its own", Config{URL: "https://app.example.com"}, "evil.example", 403},
		{"its name", Config{URL: "https://app.example.com"}, "app.example.com", 200},
		{"further name", Config{URL: "https://app.example.com", Names: []string{"app.internal"}}, "app.internal:8080", 200},
		{"server that does not know its name", Config{}, "app.example.com", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := opened(t, app(t, files), tt.cfg)
			handler, err := server.Handler()
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]int{"/console/sign-in": tt.want, "/account/sign-in": tt.want, "/api/notes": 200, "/healthz": 200} {
				if got := statusFor(handler, path, tt.host); got != want {
					t.Errorf("GET %s for %s = %d, want %d", path, tt.host, got, want)
				}
			}
		})
	}
}

func statusFor(h http.Handler, path, host string) int {
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	r.Host, r.RemoteAddr = host, "127.0.0.1:1234"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}
