package app

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// cachedApp has a public table, a table that is read by its owners, and one whose masks differ.
const cachedApp = `
-- ashlar.yaml --
ashlar: 1
name: cached
roles: [editor]
tables:
  posts:
    key: int
    fields: {title: {type: text}}
    access: {read: true, write: true}
    cache: {public: 60s}
  tags:
    key: int
    fields: {name: {type: text}, post: {ref: posts, reverse: tags}}
    access: {read: true, write: true}
    cache: {public: 30s}
  notes:
    key: int
    fields: {owner: {type: text}, body: {type: text}, post: {ref: posts, reverse: notes}}
    access: {read: owner == auth.id, write: true}
  salaries:
    key: int
    fields: {amount: {type: int, read: "'editor' in auth.roles", optional: true}}
    access: {read: true, write: true}
limits:
  address: {rate: 1000000/1s}
`

const cachingProxy = `daemon off; master_process off; pid %s; error_log stderr; events {}
http {
  access_log off;
  proxy_cache_path %s keys_zone=app:1m use_temp_path=off;
  server {
    listen 127.0.0.1:%s;
    location / {
      proxy_pass %s;
      proxy_cache app;
      proxy_cache_key $request_uri;
      add_header X-Cache-Status $upstream_cache_status always;
    }
  }
}
`

// cachingVarnish obeys the headers of the app, also for requests with a token. Varnish itself never keeps answers to those, nor
// does it know zstd.
const cachingVarnish = `vcl 4.1;
backend app { .host = "127.0.0.1"; .port = "%s"; }
sub vcl_recv {
  if (req.method == "GET" || req.method == "HEAD") { return (hash); }
}
sub vcl_deliver {
  set resp.http.X-Cache-Status = "MISS";
  if (obj.hits > 0) { set resp.http.X-Cache-Status = "HIT"; }
}
`

// cachesInFront run a proxy with a cache on a port, in front of a server.
var cachesInFront = []struct {
	name string
	run  func(t *testing.T, port, base string)
}{
	{"nginx", func(t *testing.T, port, base string) {
		folder := t.TempDir()
		runProxy(t, "nginx", fmt.Sprintf(cachingProxy, filepath.Join(folder, "pid"), filepath.Join(folder, "kept"), port, base),
			func(file string) []string { return []string{"-c", file, "-e", "stderr"} })
	}},
	{"varnishd", func(t *testing.T, port, base string) {
		_, backend, _ := strings.Cut(strings.TrimPrefix(base, "http://"), ":")
		runProxy(t, "varnishd", fmt.Sprintf(cachingVarnish, backend), func(file string) []string {
			return []string{"-j", "none", "-F", "-a", "127.0.0.1:" + port, "-f", file, "-n", filepath.Join(t.TempDir(), "work"), "-s", "malloc,16m", "-p", "http_gzip_support=off"}
		})
	}},
}

// A proxy with a cache serves public answers from it, and never an answer that differs between callers. The callers ask in
// random order, so each private answer has every chance to be given to somebody else.
func TestACacheInFrontServesPublicAnswersOnly(t *testing.T) {
	for _, cache := range cachesInFront {
		t.Run(cache.name, func(t *testing.T) { servesPublicAnswersOnly(t, cache.run) })
	}
}

func servesPublicAnswersOnly(t *testing.T, runCache func(t *testing.T, port, base string)) {
	server := opened(t, app(t, cachedApp), Config{Answers: DefaultAnswers})
	base := start(t, server).base
	for _, row := range []struct{ table, body string }{
		{"posts", `{"id": 1, "title": "` + strings.Repeat("long ", 400) + `"}`}, {"tags", `{"id": 1, "name": "one", "post_id": 1}`},
		{"notes", `{"id": 1, "owner": "ann", "body": "of ann", "post_id": 1}`}, {"notes", `{"id": 2, "owner": "bob", "body": "of bob", "post_id": 1}`},
		{"salaries", `{"id": 1}`},
	} {
		res, err := http.Post(base+"/api/"+row.table, "application/json", strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %d %s", row.table, res.StatusCode, text)
		}
	}
	port := freePort(t)
	runCache(t, port, base)
	front := "http://127.0.0.1:" + port
	waitFor(t, "the proxy", func() bool {
		res, err := http.Get(front + "/healthz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})

	tokens := []string{""}
	for _, who := range []caller.Identity{{ID: "ann"}, {ID: "bob"}, {ID: "eve", Roles: []string{"editor"}}} {
		token, err := server.Keys.Sign(who, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, "Bearer "+token)
	}
	paths := []struct {
		path   string
		public string // its Cache-Control; "": it is private
	}{
		{"/api/posts", "public, max-age=60, s-maxage=60"},
		{"/api/posts/1", "public, max-age=60, s-maxage=60"},
		{"/api/posts?filter=title.startsWith(arg.t)&arg.t=long&total=true", "public, max-age=60, s-maxage=60"},
		{"/api/posts?expand=tags", "public, max-age=30, s-maxage=30"},
		{"/api/tags?fields=name,post.title", "public, max-age=30, s-maxage=30"},
		{"/api/posts?expand=notes", ""},
		{"/api/posts/1?expand=notes", ""},
		{"/api/posts?filter=notes.exists(n,n.body.startsWith('of'))", ""},
		{"/api/posts?filter=created_at<=now", ""},
		{"/api/posts?filter=title!=auth.id", ""},
		{"/api/notes", ""},
		{"/api/notes/1", ""},
		{"/api/salaries", ""},
		{"/api/salaries/1", ""},
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	ask := func(base, path, token, coding string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", token)
		}
		if coding != "" {
			r.Header.Set("Accept-Encoding", coding)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	random := rand.New(rand.NewPCG(1, 2))
	hits, asked := map[string]int{}, map[string]bool{}
	for range 600 {
		p, token := paths[random.IntN(len(paths))], tokens[random.IntN(len(tokens))]
		coding := [...]string{"", "gzip", "zstd"}[random.IntN(3)]
		want, wantBody := ask(base, p.path, token, coding)
		got, gotBody := ask(front, p.path, token, coding)
		if got.StatusCode != want.StatusCode || (gotBody != wantBody && want.StatusCode == http.StatusOK) || got.Header.Get("Content-Encoding") != want.Header.Get("Content-Encoding") {
			t.Fatalf("%s with %q for %q: %d %q behind the cache, %d %q without it", p.path, coding, token, got.StatusCode, gotBody, want.StatusCode, wantBody)
		}
		if want.StatusCode == http.StatusOK {
			if control := want.Header.Get("Cache-Control"); (p.public == "" && control != "private, no-cache") || (p.public != "" && control != p.public) {
				t.Fatalf("%s: Cache-Control: %s", p.path, control)
			}
			limits := want.Header.Get("RateLimit")
			if (limits == "") != (p.public != "") {
				t.Fatalf("%s: RateLimit: %q", p.path, limits)
			}
		}
		asked[p.path] = asked[p.path] || want.StatusCode == http.StatusOK
		if got.Header.Get("X-Cache-Status") == "HIT" {
			hits[p.path]++
		}
	}
	for _, p := range paths {
		if !asked[p.path] {
			t.Errorf("%s: no answer is a 200", p.path)
		}
		if (hits[p.path] > 0) != (p.public != "") {
			t.Errorf("%s: %d answers came from the cache", p.path, hits[p.path])
		}
	}
}
