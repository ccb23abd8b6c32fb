package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const startingApp = `-- ashlar.yaml --
ashlar: 1
name: app
tables:
  notes:
    fields: {title: {type: text}, due: {type: timestamp, optional: true}}
    access: {read: true, write: true}
jobs:
  announce: {on: notes.create, when: title != 'draft', work: pull}
  remind:   {table: notes, at: due, work: pull}
`

// A write over HTTP starts its job, with the trace of the request. A restart keeps the job, and gives timers to rows that were
// there before.
func TestWritesOverHTTPStartJobs(t *testing.T) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			cfg := Config{}
			if engine == "PostgreSQL" {
				if !pgtest.Available() {
					t.Skip("no PostgreSQL")
				}
				cfg.Database = pgtest.URL(t)
			}
			before, after, _ := strings.Cut(startingApp, "jobs:")
			dir := app(t, before)
			run := func(bodies ...string) (jobs []string) {
				t.Helper()
				server, err := loadAndOpen(t.Context(), dir, cfg)
				if err != nil {
					t.Fatal(err)
				}
				at := start(t, server)
				for _, body := range bodies {
					r, err := http.NewRequest(http.MethodPost, at.base+"/api/notes", strings.NewReader(body))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
					res, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					res.Body.Close()
					if res.StatusCode != http.StatusCreated {
						t.Fatalf("%s: %s", body, res.Status)
					}
				}
				read := func() {
					err = server.Store.Read(t.Context(), func(r store.Reader) error {
						jobs = nil
						return r.Query(`SELECT name, trace FROM ashlar_jobs`, nil, func(row value.Row) error {
							text := string(row.Bytes(0))
							if !row.Null(1) && strings.HasPrefix(string(row.Bytes(1)), "00-0af7651916cd43dd8448eb211c80319c-") {
								text += " traced"
							}
							jobs = append(jobs, text)
							return nil
						})
					})
					if err != nil {
						t.Fatal(err)
					}
					slices.Sort(jobs)
				}
				waitFor(t, "the fill", func() bool {
					complete := true
					err := server.Store.Read(t.Context(), func(r store.Reader) error {
						complete = len(server.Rules.Model.Jobs) == 0
						return r.Query(`SELECT complete FROM ashlar_timers`, nil, func(row value.Row) error { complete = row.Int(0) == 1; return nil })
					})
					return err == nil && complete
				})
				read()
				at.stop()
				if err := at.wait(); err != nil {
					t.Fatal(err)
				}
				return jobs
			}
			if got := run(`{"title":"old","due":"2099-01-01T00:00:00Z"}`, `{"title":"over","due":"2001-01-01T00:00:00Z"}`); len(got) > 0 {
				t.Errorf("without jobs in the model writes started %q", got)
			}
			write(t, dir, before+"jobs:"+after)
			want := []string{"announce traced", "remind", "remind traced"}
			if got := run(`{"title":"new","due":"2099-01-01T00:00:00Z"}`, `{"title":"draft"}`); !slices.Equal(got, want) {
				t.Errorf("the jobs are %q, want %q", got, want)
			}
			if got := run(); !slices.Equal(got, want) {
				t.Errorf("after a restart the jobs are %q, want %q", got, want)
			}
		})
	}
}
