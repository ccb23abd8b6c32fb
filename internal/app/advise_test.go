package app

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/doctor"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const teams = `
-- ashlar.yaml --
ashlar: 1
name: teams
tables:
  tasks:
    key: int
    fields:
      title: {type: text, max: 100}
      team:  {type: int}
      rank:  {type: int}
    access: {read: true}
`

// withTasks writes an app whose seed has so many tasks.
func withTasks(t *testing.T, n int) string {
	t.Helper()
	dir := app(t, teams)
	var rows []map[string]any
	for i := range n {
		rows = append(rows, map[string]any{"id": i + 1, "title": fmt.Sprint("private ", i), "team": i * 31 % 97, "rank": i * 7919 % 10_007})
	}
	text, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "-- seed/tasks.json --\n"+string(text)+"\n")
	return dir
}

// askTasks asks a new server for the tasks of a team a few times, and stops it.
func askTasks(t *testing.T, dir string, cfg Config) {
	t.Helper()
	server, err := loadAndOpen(t.Context(), dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run := start(t, server)
	for team := range 10 {
		query := url.Values{"filter": {"team == arg.t && title != 'private text'"}, "arg.t": {fmt.Sprint(team)}, "sort": {"rank"}, "limit": {"5"}}
		if got := get(t, run.base+"/api/tasks?"+query.Encode()); got.status != 200 {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
	}
	run.stop()
	if err := run.wait(); err != nil {
		t.Fatal(err)
	}
}

// Advice comes from what a server recorded, beside a running server, and changes nothing.
func TestAdvise(t *testing.T) {
	for _, engine := range []struct {
		name string
		cfg  func(t *testing.T) Config
	}{
		{"SQLite", func(*testing.T) Config { return Config{} }},
		{"PostgreSQL", func(t *testing.T) Config { return Config{Database: pgtest.URL(t)} }},
	} {
		t.Run(engine.name, func(t *testing.T) {
			dir, cfg := withTasks(t, 3000), engine.cfg(t)
			if report, err := Advise(t.Context(), loaded(t, dir), AdviseConfig{Config: cfg}); err != nil || report != nil {
				t.Fatalf("Advise() before any request = %v, %v", report, err)
			}
			askTasks(t, dir, cfg)
			recorded, err := os.ReadFile(filepath.Join(dir, ".ashlar", usageFile))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(recorded), "private") {
				t.Errorf("the recorded queries hold a value:\n%s", recorded)
			}
			left := filepath.Join(dir, ".ashlar", benchPrefix+"killed")
			if err := os.Mkdir(left, 0o700); err != nil {
				t.Fatal(err)
			}

			server := opened(t, dir, cfg)
			before := tablesOf(t, server.Store)
			report, err := Advise(t.Context(), loaded(t, dir), AdviseConfig{Config: cfg})
			if err != nil {
				t.Fatal(err)
			}
			if len(report.Add) != 1 || report.Add[0].Line != "indexes: [[team, rank]]" || report.Add[0].Gains[0].Calls == 0 {
				t.Errorf("the advice is %+v, not run: %v", report.Add, report.Untried)
			}
			inside, err := server.tryIndexes(t.Context(), recordedBy(t, dir), func(string) {})
			if err != nil || len(inside.Add) != 1 || inside.Add[0].Line != report.Add[0].Line {
				t.Errorf("inside the server the advice is %+v, %v", inside, err)
			}
			if after := tablesOf(t, server.Store); !slices.Equal(before, after) {
				t.Errorf("the database changed from %q to %q", before, after)
			}
			if found, _ := filepath.Glob(filepath.Join(dir, ".ashlar", benchPrefix+"*")); cfg.Database == "" && len(found) > 0 {
				t.Errorf("copies are left: %v", found)
			}
		})
	}
}

// recordedBy returns what a stopped server recorded.
func recordedBy(t *testing.T, dir string) *advise.Usage {
	t.Helper()
	usage, err := advise.ReadUsage(filepath.Join(dir, ".ashlar", usageFile))
	if err != nil || usage == nil {
		t.Fatal(usage, err)
	}
	return usage
}

// tablesOf returns everything that a database holds by definition, and a sum of its rows.
func tablesOf(t *testing.T, db store.DB) (all []string) {
	t.Helper()
	queries := []string{"SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"}
	if db.Dialect().HasStatistics() {
		queries = []string{
			"SELECT nspname::text FROM pg_namespace ORDER BY 1", "SELECT indexdef FROM pg_indexes WHERE schemaname <> 'pg_catalog' ORDER BY 1",
			"SELECT relname::text || relkind::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace ORDER BY 1",
		}
	}
	queries = append(queries, "SELECT cast(sum(id * rank) AS text) FROM tasks")
	err := db.Read(t.Context(), func(r store.Reader) error {
		for _, query := range queries {
			err := r.Query(query, nil, func(row value.Row) error {
				all = append(all, string(row.Bytes(0)))
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Advice needs the tables of the model.
func TestAdviseNeedsTheTablesOfTheModel(t *testing.T) {
	dir := withTasks(t, 1)
	askTasks(t, dir, Config{})
	write(t, dir, strings.Replace(teams, "rank:  {type: int}", "rank:  {type: int}\n      more: {type: int, optional: true}", 1))
	if _, err := Advise(t.Context(), loaded(t, dir), AdviseConfig{}); err == nil || !strings.Contains(err.Error(), "start the server with this model first") {
		t.Errorf("Advise() = %v, want the difference of the tables", err)
	}
}

// A query that limits.query.rows refuses is found by advise and by doctor. With the index of the message, it is answered.
func TestRefusedQueryIsAdvised(t *testing.T) {
	dir := withTasks(t, 3000)
	write(t, dir, strings.Replace(teams, "name: teams", "name: teams\nlimits:\n  query: {rows: 1000}", 1))
	ask := func() answer {
		server, err := loadAndOpen(t.Context(), dir, Config{})
		if err != nil {
			t.Fatal(err)
		}
		run := start(t, server)
		query := url.Values{"filter": {"team == arg.t"}, "arg.t": {"5"}, "sort": {"rank"}}
		got := get(t, run.base+"/api/tasks?"+query.Encode())
		run.stop()
		if err := run.wait(); err != nil {
			t.Fatal(err)
		}
		return got
	}
	const line = "indexes: [[team]]" // of 31 rows, which are soon sorted
	if got := ask(); got.status != 400 || !strings.Contains(got.body, line) || !strings.Contains(got.body, "about 3,000 rows of tasks, and 1,000 are allowed") {
		t.Fatalf("status %d, want 400 with %s: %s", got.status, line, got.body)
	}
	report, err := Advise(t.Context(), loaded(t, dir), AdviseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Refused) != 1 || report.Refused[0].Shape != "list tasks filter(team == arg.t) sort(rank)" {
		t.Errorf("the refusals are %+v", report.Refused)
	}
	if len(report.Add) != 1 || report.Add[0].Fields[0] != "team" {
		t.Errorf("the advice is %+v, want an index on team", report.Add)
	}
	found := Examine(t.Context(), loaded(t, dir), Config{}, "127.0.0.1:0").Findings
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Check == "queries" && strings.Contains(f.What, "sort(rank)") }) {
		t.Errorf("doctor found %+v, and no refused query", found)
	}
	write(t, dir, strings.Replace(teams, "name: teams", "name: teams\nlimits:\n  query: {rows: 1000}", 1)+"    "+line+"\n")
	if got := ask(); got.status != 200 {
		t.Errorf("with the index: status %d: %s", got.status, got.body)
	}
}
