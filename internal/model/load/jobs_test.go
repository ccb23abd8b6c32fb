package load

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/job/cron"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

const withoutJobs = `ashlar: 1
name: shop
roles: [integrator, editor]
accounts:
  mail: {folder: mail}
  keys: {scopes: {worker: {jobs: [render]}}}
tables:
  customers:
    fields:
      name:  {type: text}
      email: {type: text, format: email, optional: true}
      phone: {type: text, optional: true}
  orders:
    fields:
      tenant_id: {type: int}
      customer:  {ref: customers, reverse: orders}
      state:     {type: enum, values: [draft, paid, expired], default: draft}
      due_at:    {type: timestamp, optional: true}
      buyer:     {ref: users, optional: true}
      note:      {type: text, optional: true}
      token:     {type: text, secret: true, optional: true}
  reports: {fields: {title: {type: text}}}
  endpoints:
    fields:
      url:    {type: text, format: url, max: 2000}
      events: {type: json, optional: true}
      secret: {type: text, secret: true, optional: true}
      state:  {type: enum, values: [active, failing, disabled], default: active}
`

const wholeJobs = withoutJobs + `queues:
  mail:    {workers: 2, rate: 10/s}
  imports: {workers: 4, each: {by: tenant_id, at_once: 1, rate: 60/1m}}
  tenants: {each: {by: tenant_id, at_once: 1}}
jobs:
  receipt:
    on: orders.update
    when: state == 'paid' && old.state != 'paid'
    mail: {to: customer.email, template: order-receipt, send: [id, customer.name]}
    as: {user: buyer_id}
    queue: mail
  crm:
    on: [customers.create, customers.update]
    post:
      url: $CRM_URL
      secret: file:/run/secrets/crm
      send: [name, orders]
      headers: {x-api-key: $CRM_KEY, Accept-Language: de}
    as: {roles: [integrator]}
    tries: 5
    priority: 9
  tenant:
    on: [orders.create, orders.delete]
    work: pull
    queue: tenants
    once: {by: [tenant_id], within: 1h}
  render:
    args:
      report: {ref: reports}
      format: {type: enum, values: [pdf, html]}
      pages:  {type: int, min: 1, max: 500, optional: true}
    access: {enqueue: "'editor' in auth.roles && arg.report_id != null"}
    at_most: 10m
    work: pull
  import:
    args: {tenant_id: {type: int}}
    work: go
    as: {roles: [editor]}
    queue: imports
  remind:
    table: orders
    at: due_at - duration('24h')
    when: state == 'draft'
    mail: {to: ops@example.com, template: remind}
  expire:
    table: orders
    at: due_at
    update: {where: state == 'draft', set: {state: expired, due_at: null, note: "'too late'"}}
    as: system
  purge:
    table: orders
    delete: created_at < now - duration('2160h')
    as: system
    cron: "30 2 * * *"
    zone: Europe/Berlin
    missed: skip
    access: {enqueue: "'editor' in auth.roles"}
  ping:
    every: 90s
    post: {url: http://localhost:9000/ping}
    once: true
  tick: {cron: "*/5 * * * *", work: go}
webhooks:
  order_events:
    on: [orders.create, orders.update]
    when: state != 'draft'
    send: [id, state, customer.name]
    as: {roles: [integrator]}
    to: endpoints
    order: tenant_id
  gone: {on: orders.delete, to: https://example.com/hooks, secret: $HOOK}
`

// loadSound loads a model of one file that may have jobs, and fails the test if it has faults.
func loadSound(t *testing.T, text string) *model.Model {
	t.Helper()
	app, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) > 0 {
		t.Fatalf("faults:\n%v", faults)
	}
	return app
}

// The words name everything that differs from a default.
func TestJobs(t *testing.T) {
	m := loadSound(t, wholeJobs)
	checkInvariants(t, m, true)
	checkRoundTrip(t, m)
	var got []string
	for _, queue := range m.Queues {
		got = append(got, queue.Name+": "+queue.String())
	}
	for _, job := range m.Jobs {
		got = append(got, job.Name+": "+job.String())
	}
	for _, webhook := range m.Webhooks {
		got = append(got, webhook.Name+": "+webhook.String())
	}
	want := []string{
		"default: 8 workers on each node",
		"mail: 2 workers on each node, 10/1s",
		"imports: 4 workers on each node; in turns by tenant_id, each 1 at once, each 60/1m",
		"tenants: workers lease its jobs; in turns by tenant_id, each 1 at once",
		"pull: workers lease its jobs",
		"webhooks: 256 workers on each node",
		"receipt: orders.update, when state == 'paid' && old.state != 'paid': mails order-receipt to customer.email with id, customer.name, as the user buyer_id, in the queue mail",
		"crm: customers.create, customers.update: posts to $CRM_URL with name, orders, as integrator",
		"tenant: orders.create, orders.delete: workers lease it, once at a time for each tenant_id and 1h, in the queue tenants",
		"render: requests, if 'editor' in auth.roles && arg.report_id != null: workers lease it",
		"import: nothing yet: calls a Go function, as editor, in the queue imports",
		"remind: each row of orders at due_at - duration('24h'), when state == 'draft': mails remind to ops@example.com",
		"expire: each row of orders at due_at: sets state, due_at, note of the row, if state == 'draft', as the system",
		"purge: At 02:30 every day in Europe/Berlin; requests, if 'editor' in auth.roles: deletes the rows of orders where created_at < now - duration('2160h'), as the system",
		"ping: every 90s: posts to the address in ashlar.yaml:88:17, once at a time",
		"tick: Every 5 minutes: calls a Go function",
		"order_events: orders.create, orders.update, when state != 'draft': posts to the rows of endpoints with id, state, customer.name, as integrator, in order for each tenant_id",
		"gone: orders.delete: posts to the address in ashlar.yaml:99:33 with the id",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("jobs in words (-want +got):\n%s", diff)
	}
}

