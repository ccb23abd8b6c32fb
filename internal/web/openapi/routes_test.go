package openapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

// served asks the routes of a small model.
func served(t *testing.T) func(path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	rules := modeltest.Rules(t, "ashlar: 1\nname: small\ntables:\n  notes: {fields: {n: {type: int}}, access: {read: true}}\n")
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	h := receiver.Handler(web.NewMux(openapi.Routes(rules, dataRoutes(), "")...))
	return func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
}

func TestRoutes(t *testing.T) {
	get := served(t)
	for _, tt := range []struct{ path, contentType, holds string }{
		{"/openapi.json", "application/json", `"version":"0.0.0"`},
		{"/docs", "text/html; charset=utf-8", "<title>small: API</title>"},
		{"/docs/docs.js", "text/javascript; charset=utf-8", "SwaggerUIBundle("},
		{"/docs/docs.css", "text/css; charset=utf-8", ".swagger-ui"},
		{"/docs/swagger-ui.js", "text/javascript; charset=utf-8", "SwaggerUI"},
		{"/docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui"},
	} {
		w := get(tt.path)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != tt.contentType || !strings.Contains(w.Body.String(), tt.holds) {
			t.Errorf("GET %s: %d, %s, without %s", tt.path, w.Code, got, tt.holds)
		}
		if cache := w.Header().Get("Cache-Control"); !strings.HasPrefix(cache, "public, max-age=") {
			t.Errorf("GET %s: Cache-Control is %q", tt.path, cache)
		}
		tag := etag(w)
		if again := get(tt.path, "If-None-Match", tag); tag == "" || again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("GET %s with its entity tag %s: %d", tt.path, tag, again.Code)
		}
		if other := get(tt.path, "If-None-Match", `"other"`); other.Code != 200 {
			t.Errorf("GET %s with another entity tag: %d", tt.path, other.Code)
		}
	}
}

func TestDocsPolicy(t *testing.T) {
	policy := served(t)("/docs").Header().Get("Content-Security-Policy")
	if policy == "" || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
		t.Errorf("the policy of /docs is %q", policy)
	}
}

func TestCompressed(t *testing.T) {
	get := served(t)
	plain := get("/docs/swagger-ui.css")
	for _, tt := range []struct {
		accept string
		gzip   bool
	}{
		{"gzip", true}, {"br, gzip;q=0.5", true}, {"GZIP", true}, {"gzip;q=1.0", true},
		{"gzip;q=0", false}, {"gzip; q=0.0", false}, {"br", false}, {"identity", false}, {"", false},
	} {
		w := get("/docs/swagger-ui.css", "Accept-Encoding", tt.accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != tt.gzip {
			t.Errorf("Accept-Encoding %q: gzip is %v, want %v", tt.accept, got, tt.gzip)
			continue
		}
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Vary is %q", tt.accept, w.Header().Get("Vary"))
		}
		body := w.Body.Bytes()
		if tt.gzip {
			z, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
			if etag(w) == etag(plain) {
				t.Error("two forms have one entity tag")
			}
		}
		if !bytes.Equal(body, plain.Body.Bytes()) {
			t.Errorf("Accept-Encoding %q: another body", tt.accept)
		}
	}
}

// A strong tag names one sequence of bytes, and a 304 varies like its 200.
func TestTagOfEachForm(t *testing.T) {
	get := served(t)
	for _, path := range []string{"/openapi.json", "/docs/swagger-ui.css", "/docs/docs.js", "/docs"} {
		forms := map[string]string{} // entity tags, to the coding and the body
		for _, accept := range []string{"", "gzip", "zstd", "gzip, zstd"} {
			w := get(path, "Accept-Encoding", accept)
			form := w.Header().Get("Content-Encoding") + " " + w.Body.String()
			if other, ok := forms[etag(w)]; ok && other != form {
				t.Errorf("GET %s with %q: another body has the tag %s too", path, accept, etag(w))
			}
			forms[etag(w)] = form
			again := get(path, "Accept-Encoding", accept, "If-None-Match", etag(w))
			if again.Code != 304 || again.Header().Get("Vary") != w.Header().Get("Vary") {
				t.Errorf("GET %s with %q again: %d, Vary %q, want 304, %q", path, accept, again.Code, again.Header().Get("Vary"), w.Header().Get("Vary"))
			}
		}
	}
}

// A constant default, a secret and a field that is set once have keywords known to generators.
func TestKeywords(t *testing.T) {
	var d struct {
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]map[string]any
			}
		}
	}
	if err := json.Unmarshal(document(compile(t, folder(t, "testdata/every.yaml"))), &d); err != nil {
		t.Fatal(err)
	}
	row, part := d.Components.Schemas["Thing"], d.Components.Schemas["ThingPart"]
	create, update := d.Components.Schemas["ThingCreate"], d.Components.Schemas["ThingUpdate"]
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"default of price", create.Properties["price"]["default"], "1.50"},
		{"default of state", create.Properties["state"]["default"], "new"},
		{"default of free", create.Properties["free"]["default"], 1.5},
		{"default of at", create.Properties["at"]["default"], nil},
		{"default in an update", update.Properties["price"]["default"], nil},
		{"secret in a body", create.Properties["pin"]["writeOnly"], true},
		{"secret in a row", row.Properties["pin"] == nil && part.Properties["pin"] == nil, true},
		{"set once", update.Properties["born"] == nil && create.Properties["born"] != nil, true},
		{"id in an update", update.Properties["id"] == nil, true},
		{"never written", create.Properties["fixed"] == nil && update.Properties["fixed"] == nil, true},
		{"set by the server", create.Properties["created_at"] == nil && row.Properties["created_at"]["readOnly"] == true, true},
		{"pattern as it stands", create.Properties["code"]["pattern"], `^[A-Z]{2}\d+$`},
		{"pattern carried over", create.Properties["dotted"]["pattern"], `^a[^\n]c[\t\n\f\r ]?$`},
		{"pattern that is RE2 alone", create.Properties["loose"]["pattern"], nil},
		{"limit of a decimal", create.Properties["points"]["x-minimum"], "0"},
		{"limit of text", create.Properties["short"]["maxLength"], 5.0},
		{"limits in a row", row.Properties["short"]["maxLength"], nil},
		{"required", strings.Join(create.Required, " "), "plain code whole payload"},
		{"required in a part", len(part.Required), 0},
		{"required in a row", len(row.Required), len(row.Properties)},
		{"related row in a part", part.Properties["parent"] != nil && part.Properties["parts"] != nil && row.Properties["parent"] == nil, true},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, tt.got, tt.want)
		}
	}
}

// etag returns the tag from its header. The name of the header is not in Go's canonical form.
func etag(w *httptest.ResponseRecorder) string {
	for name, lines := range w.Header() {
		if name == web.ETagHeader {
			return strings.Join(lines, ", ")
		}
	}
	return ""
}
