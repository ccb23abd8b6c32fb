package cli

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/action"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/load"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

const workingShop = `ashlar: 1
name: shop
roles: [clerk]
tables:
  orders: {fields: {state: {type: enum, values: [draft, paid]}, total: {type: int, max: 9}}, access: {read: true}}
queues:
  imports: {workers: 2, rate: 10/1s}
  unused:  {}
jobs:
  told:   {on: orders.update, when: "state == 'paid' && old.state != 'paid'", post: {url: $CRM_URL, send: [id, total]}, as: {roles: [clerk]}}
  purge:  {cron: "30 2 * * 1-5", zone: Europe/Berlin, table: orders, delete: created_at < now - duration('24h'), as: system}
  render: {args: {n: {type: int}}, work: pull, queue: imports}
  built:  {args: {n: {type: int}}, work: go}
webhooks:
  events: {on: [orders.create, orders.delete], to: https://example.com/hooks?token=hidden}
`

func compiled(t *testing.T, text string) *rule.Rules {
	t.Helper()
	m, faults := load.Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	rules, faults := rule.CompileModel(m)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return rules
}

func TestCheckExplainsJobs(t *testing.T) {
	var out strings.Builder
	rules := compiled(t, workingShop)
	if err := writeJobs(&out, rules.Model); err != nil {
		t.Fatal(err)
	}
	want := `queues:
  default   8 workers on each node
  imports   workers lease its jobs, 10/1s
  unused    8 workers on each node
  webhooks  256 workers on each node
jobs:
  told    orders.update, when state == 'paid' && old.state != 'paid': posts to $CRM_URL with id, total, as clerk
  purge   At 02:30 on Monday to Friday in Europe/Berlin: deletes the rows of orders where created_at < now - duration('24h'), as the system
  render  nothing yet: workers lease it, in the queue imports
  built   nothing yet: calls a Go function
webhooks:
  events  orders.create, orders.delete: posts to the address in ashlar.yaml:15:52 with the id
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	var got []string
	for _, warning := range warnings(rules) {
		got = append(got, warning.Pos.String()+" "+warning.Message)
	}
	wantWarnings := []string{
		"ashlar.yaml:7:3 workers of the queue imports has no effect, because no node does its jobs: workers lease them",
		"ashlar.yaml:8:3 no job is in the queue unused: name it as `queue:` of a job, or remove it",
		"ashlar.yaml:12:3 nobody may start the job render: give it `access: {enqueue: …}`",
		"ashlar.yaml:12:3 no key can lease the job render: name it in a scope, such as accounts: {keys: {scopes: {worker: {jobs: [render]}}}}",
		"ashlar.yaml:13:3 nobody may start the job built: give it `access: {enqueue: …}`",
	}
	if diff := cmp.Diff(wantWarnings, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestCheckIsSilentWithoutJobs(t *testing.T) {
	var out strings.Builder
	if err := writeJobs(&out, compiled(t, "ashlar: 1\nname: shop\n").Model); err != nil || out.String() != "" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// The command ashlar checks a model with Go functions and says who can serve it. A program with functions compares them.
func TestCheckNamesGoFunctions(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, model.MainFile), []byte("ashlar: 1\nname: shop\ntables: {orders: {fields: {n: {type: int}}}}\njobs:\n  resize: {on: orders.create, work: go}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	does := func(context.Context, *job.Job, http.RoundTripper) error { return nil }
	const note = "note: only a program that embeds Ashlar and has the Go functions of these jobs can serve this app: resize\n"
	for _, tt := range []struct {
		name      string
		functions map[string]action.Function
		command   string
		code      int
		says      string
		isNoted   bool
	}{
		{"the command ashlar", nil, "check", exitOK, "", true},
		{"the command ashlar", nil, "serve", exitFault, "the job resize calls a Go function, and the command ashlar has none", false},
		{"the command ashlar", nil, "doctor", exitFault, "error: functions: ashlar.yaml:5:3: the job resize calls a Go function, and the command ashlar has none", false},
		{"the command ashlar", nil, "migrate", exitOK, "", false},
		{"no function", map[string]action.Function{}, "check", exitFault, "ashlar.yaml:5:3: the job resize calls a Go function, and this program gives none of that name", false},
		{"nil", map[string]action.Function{"resize": nil}, "check", exitFault, "the function that this program gives for the job resize is nil", false},
		{"one too many", map[string]action.Function{"resize": does, "crop": does}, "check", exitFault, "this program gives a function crop, and the model has no job of that name", false},
		{"the right one", map[string]action.Function{"resize": does}, "check", exitOK, "", false},
	} {
		var stdout, stderr strings.Builder
		args := []string{tt.command, dir}
		if tt.command == "migrate" {
			args = []string{"migrate", "--plan", dir}
		}
		code := Program{Functions: tt.functions}.Run(args, &stdout, &stderr)
		out := stdout.String() + stderr.String()
		if code != tt.code || !strings.Contains(out, tt.says) || strings.Contains(out, note) != tt.isNoted {
			t.Errorf("%s: %s ends with %d and says\n%s\nwant %d and %q, a note: %v", tt.name, tt.command, code, out, tt.code, tt.says, tt.isNoted)
		}
	}
}
