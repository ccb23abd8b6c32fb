package operation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/lookback"
	"github.com/ashlar-dev/ashlar/internal/telemetry/metric"
	"github.com/ashlar-dev/ashlar/internal/telemetry/refusal"
	"github.com/ashlar-dev/ashlar/internal/web/console/operation"
)

// A load is what a test puts into the pages about limits and kept answers.
type load struct {
	age         time.Duration  // of the server; 0: it has just begun
	early, late operation.Load // of five minutes ago, and of now
	ledger      string
	refusals    []telemetry.Record // of clients, with the time since they ended in Start
}

// counts are the counts of a load.
type counts struct {
	load
	now time.Time
}

func (c *counts) Start() lookback.Snapshot[operation.Load] {
	return lookback.Snapshot[operation.Load]{At: c.now.Add(-c.age)}
}

func (c *counts) Before(span time.Duration) lookback.Snapshot[operation.Load] {
	if span > c.age {
		return c.Start()
	}
	return lookback.Snapshot[operation.Load]{At: c.now.Add(-span), Counts: c.early}
}

func (c *counts) Now() lookback.Snapshot[operation.Load] {
	return lookback.Snapshot[operation.Load]{At: c.now, Counts: c.late}
}

// names are made-up names. After an error none is known.
type names struct {
	text string
	err  error
	asks int
}

func (n *names) KeyName(_ context.Context, id string) (string, error) {
	n.asks++
	if id == "gone" {
		return "", nil
	}
	return "nightly sync" + n.text, n.err
}

func (n *names) AccountOfUser(_ context.Context, user string) (account.Account, error) {
	n.asks++
	return account.Account{ID: "account-" + user, Kind: account.KindUser, Name: "Ada" + n.text, Email: "ada@example.com"}, n.err
}

func (n *names) Account(_ context.Context, kind account.Kind, id string) (account.Account, error) {
	n.asks++
	if id == "gone" {
		return account.Account{}, errs.New(errs.NotFound, "no such account")
	}
	return account.Account{ID: id, Kind: kind, Name: "Importer" + n.text}, n.err
}

// shared returns what clients share in a model with some limits, with a text at the end of all names.
func shared(text string, l load) *operation.Sharing {
	limits := model.DefaultLimits()
	limits.Rules = append(limits.Rules, model.Limit{
		Name: "partners" + text, Per: model.PerKey, Scope: "ingest" + text, Rates: []model.Rate{{Count: 1_000_000, Window: 24 * time.Hour}}, Pos: model.Pos{File: "ashlar.yaml" + text, Line: 12},
	})
	limits.Query.Rows = 200_000
	m := &model.Model{Limits: limits, Tables: []*model.Table{{Name: "notes" + text, Cache: model.Cache{Public: time.Minute}}, {Name: "quiet"}}}
	c := &counts{l, time.Now()}
	refusals := refusal.New(limits)
	for _, r := range l.refusals {
		r.Work, r.Start = telemetry.WorkRequest, c.now.Add(-r.Duration)
		r.Duration = 0
		r.Path += text
		if r.Limit == "partners" {
			r.Limit += text
		}
		refusals.Take(&r)
	}
	return &operation.Sharing{Model: m, Ledger: l.ledger, Counts: c, Refusals: refusals, Names: &names{text: text}}
}

// refusedBy returns records of requests that a limit refused some time ago.
func refusedBy(limit string, n int, ago time.Duration, change func(r *telemetry.Record)) (all []telemetry.Record) {
	for range n {
		r := telemetry.Record{Limit: limit, Duration: ago, Method: "GET", Path: "/api/notes", Remote: "192.0.2.7:5000", Caller: "anonymous", CallerKind: "anonymous"}
		if change != nil {
			change(&r)
		}
		all = append(all, r)
	}
	return all
}

// fresh is a server that has just begun.
func fresh() load {
	return load{late: operation.Load{Kept: record.KeptStats{Answers: true, Most: 64_000_000}, Answers: []metric.Answers{{Table: "notes"}}}}
}

