package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// logBuffer keeps the log lines of a server.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// lines returns the lines so far. A request's line comes after its answer, so it waits for the wanted number.
func (l *logBuffer) lines(t *testing.T, want int) []map[string]any {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		text := l.b.String()
		l.mu.Unlock()
		if n := strings.Count(text, "\n"); n >= want {
			var all []map[string]any
			for line := range strings.Lines(text) {
				var m map[string]any
				if err := json.Unmarshal([]byte(line), &m); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				all = append(all, m)
			}
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d log lines wanted, got %q", want, text)
		}
	}
}

// site is a server over a real connection with a handler for each kind of end.
type site struct {
	*httptest.Server
	log      logBuffer
	receiver *Receiver
}

func handle(m *Mux, pattern string, next Handler) { m.add(Route{Pattern: pattern, Handler: next}) }

func newSite(t *testing.T, cfg Config, add func(*Mux)) *site {
	t.Helper()
	s := &site{}
	cfg.Logger = telemetry.NewLogger(&s.log, "json", slog.LevelInfo)
	w, err := NewReceiver(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.receiver = w
	mux := NewMux(ProblemRoutes()...)
	add(mux)
	s.Server = httptest.NewUnstartedServer(w.Handler(mux))
	s.Config.DisableGeneralOptionsHandler = true
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *site) do(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func fails(err error) Handler { return func(http.ResponseWriter, *http.Request) error { return err } }

func TestProblems(t *testing.T) {
	faults := []errs.Fault{{Pointer: "/title", Code: "too_long", Detail: "must be <short>"}}
	type want struct {
		Status int
		Header map[string]string
		Body   map[string]any
	}
	body := func(kind, title string, status int, detail string, more ...any) map[string]any {
		b := map[string]any{"type": "/problems/" + kind, "title": title, "status": float64(status)}
		if detail != "" {
			b["detail"] = detail
		}
		for i := 0; i < len(more); i += 2 {
			b[more[i].(string)] = more[i+1]
		}
		return b
	}
	asJSON := []any{map[string]any{"pointer": "/title", "code": "too_long", "detail": "must be <short>"}}
	for _, tt := range []struct {
		name string
		err  error
		want want
	}{
		{"malformed", errs.New(errs.Malformed, "no"), want{400, nil, body("malformed", "The request cannot be read", 400, "no")}},
		{"unauthenticated", errs.New(errs.Unauthenticated, "who"), want{401, map[string]string{"WWW-Authenticate": `Bearer realm="ashlar"`}, body("unauthenticated", "Authentication required", 401, "who")}},
		{"a second factor and a recent proof", &errs.Error{Kind: errs.Unauthenticated, Message: "again", StepUp: &errs.StepUp{MaxAge: 90500 * time.Millisecond, MFA: true}},
			want{401, map[string]string{"WWW-Authenticate": `Bearer realm="ashlar", error="insufficient_user_authentication", max_age=90, acr_values="mfa"`},
				body("unauthenticated", "Authentication required", 401, "again")}},
		{"a recent proof", &errs.Error{Kind: errs.Unauthenticated, Message: "again", StepUp: &errs.StepUp{}},
			want{401, map[string]string{"WWW-Authenticate": `Bearer realm="ashlar", error="insufficient_user_authentication"`},
				body("unauthenticated", "Authentication required", 401, "again")}},
		{"forbidden", errs.New(errs.Forbidden, "no"), want{403, nil, body("forbidden", "Not allowed", 403, "no")}},
		{"forbidden to write a field", &errs.Error{Kind: errs.Forbidden, Message: "no", Faults: faults}, want{403, nil, body("forbidden", "Not allowed", 403, "no", "errors", asJSON)}},
		{"not found", errs.New(errs.NotFound, "no such posts"), want{404, nil, body("not_found", "Not found", 404, notFound)}},
		{"method", &errs.Error{Kind: errs.MethodNotAllowed, Message: "no", Allow: []string{"GET", "HEAD"}}, want{405, map[string]string{"Allow": "GET, HEAD"}, body("method_not_allowed", "Method not allowed", 405, "no")}},
		{"conflict", &errs.Error{Kind: errs.Conflict, Message: "taken", Faults: faults}, want{409, nil, body("conflict", "Conflict", 409, "taken", "errors", asJSON)}},
		{"conflict without fields", errs.New(errs.Conflict, "in use"), want{409, nil, body("conflict", "Conflict", 409, "in use")}},
		{"stale", errs.New(errs.Stale, "old"), want{412, nil, body("stale", "Changed in the meantime", 412, "old")}},
		{"too large", errs.New(errs.TooLarge, "big"), want{413, nil, body("too_large", "Too large", 413, "big")}},
		{"unsupported", errs.New(errs.Unsupported, "xml"), want{415, nil, body("unsupported", "Media type not supported", 415, "xml")}},
		{"invalid", &errs.Error{Kind: errs.Invalid, Message: "bad", Faults: faults}, want{422, nil, body("invalid", "Not acceptable values", 422, "bad", "errors", asJSON)}},
		{"invalid without faults", errs.New(errs.Invalid, "bad"), want{422, nil, body("invalid", "Not acceptable values", 422, "bad", "errors", []any{})}},
		{"limited", &errs.Error{Kind: errs.Limited, Message: "slow", RetryAfter: 1100 * time.Millisecond}, want{429, map[string]string{"Retry-After": "2"}, body("limited", "Too many requests", 429, "slow")}},
		{"unavailable", errs.New(errs.Unavailable, "busy"), want{503, map[string]string{"Retry-After": "1"}, body("unavailable", "Not available now", 503, "busy")}},
		{"internal", errs.Wrapf(errors.New("disk on fire"), errs.Internal, "secret path"), want{500, nil, body("internal", "Internal error", 500, "")}},
		{"another error", errors.New("disk on fire"), want{500, nil, body("internal", "Internal error", 500, "")}},
		{"an unknown kind", errs.New("odd", "disk on fire"), want{500, nil, body("internal", "Internal error", 500, "")}},
		{"wrapped", fmt.Errorf("api: %w", errs.New(errs.Stale, "old")), want{412, nil, body("stale", "Changed in the meantime", 412, "old")}},
		{"deadline", fmt.Errorf("x: %w", context.DeadlineExceeded), want{503, map[string]string{"Retry-After": "1"}, body("unavailable", "Not available now", 503, "the request took too long")}},
		{"cancelled by ourselves", context.Canceled, want{503, nil, body("unavailable", "Not available now", 503, "the request took too long")}},
		{"internal by the deadline", errs.Wrapf(context.DeadlineExceeded, errs.Internal, ""), want{503, nil, body("unavailable", "Not available now", 503, "the request took too long")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t, Config{}, func(m *Mux) {
				handle(m, "GET /x", func(w http.ResponseWriter, _ *http.Request) error {
					w.Header()[ETagHeader] = []string{`"1"`}
					w.Header().Set("Location", "/y")
					w.Header().Set("Cache-Control", "private")
					return tt.err
				})
			})
			resp, text := s.do(t, "GET", "/x")
			var got map[string]any
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if id := resp.Header.Get("X-Request-Id"); id == "" || got["request_id"] != id {
				t.Errorf("request_id %v, X-Request-Id %q", got["request_id"], id)
			}
			delete(got, "request_id")
			if diff := cmp.Diff(tt.want.Body, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if resp.StatusCode != tt.want.Status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.want.Status)
			}
			for name, want := range map[string]string{
				"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
				"Referrer-Policy": "no-referrer", "ETag": "", "Location": "",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			for name, want := range tt.want.Header {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
			if strings.Contains(text, "disk on fire") || strings.Contains(text, "secret path") {
				t.Errorf("the private cause was sent: %s", text)
			}
			line := s.log.lines(t, 1)[0]
			logged, _ := line["error"].(string)
			told := strings.Contains(logged, tt.err.Error())
			if errs.KindOf(tt.err) == errs.Malformed { // its message repeats the client's text
				told = logged == ""
			}
			if line["status"] != float64(tt.want.Status) || !told {
				t.Errorf("log line %v", line)
			}
		})
	}
}

func TestNotFoundIsTheSameEverywhere(t *testing.T) {
	s := newSite(t, Config{}, func(m *Mux) {
		handle(m, "GET /api/{table}/{id}", func(_ http.ResponseWriter, r *http.Request) error {
			return errs.New(errs.NotFound, "no such %s %s", r.PathValue("table"), r.PathValue("id"))
		})
		handle(m, "GET /tree/", fails(nil))
	})
	var first string
	for _, path := range []string{
		"/api/posts/1", "/api/posts/2", "/nowhere", "/", "//api", "//api/posts/1", "/api//posts", "/api/../x", "/api/./posts/1", "/api/posts/..",
		"/api/posts/1//", "/tree", "//evil.example/", "//api/posts/1/", "/problems/none", "/nowhere/", "/api/posts/../", "/%2e%2e/x", "/api/posts/%2e%2e", "/api/posts",
	} {
		resp, body := s.do(t, "GET", path)
		id := resp.Header.Get("X-Request-Id")
		body = strings.ReplaceAll(body, id, "ID")
		header := resp.Header.Clone()
		header.Del("X-Request-Id")
		header.Del("Date")
		whole := fmt.Sprint(resp.StatusCode, header, body)
		if first == "" {
			first = whole
		}
		if whole != first || resp.StatusCode != 404 {
			t.Errorf("GET %s:\n%s\nwant\n%s", path, whole, first)
		}
	}
}

func TestSlashAtTheEnd(t *testing.T) {
	s := newSite(t, Config{}, func(m *Mux) {
		handle(m, "GET /api/{table}/{id}", fails(nil))
		handle(m, "PATCH /api/{table}/{id}", fails(nil))
	})
	for _, tt := range []struct{ method, path, location string }{
		{"GET", "/api/posts/1/", "/api/posts/1"},
		{"GET", "/api/posts/a%2Fb/?fields=id&x=%26", "/api/posts/a%2Fb?fields=id&x=%26"},
		{"PATCH", "/api/posts/1/", "/api/posts/1"},
		{"GET", "/problems/", "/problems"},
	} {
		resp, _ := s.do(t, tt.method, tt.path)
		if resp.StatusCode != 308 || resp.Header.Get("Location") != tt.location {
			t.Errorf("%s %s: %d to %q, want 308 to %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Location"), tt.location)
		}
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t, Config{}, func(m *Mux) {
		handle(m, "GET /x", func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, []byte(`{"a":1}`)) })
		handle(m, "DELETE /x", func(w http.ResponseWriter, _ *http.Request) error { return Empty(w, 204) })
		handle(m, "GET /bad", fails(errs.New(errs.Malformed, "no")))
	})
	for _, tt := range []struct {
		method, path string
		status       int
		allow, body  string
	}{
		{"GET", "/x", 200, "", `{"a":1}`},
		{"HEAD", "/x", 200, "", ""},
		{"HEAD", "/bad", 400, "", ""},
		{"HEAD", "/none", 404, "", ""},
		{"DELETE", "/x", 204, "", ""},
		{"POST", "/x", 405, "DELETE, GET, HEAD", ""},
		{"OPTIONS", "/x", 405, "DELETE, GET, HEAD", ""},
		{"BREW", "/x", 405, "DELETE, GET, HEAD", ""},
		{"get", "/x", 405, "DELETE, GET, HEAD", ""},
	} {
		resp, body := s.do(t, tt.method, tt.path, "X-HTTP-Method-Override", "DELETE")
		if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Allow"), tt.status, tt.allow)
		}
		if tt.status < 400 && body != tt.body {
			t.Errorf("%s %s: body %q, want %q", tt.method, tt.path, body, tt.body)
		}
		if tt.status >= 400 && tt.method != "HEAD" && resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %s", tt.method, tt.path, body)
		}
		if tt.method == "HEAD" && (body != "" || resp.ContentLength <= 0) {
			t.Errorf("HEAD %s: %d bytes, Content-Length %d", tt.path, len(body), resp.ContentLength)
		}
	}
	for _, line := range s.log.lines(t, 9) {
		if line["method"] == "HEAD" && line["bytes"] != 0.0 {
			t.Errorf("a HEAD is logged with %v bytes", line["bytes"])
		}
	}
}

