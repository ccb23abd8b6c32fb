package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const calling = `
-- ashlar.yaml --
ashlar: 1
name: shop
roles: [clerk]
accounts: {signup: open}
limits: {address: {rate: 1000000/1s}}
tables:
  orders:
    key: int
    watch: true
    fields:
      owner: {ref: users, optional: true}
      total: {type: int, min: 0, optional: true}
      note:  {type: text, max: 20, optional: true, read: "'clerk' in auth.roles"}
    access: {read: "owner_id == auth.id || 'clerk' in auth.roles", update: "owner_id == auth.id", create: "'clerk' in auth.roles"}
jobs:
  nobody: {args: {n: {type: int}}, access: {enqueue: "true"}, work: go}
  sys:    {args: {n: {type: int}}, access: {enqueue: "true"}, work: go, as: system}
  clerk:  {args: {n: {type: int}}, access: {enqueue: "true"}, work: go, as: {roles: [clerk]}}
  user:   {args: {of: {ref: users}}, access: {enqueue: "true"}, work: go, as: {user: of_id}}
  owner:  {on: orders.create, work: go, as: {user: owner_id}}
`

// called is a running app whose functions all do what the test says.
type called struct {
	*worked
	log  log
	mu   sync.Mutex
	work func(ctx context.Context, j *job.Job, api http.RoundTripper) error
}

const (
	calledAnn = "01920000-0000-7000-8000-00000000000a"
	calledBob = "01920000-0000-7000-8000-00000000000b"
)

func startCalled(t *testing.T, cfg Config) *called {
	t.Helper()
	c := &called{}
	cfg.Functions, cfg.Logger = map[string]action.Function{}, c.log.logger()
	for _, name := range []string{"nobody", "sys", "clerk", "user", "owner"} {
		cfg.Functions[name] = func(ctx context.Context, j *job.Job, api http.RoundTripper) error {
			c.mu.Lock()
			do := c.work
			c.mu.Unlock()
			if do == nil {
				return nil
			}
			return do(ctx, j, api)
		}
	}
	server := opened(t, app(t, calling), cfg)
	c.worked = &worked{server: server, running: start(t, server)}
	get(t, c.running.base+"/healthz") // once it answers, functions can ask
	c.token(t, calledAnn)
	c.token(t, calledBob)
	for id, owner := range map[int]string{1: calledAnn, 2: calledBob} {
		members, err := value.DecodeObject(fmt.Appendf(nil, `{"id": %d, "owner_id": %q, "total": %d, "note": "secret"}`, id, owner, id))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Rows.Create(t.Context(), caller.System("test"), server.Rules.Model.Table("orders"), members); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// run starts a job by a request, and returns what its function returned in the first attempt.
func (c *called) run(t *testing.T, name, args string, do func(ctx context.Context, j *job.Job, api http.RoundTripper) error) (id string, err error) {
	t.Helper()
	ended := make(chan error, 1)
	c.mu.Lock()
	c.work = func(ctx context.Context, j *job.Job, api http.RoundTripper) error {
		if j.Name != name {
			return nil
		}
		err := do(ctx, j, api)
		select {
		case ended <- err:
		default:
		}
		return err
	}
	c.mu.Unlock()
	id = c.want(t, c.worked.token(t, calledAnn), "POST", "/jobs/"+name, args, http.StatusAccepted, "")["id"].(string)
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		t.Fatalf("the job %s did not run", name)
	}
	return id, err
}

// askAs makes a request with an API, and returns the answer as "STATUS body", or the error.
func askAs(ctx context.Context, api http.RoundTripper, method, address, body string, header ...string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{Transport: api}).Do(r)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return fmt.Sprintf("%d %s", res.StatusCode, text), err
}

func eachCalled(t *testing.T, test func(t *testing.T, c *called)) {
	t.Run("sqlite", func(t *testing.T) { test(t, startCalled(t, Config{})) })
	t.Run("postgres", func(t *testing.T) {
		if !pgtest.Available() {
			t.Skip("LOUD SKIP: there is no PostgreSQL")
		}
		test(t, startCalled(t, Config{Database: pgtest.URL(t)}))
	})
}

