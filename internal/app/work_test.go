package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const rendering = `
-- ashlar.yaml --
ashlar: 1
name: shop
roles: [editor]
accounts:
  signup: open
  keys: {scopes: {worker: {jobs: [render]}, reader: {reports: read}}}
tables:
  reports:
    fields: {title: {type: text, max: 200}, owner: {ref: users}}
    access: {read: owner_id == auth.id}
jobs:
  render:
    args: {report: {ref: reports}, format: {type: enum, values: [pdf, html]}, pages: {type: int, min: 1, max: 500, optional: true}}
    access: {enqueue: "'editor' in auth.roles"}
    work: pull
    at_most: 1h
  closed: {every: 1h, table: reports, delete: title == '', as: system}
  print:
    args: {n: {type: int}}
    access: {enqueue: "true"}
    work: pull
    once: {by: [n]}
`

// worked is a running app with jobs for workers.
type worked struct {
	*running
	server *App
	report string // of ann
}

func startWorked(t *testing.T, cfg Config) *worked {
	t.Helper()
	server := opened(t, app(t, rendering), cfg)
	w := &worked{server: server, running: start(t, server)}
	w.token(t, "01920000-0000-7000-8000-00000000000a") // makes the user
	members, err := value.DecodeObject([]byte(`{"title": "A", "owner_id": "01920000-0000-7000-8000-00000000000a"}`))
	if err != nil {
		t.Fatal(err)
	}
	row, err := server.Rows.Create(t.Context(), caller.System("test"), server.Rules.Model.Table("reports"), members)
	if err != nil {
		t.Fatal(err)
	}
	w.report = row.ID.Text
	return w
}

