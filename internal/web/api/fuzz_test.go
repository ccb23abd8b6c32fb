package api

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// FuzzParams reads query strings. An accepted one keeps its values and is in range. Any other is a 400.
func FuzzParams(f *testing.F) {
	for _, raw := range []string{"", "limit=50&sort=-a,b&cursor=x", "filter=a%20==%20arg.b&arg.b=1&total=true", "limit=0", "limit=%2B1", "limit=501", "arg.=1",
		"total=yes", "a;b=c", "fields=a&fields=b", "filter=", "%zz=1", "q=x", "expand=a.b&fields=id", "Limit=1", "limit=1&&"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		query, err := parseList(raw)
		switch {
		case err != nil && errs.KindOf(err) != errs.Malformed:
			t.Fatalf("%q: %v", raw, err)
		case err == nil && (query.Limit < 1 || query.Limit > apilimit.MaxLimit):
			t.Fatalf("%q: limit %d", raw, query.Limit)
		case err == nil && query.Limit != apilimit.DefaultLimit && !strings.Contains(raw, "="+strconv.Itoa(query.Limit)) && !strings.Contains(raw, "%"):
			t.Fatalf("%q: limit %d, which it does not give", raw, query.Limit)
		}
		for name, v := range query.Args {
			if err == nil && (name == "" || v == "") {
				t.Fatalf("%q: arg %q = %q", raw, name, v)
			}
		}
		v, err := parseView(raw)
		if err != nil && errs.KindOf(err) != errs.Malformed {
			t.Fatalf("%q: %v", raw, err)
		}
		if err == nil && (v.Fields != query.Fields || v.Expand != query.Expand) {
			t.Fatalf("%q: one row %+v, a list %+v", raw, v, query.Selection)
		}
		if err := noParams(raw); (err == nil) != (raw == "") {
			t.Fatalf("noParams(%q) = %v", raw, err)
		}
	})
}

const shop = `
ashlar: 1
name: shop
roles: [editor]
tables:
  makers:
    key: text
    fields: {name: {type: text, max: 40, unique: true}}
    access: {read: true, write: "'editor' in auth.roles"}
  things:
    key: int
    fields:
      title: {type: text, max: 40, pattern: "^[a-z ]*$"}
      price: {type: decimal, precision: 12, scale: 2, optional: true, min: 0}
      weight: {type: float, optional: true}
      made: {type: timestamp, optional: true}
      day: {type: date, optional: true}
      kind: {type: enum, values: [a, b], default: a}
      extra: {type: json, optional: true}
      maker: {ref: makers, reverse: things, optional: true, on_delete: clear}
      part_of: {ref: things, reverse: parts, optional: true}
      cost: {type: int, optional: true, read: "'editor' in auth.roles", write: "'editor' in auth.roles"}
      pin: {type: text, secret: true, optional: true}
    checks:
      - {expr: "old == null || old.kind == kind", message: the kind stays}
    access: {read: "kind == 'a' || has(auth.id)", create: has(auth.id), update: has(auth.id), delete: "'editor' in auth.roles"}
`

