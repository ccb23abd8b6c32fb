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
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

const acting = `
-- mail/receipt.txt --
Receipt for order {{.id}} of {{.App}}

Hello {{.customer.name}}, you paid {{.total}}.
-- mail/receipt.html --
<p>Hello {{.customer.name}}, you paid <b>{{.total}}</b>.</p>
-- mail/weekly.txt --
Week of {{.due}}

Nothing happened.
-- ashlar.yaml --
ashlar: 1
name: shop
roles: [clerk, blind]
accounts: {signup: open, mail: {folder: mail}}
tables:
  customers:
    key: int
    fields: {name: {type: text, max: 50}, email: {type: text, format: email, max: 100, optional: true}, secret: {type: text, max: 50, optional: true, read: "'clerk' in auth.roles"}}
    access: {read: "'clerk' in auth.roles"}
  orders:
    key: int
    fields: {customer: {ref: customers}, owner: {ref: users, optional: true}, total: {type: decimal, precision: 10, scale: 2}}
    access: {read: "'clerk' in auth.roles || owner_id == auth.id"}
jobs:
  receipt: {on: orders.create, mail: {to: customer.email, template: receipt, send: [total, customer.name]}, as: {roles: [clerk]}}
  weekly:  {every: 1h, mail: {to: ops@example.com}}
  crm:     {on: [orders.create, orders.delete], post: {url: $CRM_URL, secret: $CRM_SECRET, headers: {x-key: $CRM_KEY}}}
  full:    {on: orders.create, post: {url: $CRM_URL, send: [total, customer.name]}, as: {roles: [clerk]}}
  own:     {on: orders.create, post: {url: $CRM_URL, send: [total]}, as: {user: owner_id}}
  blind:   {on: orders.create, post: {url: $CRM_URL, send: [total]}, as: {roles: [blind]}}
  ring:    {args: {n: {type: int}}, access: {enqueue: "true"}, post: {url: $CRM_URL}}
  embedded: {args: {n: {type: int}}, access: {enqueue: "true"}, work: go}
`