func TestJobKeys(t *testing.T) {
	m := loadSound(t, wholeJobs)
	orders := m.Table("orders")
	same := cmp.Options{
		ignorePositions(), cmp.Comparer(func(a, b *model.Table) bool { return a == b }), cmp.Comparer(func(a, b *model.Field) bool { return a == b }),
	}
	for _, want := range []*model.Job{
		{
			Name: "receipt", Queue: "mail", On: []model.JobEvent{{Table: orders, Op: "update"}}, When: &model.Expr{Text: "state == 'paid' && old.state != 'paid'"},
			Mail: &model.JobMail{To: &model.Expr{Text: "customer.email"}, Template: "order-receipt", Send: []string{"id", "customer.name"}},
			As:   &model.JobCaller{User: "buyer_id"}, AtMost: time.Minute, Tries: 12, Priority: 5,
		},
		{
			Name: "crm", Queue: "default", On: []model.JobEvent{{Table: m.Table("customers"), Op: "create"}, {Table: m.Table("customers"), Op: "update"}},
			Post: &model.JobPost{
				URL: model.Setting{Source: "$CRM_URL"}, Secret: model.Setting{Source: "file:/run/secrets/crm"}, Send: []string{"name", "orders"},
				Headers: []model.JobHeader{{Name: "X-Api-Key", Value: model.Setting{Source: "$CRM_KEY"}}, {Name: "Accept-Language", Value: model.Setting{Value: "de"}}},
			},
			As: &model.JobCaller{Roles: []string{"integrator"}}, AtMost: time.Minute, Tries: 5, Priority: 9,
		},
		{
			Name: "expire", Queue: "default", Table: orders, At: &model.Expr{Text: "due_at"},
			Update: &model.JobUpdate{Where: &model.Expr{Text: "state == 'draft'"}, Set: []model.JobSet{
				{Field: orders.Field("state"), Value: &model.Expr{Text: "expired", Constant: true}}, {Field: orders.Field("due_at")},
				{Field: orders.Field("note"), Value: &model.Expr{Text: "'too late'"}},
			}},
			As: &model.JobCaller{System: true}, AtMost: time.Minute, Tries: 12, Priority: 5,
		},
		{
			Name: "purge", Queue: "default", Table: orders, Delete: &model.Expr{Text: "created_at < now - duration('2160h')"}, As: &model.JobCaller{System: true},
			Cron: "30 2 * * *", Zone: "Europe/Berlin", Missed: cron.Skip, Enqueue: &model.Expr{Text: "'editor' in auth.roles"}, AtMost: time.Minute, Tries: 12, Priority: 5,
		},
		{
			Name: "tick", Queue: "default", Cron: "*/5 * * * *", Zone: "UTC", Missed: cron.Once, Func: true, AtMost: time.Minute, Tries: 12, Priority: 5,
		},
		{
			Name: "tenant", Queue: "tenants", On: []model.JobEvent{{Table: orders, Op: "create"}, {Table: orders, Op: "delete"}}, Pull: true,
			Once: &model.JobOnce{By: []string{"tenant_id"}, Within: time.Hour}, AtMost: time.Minute, Tries: 12, Priority: 5,
		},
	} {
		if diff := cmp.Diff(want, m.Job(want.Name), same); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, diff)
		}
	}
	want := &model.Webhook{
		Name: "order_events", On: []model.JobEvent{{Table: orders, Op: "create"}, {Table: orders, Op: "update"}}, When: &model.Expr{Text: "state != 'draft'"},
		Send: []string{"id", "state", "customer.name"}, As: &model.JobCaller{Roles: []string{"integrator"}}, To: m.Table("endpoints"), Order: "tenant_id",
	}
	if diff := cmp.Diff(want, m.Webhook("order_events"), same); diff != "" {
		t.Errorf("order_events (-want +got):\n%s", diff)
	}
	if !loadSound(t, "ashlar: 1\nname: shop\ntables: {orders: {watch: true}}\n").Table("orders").Watch {
		t.Error("watch: true is not kept")
	}
}