func TestPanic(t *testing.T) {
	s := newSite(t, Config{}, func(m *Mux) {
		handle(m, "GET /panic", func(http.ResponseWriter, *http.Request) error { panic("the cat sat on it") })
		handle(m, "GET /nil", func(http.ResponseWriter, *http.Request) error { return fmt.Errorf("%d", *(*int)(nil)) })
		handle(m, "GET /late", func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(200)
			_, _ = w.Write([]byte("half"))
			panic("late")
		})
		handle(m, "GET /half", func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = w.Write([]byte("half"))
			return errors.New("late error")
		})
		handle(m, "GET /abort", func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
		handle(m, "GET /fine", func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, []byte("{}")) })
	})
	for i, path := range []string{"/panic", "/nil"} {
		resp, body := s.do(t, "GET", path)
		line := s.log.lines(t, i+1)[i]
		if resp.StatusCode != 500 || !strings.Contains(body, resp.Header.Get("X-Request-Id")) || strings.Contains(body, "cat") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
		if line["id"] != resp.Header.Get("X-Request-Id") || line["level"] != "ERROR" || !strings.Contains(line["stack"].(string), "web_test.go") {
			t.Errorf("%s: log line %v", path, line)
		}
	}
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // on a used connection it would try again
	for i, path := range []string{"/late", "/half", "/abort"} {
		resp, err := once.Get(s.URL + path)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the client took half an answer for a whole one", path)
		}
		s.log.lines(t, 3+i)
	}
	if resp, _ := s.do(t, "GET", "/fine"); resp.StatusCode != 200 {
		t.Errorf("after the panics: %d", resp.StatusCode)
	}
	lines := s.log.lines(t, 6)
	if lines[2]["level"] != "ERROR" || lines[2]["stack"] == nil {
		t.Errorf("late panic: %v", lines[2])
	}
	if lines[3]["error"] != "late error" || lines[3]["kind"] != "internal" || lines[3]["level"] != "ERROR" {
		t.Errorf("late error: %v", lines[3])
	}
}

