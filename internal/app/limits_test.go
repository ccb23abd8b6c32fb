package app

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const limitedApp = `
-- ashlar.yaml --
ashlar: 1
name: limited
tables:
  notes: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
  others: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
limits:
  writes: {tables: [notes], write: true, per: address, rate: 5/30d}
`

// A server applies the limits of its model file, tells of them in its metrics, and its quotas outlive a restart.
func TestLimitsOfAModel(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			dir := app(t, limitedApp)
			cfg := Config{Data: filepath.Join(dir, "data"), limitPatience: time.Minute} // a busy machine decides alone otherwise
			if engine == "postgresql" {
				cfg.Database = pgtest.URL(t)
			}
			for _, round := range []struct{ send, pass int }{{3, 3}, {3, 2}, {2, 0}} {
				server := opened(t, dir, cfg)
				run := start(t, server)
				passed := 0
				for range round.send {
					res, err := http.Post(run.base+"/api/notes", "application/json", strings.NewReader(`{"body": "x"}`))
					if err != nil {
						t.Fatal(err)
					}
					_ = res.Body.Close()
					switch res.StatusCode {
					case http.StatusCreated:
						passed++
					case http.StatusTooManyRequests:
					default:
						t.Fatalf("status %d", res.StatusCode)
					}
				}
				if passed != round.pass {
					t.Errorf("%d of %d writes passed, want %d", passed, round.send, round.pass)
				}
				if got := get(t, run.base+"/api/notes"); got.status != http.StatusOK {
					t.Errorf("a read answers %d: %s", got.status, got.body)
				}
				wantPost(t, run, "/api/others", `{"body": "x"}`)
				refused := "ashlar_limit_refusals_total{limit=\"writes\"} " + string(rune('0'+round.send-round.pass)) + "\n"
				if text := scraped(t, server); !strings.Contains(text, refused) {
					t.Errorf("the metrics do not say %s", refused)
				}
				run.stop()
				if err := run.wait(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

const limitedKeys = `
-- ashlar.yaml --
ashlar: 1
name: partners
tables:
  notes: {key: int, fields: {body: {type: text}}, access: {read: true, write: true}}
accounts:
  signup: open
  verify: later
  keys: {scopes: {ingest: {notes: create}, reports: {notes: [read, create]}}}
limits:
  caller:   {rate: 40/1d}
  partners: {key: ingest, rate: 3/1d}
  signup:   {routes: [POST /auth/sign-up], per: address, rate: 2/1h}
`

// Limits by key, scope, caller and route, over HTTP. A key with the scope has its quota, and a key with another scope does not
// meet it. All keys of a user are one caller, apart from the user.
func TestLimitsOfKeysAndRoutes(t *testing.T) {
	run := start(t, opened(t, app(t, limitedKeys), Config{Data: t.TempDir()}))
	send := func(path, token, body string) (status int, answer map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, run.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &answer); err != nil && len(text) > 0 {
			t.Fatalf("%s answers %d %q", path, res.StatusCode, text)
		}
		return res.StatusCode, answer
	}
	var ada string
	for i, want := range []int{http.StatusOK, http.StatusOK, http.StatusTooManyRequests} {
		email := string(rune('a'+i)) + "da@example.com"
		status, answer := send("/auth/sign-up", "", `{"email": "`+email+`", "password": "a horse that nobody sees"}`)
		if status != want || (want == http.StatusTooManyRequests) != (answer["limit"] == "signup") {
			t.Fatalf("sign-up %d: %d %v", i, status, answer)
		}
		if i == 0 {
			ada, _ = answer["access_token"].(string)
		}
	}
	key := func(scope string) string {
		status, answer := send("/auth/keys", ada, `{"name": "`+scope+`", "scopes": ["`+scope+`"]}`)
		text, _ := answer["key"].(string)
		if status != http.StatusCreated || text == "" {
			t.Fatalf("a key of %s: %d %v", scope, status, answer)
		}
		return text
	}
	count := func(token string) (passed int, limit any) {
		for range 50 {
			status, answer := send("/api/notes", token, `{"body": "x"}`)
			if status == http.StatusCreated {
				passed++
			} else {
				limit = answer["limit"]
			}
		}
		return passed, limit
	}
	first, second, other := key("ingest"), key("ingest"), key("reports")
	for _, tt := range []struct {
		name, token string
		passed      int
		limit       string
	}{
		{"a key of the scope", first, 3, "partners"},
		{"another one has its own quota", second, 3, "partners"},
		{"a key of another scope has what the keys have left", other, 40 - 3 - 3, "caller"},
		{"the owner has what is left after three new keys", ada, 40 - 3, "caller"},
	} {
		if passed, limit := count(tt.token); passed != tt.passed || limit != tt.limit {
			t.Errorf("%s: %d passed until %v, want %d until %s", tt.name, passed, limit, tt.passed, tt.limit)
		}
	}
}