// token returns a token of a user with roles. It makes the user.
func (w *worked) token(t *testing.T, id string, roles ...string) string {
	t.Helper()
	token, err := w.server.newToken(t.Context(), value.OfUUID(id), TokenRequest{ID: id, Roles: roles, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return token.Text
}

// serviceKey returns a key of a service account with scopes.
func (w *worked) serviceKey(t *testing.T, scopes ...string) string {
	t.Helper()
	accounts := w.server.accounts.service
	id, err := accounts.NewService(t.Context(), "worker", nil, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := accounts.MakeServiceKey(t.Context(), id, account.NewKey{Name: "k", Scopes: scopes}, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return key.Text
}

// call sends a request with a credential, and decodes the answer.
func (w *worked) call(t *testing.T, credential, method, path, body string) (status int, out map[string]any) {
	t.Helper()
	r, err := http.NewRequest(method, w.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return res.StatusCode, out
}

// want fails unless a request is answered with a status and a text.
func (w *worked) want(t *testing.T, credential, method, path, body string, status int, text string) map[string]any {
	t.Helper()
	got, out := w.call(t, credential, method, path, body)
	all, _ := json.Marshal(out)
	if got != status || !strings.Contains(string(all), text) {
		t.Errorf("%s %s %s = %d %s, want %d with %q", method, path, body, got, all, status, text)
	}
	return out
}

// lease leases one job, and returns it.
func (w *worked) lease(t *testing.T, key, body string) map[string]any {
	t.Helper()
	out := w.want(t, key, "POST", "/jobs:lease", body, http.StatusOK, `"lease"`)
	items, _ := out["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("leased %v", out)
	}
	return items[0].(map[string]any)
}

func TestWorkOverHTTP(t *testing.T) {
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			cfg := Config{}
			if engine == "PostgreSQL" {
				cfg.Database = pgtest.URL(t)
			}
			w := startWorked(t, cfg)
			ann, bob := w.token(t, "01920000-0000-7000-8000-00000000000a", "editor"), w.token(t, "01920000-0000-7000-8000-00000000000b", "editor")
			key := w.serviceKey(t, "worker")
			args := fmt.Sprintf(`{"report_id": %q, "format": "pdf", "pages": 3}`, w.report)

			started := w.want(t, ann, "POST", "/jobs/render", args, http.StatusAccepted, `"state":"waiting"`)
			id := started["id"].(string)
			w.want(t, ann, "GET", "/jobs/"+id, "", http.StatusOK, `"state":"waiting"`)
			w.want(t, bob, "GET", "/jobs/"+id, "", http.StatusNotFound, "nothing is here")
			w.want(t, "", "GET", "/jobs/"+id, "", http.StatusNotFound, "nothing is here")

			j := w.lease(t, key, `{"names": ["render"]}`)
			if got := fmt.Sprint(j["args"]); j["id"] != id || !strings.Contains(got, "format:pdf pages:3 report_id:"+w.report) {
				t.Errorf("leased %v", j)
			}
			lease := j["lease"].(string)
			w.want(t, key, "POST", "/jobs:lease", `{"names": ["render"]}`, http.StatusOK, `{"items":[]}`)
			w.want(t, key, "POST", "/jobs/"+id+":extend", fmt.Sprintf(`{"lease": %q}`, lease), http.StatusOK, "lease_until")
			w.want(t, key, "POST", "/jobs/"+id+":done", `{"lease": "other"}`, http.StatusConflict, "lease")
			w.want(t, ann, "POST", "/jobs/"+id+":done", fmt.Sprintf(`{"lease": %q}`, lease), http.StatusForbidden, "service accounts")
			w.want(t, key, "POST", "/jobs/"+id+":done", fmt.Sprintf(`{"lease": %q, "result": {"pages": 3}}`, lease), http.StatusNoContent, "")
			w.want(t, key, "POST", "/jobs/"+id+":done", fmt.Sprintf(`{"lease": %q}`, lease), http.StatusConflict, "lease")
			w.want(t, ann, "GET", "/jobs/"+id, "", http.StatusOK, `"result":{"pages":3},"run_at"`)

			// A failed attempt comes again; a permanent failure does not; what is given back has lost no attempt.
			id = w.want(t, ann, "POST", "/jobs/render", args, http.StatusAccepted, "")["id"].(string)
			lease = w.lease(t, key, `{"names": ["render"]}`)["lease"].(string)
			w.want(t, key, "POST", "/jobs/"+id+":release", fmt.Sprintf(`{"lease": %q}`, lease), http.StatusNoContent, "")
			j = w.lease(t, key, `{"names": ["render"], "wait": 20}`)
			if j["attempt"] != 1.0 {
				t.Errorf("after a release: %v", j)
			}
			w.want(t, key, "POST", "/jobs/"+id+":fail", fmt.Sprintf(`{"lease": %q, "error": "no ink", "retry_after": 0.05}`, j["lease"]), http.StatusNoContent, "")
			j = w.lease(t, key, `{"names": ["render"], "wait": 20}`)
			if j["attempt"] != 2.0 {
				t.Errorf("after a failure: %v", j)
			}
			w.want(t, key, "POST", "/jobs/"+id+":fail", fmt.Sprintf(`{"lease": %q, "error": "no paper", "permanent": true}`, j["lease"]), http.StatusNoContent, "")
			w.want(t, ann, "GET", "/jobs/"+id, "", http.StatusOK, `"state":"dead"`)

			later := w.want(t, ann, "POST", "/jobs/render", strings.Replace(args, "{", `{"run_at": "2999-01-01T00:00:00Z", `, 1), http.StatusAccepted, `"state":"scheduled"`)
			w.want(t, ann, "GET", "/jobs/"+later["id"].(string), "", http.StatusOK, `"run_at":"2999-01-01T00:00:00Z"`)

			first := w.want(t, "", "POST", "/jobs/print", `{"n": 1}`, http.StatusAccepted, "waiting")
			again := w.want(t, "", "POST", "/jobs/print", `{"n": 1}`, http.StatusAccepted, "waiting")
			other := w.want(t, "", "POST", "/jobs/print", `{"n": 2}`, http.StatusAccepted, "waiting")
			if first["id"] != again["id"] || first["id"] == other["id"] {
				t.Errorf("once by n: %v, %v, %v", first, again, other)
			}
		})
	}
}

// The worker of docs/jobs.md does a job.
func TestWorkerOfTheDocs(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("LOUD SKIP: there is no python3 to run the worker of docs/jobs.md")
	}
	page, err := os.ReadFile("../../docs/jobs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(page), "```python\n")
	program, _, ok := strings.Cut(program, "```")
	if !ok {
		t.Fatal("docs/jobs.md has no worker")
	}
	w := startWorked(t, Config{})
	ctx, stop := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, python, "-c", program)
	cmd.Env = append(os.Environ(), "SERVER="+w.base, "KEY="+w.serviceKey(t, "worker"))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = cmd.Wait() // it was killed
	}()
	ann := w.token(t, "01920000-0000-7000-8000-00000000000a", "editor")
	id := w.want(t, ann, "POST", "/jobs/render", fmt.Sprintf(`{"report_id": %q, "format": "pdf"}`, w.report), http.StatusAccepted, "")["id"].(string)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, got := w.call(t, ann, "GET", "/jobs/"+id, "")
		if got["state"] == "done" {
			if url := fmt.Sprint(got["result"]); url != "map[url:https://files.example.com/"+w.report+".pdf]" {
				t.Errorf("result %s", url)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a minute the job is %v", got)
		}
	}
}