// pressed is a server that refuses much.
func pressed() load {
	return load{
		age: 3 * time.Hour, ledger: "PostgreSQL",
		early: operation.Load{
			Passed: []uint64{1000, 500}, Refused: []uint64{10, 0},
			Bounds:  []operation.Bound{{Name: "request", Refused: 5}},
			Kept:    record.KeptStats{Answers: true, Tables: []record.KeptTable{{Name: "notes", Evicted: 3}}},
			Answers: []metric.Answers{{Table: "notes", Lists: 100, Kept: 50, Missed: 40}},
		},
		late: operation.Load{
			Passed: []uint64{13_000, 600, 90}, Refused: []uint64{1010, 0, 10}, QueryRefused: 7, Forgotten: 3, AwaySince: time.Now().Add(-4 * time.Minute),
			Bounds: []operation.Bound{
				{Name: "request", Taken: 1000, Total: 1024, Refused: 42}, {Name: "answer", Taken: 12_000_000, Total: 256_000_000}, {Name: "connection", Taken: 1200, Total: 19_744},
				{Name: "read", Taken: 4, Total: 4, Waiting: 1234, Wait: 850 * time.Millisecond, Refused: 9}, {Name: "password", Taken: 1, Total: 2},
				{Name: "pool read", Taken: 2, Total: 4}, {Name: "writer", Taken: 12, Total: 1024, Waiting: 12, Wait: 30 * time.Millisecond},
			},
			Kept:    record.KeptStats{Answers: true, Bytes: 48_000_000, Most: 64_000_000, Tables: []record.KeptTable{{Name: "notes", Bytes: 47_500_000, Entries: 9100, Evicted: 15, TooLarge: 2}}},
			Answers: []metric.Answers{{Table: "notes", Lists: 1300, Kept: 950, Stale: 45, Missed: 140, NotModified: 33, Public: 21}, {Table: "quiet"}},
		},
		refusals: append(append(append(append(
			refusedBy("address", 990, time.Minute, nil),
			refusedBy("address", 10, 2*time.Minute, func(r *telemetry.Record) { r.Remote, r.Path = "[2001:db8:1:2::9]:443", "/api/quiet" })...),
			refusedBy("partners", 10, time.Minute, func(r *telemetry.Record) { r.Caller, r.CallerKind, r.Key = "service:bot", "service", "k1" })...),
			refusedBy("request", 37, time.Second, func(r *telemetry.Record) {
				r.Limit, r.Caller, r.CallerKind, r.Key = "max-concurrent-share", "key:ada", "key", "k1"
			})...),
			refusedBy("reads", 4, 40*time.Minute, func(r *telemetry.Record) { r.Caller, r.CallerKind = "service:gone", "service" })...),
	}
}

func TestLimitsSayWhoIsRefused(t *testing.T) {
	w := newWorld(t)
	w.sharing = shared("", pressed())
	w.serve(w.objectives)
	v := w.operator("viewer")
	body := v.get("/console/limits", 200,
		"PostgreSQL has not answered since", "for 4", "this node counts limits by itself",
		`aria-label="1,000 refused, records of address">1,000</a>`, "7.69 %", `<td data-label="Passed">12,000</td>`, "ashlar.yaml:12", "1000000/1d per key: keys of ingest", "200000 rows",
		`192.0.2.7</a></th><td data-label="Limit">address</td>`, `<td data-label="Refused">990</td>`, "2001:db8:1:2::/64", "last 2001:db8:1:2::9", "GET /api/quiet", "key “nightly sync”", ">k1</small>",
		`<strong>1,000</strong> <span class="quiet">of 1,024</span>`, "12 MB", "of 256 MB", "850 ms", "<strong>1,234</strong>", `<td data-label="Refused"><strong>37</strong></td>`,
		`Ada (ada@example.com)</a>`, `<a href="/console/users/account-ada">account</a>`, "last with the key “nightly sync”", "max-concurrent-share <small>its share of the requests at work</small>", "The limits of 3 addresses",
		`href="/console/logs?limit=address&amp;remote=192.0.2.7"`, `href="/console/logs?key=k1&amp;limit=partners"`, `href="/console/logs?limit=query-rows"`,
	)
	if strings.Contains(body, "service:gone") {
		t.Error("a refusal of 40 minutes ago is shown among the last five")
	}
	if first, second := strings.Index(body, "192.0.2.7"), strings.Index(body, "2001:db8:1:2::"); first > second {
		t.Error("who was refused more comes later")
	}
	v.get("/console/limits?range=1h", 200, "service:gone")
	v.get("/console/limits?range=all", 200, "refused in the last hour", "13,000", "1,010")
	v.get("/console/limits?range=2h", 400)
}

