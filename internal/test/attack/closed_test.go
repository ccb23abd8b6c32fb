package attack

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
)

const bare = `
ashlar: 1
name: bare
tables:
  notes:
    key: int
    fields: {title: {type: text, max: 100}}
  half:
    key: int
    fields: {title: {type: text, max: 100}}
    access: {read: true}
`

// Without a rule, a table is closed, and so is an operation. Of users, a caller sees only its own row.
func TestAccess_TablesWithoutRulesAreClosed(t *testing.T) {
	server := start(t, bare, app.Config{}, map[string]string{
		"users.ndjson": `{"id":"` + annID + `"}` + "\n" + `{"id":"` + bobID + `"}`,
		"notes.ndjson": `{"id":1,"title":"x"}`, "half.ndjson": `{"id":1,"title":"x"}`,
	})
	bob := server.token(bobID)
	for _, try := range []struct{ method, path, body string }{
		{"GET", "/api/notes", ""}, {"GET", "/api/notes/1", ""}, {"GET", "/api/notes?total=true", ""}, {"GET", "/api/notes?filter=nope", ""}, {"POST", "/api/notes", `{"title":"y"}`}, {"POST", "/api/notes", `{`},
		{"PATCH", "/api/notes/1", `{"title":"y"}`}, {"PATCH", "/api/notes/2", `{"title":"y"}`}, {"DELETE", "/api/notes/1", ""},
		{"POST", "/api/half", `{"title":"y"}`}, {"PATCH", "/api/half/1", `{"title":"y"}`}, {"DELETE", "/api/half/1", ""},
		{"POST", "/api/users", `{"email":"x@example.com"}`}, {"PATCH", "/api/users/" + bobID, `{"name":"y"}`}, {"DELETE", "/api/users/" + bobID, ""},
	} {
		server.must(401, try.method, try.path, "", try.body)
		server.must(403, try.method, try.path, bob, try.body)
	}
	server.must(401, "GET", "/api/users", "", "")
	server.must(401, "GET", "/api/users/"+annID, "", "")
	server.must(404, "GET", "/api/users/"+annID, bob, "")
	if a := server.must(200, "GET", "/api/users?total=true", bob, ""); strings.Contains(a.body, annID) || !strings.Contains(a.body, bobID) || !strings.Contains(a.body, `"total":1`) {
		t.Errorf("bob sees users: %s", a.body)
	}
}

// The server refuses to drop a field with data by accident. A field without its rule is open, and a changed rule holds on
// every path.
func TestAccess_RulesFollowTheModel(t *testing.T) {
	with := func(field string) string {
		return "ashlar: 1\nname: rules\ntables:\n  notes:\n    key: int\n    fields:\n      title: {type: text, max: 20}\n" + field + "    access: {read: true}\n"
	}
	server := start(t, with("      pay: {type: int, optional: true, read: \"false\"}\n"), app.Config{}, map[string]string{"notes.ndjson": `{"id":1,"title":"x","pay":5}`})
	hidden := server.must(200, "GET", "/api/notes", "", "").body
	if !strings.Contains(hidden, `"pay":null`) {
		t.Errorf("a masked field: %s", hidden)
	}
	server.stop()
	server.write("ashlar.yaml", with("")) // dropped: refused, since it loses data
	srv, err := loadAndOpen(t.Context(), server.dir, app.Config{})
	if _, ok := errors.AsType[model.Faults](err); !ok {
		t.Errorf("a dropped field: %v %v", srv, err)
	}
	server.write("ashlar.yaml", with("      pay: {type: int, optional: true}\n")) // without its rule
	server.serve(app.Config{})
	if a := server.must(200, "GET", "/api/notes?filter=pay%20==%205&sort=-pay", "", ""); !strings.Contains(a.body, `"pay":5`) {
		t.Errorf("the rule is gone, but the field is masked: %s", a.body)
	}
	server.stop()
	server.write("ashlar.yaml", with("      pay: {type: int, optional: true, read: \"title == 'y'\"}\n"))
	server.serve(app.Config{})
	for _, query := range []string{"?fields=pay", "?filter=pay%20==%205", "?sort=pay", "/1"} {
		if a := server.must(200, "GET", "/api/notes"+query, "", ""); strings.Contains(a.body, "5") && !strings.Contains(a.body, `"pay":null`) {
			t.Errorf("%s past the new rule: %s", query, a.body)
		}
	}
}

// A second server on the same data folder refuses to start. The folder and its files are private.
func TestExposure_OneServerOnAFolder(t *testing.T) {
	server, ann, _ := attacked(t)
	second, err := loadAndOpen(context.Background(), server.dir, app.Config{})
	if _, ok := errors.AsType[*sqlite.InUseError](err); !ok {
		t.Errorf("a second server: %v %v", second, err)
	}
	server.must(201, "POST", "/api/pages", ann, `{"id":"x"}`)
	data := app.DefaultData(server.dir)
	if info, err := os.Stat(filepath.Join(data, "ashlar.db-wal")); err != nil || info.Size() == 0 {
		t.Errorf("no write-ahead log: %v %v", info, err)
	}
	for path, want := range map[string]os.FileMode{data: 0o700, filepath.Join(data, "signing-key.pem"): 0o600, filepath.Join(data, "ashlar.db"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want mode %o", path, info.Mode(), err, want)
		}
	}
}

// The server has no profiler, metrics or files under well-known paths, shows the console to operators only, and allows no other
// origin.
func TestExposure_NoDeveloperSurface(t *testing.T) {
	server, ann, _ := attacked(t)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/metrics", "/admin", "/_/", "/graphql", "/v1/query", "/v1/graphql", "/api/sql", "/rest/v1/", "/.git/config", "/.env", "/ashlar.yaml",
		"/.ashlar/ashlar.db", "/.ashlar/signing-key.pem", "/seed/users.ndjson", "/static/../ashlar.yaml", "/server-status", "/actuator/env", "/swagger.json", "/api/_schema", "/api/", "/api", "/favicon.ico", "/robots.txt"} {
		if a := server.ask("GET", path, ann, ""); a.status != 404 && !(path == "/api" && a.status == 405) {
			t.Errorf("GET %s: %s", path, a)
		}
	}
	for _, path := range []string{"/console", "/console/users", "/console/audit"} {
		if a := server.ask("GET", path, ann, ""); a.status != 303 || !strings.HasPrefix(a.header.Get("Location"), "/console/sign-in") || a.body != "" {
			t.Errorf("GET %s: %s", path, a)
		}
	}
	for _, method := range []string{"TRACE", "CONNECT", "PROPFIND", "DEBUG", "OPTIONS"} {
		if a := server.ask(method, "/api/notes", ann, "", "X-Secret", "TOPSECRET"); (a.status != 405 && a.status != 404) || strings.Contains(a.body, "TOPSECRET") {
			t.Errorf("%s: %s", method, a)
		}
	}
	for _, origin := range []string{"https://evil.example", "null", "http://localhost:3000", server.base} {
		for _, method := range []string{"GET", "OPTIONS"} {
			got := server.ask(method, "/api/notes", "", "", "Origin", origin, "Access-Control-Request-Method", "PATCH", "Access-Control-Request-Headers", "authorization")
			for name := range got.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s from %s: %s", method, origin, got)
				}
			}
		}
	}
}