// What is wrong with a request about jobs is said, and starts nothing.
func TestWorkRefusals(t *testing.T) {
	w := startWorked(t, Config{})
	ann, bob := w.token(t, "01920000-0000-7000-8000-00000000000a", "editor"), w.token(t, "01920000-0000-7000-8000-00000000000b", "editor")
	visitor := w.token(t, "01920000-0000-7000-8000-00000000000c")
	worker, reader := w.serviceKey(t, "worker"), w.serviceKey(t, "reader")
	args := fmt.Sprintf(`{"report_id": %q, "format": "pdf"}`, w.report)
	for _, tt := range []struct {
		who, path, body string
		status          int
		text            string
	}{
		{"", "/jobs/render", args, 401, "authentication"},
		{visitor, "/jobs/render", args, 403, "access rules"},
		{bob, "/jobs/render", args, 409, "/report_id"}, // the report is Ann's
		{reader, "/jobs/render", args, 403, "scopes"},
		{ann, "/jobs/render", `{}`, 422, "/format"},
		{ann, "/jobs/render", ``, 422, "/report_id"},
		{ann, "/jobs/render", `{"report": 1, "format": "pdf"}`, 422, "give its id as report_id"},
		{ann, "/jobs/render", strings.Replace(args, "pdf", "doc", 1), 422, "/format"},
		{ann, "/jobs/render", strings.Replace(args, "{", `{"pages": 501, `, 1), 422, "/pages"},
		{ann, "/jobs/render", strings.Replace(args, "{", `{"papges": 5, `, 1), 422, "did you mean pages"},
		{ann, "/jobs/render", strings.Replace(args, "{", `{"run_at": "tomorrow", `, 1), 422, "/run_at"},
		{ann, "/jobs/render", `[`, 400, "JSON"},
		{ann, "/jobs/render", `{"format": "` + strings.Repeat("x", 300<<10) + `"}`, 413, ""},
		{ann, "/jobs/rendr", args, 404, ""},
		{ann, "/jobs/closed", `{}`, 404, "nothing is here"}, // no request starts it, and no client learns that it exists
		{"", "/jobs:lease", `{"names": ["render"]}`, 401, "service account"},
		{ann, "/jobs:lease", `{"names": ["render"]}`, 403, "service accounts"},
		{reader, "/jobs:lease", `{"names": ["render"]}`, 403, "scopes"},
		{worker, "/jobs:lease", `{"names": ["print"]}`, 403, "print"},
		{worker, "/jobs:lease", `{"names": []}`, 422, "/names"},
		{worker, "/jobs:lease", `{"names": [null]}`, 422, "list of names"},
		{worker, "/jobs:lease", `{"names": ["render"], "max": 0}`, 422, "/max"},
		{worker, "/jobs:lease", `{"names": ["render"], "wait": 31}`, 422, "/wait"},
		{worker, "/jobs:lease", `{"names": ["render"], "weight": 3}`, 422, "/weight"},
		{worker, "/jobs/x:done", `{"lease": "a"}`, 404, "nothing is here"},
		{worker, "/jobs/01920000-0000-7000-8000-00000000000a:done", `{"lease": "a"}`, 409, "lease"},
		{worker, "/jobs/01920000-0000-7000-8000-00000000000a:done", `{}`, 422, "/lease"},
		{worker, "/jobs/01920000-0000-7000-8000-00000000000a:fail", `{"lease": "a"}`, 422, "/error"},
		{worker, "/jobs/01920000-0000-7000-8000-00000000000a:done", `{"lease": "a", "result": "` + strings.Repeat("x", 65<<10) + `"}`, 413, ""},
		{worker, "/jobs/01920000-0000-7000-8000-00000000000a:kill", `{"lease": "a"}`, 404, "nothing is here"},
	} {
		w.want(t, tt.who, "POST", tt.path, tt.body, tt.status, tt.text)
	}
	depths, err := w.server.work.Depths(t.Context())
	if err != nil || len(depths) != 0 {
		t.Errorf("refused requests left %v, %v", depths, err)
	}
}