// The page comes when the database gives no names, and does not ask for each of them.
func TestLimitsWithoutNames(t *testing.T) {
	w := newWorld(t)
	w.sharing = shared("", pressed())
	away := &names{err: errors.New("the database is away")}
	w.sharing.Names = away
	w.serve(w.objectives)
	v := w.operator("viewer")
	v.get("/console/limits", 200, "key k1", "key:ada", "last with the key k1")
	if away.asks != 1 {
		t.Errorf("a database that is away was asked %d times", away.asks)
	}
	w.sharing.Names = nil
	w.serve(w.objectives)
	v.get("/console/limits", 200, "key k1", "key:ada")
}

// The list is bounded, and says what it leaves out.
func TestLimitsOfACrowd(t *testing.T) {
	w := newWorld(t)
	crowd := load{}
	for i := range 5000 {
		crowd.refusals = append(crowd.refusals, refusedBy("address", 1, time.Second, func(r *telemetry.Record) { r.Remote = fmt.Sprintf("10.0.%d.%d:1", i>>8, i&255) })...)
	}
	w.sharing = shared("", crowd)
	w.serve(w.objectives)
	body := w.operator("viewer").get("/console/limits", 200, "further clients had", "further refusals were of clients that came rarely")
	if n := strings.Count(body, `title="Records">10.0.`); n != 20 {
		t.Errorf("%d clients are listed", n)
	}
}

func TestLimitsOfOneNode(t *testing.T) {
	w := newWorld(t)
	v := w.operator("viewer")
	for ledger, want := range map[string]string{"": "This node counts limits by itself.", "Redis": "The nodes share their limits in Redis."} {
		w.sharing = shared("", load{ledger: ledger})
		w.serve(w.objectives)
		body := v.get("/console/limits", 200, want, "default")
		if strings.Contains(body, "has not answered") {
			t.Error("a ledger that works is away")
		}
	}
}

func TestCacheSaysWhatItSpares(t *testing.T) {
	w := newWorld(t)
	w.sharing = shared("", pressed())
	w.serve(w.objectives)
	v := w.operator("viewer")
	body := v.get("/console/cache", 200,
		"<strong>90 %</strong> of 1,000 lists that were looked for, 45 of them without a comparison", "48 MB of 64 MB", "9,100", "47.5 MB", "public 1m",
		`<td data-label="Lists">1,200 <span class="quiet">200 not looked for</span></td>`, `90 % <span class="quiet">900, 45 stale</span>`, `<td data-label="304">33</td>`, `<td data-label="Public">21</td>`,
		`<td data-label="Dropped">12 <span class="quiet">2 too large</span></td>`, `href="/console/logs?cache=miss&amp;table=notes"`, `>100</a>`,
	)
	if strings.Contains(body, "quiet</bdi>") {
		t.Error("a table without lists has a row")
	}
	v.get("/console/cache?range=all", 200, "1,090 lists", "1,300")
	v.get("/console/cache?range=2h", 400)

	off := pressed()
	off.late.Kept.Answers, off.late.Answers = false, nil
	w.sharing = shared("", off)
	w.serve(w.objectives)
	if body := v.get("/console/cache", 200, "--answer-cache off", "nothing counts the requests by table"); strings.Contains(body, "From memory") {
		t.Error("a hit rate without counts")
	}
}

// Without a log there are no links to it, and without counts no pages.
func TestSharingWithoutTelemetry(t *testing.T) {
	w := newWorld(t)
	w.sharing = shared("", pressed())
	cfg := w.config(w.objectives)
	cfg.Records, cfg.History, cfg.Traces, cfg.Kept, cfg.Incidents = nil, nil, nil, nil, nil
	w.sections(cfg)
	v := w.operator("viewer")
	for _, path := range []string{"/console/limits", "/console/cache"} {
		if body := v.get(path, 200); strings.Contains(mainOf(body), "/console/logs") {
			t.Errorf("%s links to a log that is not there", path)
		}
	}
	cfg.Sharing = nil
	w.sections(cfg)
	v.get("/console/limits", 404)
}
