package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/alert"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

const workingApp = `-- ashlar.yaml --
ashlar: 1
name: app
operate:
  alerts: {to: [{webhook: $HOOK}]}
tables:
  notes: {key: int, fields: {title: {type: text, max: 100}}}
queues:
  calls: {workers: 4}
jobs:
  tell:  {on: notes.create, queue: calls, post: {url: "https://example.com/hook"}}
  purge: {every: 365d, table: notes, delete: title == 'old', as: system}
`

// operatorOf returns a function that loads pages of the console as its first owner.
func operatorOf(t *testing.T, server *App, run *running) func(path string) string {
	t.Helper()
	link, err := server.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, secret, _ := strings.Cut(link, "#")
	res, err := client.PostForm(run.base+"/console/begin", url.Values{"secret": {secret}, "name": {"Grace"}, "email": {"grace@example.com"}, "password": {"a stone set upon another stone"}})
	if err != nil || res.StatusCode != http.StatusSeeOther {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	return func(path string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, run.base+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range res.Cookies() { // a client in Go does not send cookies for https to http
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		}
		page, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer page.Body.Close()
		text, err := io.ReadAll(page.Body)
		if err != nil || page.StatusCode != http.StatusOK {
			t.Fatalf("GET %s = %d %v\n%s", path, page.StatusCode, err, text)
		}
		return string(text)
	}
}

// An app does jobs. Its pages, metrics, records and alerts say what happened.
func TestJobsInPagesAndMetrics(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			told := make(chan string, 20)
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				told <- string(body)
			}))
			t.Cleanup(hook.Close)
			t.Setenv("HOOK", hook.URL)
			dir := app(t, workingApp)
			cfg := Config{Data: t.TempDir(), Telemetry: AutoTelemetry}
			if engine == "postgresql" {
				cfg.Database = pgtest.URL(t)
			}
			server := opened(t, dir, cfg)
			server.work.Handle("tell", 0, func(_ context.Context, j *job.Job) error {
				if strings.Contains(string(j.Args), "dies") {
					return errors.New("the card 4711 was refused")
				}
				return nil
			})
			add := func(args string, tries int) {
				t.Helper()
				err := server.Store.Write(t.Context(), func(tx store.Tx) error {
					_, _, err := server.work.Enqueue(tx, job.Insert{Name: "tell", Queue: "calls", Args: []byte(args), Tries: tries})
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			run := start(t, server)
			page := operatorOf(t, server, run)
			for i := range 40 {
				add(fmt.Sprintf(`{"n": %d}`, i), 3)
			}
			for range 5 {
				add(`{"what": "dies"}`, 1)
			}
			waitFor(t, "the end of the jobs", func() bool {
				s := server.work.StatsOf("calls")
				return s.Done == 40 && s.Dead == 5
			})
			waitFor(t, "the pages", func() bool {
				text := page("/console/queues")
				return strings.Contains(text, ">5 dead</a>") && strings.Contains(text, `data-label="Done">40<`) && strings.Contains(text, `data-label="Failed">5<`)
			})
			if n := strings.Count(page("/console/jobs?state=dead"), `<th scope="row">`); n != 5 {
				t.Errorf("the page of dead jobs shows %d", n)
			}
			if n := strings.Count(page("/console/jobs?state=done"), `<th scope="row">`); n != 40 {
				t.Errorf("the page of done jobs shows %d", n)
			}
			if text := page("/console/crons"); !strings.Contains(text, "purge") {
				t.Error("the page of crons does not show the purge")
			}
			for _, want := range []string{
				`ashlar_queue_attempts_total{event="done",queue="calls"} 40`, `ashlar_queue_attempts_total{event="dead",queue="calls"} 5`,
				`ashlar_queue_attempts_total{event="started",queue="calls"} 45`, `ashlar_queue_oldest_seconds{queue="calls"} 0`,
			} {
				if text := scraped(t, server); !strings.Contains(text, "\n"+want+"\n") {
					t.Errorf("the metrics do not say %s", want)
				}
			}
			waitFor(t, "the depths in the metrics", func() bool {
				return strings.Contains(scraped(t, server), "\n"+`ashlar_queue_jobs{queue="calls",state="dead"} 5`+"\n")
			})
			body := <-told
			if !strings.Contains(body, "job/tell/dead") || !strings.Contains(body, "/console/jobs/") || strings.Contains(body, "4711") {
				t.Errorf("the alert is %s", body)
			}
			select {
			case body := <-told:
				t.Errorf("a further alert: %s", body)
			case <-time.After(100 * time.Millisecond):
			}
			waitFor(t, "the event", func() bool {
				list, err := server.Archive.Events(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(time.Minute), 100, archive.EventAlert)
				return err == nil && len(list) == 1 && list[0].Details == "job/tell/dead"
			})
			failed, said := 0, ""
			for range 100 {
				kept, err := server.Archive.Records(t.Context(), archive.Filter{Where: []archive.Condition{{Dimension: archive.Job, Values: []string{"tell"}}}}, 0, 100)
				if err != nil {
					t.Fatal(err)
				}
				failed, said = 0, ""
				for _, r := range kept.Records { // of the others a share may be kept
					if r.Failed {
						failed++
					}
					said += r.Operation + "\n"
				}
				if failed == 5 {
					break
				}
				time.Sleep(100 * time.Millisecond)
			}
			if failed != 5 || !strings.Contains(said, "queue calls, attempt 1\n") {
				t.Errorf("%d records of dead jobs:\n%s", failed, said)
			}
		})
	}
}

// An alert about dead jobs is told once for each name, and is over after an hour without a death.
func TestDeathAlerts(t *testing.T) {
	now := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	var told []alert.Alert
	s := newDeathAlerts(func(a alert.Alert) { told = append(told, a) }, func() time.Time { return now })
	for range 1000 {
		s.add(job.Death{ID: "1", Queue: "mail", Name: "receipt", Attempts: 12, Error: "secret"})
	}
	s.add(job.Death{ID: "2", Queue: "mail", Name: "hello", Attempts: 1})
	if len(told) != 2 || told[0].Key != "job/receipt/dead" || !told[0].Firing || told[1].Key != "job/hello/dead" || strings.Contains(fmt.Sprint(told), "secret") {
		t.Fatalf("told %+v", told)
	}
	told = nil
	now = now.Add(59 * time.Minute)
	s.add(job.Death{ID: "3", Queue: "mail", Name: "receipt", Attempts: 12})
	now = now.Add(time.Minute)
	s.endQuiet()
	if len(told) != 1 || told[0].Firing || told[0].Key != "job/hello/dead" {
		t.Fatalf("told %+v", told)
	}
	told = nil
	now = now.Add(time.Hour)
	s.endQuiet()
	if len(told) != 1 || told[0].Firing || !strings.Contains(told[0].Summary, "1001 died") {
		t.Fatalf("told %+v", told)
	}
	s.add(job.Death{ID: "4", Queue: "mail", Name: "receipt", Attempts: 12})
	if len(told) != 2 || !told[1].Firing {
		t.Errorf("a death after the end is not told: %+v", told)
	}
}