func TestJobArgs(t *testing.T) {
	m := loadSound(t, wholeJobs)
	var got []string
	for _, arg := range m.Job("render").Args {
		got = append(got, fmt.Sprintf("%s %s optional %t", arg.Name, arg.Type, arg.Optional))
	}
	want := []string{"report_id uuid optional false", "format enum optional false", "pages int optional true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
}

// A model without the keys has no queue, and one with any of them has default.
func TestQueuesHaveDefaults(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", "[]"},
		{"queues:\n", "[8 workers on each node]"},
		{"jobs: {}\n", "[8 workers on each node]"},
		{"queues: {default: {workers: 3}, a: {}}\n", "[3 workers on each node 8 workers on each node]"},
	} {
		without := strings.Replace(withoutJobs, "  keys: {scopes: {worker: {jobs: [render]}}}\n", "", 1)
		if got := fmt.Sprint(loadSound(t, without+tt.text).Queues); got != tt.want {
			t.Errorf("%q: queues %s, want %s", tt.text, got, tt.want)
		}
	}
}

// No release accepts the keys, with any value.
func TestScopesNameJobs(t *testing.T) {
	text := strings.Replace(wholeJobs, "jobs: [render]", "jobs: [rendr, purge, render]", 1)
	_, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	got := faults.Error()
	for _, want := range []string{"there is no job \"rendr\"; did you mean render?", "no worker leases the job purge: a scope names jobs with work: pull"} {
		if !strings.Contains(got, want) {
			t.Errorf("faults %v, want %q", got, want)
		}
	}
	if len(faults) != 2 {
		t.Errorf("%d faults, want 2:\n%v", len(faults), got)
	}
}

// Jobs change no table, so they make no new revision of the stored model.
func TestJobsAreNoChangesOfTheModel(t *testing.T) {
	without, with := loadSound(t, withoutJobs), loadSound(t, strings.Replace(wholeJobs, "  orders:\n", "  orders:\n    watch: true\n", 1))
	if !bytes.Equal(snapshot.Encode(without), snapshot.Encode(with)) {
		t.Errorf("the stored model has jobs: %s", snapshot.Encode(with))
	}
	if changes := diff.Between(without, with); len(changes) > 0 {
		t.Errorf("changes: %v", changes)
	}
}

// A file of garbage could have a million of anything.
func TestTooManyJobs(t *testing.T) {
	many := func(count int, format string) string {
		var items strings.Builder
		for i := range count {
			fmt.Fprintf(&items, format, i)
		}
		return items.String()
	}
	for _, tt := range []struct{ name, text, want string }{
		{"jobs", "jobs: {" + many(maxJobs+1, "j%d: {every: 1h, work: pull}, ") + "}", "there are 501 jobs, but at most 500 are allowed"},
		{"queues", "queues: {" + many(maxQueues+1, "q%d: {}, ") + "}", "there are 51 queues, but at most 50 are allowed"},
		{"webhooks", "webhooks: {" + many(maxWebhooks+1, "w%d: {}, ") + "}", "there are 101 webhooks, but at most 100 are allowed"},
		{"arguments", "jobs: {a: {work: pull, args: {" + many(maxArgs+1, "a%d: {type: int}, ") + "}}}", "the job a has 51 arguments, but may have at most 50"},
		{"headers", "jobs: {a: {every: 1h, post: {url: $U, headers: {" + many(maxHeaders+1, "X-%d: a, ") + "}}}}", "there are 21 headers, but at most 20 are allowed"},
		{"events", "jobs: {a: {work: pull, on: [" + many(maxTraced+1, "o%d.create, ") + "]}}", "on has 51 items, but may have at most 50"},
	} {
		_, faults := Files(map[string][]byte{model.MainFile: []byte("ashlar: 1\nname: shop\n" + tt.text + "\n")})
		if !strings.Contains(faults.Error(), tt.want) {
			t.Errorf("%s: faults %v, want %s", tt.name, faults, tt.want)
		}
	}
}

// The templates of mails are files, so a model with mails names their folder.
func TestMailsNeedAFolder(t *testing.T) {
	text := strings.Replace(withoutJobs, "  mail: {folder: mail}\n", "", 1)
	text = strings.Replace(text, "[render]", "[pulled]", 1) + "jobs: {told: {every: 1d, mail: {to: ops@example.com}}, pulled: {every: 1d, work: pull}}\n"
	_, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if got := faults.Error(); len(faults) != 1 || !strings.Contains(got, "add accounts: {mail: {folder: mail}}, and the file mail/told.txt") {
		t.Errorf("faults: %s", got)
	}
}
