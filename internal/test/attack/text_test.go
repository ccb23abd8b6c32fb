package attack

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const texts = `
ashlar: 1
name: texts
tables:
  pages:
    key: int
    fields: {body: {type: text}, part: {type: text}}
    access: {read: true}
`

// The most expensive filters with text functions are fast enough, even for the worst texts. The server refuses longer ones
// and names the limit. After the answer, the database does not go on working.
func TestExhaustion_TextFunctions(t *testing.T) {
	row := `,"body":"` + strings.Repeat("a", 1<<19) + strings.Repeat("b", 1<<19-200) + `","part":"` + strings.Repeat("a", 1000) + `c"}` + "\n"
	seed := map[string]string{"pages.ndjson": `{"id":1` + row + `{"id":2` + row + `{"id":3` + row}
	part := strings.Repeat("a", 255)
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			cfg := app.Config{}
			busy := func() string { return "" }
			if engine == "postgresql" {
				cfg.Database = pgtest.URL(t)
				busy = func() string { return busyBackends(t, cfg.Database) }
			}
			server := start(t, texts, cfg, seed)
			for _, try := range []struct {
				filter, q string
				status    int
			}{
				{"body.contains(arg.q + 'b') || body.contains('c' + arg.q)", part, 200},
				{"body.contains(arg.q) && body.contains(arg.q + 'd')", "b" + part[1:], 200},
				{"body.contains(arg.q)", part + part + "bb", 200},
				{strings.Repeat("body.endsWith('c') || ", 15) + "body.endsWith(arg.q)", "x", 200},
				{strings.Repeat("size(body) == 1 || ", 15) + "size(body) > 1 && arg.q == 'x'", "x", 200},
				{"size(" + strings.Repeat("part + ", 10) + "part + arg.q) == -1", "x", 200},
				{"body.contains(part) || arg.q == 'x'", "y", 400},
				{strings.Repeat("body.contains(arg.q) || ", 34) + "false", strings.Repeat("a", 12_000) + "b", 400},
				{"body.contains(arg.q)", strings.Repeat("a", 513), 400},
				{"size(" + strings.Repeat("body + ", 20) + "body + arg.q) == -1", "x", 400},
				{"body" + strings.Repeat(".lowerAscii()", 15) + " in [" + strings.Repeat("part, ", 90) + "arg.q]", "x", 400},
			} {
				query := "/api/pages?" + url.Values{"filter": {try.filter}, "arg.q": {try.q}, "fields": {"id"}}.Encode()
				began := time.Now()
				got := server.ask("GET", query, "", "")
				took, left := time.Since(began), busy()
				namesLimit := strings.Contains(got.body, "512 bytes") || strings.Contains(got.body, "limit is 16 MiB")
				if got.status != try.status || (try.status == 400 && !namesLimit) {
					t.Errorf("%.80s: %s", try.filter, got)
				}
				if took > 2*time.Second || left != "" { // on an idle machine 0.15 s at most
					t.Errorf("%.80s: answered after %v; the database still works on %q", try.filter, took, left)
				}
				t.Logf("%.60s: %d after %v", try.filter, got.status, took.Round(time.Millisecond))
			}
		})
	}
}

// busyBackends returns the statements that PostgreSQL executes for other connections. It waits up to 0.4 s for them to end.
func busyBackends(t *testing.T, address string) (statements string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for range 20 {
		err := conn.QueryRow(context.Background(), `SELECT coalesce(string_agg(query, ';'), '') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active' AND backend_type = 'client backend'`).Scan(&statements)
		if err != nil {
			t.Fatal(err)
		}
		if statements == "" {
			return ""
		}
		time.Sleep(20 * time.Millisecond)
	}
	return statements
}