// A limit can be about the starts of one job.
func TestStartsOfAJobAreLimited(t *testing.T) {
	server := opened(t, app(t, rendering+"limits:\n  prints: {routes: [POST /jobs/print], per: all, rate: 2/1h}\n"), Config{})
	w := &worked{server: server, running: start(t, server)}
	for i, status := range []int{202, 202, 429} {
		w.want(t, "", "POST", "/jobs/print", fmt.Sprintf(`{"n": %d}`, i), status, "")
	}
	w.want(t, "", "POST", "/jobs/render", `{}`, http.StatusUnauthorized, "") // not limited
}

const expiring = `
-- ashlar.yaml --
ashlar: 1
name: shop
accounts: {keys: {scopes: {worker: {jobs: [expire]}}}}
tables:
  orders:
    key: int
    fields: {paid: {type: bool, default: false}, due_at: {type: timestamp, optional: true}}
    access: {read: true, write: true}
jobs:
  expire: {table: orders, at: due_at, when: "!paid", work: pull}
`

// A timer whose condition does not hold at its time ends, and no worker gets it.
func TestWorkersGetTimersThatHold(t *testing.T) {
	engines := map[string]Config{"SQLite": {}}
	if pgtest.Available() {
		engines["PostgreSQL"] = Config{Database: pgtest.URL(t)}
	}
	for name, cfg := range engines {
		t.Run(name, func(t *testing.T) {
			server := opened(t, app(t, expiring), cfg)
			w := &worked{server: server, running: start(t, server)}
			key := w.serviceKey(t, "worker")
			const over = `"due_at": "2026-01-01T00:00:00Z"`
			for _, paid := range []string{"true", "false", "true", "false"} {
				w.want(t, "", "POST", "/api/orders", `{"paid": `+paid+`, `+over+`}`, http.StatusCreated, "")
			}
			rows := func(body string) (all []string) {
				t.Helper()
				out := w.want(t, key, "POST", "/jobs:lease", body, http.StatusOK, "items")
				for _, item := range out["items"].([]any) {
					item := item.(map[string]any)
					all = append(all, item["row"].(string))
					w.want(t, key, "POST", "/jobs/"+item["id"].(string)+":done", fmt.Sprintf(`{"lease": %q}`, item["lease"]), http.StatusNoContent, "")
				}
				return all
			}
			got := append(rows(`{"names": ["expire"]}`), rows(`{"names": ["expire"]}`)...) // one each, though others are due
			if slices.Sort(got); !slices.Equal(got, []string{"2", "4"}) {
				t.Errorf("two leases gave the timers of rows %v", got)
			}
			w.want(t, "", "POST", "/api/orders", `{"paid": true, `+over+`}`, http.StatusCreated, "")
			begun := time.Now()
			if got := rows(`{"names": ["expire"], "wait": 1}`); got != nil || time.Since(begun) < 900*time.Millisecond {
				t.Errorf("after %v a lease gave the timers of rows %v", time.Since(begun), got)
			}
			depths, err := server.work.Depths(t.Context())
			if err != nil || len(depths) != 0 {
				t.Errorf("there are left %v, %v", depths, err)
			}
		})
	}
}

// A server that stops answers workers that wait for jobs.
func TestStopAnswersWorkers(t *testing.T) {
	w := startWorked(t, Config{Grace: 20 * time.Second})
	key := w.serviceKey(t, "worker")
	answered := make(chan string, 1)
	go func() {
		status, out := w.call(t, key, "POST", "/jobs:lease", `{"names": ["render"], "wait": 30}`)
		answered <- fmt.Sprint(status, out)
	}()
	time.Sleep(200 * time.Millisecond) // the request has very likely begun to wait; else it gets its answer the other way
	w.stop()
	if got := <-answered; got != "200 map[items:[]]" {
		t.Errorf("answered %s", got)
	}
	if err := w.wait(); err != nil {
		t.Error(err)
	}
}

// The document describes every job with its arguments, and every step of a worker.
func TestWorkIsDescribed(t *testing.T) {
	w := startWorked(t, Config{})
	doc := get(t, w.base+"/openapi.json").body
	for _, want := range []string{`"/jobs/render"`, `"startRender"`, `"/jobs/{id}:done"`, `"/jobs:lease"`, `"maximum":500`, `"/jobs/{id}"`} {
		if !strings.Contains(doc, want) {
			t.Errorf("the document has no %s", want)
		}
	}
}