func TestWhoAsks(t *testing.T) {
	identify := func(r *http.Request) (caller.Caller, error) {
		switch r.Header.Get("Authorization") {
		case "":
			return caller.Caller{}, nil
		case "Bearer ann":
			return caller.User(caller.Identity{ID: "ann"}), nil
		}
		return caller.Caller{}, errs.New(errs.Unauthenticated, "the token is not valid")
	}
	s := newSite(t, Config{Identify: identify}, func(m *Mux) {
		handle(m, "GET /me", func(w http.ResponseWriter, r *http.Request) error {
			Record(r).Table = "people"
			return Bytes(w, 200, "text/plain", []byte(Caller(r).String()))
		})
		handle(m, "GET /closed", fails(errs.New(errs.Unauthenticated, "say who you are")))
	})
	for i, tt := range []struct {
		path, auth   string
		status       int
		body, header string
	}{
		{"/me", "", 200, "anonymous", ""},
		{"/me", "Bearer ann", 200, "user:ann", ""},
		{"/me", "Bearer bob", 401, "the token is not valid", `Bearer realm="ashlar", error="invalid_token"`},
		{"/closed", "", 401, "say who you are", `Bearer realm="ashlar"`},
		{"/nowhere", "Bearer bob", 401, "the token is not valid", `Bearer realm="ashlar", error="invalid_token"`},
	} {
		var header []string
		if tt.auth != "" {
			header = []string{"Authorization", tt.auth}
		}
		resp, body := s.do(t, "GET", tt.path+"?access_token=q", header...)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) || resp.Header.Get("WWW-Authenticate") != tt.header {
			t.Errorf("%s as %q: %d %q %s", tt.path, tt.auth, resp.StatusCode, resp.Header.Get("WWW-Authenticate"), body)
		}
		line := s.log.lines(t, i+1)[i]
		if text := fmt.Sprint(line); strings.Contains(text, "access_token") || strings.Contains(text, "bob") {
			t.Errorf("a credential was logged: %s", text)
		}
		if i == 1 && (line["caller"] != "user:ann" || line["table"] != "people" || line["route"] != "GET /me" || line["path"] != "/me") {
			t.Errorf("log line %v", line)
		}
	}
	if !Caller(httptest.NewRequest("GET", "/", nil)).IsAnonymous() {
		t.Error("outside of Wrap the caller is not anonymous")
	}
	Record(httptest.NewRequest("GET", "/", nil)).Table = "x" // must not panic
}

