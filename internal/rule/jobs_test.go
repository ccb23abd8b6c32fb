package rule

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const jobShop = `ashlar: 1
name: shop
roles: [editor, clerk]
accounts: {mail: {folder: mail}}
tables:
  customers:
    fields: {name: {type: text}, email: {type: text, format: email}, secret_email: {type: text, format: email, secret: true}, buyer: {ref: users}}
  orders:
    fields:
      customer: {ref: customers, reverse: orders}
      state:    {type: enum, values: [draft, paid]}
      due_at:   {type: timestamp, optional: true}
      due_on:   {type: date, optional: true}
      count:    {type: int, min: 0, max: 9}
      price:    {type: decimal, precision: 6, scale: 2}
`

// compileJobs compiles a model with more keys, without faults of the loader.
func compileJobs(t *testing.T, keys string) (*Rules, string) {
	t.Helper()
	m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(jobShop + keys)})
	if len(faults) > 0 {
		t.Fatalf("%s\n%v", keys, faults)
	}
	rules, faults := CompileModel(m)
	return rules, faults.Error()
}

func TestJobExpressions(t *testing.T) {
	rules, faults := compileJobs(t, `jobs:
  paid:    {on: [orders.update, customers.create], when: created_at < now && 'editor' in auth.roles, work: pull}
  changed: {on: orders.update, when: old.state != state && old.customer.name != 'x', mail: {to: customer.email}}
  mailed:  {on: [customers.create, customers.update], mail: {to: email}}
  buyer:   {on: customers.create, mail: {to: buyer.email}}
  remind:  {table: orders, at: due_at - duration('12h') - duration('12h'), when: state == 'draft' && now > created_at, work: pull}
  purge:   {every: 1h, table: orders, delete: created_at < now - duration('24h'), as: system}
  expire:  {on: orders.create, update: {where: customer.name == 'x', set: {state: paid, count: 3, due_at: now + duration('1h'), due_on: , price: 1.5}}, as: system}
  render:
    args: {order: {ref: orders}, kind: {type: enum, values: [pdf, html]}, n: {type: int, optional: true}, price: {type: decimal, precision: 4, scale: 1}}
    access: {enqueue: "auth.id == 'u1' && (arg.kind == 'pdf' || arg.n > 3) && arg.price < 1.25 && arg.order_id != ''"}
    work: pull
webhooks:
  told: {on: [orders.update, customers.delete], when: created_at < now, to: $HOOK}
`)
	if faults != "" {
		t.Fatal(faults)
	}
	m := rules.Model
	orders, customers := m.Table("orders"), m.Table("customers")
	job := func(name string) *Job { return rules.Job(m.Job(name)) }
	got := map[string]string{
		"paid, orders":    Format(job("paid").When[orders]),
		"paid, customers": Format(job("paid").When[customers]),
		"changed":         Format(job("changed").When[orders]),
		"changed to":      Format(job("changed").To[orders]),
		"mailed to":       Format(job("mailed").To[customers]),
		"buyer to":        Format(job("buyer").To[customers]),
		"remind":          Format(job("remind").When[orders]),
		"remind at":       Format(job("remind").At),
		"purge":           Format(job("purge").Change),
		"purge enqueue":   Format(job("purge").Enqueue),
		"expire":          Format(job("expire").Change),
		"render":          Format(job("render").Enqueue),
		"told, orders":    Format(rules.Webhook(m.Webhook("told")).When[orders]),
		"told, customers": Format(rules.Webhook(m.Webhook("told")).When[customers]),
	}
	for i, node := range job("expire").Set {
		got["expire "+m.Job("expire").Update.Set[i].Field.Name] = Format(node)
	}
	want := map[string]string{
		"paid, orders":    `((created_at < now) && ("editor" in auth.roles))`,
		"paid, customers": `((created_at < now) && ("editor" in auth.roles))`,
		"changed":         `((old.state != state) && (old.customer.name != "x"))`,
		"changed to":      "customer.email",
		"mailed to":       "email",
		"buyer to":        "buyer.email",
		"remind":          `((state == "draft") && (now > created_at))`,
		"remind at":       "((due_at - duration(43200000000us)) - duration(43200000000us))",
		"purge":           "(created_at < (now - duration(86400000000us)))",
		"purge enqueue":   "false",
		"expire":          `(customer.name == "x")`,
		"expire state":    `"paid"`, "expire count": "3", "expire due_at": "(now + duration(3600000000us))", "expire due_on": "null",
		"expire price": "decimal(150e-2)",
		"render": `((auth.id == "u1") && ((arg.kind:text == "pdf") || (arg.n:int > 3)) && ` +
			`(arg.price:decimal < decimal(125e-2)) && (arg.order_id:text != ""))`,
		"told, orders":    "(created_at < now)",
		"told, customers": "(created_at < now)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("expressions (-want +got):\n%s", diff)
	}
	if job("purge").When != nil || job("purge").At != nil || job("purge").To != nil || job("paid").Change != nil {
		t.Error("a job has expressions that the model does not give")
	}
	if joined := rules.Join(&Rules{}); joined.Job(m.Job("paid")) == nil || joined.Webhook(m.Webhook("told")) == nil {
		t.Error("Join loses jobs or webhooks")
	}
}