// A function reads and writes rows as the caller that the model names, under every rule.
func TestFunctionsActAsTheCallerOfTheirJob(t *testing.T) {
	eachCalled(t, func(t *testing.T, c *called) {
		const own, other = "http://ashlar/api/orders/1", "http://ashlar/api/orders/2"
		for _, tt := range []struct {
			job, args             string
			method, address, sent string
			want                  string // in the answer
		}{
			{"sys", `{"n": 1}`, "GET", other + "?fields=id,note", "", `200 {"id":2,"note":"secret"}`},
			{"clerk", `{"n": 1}`, "GET", other + "?fields=id,note", "", `200 {"id":2,"note":"secret"}`},
			{"clerk", `{"n": 1}`, "PATCH", other, `{"total": 5}`, "403 "},
			{"clerk", `{"n": 1}`, "POST", "http://ashlar/api/orders", `{"total": -5}`, `"pointer":"/total"`},
			{"clerk", `{"n": 1}`, "POST", "http://ashlar/api/orders", `{"total": 7}`, "201 "},
			{"clerk", `{"n": 1}`, "HEAD", other, "", "200 "},
			{"clerk", `{"n": 1}`, "POST", "http://ashlar/jobs/nobody", `{"n": 2}`, "202 "},
			{"user", `{"of_id": "` + calledAnn + `"}`, "GET", own + "?fields=id,note", "", `200 {"id":1,"note":null}`},
			{"user", `{"of_id": "` + calledAnn + `"}`, "PATCH", own, `{"total": 9}`, `"total":9`},
			{"user", `{"of_id": "` + calledAnn + `"}`, "GET", other, "", "404 "},
			// Only rows and starts of jobs are there: no accounts, no console, no leases, no streams.
			{"sys", `{"n": 1}`, "GET", "http://ashlar/console", "", "404 "},
			{"sys", `{"n": 1}`, "GET", "http://ashlar/auth/sessions", "", "404 "},
			{"sys", `{"n": 1}`, "POST", "http://ashlar/jobs:lease", `{"names": ["sys"]}`, "404 "},
			{"sys", `{"n": 1}`, "GET", "http://ashlar/api/orders:watch", "", "404 "},
		} {
			var got string
			if _, err := c.run(t, tt.job, tt.args, func(ctx context.Context, _ *job.Job, api http.RoundTripper) (err error) {
				got, err = askAs(ctx, api, tt.method, tt.address, tt.sent)
				return err
			}); err != nil || !strings.Contains(got, tt.want) {
				t.Errorf("%s: %s %s = %s, %v; want %s", tt.job, tt.method, tt.address, got, err, tt.want)
			}
		}
	})
}