func TestRequestID(t *testing.T) {
	s := newSite(t, Config{}, func(m *Mux) { handle(m, "GET /x", fails(nil)) })
	seen := map[string]bool{}
	for i, tt := range []struct{ given, logged string }{
		{"", ""}, {"abc-1.2_X", "abc-1.2_X"}, {strings.Repeat("a", 64), strings.Repeat("a", 64)},
		{strings.Repeat("a", 65), ""}, {"a b", ""}, {"a\"b", ""}, {"é", ""},
	} {
		resp, _ := s.do(t, "GET", "/x", "X-Request-Id", tt.given)
		id := resp.Header.Get("X-Request-Id")
		if len(id) != 26 || seen[id] || id == tt.given {
			t.Errorf("given %q: id %q", tt.given, id)
		}
		seen[id] = true
		line := s.log.lines(t, i+1)[i]
		got, _ := line["client_id"].(string)
		if got != tt.logged || line["id"] != id {
			t.Errorf("given %q: logged %v", tt.given, line)
		}
	}
}

func TestDeadlineAndConcurrency(t *testing.T) {
	started, free := make(chan bool, 2), make(chan bool)
	s := newSite(t, Config{Timeout: 50 * time.Millisecond, MaxConcurrent: 2}, func(m *Mux) {
		handle(m, "GET /slow", func(_ http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return fmt.Errorf("query: %w", r.Context().Err())
		})
		handle(m, "GET /hold", func(http.ResponseWriter, *http.Request) error {
			started <- true
			<-free
			return nil
		})
	})
	if resp, body := s.do(t, "GET", "/slow"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("beyond the deadline: %d %s", resp.StatusCode, body)
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if resp, _ := s.do(t, "GET", "/hold"); resp.StatusCode != 200 {
				t.Errorf("a request within the limit: %d", resp.StatusCode)
			}
		})
	}
	<-started
	<-started
	if resp, body := s.do(t, "GET", "/slow"); resp.StatusCode != 503 || !strings.Contains(body, "too many requests at work") {
		t.Errorf("beyond the limit: %d %s", resp.StatusCode, body)
	}
	close(free)
	wg.Wait()
	if resp, _ := s.do(t, "GET", "/nowhere"); resp.StatusCode != 404 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
}

