package app

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

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
			cfg := Config{Data: filepath.Join(dir, "data")}
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