// A function may act as the user to whom its row refers. Without the row, or the reference, there is nobody to act as.
func TestAFunctionActsAsTheUserOfItsRow(t *testing.T) {
	c := startCalled(t, Config{})
	members, err := value.DecodeObject([]byte(`{"id": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.server.Rows.Create(t.Context(), caller.System("test"), c.server.Rules.Model.Table("orders"), members); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ row, want, problem string }{
		{"1", `200 {"items":[{"id":1,"note":null}],"next":null}`, ""},
		{"2", `200 {"items":[{"id":2,"note":null}],"next":null}`, ""},
		{"3", "", "owner_id has no value, so there is no user to act as"},
		{"99", "", "the row of the job is gone, so its owner_id names no user to act as"},
	} {
		var got string
		run := &job.Job{Name: "owner", Table: "orders", Row: tt.row, Args: []byte(`{"op":"create"}`)}
		c.mu.Lock()
		c.work = func(ctx context.Context, j *job.Job, api http.RoundTripper) (err error) {
			if j != run { // one that the creates have started
				return nil
			}
			got, err = askAs(ctx, api, "GET", "http://ashlar/api/orders?fields=id,note", "")
			return err
		}
		c.mu.Unlock()
		err := c.server.actions["owner"](t.Context(), run)
		if got != tt.want || (err == nil) != (tt.problem == "") || (err != nil && (!strings.Contains(err.Error(), tt.problem) || !isPermanent(err))) {
			t.Errorf("row %s: %s, %v; want %s %s", tt.row, got, err, tt.want, tt.problem)
		}
	}
}

// A user who was deleted after the start of a job is nobody to act as.
func TestAFunctionActsAsNoDeletedUser(t *testing.T) {
	eachCalled(t, func(t *testing.T, c *called) {
		const gone = "01920000-0000-7000-8000-00000000000c"
		c.worked.token(t, gone)
		users := c.server.Rules.Model.Table("users")
		_, err := c.run(t, "user", `{"of_id": "`+calledAnn+`"}`, func(ctx context.Context, j *job.Job, api http.RoundTripper) error {
			const address = "http://ashlar/api/users?fields=id"
			j.Args = []byte(`{"of_id": "` + gone + `"}`)
			if got, err := askAs(ctx, api, "GET", address, ""); err != nil || !strings.HasPrefix(got, "200 ") {
				return fmt.Errorf("before: %s, %w", got, err)
			}
			if err := c.server.Rows.Delete(ctx, caller.System("test"), users, value.OfUUID(gone), nil); err != nil {
				return err
			}
			got, err := askAs(ctx, api, "GET", address, "")
			if err == nil || !strings.Contains(err.Error(), "the user "+gone+" is gone") {
				return fmt.Errorf("after: %s, %w", got, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// The log and the trace of a job have the requests of its function.
func TestRequestsOfFunctionsHaveRecords(t *testing.T) {
	c := startCalled(t, Config{})
	if _, err := c.run(t, "clerk", `{"n": 1}`, func(ctx context.Context, _ *job.Job, api http.RoundTripper) error {
		_, err := askAs(ctx, api, "GET", "http://ashlar/api/orders?fields=id&limit=77", "")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if err := c.wait(); err != nil {
		t.Fatal(err)
	}
	var found map[string]any
	for line := range strings.Lines(c.log.text.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		if record["caller"] == "service:job clerk" && record["path"] == "/api/orders" {
			found = record
		}
	}
	started := c.log.line(t, `"route":"POST /jobs/clerk"`)
	if found == nil || found["status"] != 200.0 || found["trace"] != started["trace"] {
		t.Errorf("the record is %v; the trace began with %v", found, started)
	}
}

// What a function may not do with its API is an error that says so.
func TestRefusalsOfTheAPIOfFunctions(t *testing.T) {
	c := startCalled(t, Config{})
	const rows = "http://ashlar/api/orders"
	for _, tt := range []struct {
		job, args, address string
		header             []string
		want               string
		permanent          bool
	}{
		{"nobody", `{"n": 1}`, rows, nil, "the job nobody has no as", true},
		{"sys", `{"n": 1}`, "https://ashlar/api/orders", nil, "reaches only the server that it runs in", false},
		{"sys", `{"n": 1}`, "http://example.com/api/orders", nil, "reaches only the server that it runs in", false},
		{"sys", `{"n": 1}`, rows, []string{"Authorization", "Bearer x"}, "send neither Authorization nor Cookie", false},
		{"sys", `{"n": 1}`, rows, []string{"Cookie", "a=b"}, "send neither Authorization nor Cookie", false},
	} {
		_, err := c.run(t, tt.job, tt.args, func(ctx context.Context, _ *job.Job, api http.RoundTripper) error {
			got, err := askAs(ctx, api, "GET", tt.address, "", tt.header...)
			if err == nil {
				err = job.Permanent(errors.New(got))
			}
			return err
		})
		if err == nil || !strings.Contains(err.Error(), tt.want) || isPermanent(err) != tt.permanent {
			t.Errorf("%s: %s %v: %v, want %q", tt.job, tt.address, tt.header, err, tt.want)
		}
	}
	var kept http.RoundTripper
	if _, err := c.run(t, "sys", `{"n": 1}`, func(_ context.Context, _ *job.Job, api http.RoundTripper) error {
		kept = api
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // the function has just sent its result
		got, err := askAs(t.Context(), kept, "GET", rows, "")
		if err != nil && strings.Contains(err.Error(), "the attempt of the job is over") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after the attempt the API answers %s, %v", got, err)
		}
	}
}

// Nothing in a request from outside makes it one of a function: no header, no address, no context.
func TestNobodyOutsideIsTheCallerOfAFunction(t *testing.T) {
	c := startCalled(t, Config{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	var answers []string
	outside := func(header http.Header, host, remote string, ctx context.Context) string {
		r := httptest.NewRequest("GET", "http://ashlar/api/orders?fields=id", nil)
		if ctx != nil {
			r = r.WithContext(ctx)
		}
		r.RemoteAddr, r.Host = remote, host
		for name, values := range header {
			r.Header[name] = values
		}
		w := httptest.NewRecorder()
		handler, err := c.server.Handler()
		if err != nil {
			return err.Error()
		}
		handler.ServeHTTP(w, r)
		return fmt.Sprintf("%d %s", w.Code, w.Body)
	}
	if _, err := c.run(t, "sys", `{"n": 1}`, func(ctx context.Context, _ *job.Job, api http.RoundTripper) error {
		if got, err := askAs(ctx, api, "GET", "http://ashlar/api/orders?fields=id", ""); err != nil || !strings.HasPrefix(got, "200 ") {
			return fmt.Errorf("the function itself gets %s, %w", got, err)
		}
		for _, header := range []http.Header{
			{},
			{"X-Forwarded-For": {"inside"}}, {"Forwarded": {"for=inside"}}, {"X-Real-Ip": {"inside"}},
			{"X-Ashlar-Caller": {"system:job sys"}}, {"X-Request-Id": {"inside"}}, {"Caller": {"system"}},
		} {
			for _, remote := range []string{"127.0.0.1:4711", "inside", "probe", ""} {
				answers = append(answers, outside(header, "ashlar", remote, nil), outside(header, "ashlar", remote, ctx))
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, got := range answers {
		if !strings.HasPrefix(got, "401 ") {
			t.Errorf("an anonymous request is answered %s", got)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", c.base+"/api/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "ashlar"
	r.Header.Set("X-Forwarded-For", "inside")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("over the network: %s", res.Status)
	}
}

// A panic of a function is a failed attempt. Its stack is in the log, and the server goes on.
func TestAPanicOfAFunctionFailsItsAttempt(t *testing.T) {
	c := startCalled(t, Config{})
	for name, explode := range map[string]func(){
		"panic": func() { panic("the function explodes") },
		"index": func() { _ = []int{}[len(calledAnn)] },
	} {
		began := make(chan string, 1)
		c.mu.Lock()
		c.work = func(_ context.Context, j *job.Job, _ http.RoundTripper) error {
			if j.Attempt == 1 && j.Name == "nobody" {
				began <- j.ID
				explode()
			}
			return nil
		}
		c.mu.Unlock()
		id := c.want(t, "", "POST", "/jobs/nobody", `{"n": 1}`, http.StatusAccepted, "")["id"].(string)
		<-began
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // the second attempt comes after a second
			s, err := c.server.work.State(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if s.State == "done" && s.Attempt == 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the job is %+v", name, s)
			}
		}
	}
	record := c.log.line(t, "functions_test.go")
	if stack := fmt.Sprint(record); !strings.Contains(stack, "TestAPanicOfAFunctionFailsItsAttempt") || !strings.Contains(stack, "job nobody") {
		t.Errorf("the record of the attempt is %v", record)
	}
	if line := c.log.line(t, "is tried again"); !strings.Contains(fmt.Sprint(line), "panic: ") {
		t.Errorf("the line of the job is %v", line)
	}
}

// Functions and jobs that do not fit are said before anything is opened.
func TestFunctionsMustFitTheModel(t *testing.T) {
	does := func(context.Context, *job.Job, http.RoundTripper) error { return nil }
	const model = `
-- ashlar.yaml --
ashlar: 1
name: shop
tables: {orders: {fields: {total: {type: int}}}}
jobs:
  resize: {on: orders.create, work: go}
  purge:  {every: 1h, table: orders, delete: total == 0, as: system}
`
	for _, tt := range []struct {
		name      string
		functions map[string]action.Function
		want      []string
	}{
		{"the command ashlar", nil, []string{"ashlar.yaml:5:3: the job resize calls a Go function, and the command ashlar has none: serve this app with a program that embeds Ashlar"}},
		{"no functions", map[string]action.Function{}, []string{"ashlar.yaml:5:3: the job resize calls a Go function, and this program gives none of that name"}},
		{"nil", map[string]action.Function{"resize": nil}, []string{"ashlar.yaml:5:3: the function that this program gives for the job resize is nil"}},
		{"a slip", map[string]action.Function{"resise": does}, []string{
			"ashlar.yaml:1:1: this program gives a function resise, and the model has no job of that name with work: go; did you mean resize?",
			"ashlar.yaml:5:3: the job resize calls a Go function, and this program gives none",
		}},
		{"another job", map[string]action.Function{"resize": does, "purge": does}, []string{"ashlar.yaml:6:3: this program gives a function for the job purge, which calls none"}},
		{"right", map[string]action.Function{"resize": does}, nil},
	} {
		dir := app(t, model)
		err := loaded(t, dir).CheckFunctions(tt.functions)
		if (err == nil) != (len(tt.want) == 0) {
			t.Errorf("%s: %v", tt.name, err)
		}
		for _, want := range tt.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\nwant %s", tt.name, err, want)
			}
		}
		if len(tt.want) == 0 {
			continue
		}
		if _, err := loadAndOpen(t.Context(), dir, Config{Functions: tt.functions}); err == nil || !strings.Contains(err.Error(), tt.want[0]) {
			t.Errorf("%s: opened: %v", tt.name, err)
		}
		untouched(t, dir)
	}
}