func TestClientGoesAway(t *testing.T) {
	started := make(chan bool, 1)
	s := newSite(t, Config{}, func(m *Mux) {
		handle(m, "GET /slow", func(_ http.ResponseWriter, r *http.Request) error {
			started <- true
			<-r.Context().Done()
			return errs.Wrapf(r.Context().Err(), errs.Unavailable, "cut short")
		})
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-started; cancel() }()
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Fatal("the client got an answer")
	}
	if line := s.log.lines(t, 1)[0]; line["status"] != 499.0 || line["level"] != "INFO" {
		t.Errorf("log line %v, want status 499", line)
	}
}

func TestCORS(t *testing.T) {
	handler := func(m *Mux) {
		handle(m, "GET /x", func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, []byte("{}")) })
		handle(m, "GET /bad", fails(errs.New(errs.Malformed, "no")))
	}
	closed := newSite(t, Config{}, handler)
	open := newSite(t, Config{CORS: []string{"https://app.example.com"}}, handler)
	const good = "https://app.example.com"
	for _, tt := range []struct {
		name         string
		site         *site
		method, path string
		origin       string
		preflight    bool
		status       int
		allow, vary  string
	}{
		{"closed", closed, "GET", "/x", good, false, 200, "", "Accept-Encoding"},
		{"closed preflight", closed, "OPTIONS", "/x", good, true, 405, "", "Accept-Encoding"},
		{"open", open, "GET", "/x", good, false, 200, good, "Origin, Accept-Encoding"},
		{"open error", open, "GET", "/bad", good, false, 400, good, "Origin, Accept-Encoding"},
		{"open preflight", open, "OPTIONS", "/x", good, true, 204, good, "Origin"},
		{"options that is no preflight", open, "OPTIONS", "/x", good, false, 405, good, "Origin, Accept-Encoding"},
		{"no origin", open, "GET", "/x", "", false, 200, "", "Origin, Accept-Encoding"},
		{"another origin", open, "GET", "/x", "https://evil.example", false, 200, "", "Origin, Accept-Encoding"},
		{"another origin's preflight", open, "OPTIONS", "/x", "https://evil.example", true, 405, "", "Origin, Accept-Encoding"},
		{"a suffix", open, "GET", "/x", good + ".evil.example", false, 200, "", "Origin, Accept-Encoding"},
		{"another scheme", open, "GET", "/x", "http://app.example.com", false, 200, "", "Origin, Accept-Encoding"},
		{"another case", open, "GET", "/x", "https://APP.example.com", false, 200, "", "Origin, Accept-Encoding"},
		{"null", open, "GET", "/x", "null", false, 200, "", "Origin, Accept-Encoding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.origin != "" {
				header = append(header, "Origin", tt.origin)
			}
			if tt.preflight {
				header = append(header, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization")
			}
			resp, _ := tt.site.do(t, tt.method, tt.path, header...)
			h := resp.Header
			if resp.StatusCode != tt.status || h.Get("Access-Control-Allow-Origin") != tt.allow || strings.Join(h.Values("Vary"), ", ") != tt.vary {
				t.Errorf("%d, allow %q, vary %q; want %d, %q, %q", resp.StatusCode, h.Get("Access-Control-Allow-Origin"), h.Get("Vary"), tt.status, tt.allow, tt.vary)
			}
			if h.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
			if tt.status == 204 && (!strings.Contains(h.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(h.Get("Access-Control-Allow-Headers"), "Authorization")) {
				t.Errorf("preflight: %v", h)
			}
			if allowed := h.Get("Access-Control-Allow-Methods") + h.Get("Access-Control-Allow-Headers"); tt.status == 204 && (!strings.Contains(allowed, "traceparent") || strings.Contains(allowed, "PUT") || strings.Contains(allowed, "Idempotency-Key")) {
				t.Errorf("the preflight does not say what the server does: %s", allowed)
			}
			if tt.allow != "" && tt.status != 204 && !strings.Contains(h.Get("Access-Control-Expose-Headers"), "ETag") {
				t.Errorf("headers exposed: %q", h.Get("Access-Control-Expose-Headers"))
			}
		})
	}
	for _, bad := range []string{
		"*", "null", "", "app.example.com", "https://", "https://a.example/", "https://a.example/x", "https://*.a.example?x", "ftp://a.example", "https://u@a.example",
		"https://*.example.com", "https://app.example.com:443", "http://app.example.com:80", "https://app.example.com:", "https://App.example.com", "https://bücher.example", "https://a b.example",
		"https://app.example.com:99999", "https://app.example.com:08443", "http://[0:0:0:0:0:0:0:1]:3000", "http://[FE80::1]", "http://[::1%25lo]",
	} {
		if _, err := NewReceiver(Config{CORS: []string{bad}}); err == nil {
			t.Errorf("the origin %q was accepted", bad)
		}
	}
	for _, good := range []string{"https://app.example.com", "http://localhost:5173", "https://app.example.com:8443", "http://[::1]:3000", "http://127.0.0.1", "http://[2001:db8::1:0:0:1]", "https://xn--bcher-kva.example", "https://a_b.example"} {
		if _, err := NewReceiver(Config{CORS: []string{good}}); err != nil {
			t.Error(err)
		}
	}
}