// serve returns the API of a model behind net/http. The header X-Caller names the caller.
func serve(t testing.TB, source string) http.Handler {
	t.Helper()
	db, rules := modeltest.SQLite(sqlite.Config{Readers: 2, Durability: sqlite.Normal}).Open(t, source)
	routes := New(record.New(db, rules, record.Config{}), rules.Model).Routes()
	w, err := web.NewReceiver(web.Config{Identify: func(r *http.Request) (caller.Caller, error) {
		switch r.Header.Get("X-Caller") {
		case "user":
			return caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000a"}), nil
		case "editor":
			return caller.User(caller.Identity{ID: "00000000-0000-7000-8000-00000000000e", Roles: []string{"editor"}}), nil
		}
		return caller.Caller{}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return w.Handler(web.NewMux(append(routes, web.ProblemRoutes()...)...))
}

// FuzzRequest sends whole requests in their form on the wire. The answer is never a 5xx except 503. It is always
// JSON, and a refusal is a problem document.
func FuzzRequest(f *testing.F) {
	h := serve(f, shop)
	for _, r := range []struct{ line, headers, body string }{
		{"POST /api/makers", "X-Caller: editor\r\nContent-Type: application/json", `{"id":"m","name":"M"}`},
		{"POST /api/things", "X-Caller: user\r\nContent-Type: application/json", `{"id":1,"title":"a b","price":"1.50","maker_id":"m","extra":{"a":[1,2]},"pin":"x"}`},
		{"PATCH /api/things/1", "X-Caller: editor\r\nContent-Type: application/merge-patch+json\r\nIf-Match: \"1-2\"", `{"cost":3,"extra":{"a":null}}`},
		{"PATCH /api/things/1", "X-Caller: user\r\nContent-Type: application/json", `{"kind":"b","part_of_id":1}`},
		{"GET /api/things?filter=price%20%3E%20arg.p&arg.p=1&sort=-cost,title&limit=2&fields=id,maker.name&expand=parts.maker&total=true", "", ""},
		{"GET /api/things?cursor=AAAA", "X-Caller: user", ""},
		{"GET /api/things/1?expand=maker", "If-None-Match: W/\"x\", *", ""},
		{"HEAD /api/things/%2e%2e", "", ""},
		{"DELETE /api/things/1", "X-Caller: editor\r\nIf-Match: *", ""},
		{"OPTIONS /api/things", "Origin: http://x\r\nAccess-Control-Request-Method: PUT", ""},
		{"PUT /api/things/1", "", "{}"},
		{"GET /api//things", "", ""},
		{"GET /api/users", "", ""},
		{"BREW *", "", ""},
		{"POST /api/things", "X-Caller: user\r\nContent-Type: application/json; charset=latin1\r\nContent-Encoding: gzip", "{"},
		{"POST /api/things", "X-Caller: user\r\nContent-Type: application/json", `{"title":"a","title":"b"}`},
		{"POST /api/things", "X-Caller: user\r\nContent-Type: application/json", "{\"title\":\"\\u0000\xff\"}"},
	} {
		f.Add(r.line, r.headers, r.body)
	}
	f.Fuzz(func(t *testing.T, line, headers, body string) {
		text := line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n" + headers + "\r\n\r\n" + body
		req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
		if err != nil {
			t.Skip("net/http refuses it itself")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		check(t, text, req.Method, w.Result(), w.Body.Bytes())
	})
}

// check fails for an answer that some client cannot read.
func check(t *testing.T, request, method string, res *http.Response, body []byte) {
	t.Helper()
	status, kind := res.StatusCode, res.Header.Get("Content-Type")
	if (status >= 500 && status != http.StatusServiceUnavailable) || status < 200 {
		t.Fatalf("%q: %d %s", request, status, body)
	}
	if method == http.MethodHead || (strings.HasPrefix(kind, "text/html") && status == http.StatusOK) {
		return
	}
	if len(body) == 0 {
		if status >= 400 {
			t.Fatalf("%q: %d without a body", request, status)
		}
		return
	}
	if !json.Valid(body) {
		t.Fatalf("%q: %d is no JSON: %s", request, status, body)
	}
	if status < 400 {
		if kind != "application/json" {
			t.Fatalf("%q: %d of type %q", request, status, kind)
		}
		return
	}
	var p struct {
		Type, Title string
		Status      int
		RequestID   string `json:"request_id"`
	}
	if err := json.Unmarshal(body, &p); err != nil || kind != "application/problem+json" || p.Status != status ||
		!strings.HasPrefix(p.Type, "/problems/") || p.Title == "" || p.RequestID != res.Header.Get("X-Request-Id") {
		t.Fatalf("%q: %d, %s, is no problem document: %s", request, status, kind, body)
	}
}