// A write asks the conditions of its jobs like a check: without a row they are slots of the rules. A timer and a filter
// are asked later and keep now.
func TestJobSlots(t *testing.T) {
	rules, faults := compileJobs(t, `jobs:
  paid:   {on: orders.create, when: created_at < now && 'editor' in auth.roles, work: pull}
  remind: {table: orders, at: due_at, when: created_at < now, work: pull}
`)
	if faults != "" {
		t.Fatal(faults)
	}
	m := rules.Model
	orders := m.Table("orders")
	count := func(node Node) (slots, times int) {
		walk(node, func(sub Node) {
			switch sub.(type) {
			case *Slot:
				slots++
			case *Now:
				times++
			}
		})
		return slots, times
	}
	if slots, times := count(rules.Job(m.Job("paid")).When[orders]); slots != 2 || times != 0 {
		t.Errorf("paid has %d slots and now %d times, want 2 and 0", slots, times)
	}
	if slots, times := count(rules.Job(m.Job("remind")).When[orders]); slots != 0 || times != 1 {
		t.Errorf("remind has %d slots and now %d times, want 0 and 1", slots, times)
	}
	if rules.Table(orders).Row != Columns(rules.Job(m.Job("paid")).When[orders])[0].Path.Root {
		t.Error("a condition is about another row than the rules")
	}
}

func TestEnqueueIsAsked(t *testing.T) {
	rules, faults := compileJobs(t, `jobs:
  render: {args: {kind: {type: enum, values: [pdf, html]}, n: {type: int, optional: true}}, access: {enqueue: "'editor' in auth.roles && (arg.kind == 'pdf' || !has(arg.n))"}, work: pull}
  closed: {args: {n: {type: int}}, work: pull}
`)
	if faults != "" {
		t.Fatal(faults)
	}
	editor := caller.User(caller.Identity{ID: "u1", Roles: []string{"editor"}})
	for _, tt := range []struct {
		job  string
		who  caller.Caller
		args map[string]value.Value
		want bool
	}{
		{"render", editor, map[string]value.Value{"kind": value.OfText("pdf"), "n": value.OfInt(1)}, true},
		{"render", editor, map[string]value.Value{"kind": value.OfText("html")}, true},
		{"render", editor, map[string]value.Value{"kind": value.OfText("html"), "n": value.OfInt(1)}, false},
		{"render", caller.Caller{}, map[string]value.Value{"kind": value.OfText("pdf")}, false},
		{"closed", editor, map[string]value.Value{"n": value.OfInt(1)}, false},
	} {
		node := rules.Job(rules.Model.Job(tt.job)).Enqueue
		if got := Holds(node, &Env{Caller: tt.who, Args: tt.args}); got != tt.want {
			t.Errorf("%s by %s with %v: %t, want %t", tt.job, tt.who, tt.args, got, tt.want)
		}
	}
}

