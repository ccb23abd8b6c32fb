package operate_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/operate"
)

const token = "0123456789abcdef0123"

// listener returns a server with the operate listener's handler.
func listener(t *testing.T, cfg operate.Config) *httptest.Server {
	t.Helper()
	cfg.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	cfg.Health = []web.Route{{Pattern: "GET /readyz", Class: web.Probe, Handler: func(w http.ResponseWriter, _ *http.Request) error {
		return web.JSON(w, http.StatusOK, []byte("{}"))
	}}}
	h, err := operate.Handler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// ask sends a GET with headers; Host among them is the name asked for.
func ask(t *testing.T, srv *httptest.Server, path string, headers ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, srv.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		} else {
			req.Header.Set(name, value)
		}
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func TestAccess_OnlyThisMachineAndTheTokenRead(t *testing.T) {
	open, closed := listener(t, operate.Config{}), listener(t, operate.Config{Token: token, Hosts: []string{"metrics.internal"}})
	bearer := "Authorization: Bearer " + token
	for _, tt := range []struct {
		name    string
		srv     *httptest.Server
		headers []string
		metrics int // status of /metrics and of a profile
		ready   int // of /readyz
	}{
		{"this machine", open, nil, 200, 200},
		{"this machine by name", open, []string{"Host: localhost:9464"}, 200, 200},
		{"IPv6", open, []string{"Host: [::1]:9464"}, 200, 200},
		{"rebound name", open, []string{"Host: evil.example:9464"}, 403, 403},
		{"name that ends alike", open, []string{"Host: localhost.evil.example"}, 403, 403},
		{"another address", open, []string{"Host: 192.0.2.1"}, 403, 403},
		{"page of elsewhere", open, []string{"Origin: https://evil.example"}, 403, 403},
		{"page without an origin", open, []string{"Origin: null"}, 403, 403},
		{"page of another port", open, []string{"Host: localhost:9464", "Origin: http://localhost:8080"}, 403, 403},
		{"own page", open, []string{"Host: localhost:9464", "Origin: http://localhost:9464"}, 200, 200},
		{"image on a page", open, []string{"Sec-Fetch-Site: cross-site"}, 403, 403},
		{"image on a sibling", open, []string{"Sec-Fetch-Site: same-site"}, 403, 403},
		{"typed address", open, []string{"Sec-Fetch-Site: none"}, 200, 200},
		{"behind a proxy of this machine", open, []string{"X-Forwarded-For: 192.0.2.1"}, 401, 200},
		{"token of a user", open, []string{"Authorization: Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"}, 401, 200},
		{"key of a user", open, []string{"Authorization: Bearer ak_0123456789"}, 401, 200},
		{"basic", open, []string{"Authorization: Basic YTpi"}, 401, 200},

		{"no token", closed, nil, 401, 200},
		{"wrong token", closed, []string{"Authorization: Bearer " + token + "x"}, 401, 200},
		{"beginning of the token", closed, []string{"Authorization: Bearer " + token[:10]}, 401, 200},
		{"token of a user, again", closed, []string{"Authorization: Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln"}, 401, 200},
		{"token", closed, []string{bearer}, 200, 200},
		{"token behind a proxy", closed, []string{bearer, "X-Forwarded-For: 192.0.2.1"}, 200, 200},
		{"token and listed name", closed, []string{bearer, "Host: Metrics.internal:9464"}, 200, 200},
		{"token and rebound name", closed, []string{bearer, "Host: evil.example"}, 403, 403},
		{"token and page of elsewhere", closed, []string{bearer, "Origin: https://evil.example"}, 403, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for path, want := range map[string]int{"/metrics": tt.metrics, "/debug/pprof/heap": tt.metrics, "/debug/pprof/": tt.metrics, "/readyz": tt.ready} {
				if got, body := ask(t, tt.srv, path, tt.headers...); got != want {
					t.Errorf("GET %s = %d, want %d\n%s", path, got, want, body)
				}
			}
		})
	}
}

func TestProfilesCanBeRead(t *testing.T) {
	srv := listener(t, operate.Config{})
	for _, tt := range []struct {
		path   string
		status int
		want   string // in the body
	}{
		{"/debug/pprof/", 200, "/debug/pprof/goroutine"},
		{"/debug/pprof/goroutine?debug=2", 200, "TestProfilesCanBeRead"},
		{"/debug/pprof/heap?debug=1", 200, "heap profile:"},
		{"/debug/pprof/trace?seconds=0", 200, "go 1."},
		{"/debug/pprof/none", 404, "not_found"},
		{"/debug/pprof/cmdline", 404, "not_found"}, // flags may hold secrets
		{"/debug/pprof/profile?seconds=61", 400, "from 0 to 60"},
		{"/debug/pprof/profile?seconds=-1", 400, "from 0 to 60"},
		{"/debug/pprof/trace?seconds=11", 400, "from 0 to 10"},
		{"/debug/pprof/heap?debug=x", 400, "from 0 to 2"},
		{"/api/users", 404, "not_found"},
	} {
		status, body := ask(t, srv, tt.path)
		if status != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("GET %s = %d %.200q, want %d with %q", tt.path, status, body, tt.status, tt.want)
		}
	}
	for _, path := range []string{"/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/profile?seconds=0"} {
		status, body := ask(t, srv, path)
		if _, err := gzip.NewReader(strings.NewReader(body)); status != 200 || err != nil {
			t.Errorf("GET %s = %d, %v, want a profile", path, status, err)
		}
	}
}

func TestOneRecordingRunsAtATime(t *testing.T) {
	srv := listener(t, operate.Config{})
	first, err := srv.Client().Get(srv.URL + "/debug/pprof/trace?seconds=10") // a trace sends its header at once
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, srv, "/debug/pprof/trace?seconds=0"); status != 503 || !strings.Contains(body, "another trace is being recorded") {
		t.Errorf("the second trace = %d %s", status, body)
	}
	_ = first.Body.Close() // the recording ends with its client
	for {
		if status, _ := ask(t, srv, "/debug/pprof/trace?seconds=0"); status == 200 {
			return
		}
	}
}

func TestRefusalsAreLoggedAndAnswersAreNot(t *testing.T) {
	var log bytes.Buffer
	srv := listener(t, operate.Config{Logger: telemetry.NewLogger(&log, "json", slog.LevelInfo), Token: token})
	ask(t, srv, "/metrics", "Authorization: Bearer "+token)
	ask(t, srv, "/readyz")
	if log.Len() > 0 {
		t.Errorf("good requests are logged:\n%s", log.String())
	}
	ask(t, srv, "/metrics", "Authorization: Bearer not-the-token-at-all")
	if text := log.String(); !strings.Contains(text, `"status":401`) || !strings.Contains(text, `"listener":"operate"`) || strings.Contains(text, "not-the-token") {
		t.Errorf("the log of a refused request:\n%s", text)
	}
}