// A receiver keeps the requests that it gets, and answers with a status.
type receiver struct {
	*httptest.Server
	status int
	header http.Header
	bodies []string
	heads  []http.Header
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK, header: http.Header{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.bodies, r.heads = append(r.bodies, string(body)), append(r.heads, q.Header)
		for name, values := range r.header {
			w.Header()[name] = values
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// acted opens the app of acting, with a receiver. do runs one job by hand.
func acted(t *testing.T) (server *App, r *receiver, do func(name string, run *job.Job) error) {
	t.Helper()
	r = newReceiver(t)
	t.Setenv("CRM_URL", r.URL)
	t.Setenv("CRM_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr")
	t.Setenv("CRM_KEY", "k-1")
	server = opened(t, app(t, acting), Config{
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Functions: embeddedFunctions(),
	})
	create := func(table, body string) {
		members, err := value.DecodeObject([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Rows.Create(t.Context(), caller.System("test"), server.Rules.Model.Table(table), members); err != nil {
			t.Fatal(err)
		}
	}
	create("customers", `{"id": 1, "name": "Ada <b>", "email": "ada@example.com"}`)
	create("customers", `{"id": 2, "name": "Bob"}`)
	create("orders", `{"id": 10, "customer_id": 1, "total": "1234567.50"}`)
	create("orders", `{"id": 11, "customer_id": 2, "total": "2.00"}`)
	return server, r, func(name string, run *job.Job) error {
		run.ID, run.Name, run.EnqueuedAt = "01920000-0000-7000-8000-00000000000a", name, time.Unix(1_800_000_000, 0)
		return server.actions[name](t.Context(), run)
	}
}

func TestJobsMail(t *testing.T) {
	server, _, do := acted(t)
	letters := func() (all []mail.Mail) {
		box := mail.OpenMailbox(server.mailFolder())
		list, err := box.List(100)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range list {
			letter, err := box.Read(one.Name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, letter)
		}
		return all
	}
	created := &job.Job{Table: "orders", Row: "10", Args: []byte(`{"op":"create"}`)}
	if err := do("receipt", created); err != nil {
		t.Fatal(err)
	}
	all := letters()
	if len(all) != 1 || all[0].To != "<ada@example.com>" || all[0].Subject != "Receipt for order 10 of shop" || !strings.Contains(all[0].Text, "Ada <b>, you paid 1234567.50.") || !strings.Contains(all[0].HTML, "Ada &lt;b&gt;") {
		t.Errorf("letters %+v", all)
	}
	for name, run := range map[string]*job.Job{
		"receipt": {Table: "orders", Row: "11", Args: []byte(`{"op":"create"}`)}, // the customer has no address
		"weekly":  {Args: []byte(`{"due":"2026-01-01T00:00:00Z"}`)},
	} {
		if err := do(name, run); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := do("receipt", &job.Job{Table: "orders", Row: "99", Args: []byte(`{"op":"create"}`)}); err != nil {
		t.Errorf("a row that is gone: %v", err)
	}
	subjects := ""
	for _, one := range letters() {
		subjects += one.Subject + "|"
	}
	if strings.Count(subjects, "|") != 2 || !strings.Contains(subjects, "Week of 2026-01-01T00:00:00Z|") {
		t.Errorf("subjects %s", subjects)
	}
}

func TestJobsPost(t *testing.T) {
	server, r, do := acted(t)
	last := func() (body map[string]any, head http.Header) {
		t.Helper()
		if len(r.bodies) == 0 {
			t.Fatal("nothing was received")
		}
		if err := json.Unmarshal([]byte(r.bodies[len(r.bodies)-1]), &body); err != nil {
			t.Fatal(err)
		}
		return body, r.heads[len(r.heads)-1]
	}
	written := func(op string) *job.Job {
		return &job.Job{Table: "orders", Row: "10", Args: fmt.Appendf(nil, `{"op":%q}`, op)}
	}
	for _, tt := range []struct {
		name string
		run  *job.Job
		want string
	}{
		{"crm", written("create"), "map[data:map[id:10] timestamp:2027-01-15T08:00:00Z type:orders.create]"},
		{"crm", written("delete"), "map[data:map[id:10] timestamp:2027-01-15T08:00:00Z type:orders.delete]"},
		{"full", written("create"), "map[data:map[customer:map[name:Ada <b>] id:10 total:1234567.50] timestamp:2027-01-15T08:00:00Z type:orders.create]"},
		{"ring", &job.Job{Args: []byte(`{"n":3}`)}, "map[data:map[n:3] timestamp:2027-01-15T08:00:00Z type:job.ring]"},
	} {
		if err := do(tt.name, tt.run); err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		body, head := last()
		if got := fmt.Sprint(body); got != tt.want {
			t.Errorf("%s sent %s, want %s", tt.name, got, tt.want)
		}
		if head.Get("Webhook-Id") != tt.run.ID {
			t.Errorf("%s has the id %s", tt.name, head.Get("Webhook-Id"))
		}
	}
	if err := do("crm", written("create")); err != nil {
		t.Fatal(err)
	}
	_, head := last()
	key, err := webhook.ParseVerifyingKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr")
	if err != nil {
		t.Fatal(err)
	}
	verifier := webhook.Verifier{Keys: []webhook.VerifyingKey{key}}
	if err := verifier.Verify(head, []byte(r.bodies[len(r.bodies)-1])); err != nil || head.Get("X-Key") != "k-1" {
		t.Errorf("signature: %v; headers %v", err, head)
	}

	// What the caller of a job may not read is not sent.
	before := len(r.bodies)
	for name, want := range map[string]string{"blind": "let service:job blind read no such row", "own": "owner_id has no value"} {
		if err := do(name, written("create")); err == nil || !strings.Contains(err.Error(), want) || !isPermanent(err) {
			t.Errorf("%s: %v, want %q for good", name, err, want)
		}
	}
	if len(r.bodies) != before {
		t.Error("something was sent")
	}
	if err := do("full", &job.Job{Table: "orders", Row: "99", Args: []byte(`{"op":"create"}`)}); err != nil {
		t.Errorf("a row that is gone: %v", err)
	}

	// A user's job sees what the user sees.
	const ann = "01920000-0000-7000-8000-00000000000b"
	if _, err := server.newToken(t.Context(), value.OfUUID(ann), TokenRequest{ID: ann, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	patch, _ := value.DecodeObject(fmt.Appendf(nil, `{"owner_id": %q}`, ann))
	if _, err := server.Rows.Update(t.Context(), caller.System("test"), server.Rules.Model.Table("orders"), value.OfInt(10), patch, nil); err != nil {
		t.Fatal(err)
	}
	if err := do("own", written("create")); err != nil {
		t.Errorf("own: %v", err)
	}

	for status, want := range map[int]string{500: "the receiver answered 500", 302: "the receiver answered 302", 410: "the receiver answered 410"} {
		r.status = status
		err := do("ring", &job.Job{Args: []byte(`{"n":3}`)})
		if err == nil || err.Error() != want || isPermanent(err) != (status == 410) {
			t.Errorf("after %d: %v", status, err)
		}
	}
	r.status, r.header = 503, http.Header{"Retry-After": {"17"}}
	if err := do("ring", &job.Job{Args: []byte(`{"n":3}`)}); err == nil || retryAfter(err) != 17*time.Second {
		t.Errorf("Retry-After: %v", err)
	}
	r.Close()
	if err := do("ring", &job.Job{Args: []byte(`{"n":3}`)}); err == nil || strings.Contains(err.Error(), r.URL) {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestJobsCallFunctions(t *testing.T) {
	server, _, _ := acted(t)
	w := &worked{server: server, running: start(t, server)}
	id := w.want(t, "", "POST", "/jobs/embedded", `{"n": 4}`, http.StatusAccepted, "")["id"].(string)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		s, err := server.work.State(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if s.State == "done" {
			if string(s.Result) != `{"twice":8}` && string(s.Result) != `{"twice": 8}` {
				t.Errorf("result %s", s.Result)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the job is %+v", s)
		}
	}
}

// What a model lacks for its jobs is said at the start, with its place.
func TestJobsThatCannotWork(t *testing.T) {
	t.Setenv("CRM_URL", "http://example.com/hook")
	t.Setenv("CRM_SECRET", "not a secret")
	t.Setenv("CRM_KEY", "k")
	for _, tt := range []struct{ files, want string }{
		{acting, "the job embedded calls a Go function, and the command ashlar has none"},
		{acting, "CRM_SECRET is wrong"},
		{strings.Replace(acting, "-- mail/receipt.txt --", "-- mail/receipts.txt --", 1), "there is no mail called receipts; did you mean receipt?"},
		{strings.Replace(acting, "-- mail/weekly.txt --", "-- other/weekly.txt --", 1), "there is no mail template mail/weekly.txt"},
		{strings.Replace(acting, "send: [total, customer.name]}, as: {roles: [clerk]}}\n  weekly", "send: [total]}, as: {roles: [clerk]}}\n  weekly", 1), "names customer, which the job does not send: add it to send; there are App, Public, id, total"},
	} {
		var cfg Config
		if !strings.Contains(tt.want, "function") {
			cfg.Functions = embeddedFunctions()
		}
		_, err := loadAndOpen(t.Context(), app(t, tt.files), cfg)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !regexp.MustCompile(`(ashlar\.yaml|mail/\w+\.txt):\d+:\d+: `).MatchString(err.Error()) {
			t.Errorf("opened: %v, want %q", err, tt.want)
		}
	}
}

func embeddedFunctions() map[string]action.Function {
	return map[string]action.Function{"embedded": func(_ context.Context, j *job.Job, _ http.RoundTripper) error {
		var args struct{ N int }
		if err := json.Unmarshal(j.Args, &args); err != nil {
			return err
		}
		j.SetResult(fmt.Appendf(nil, `{"twice":%d}`, 2*args.N))
		return nil
	}}
}

func isPermanent(err error) bool {
	_, ok := errors.AsType[*job.PermanentError](err)
	return ok
}

func retryAfter(err error) time.Duration {
	if retry, ok := errors.AsType[*job.RetryError](err); ok {
		return retry.After
	}
	return 0
}

// A suggestion of the example that an editor answers mails its author, once.
func TestCareersMailAuthors(t *testing.T) {
	server := careers(t)
	start(t, server)
	table := server.Rules.Model.Table("suggestions")
	page, err := server.Rows.List(t.Context(), caller.System("test"), table, record.Query{Limit: 1, Filter: "state == 'open'"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var found struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(page, &found); err != nil || len(found.Items) != 1 {
		t.Fatalf("%s: %v", page, err)
	}
	for _, patch := range []string{`{"text": "Reworded."}`, `{"state": "declined", "answer": "Not so."}`, `{"answer": "Really not."}`} {
		members, err := value.DecodeObject([]byte(patch))
		if err != nil {
			t.Fatal(err)
		}
		id, _ := value.ParseID(table, found.Items[0].ID)
		if _, err := server.Rows.Update(t.Context(), caller.System("test"), table, id, members, nil); err != nil {
			t.Fatal(err)
		}
	}
	box := mail.OpenMailbox(server.mailFolder())
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		list, err := box.List(10)
		if err != nil {
			t.Fatal(err)
		}
		depths, err := server.work.Depths(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		busy := slices.ContainsFunc(depths, func(d job.Depth) bool { return d.State != "scheduled" && d.State != "dead" && d.Jobs > 0 })
		if len(list) > 0 && !busy {
			letter, err := box.Read(list[0].Name)
			if err != nil || len(list) != 1 || letter.Subject != "Your suggestion was declined" || !strings.Contains(letter.Text, "Reworded.") {
				t.Errorf("%d letters, the first %+v, %v", len(list), letter, err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d letters after a minute; queues %v", len(list), depths)
		}
	}
}
