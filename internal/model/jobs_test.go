package model

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// jobModel returns a model with the given jobs and webhooks, and a file of one line for its faults.
func jobModel(jobs []*Job, webhooks []*Webhook) *Model {
	return &Model{Jobs: jobs, Webhooks: webhooks, Lines: map[string][]string{MainFile: {"the line"}}}
}

func TestJobTables(t *testing.T) {
	orders, items := &Table{Name: "orders"}, &Table{Name: "items"}
	events := []JobEvent{{Table: orders, Op: CreateOperation}, {Table: items, Op: UpdateOperation}, {Table: orders, Op: UpdateOperation}}
	for _, tt := range []struct {
		job      *Job
		want     []*Table
		aboutRow bool
	}{
		{&Job{On: events}, []*Table{orders, items}, true},
		{&Job{Table: orders, At: &Expr{Text: "due_at"}}, []*Table{orders}, true},
		{&Job{Table: orders, Delete: &Expr{Text: "true"}, Every: time.Hour}, nil, false},
	} {
		if got := tt.job.RowTables(); len(got) != len(tt.want) || tt.job.AboutRow() != tt.aboutRow {
			t.Errorf("%+v is about rows of %v, want %v; about a row %t, want %t", tt.job, got, tt.want, tt.job.AboutRow(), tt.aboutRow)
		} else {
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("table %d is %s, want %s", i, got[i].Name, tt.want[i].Name)
				}
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	schedule, err := (&Job{Cron: "30 2 * * *", Zone: "Europe/Berlin"}).Schedule()
	if err != nil {
		t.Fatal(err)
	}
	due, _ := schedule.Next(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	if want := time.Date(2026, 7, 2, 0, 30, 0, 0, time.UTC); !due.Equal(want) {
		t.Errorf("due at %v, want %v", due, want)
	}
	for _, job := range []*Job{{Cron: "30 2 * *", Zone: "UTC"}, {Cron: "30 2 * * *", Zone: "Nowhere"}} {
		if _, err := job.Schedule(); err == nil {
			t.Errorf("%q in %q has a schedule", job.Cron, job.Zone)
		}
	}
}

func TestModelFindsJobs(t *testing.T) {
	m := &Model{Queues: []*Queue{{Name: "a"}, {Name: "b"}}, Jobs: []*Job{{Name: "c"}}, Webhooks: []*Webhook{{Name: "d"}}}
	if m.Queue("b") != m.Queues[1] || m.Job("c") != m.Jobs[0] || m.Webhook("d") != m.Webhooks[0] {
		t.Error("something is not found by its name")
	}
	if m.Queue("c") != nil || m.Job("d") != nil || m.Webhook("a") != nil {
		t.Error("something is found by a name that it has not")
	}
}

func TestTargets(t *testing.T) {
	const key = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	at := func(line int) Pos { return Pos{File: MainFile, Line: line, Col: 1} }
	m := jobModel(
		[]*Job{
			{Name: "crm", Post: &JobPost{URL: Setting{Source: "$URL"}, Secret: Setting{Source: "file:/run/key"}, Headers: []JobHeader{{Name: "X-Key", Value: Setting{Source: "$KEY"}}}}},
			{Name: "purge", Delete: &Expr{Text: "true"}},
		},
		[]*Webhook{{Name: "told", URL: Setting{Value: "https://b.example"}}, {Name: "rows", To: &Table{Name: "endpoints"}}},
	)
	if got, want := strings.Join(m.Sources(), " "), "$KEY $URL file:/run/key"; got != want {
		t.Errorf("sources %s, want %s", got, want)
	}
	variables := map[string]string{"URL": "https://a.example/hook", "KEY": "k1"}
	lookup := func(name string) (string, bool) { text, ok := variables[name]; return text, ok }
	targets, faults := m.ResolveTargets(lookup, func(string) ([]byte, error) { return []byte(key + "\n"), nil })
	if len(faults) > 0 || len(targets) != 2 {
		t.Fatalf("targets %v, faults %v", targets, faults)
	}
	got := []string{string(targets["crm"].URL.Value), string(targets["crm"].Secret.Value), string(targets["crm"].Headers[0].Value.Value), string(targets["told"].URL.Value)}
	if diff := cmp.Diff([]string{"https://a.example/hook", key, "k1", "https://b.example"}, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if m.Jobs[0].Post.URL.Value != "" || m.Jobs[0].Post.Headers[0].Value.Value != "" {
		t.Error("the model holds the values of its settings")
	}

	m.Jobs[0].Post.URL.Pos, m.Jobs[0].Post.Secret.Pos, m.Jobs[0].Post.Headers[0].Value.Pos = at(1), at(2), at(3)
	for _, tt := range []struct{ name, url, secret, key, want string }{
		{"http", "http://a.example", key, "k", "ashlar.yaml:1:1: the value in $URL is wrong: it must begin with https://, or with http:// for localhost"},
		{"no url", "nowhere", key, "k", "ashlar.yaml:1:1: the value in $URL is wrong: write an address"},
		{"a short key", "https://a.example", "whsec_abc", "k", "ashlar.yaml:2:1: the value in file:/run/key is wrong: write whsec_"},
		{"two lines", "https://a.example", key, "a\r\nHost: b", "ashlar.yaml:3:1: the value in $KEY is wrong: it must be printable ASCII"},
		{"a long value", "https://a.example", key, strings.Repeat("a", maxHeaderValue+1), "ashlar.yaml:3:1: the value in $KEY is wrong: it has 4097 bytes, but may have at most 4096"},
		{"nothing", "https://a.example", key, "", "ashlar.yaml:3:1: the environment variable KEY is empty"},
	} {
		variables["URL"], variables["KEY"] = tt.url, tt.key
		_, faults := m.ResolveTargets(lookup, func(string) ([]byte, error) { return []byte(tt.secret), nil })
		if got := faults.Error(); len(faults) != 1 || !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: faults %s, want %s", tt.name, got, tt.want)
		}
	}
	delete(variables, "URL")
	_, faults = m.ResolveTargets(lookup, func(string) ([]byte, error) { return nil, errors.New("no such file") })
	for _, want := range []string{"the environment variable URL is not set", "cannot read the file: no such file"} {
		if got := faults.Error(); !strings.Contains(got, want) {
			t.Errorf("faults %s, want %s", got, want)
		}
	}
}