// Each fault has its place: the caret is below the text that follows it here.
func TestJobExpressionFaults(t *testing.T) {
	for _, tt := range []struct{ name, job, want, at string }{
		{"old in a create", "{on: orders.create, when: old.state == state, work: pull}",
			"old is the row before an update, and the job is for orders.create too", "old.state"},
		{"old in a create beside an update", "{on: [orders.update, orders.delete], when: state == old.state, work: pull}", "the job is for orders.delete too: give that event one of its own", "old.state"},
		{"an unknown field", "{on: orders.update, when: stat == 'paid', work: pull}", "orders has no field stat; did you mean state?", "stat =="},
		{"a field of one table alone", "{on: [orders.update, customers.update], when: count > 3, work: pull}", "customers has no field count", "count"},
		{"an unknown value", "{on: orders.update, when: state == 'payd', work: pull}", `"payd" is no value of state; did you mean paid?`, "=="},
		{"no condition", "{on: orders.update, when: count, work: pull}", "must be a condition", "count"},
		{"arg in an event", "{on: orders.update, when: arg.n > 3, work: pull}", "no request starts this one", "arg.n"},
		{"auth in a timer", "{table: orders, at: due_at, when: auth.id == 'x', work: pull}", "there is no auth", "auth.id"},
		{"old in a timer", "{table: orders, at: due_at, when: old.count > 3, work: pull}", "there is no old", "old.count"},
		{"now in at", "{table: orders, at: now + duration('1h'), work: pull}", "a timer with now would move on for ever", "now +"},
		{"a date for a time", "{table: orders, at: due_on, work: pull}", "at must be a timestamp such as due_at - duration('24h'), not a date", "due_on"},
		{"a time of another row", "{table: orders, at: customer.created_at, work: pull}", "a timer follows its own row alone", "customer"},
		{"one time for all", "{table: orders, at: \"timestamp('2027-01-01T00:00:00Z')\", work: pull}", "at names no field of orders", "timestamp"},
		{"a row for a time", "{table: orders, at: customer, work: pull}", "customer is a row of customers", "customer"},
		{"an unknown time", "{table: orders, at: due, work: pull}", "orders has no field due", "due,"},
		{"auth in a delete", "{every: 1h, table: orders, delete: auth.id == 'x', as: system}", "there is no auth", "auth.id"},
		{"an unknown field in a delete", "{every: 1h, table: orders, delete: crated_at < now, as: system}", "did you mean created_at?", "crated_at"},
		{"a value too large", "{every: 1h, table: orders, update: {where: true, set: {count: 10}}, as: system}", "the new value does not fit the field", "10"},
		{"a value of another type", "{every: 1h, table: orders, update: {where: true, set: {count: \"'x'\"}}, as: system}", "the new value of count must be an int, not text", "'x'"},
		{"a value of the row", "{every: 1h, table: orders, update: {where: true, set: {count: count + 1}}, as: system}", "a new value knows now alone", "count + 1"},
		{"an unknown enum value", "{every: 1h, table: orders, update: {where: true, set: {state: payd}}, as: system}", `"payd" is no value of state; did you mean paid?`, "payd"},
		{"a value with auth", "{every: 1h, table: customers, update: {where: true, set: {name: auth.id}}, as: system}", "there is no auth", "auth.id"},
		{"who may enqueue what", "{args: {n: {type: int}}, access: {enqueue: arg.m > 3}, work: pull}", "the job has no argument m: it is one of n", "m >"},
		{"no arguments", "{access: {enqueue: arg.m > 3}, work: pull}", "the job has no arguments: declare m at args", "m >"},
		{"an argument without arg", "{args: {n: {type: int}}, access: {enqueue: n > 3}, work: pull}", "n is an argument: write arg.n", "n >"},
		{"a reference", "{args: {order: {ref: orders}}, access: {enqueue: arg.order == 'x'}, work: pull}", "arg.order is a reference: name its id, arg.order_id", "order =="},
		{"a step from an argument", "{args: {order: {ref: orders}}, access: {enqueue: arg.order_id.count > 3}, work: pull}", "arg.order_id is a value: it has no members", "order_id"},
		{"an unknown value of an argument", "{args: {k: {type: enum, values: [pdf, html]}}, access: {enqueue: arg.k == 'pdg'}, work: pull}", `"pdg" is no value of arg.k; did you mean pdf?`, "=="},
		{"a type of an argument", "{args: {n: {type: int}}, access: {enqueue: arg.n == 'x'}, work: pull}", "an int and text are never equal", "=="},
		{"a row in enqueue", "{args: {n: {type: int}}, access: {enqueue: state == 'x'}, work: pull}", "this condition knows auth, now and arg alone", "state"},
		{"an unknown role", "{access: {enqueue: \"'editr' in auth.roles\"}, work: pull}", "editr", "'editr'"},
		{"an unknown path", "{on: orders.create, mail: {to: customer.mail}}", "customers has no field mail", "mail}"},
		{"a text of any form", "{on: orders.create, mail: {to: customer.name}}", "customers.name may hold what is no address", "customer.name"},
		{"a secret address", "{on: orders.create, mail: {to: customer.secret_email}}", "secret_email is secret", "customer.secret_email"},
		{"many addresses", "{on: customers.create, mail: {to: orders.email}}", "orders is many rows", "orders.email"},
		{"no path", "{on: customers.create, mail: {to: email + email}}", "to is the path of a field such as customer.email", "email +"},
		{"the caller as an address", "{on: customers.create, mail: {to: auth.email}}", "auth is no row", "auth.email"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := compileJobs(t, "jobs:\n  a: "+tt.job+"\n")
			lines := strings.Split(got, "\n")
			if len(lines) != 3 || !strings.Contains(lines[0], tt.want) {
				t.Fatalf("faults:\n%s\nwant one with %q", got, tt.want)
			}
			if caret := strings.Index(lines[2], "^"); !strings.HasPrefix(lines[1][caret:], tt.at) {
				t.Errorf("the caret is not at %q:\n%s", tt.at, got)
			}
		})
	}
	_, got := compileJobs(t, "webhooks:\n  a: {on: orders.create, when: old.state == state, to: $HOOK}\n")
	if !strings.Contains(got, "old is the row before an update, and the webhook is for orders.create too") {
		t.Errorf("faults of a webhook:\n%s", got)
	}
}

// The expressions of the page about jobs hold.
func TestJobsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/jobs.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\n")[1:]
	shop, _, _ := strings.Cut(blocks[0], "```")
	shop = strings.Replace(shop, "  keys: {scopes: {worker: {jobs: [render]}}}\n", "", 1)
	for _, block := range blocks[1:] {
		block, _, _ = strings.Cut(block, "```")
		m, faults := load.Files(map[string][]byte{"ashlar.yaml": []byte(shop + block)})
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if _, faults := CompileModel(m); len(faults) > 0 {
			t.Error(faults)
		}
	}
}