func TestProblemPages(t *testing.T) {
	s := newSite(t, Config{}, func(*Mux) {})
	pages := []string{"/problems"}
	for _, k := range problems {
		pages = append(pages, "/problems/"+string(k.Kind))
	}
	for _, path := range pages {
		resp, body := s.do(t, "GET", path)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if !strings.Contains(body, "<style>"+PageStyle+"</style>") {
			t.Errorf("%s: its style is not the one that the policy allows", path)
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "style-src 'sha256-") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if strings.Contains(body, "ZgotmplZ") || strings.Contains(body, "<script") {
			t.Errorf("%s: %s", path, body)
		}
	}
	if _, body := s.do(t, "GET", "/problems"); strings.Count(body, "href=\"/problems/") != len(problems) {
		t.Errorf("the index does not list every kind: %s", body)
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for _, kind := range []errs.Kind{
		errs.Malformed, errs.Unauthenticated, errs.Forbidden, errs.NotFound, errs.MethodNotAllowed, errs.Conflict, errs.Stale,
		errs.TooLarge, errs.Unsupported, errs.Invalid, errs.Limited, errs.Unavailable, errs.Internal,
	} {
		if k := problemOf(kind); k.Kind != kind || k.Title == "" || k.Meaning == "" || k.Advice == "" {
			t.Errorf("kind %s is explained as %+v", kind, k)
		}
	}
}

func BenchmarkWrap(b *testing.B) {
	s, err := NewReceiver(Config{Logger: telemetry.NewLogger(io.Discard, "json", slog.LevelInfo)})
	if err != nil {
		b.Fatal(err)
	}
	mux := NewMux()
	body := bytes.Repeat([]byte("x"), 500)
	handle(mux, "GET /api/{table}/{id}", func(w http.ResponseWriter, _ *http.Request) error { return JSON(w, 200, body) })
	h := s.Handler(mux)
	r := httptest.NewRequest("GET", "/api/posts/1", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(&nullWriter{header: http.Header{}}, r)
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header           { return w.header }
func (w *nullWriter) WriteHeader(int)               {}
func (w *nullWriter) Write(out []byte) (int, error) { return len(out), nil }
