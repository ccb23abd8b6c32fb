package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A guide is a fake of the API. It keeps rows by table and id, without rules and filters.
type guide struct {
	mu     sync.Mutex
	tables map[string]map[string]map[string]any
	refuse func(r *http.Request, n int) *http.Response // n counts requests from 1; nil lets the request through
	n      int
}

func (g *guide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n++
	if g.refuse != nil {
		if res := g.refuse(r, g.n); res != nil {
			maps.Copy(w.Header(), res.Header)
			w.WriteHeader(res.StatusCode)
			if res.Body != nil {
				io.Copy(w, res.Body)
			}
			return
		}
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/"), "/")
	rows := g.tables[parts[0]]
	switch {
	case r.Method == http.MethodPost:
		g.create(w, r, parts[0])
	case len(parts) == 2 && rows[parts[1]] == nil:
		w.WriteHeader(http.StatusNotFound)
	case len(parts) == 2:
		io.WriteString(w, "{}")
	default:
		json.NewEncoder(w).Encode(map[string]any{"items": []any{}, "next": nil, "total": len(rows)})
	}
}

func (g *guide) create(w http.ResponseWriter, r *http.Request, table string) {
	var members map[string]any
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	id, ok := members["id"].(string)
	if !ok {
		id = members["id"].(json.Number).String()
	}
	if g.tables[table] == nil {
		g.tables[table] = map[string]map[string]any{}
	}
	if g.tables[table][id] != nil {
		w.WriteHeader(http.StatusConflict)
		return
	}
	g.tables[table][id] = members
	w.WriteHeader(http.StatusCreated)
}

func newGuide() *guide { return &guide{tables: map[string]map[string]map[string]any{}} }

func serve(t *testing.T, guide *guide) string {
	t.Helper()
	server := httptest.NewServer(guide)
	t.Cleanup(server.Close)
	return server.URL
}

func answerOf(status int, header http.Header, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func runLoad(t *testing.T, url string) (code int, out, errs string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), []string{"--data", "testdata", "--url", url, "--token", "T", "--workers", "4"}, "", &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestLoad(t *testing.T) {
	guide := newGuide()
	guide.refuse = func(r *http.Request, _ int) *http.Response {
		if r.Header.Get("Authorization") != "Bearer T" {
			return answerOf(http.StatusUnauthorized, nil, "")
		}
		return nil
	}
	url := serve(t, guide)
	for _, again := range []bool{false, true} {
		code, out, errs := runLoad(t, url)
		if code != 0 {
			t.Fatalf("load = %d\n%s%s", code, out, errs)
		}
		if got, want := strings.Contains(errs, "were there"), again; got != want {
			t.Errorf("says that rows were there: %v, want %v\n%s", got, want, errs)
		}
		if !strings.Contains(out, "skill ratings                4         4\n") {
			t.Errorf("out = %s", out)
		}
	}
	tables := slices.Sorted(maps.Keys(guide.tables))
	if len(tables) != 7 || len(guide.tables["wages"]) != 2 {
		t.Errorf("tables = %v", tables)
	}
}

func TestLoadSaysWhatDiffers(t *testing.T) {
	guide := newGuide()
	guide.tables["outlooks"] = map[string]map[string]any{"stray": {}}
	code, out, errs := runLoad(t, serve(t, guide))
	if code != 1 || !strings.Contains(out, "outlooks                     1         2  differs") || !strings.Contains(errs, "1 of 8 counts differ") {
		t.Errorf("load = %d\n%s%s", code, out, errs)
	}
}

func TestLoadStopsAtTheFirstRefusal(t *testing.T) {
	const body = `{"type":"/problems/invalid","title":"Invalid","status":422,"detail":"1 fault","request_id":"r1","errors":[{"pointer":"/title","code":"max","detail":"too long"}]}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"faults", 422, body, "job_zones 1: 422 Invalid: 1 fault\n  /title: too long\n  request r1"},
		{"no token", 401, `{"title":"Unauthenticated"}`, "the token is not accepted"},
		{"no editor", 403, `{"title":"Forbidden"}`, "make the token with --role editor"},
		{"another row has the value", 409, `{"title":"Conflict","detail":"name is taken"}`, "409 Conflict: name is taken"},
		{"no problem document", 500, "<html>", "status 500: <html>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guide := newGuide()
			guide.refuse = func(r *http.Request, _ int) *http.Response {
				if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "job_zones") {
					return answerOf(tt.status, nil, tt.body)
				}
				return nil
			}
			code, _, errs := runLoad(t, serve(t, guide))
			errs = strings.Replace(errs, "job_zones 4", "job_zones 1", 1) // the workers may create either first
			if code != 1 || !strings.Contains(errs, tt.want) {
				t.Errorf("load = %d, %s\nwant it to say %q", code, errs, tt.want)
			}
			if guide.tables["outlooks"] != nil {
				t.Error("later tables were begun")
			}
		})
	}
}

func TestLoadWithoutAServer(t *testing.T) {
	server := httptest.NewServer(newGuide())
	server.Close()
	code, _, errs := runLoad(t, server.URL)
	if code != 1 || !strings.Contains(errs, "start it with make run") {
		t.Errorf("load = %d, %s", code, errs)
	}
}

func TestLoadInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	guide := newGuide()
	guide.refuse = func(r *http.Request, n int) *http.Response {
		if n == 3 {
			cancel()
		}
		return nil
	}
	var out, errs bytes.Buffer
	code := run(ctx, []string{"--data", "testdata", "--url", serve(t, guide), "--token", "T"}, "", &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "interrupted; run it again to go on") {
		t.Errorf("load = %d, %s", code, errs.String())
	}
}

func TestRetries(t *testing.T) {
	guide := newGuide()
	guide.refuse = func(_ *http.Request, n int) *http.Response {
		switch n {
		case 1:
			return answerOf(http.StatusServiceUnavailable, http.Header{"Retry-After": {"7"}}, "")
		case 2:
			return answerOf(http.StatusTooManyRequests, nil, "")
		}
		return nil
	}
	set, err := parse([]string{"--data", "x", "--url", serve(t, guide), "--token", "T"}, "", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	api := newClient(set.url, set.token, 1)
	var waits []time.Duration
	api.wait = func(_ context.Context, wait time.Duration) error {
		waits = append(waits, wait)
		return nil
	}
	created, err := api.create(t.Context(), "wages", row{"a", []byte(`{"id":"a"}`)})
	if err != nil || !created {
		t.Fatalf("create = %v, %v", created, err)
	}
	if len(waits) != 2 || waits[0] < 7*time.Second || waits[0] > 11*time.Second || waits[1] > time.Second {
		t.Errorf("waits = %v", waits)
	}

	guide.refuse = func(*http.Request, int) *http.Response {
		return answerOf(http.StatusServiceUnavailable, nil, `{"title":"Unavailable"}`)
	}
	if _, err := api.create(t.Context(), "wages", row{"b", []byte(`{"id":"b"}`)}); err == nil || !strings.Contains(err.Error(), "503 Unavailable") {
		t.Errorf("create = %v, want 503 in the end", err)
	}
	if got := api.retries.Load(); got != 2+attempts-1 {
		t.Errorf("retries = %d", got)
	}
}

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		name     string
		n        int
		after    string
		low, top time.Duration
	}{
		{"first", 1, "", 100 * time.Millisecond, 152 * time.Millisecond},
		{"fourth", 4, "", 800 * time.Millisecond, 1202 * time.Millisecond},
		{"seconds", 1, "2", 2 * time.Second, 3002 * time.Millisecond},
		{"more than the cap", 1, "3600", waitCap, waitCap*3/2 + time.Millisecond},
		{"a date gone by", 1, "Mon, 23 Nov 2020 10:00:00 GMT", 0, 2 * time.Millisecond},
		{"nonsense", 1, "soon", 100 * time.Millisecond, 152 * time.Millisecond},
	} {
		if got := pause(tt.n, http.Header{"Retry-After": {tt.after}}); got < tt.low || got > tt.top {
			t.Errorf("%s: pause = %v, want %v to %v", tt.name, got, tt.low, tt.top)
		}
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		env  string
		want string
	}{
		{[]string{"--data", "d", "--token", "t"}, "", ""},
		{[]string{"--data", "d"}, "from the environment", ""},
		{nil, "t", "--data is missing"},
		{[]string{"--data", "d"}, "", "--token is missing"},
		{[]string{"--data", "d", "--workers", "0"}, "t", "--workers 0"},
		{[]string{"--data", "d", "--workers", "257"}, "t", "--workers 257"},
		{[]string{"--data", "d", "--url", "127.0.0.1:8080"}, "t", "--url"},
		{[]string{"--data", "d", "--url", "ftp://x"}, "t", "--url"},
		{[]string{"--data", "d", "more"}, "t", `what is "more"?`},
		{[]string{"--colour"}, "t", "not defined"},
	} {
		_, err := parse(tt.args, tt.env, io.Discard)
		if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("parse(%q) = %v, want %q", tt.args, err, tt.want)
		}
	}
	if code := run(t.Context(), []string{"--help"}, "", io.Discard, io.Discard); code != 0 {
		t.Errorf("--help exits with %d", code)
	}
	if code := run(t.Context(), nil, "", io.Discard, io.Discard); code != 2 {
		t.Errorf("no arguments exit with %d", code)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1016: "1,016", 61530: "61,530", 1234567: "1,234,567", -61530: "-61,530", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s, want %s", n, got, want)
		}
	}
}
