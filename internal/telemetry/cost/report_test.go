package cost

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

// noon is when the clocks of tests begin.
var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// memory is an Archive without tiers.
type memory struct{ sums []archive.Sum }

func (m *memory) AddSum(at time.Time, body []byte, _ func(sum, more []byte) []byte) {
	m.sums = append(m.sums, archive.Sum{At: at, Length: time.Minute, Body: body})
}

func (m *memory) Sums(context.Context, time.Time, time.Time) ([]archive.Sum, error) {
	return m.sums, nil
}

// process is a process with a clock that tests set.
type process struct {
	*Ledger
	now     time.Time
	cpu     time.Duration
	in, out int64
}

func newProcess(stored ...Storage) *process {
	p := &process{now: noon}
	p.Ledger = New(Config{
		Archive: &memory{}, Prices: model.Costs{CPUHour: 0.04, GBOut: 0.09, GBMonth: 0.02},
		CPU: func() time.Duration { return p.cpu }, Traffic: func() (in, out int64) { return p.in, p.out }, Now: func() time.Time { return p.now },
	})
	p.stored = stored
	return p
}

// request lets the ledger take n requests of one kind.
func (p *process) request(n int, route, table, operation, key string, received, sent int64) {
	for range n {
		r := telemetry.Record{Work: telemetry.WorkRequest, Route: route, Table: table, Operation: operation, Key: key, Received: received, Bytes: sent}
		r.Statements.Count, r.Statements.Took = 2, time.Millisecond
		p.Take(&r)
	}
}

func (p *process) report(t *testing.T) Report {
	t.Helper()
	report, err := p.Report(t.Context(), noon, p.now)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

const listRoute, getRoute = "GET /api/{table}", "GET /api/{table}/{id}"

// TestEachGetsItsShare looks at a minute with two routes, a key, a job, and work that is nobody's.
func TestEachGetsItsShare(t *testing.T) {
	p := newProcess(Storage{"posts", Stored{Rows: 8_000_000, Indexes: 2_000_000}})
	p.request(100, listRoute, "posts", "list", "", 0, 5000)
	p.request(300, getRoute, "posts", "get", "key-1", 10, 500)
	p.now, p.cpu, p.in, p.out = noon.Add(time.Minute), 10*time.Second, 3000+400*200, 650_000+400*300
	p.Profiled([]Usage{
		{Route: listRoute, Table: "posts", Operation: "list", CPU: 4 * time.Second},
		{Route: getRoute, Table: "posts", Operation: "get", Key: "key-1", CPU: 2 * time.Second},
		{Job: "mail", CPU: time.Second},
		{Part: "garbage collection", Way: ByCPU, CPU: 900 * time.Millisecond},
		{Part: "connections", Way: ByUnit, CPU: time.Second},
		{Part: "other", CPU: time.Second},
		// 100 ms of the process are in no sample.
	})
	r := p.report(t)
	// Of 9 s of labelled time, each second gets 0.1 s of the garbage collection. Each request gets 2.75 ms of the connections.
	type line struct {
		name    string
		units   int64
		cpu     time.Duration
		in, out int64
	}
	var got []line
	for _, row := range append(append(r.Routes, r.Jobs...), r.Rest) {
		got = append(got, line{row.Name(), row.Units, row.CPU, row.In, row.Out})
	}
	want := []line{
		{"GET /api/posts", 100, 4675 * time.Millisecond, 20_000, 530_000},
		{"GET /api/posts/{id}", 300, 3025 * time.Millisecond, 63_000, 240_000},
		{"mail", 0, 1100 * time.Millisecond, 0, 0},
		{"everything else", 0, 1200 * time.Millisecond, 0, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(line{})); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for name, list := range map[string][]Row{"operations": r.Operations, "tables": r.Tables, "keys": r.Keys} {
		sum := sumOf(list)
		if sum.CPU != 10*time.Second || sum.Units != 400 || sum.Out != p.out || sum.In != p.in || sum.Statements != 800 {
			t.Errorf("the sum of %s is %+v", name, sum)
		}
	}
	if key := r.Keys[0]; key.Name() != "key-1" || key.CPU != 3025*time.Millisecond || key.Out != 240_000 {
		t.Errorf("the key costs %+v", key)
	}
	if table := r.Tables[0]; table.Name() != "posts" || table.CPU != 7700*time.Millisecond || table.Stored != (Stored{8_000_000, 2_000_000}) {
		t.Errorf("the table costs %+v", table)
	}
	if r.Counted != time.Minute || r.Profiled != time.Minute || len(r.Parts) != 3 || r.Total.CPU != 10*time.Second {
		t.Errorf("Report = %+v", r)
	}
}

func TestMillionIsInMoney(t *testing.T) {
	p := newProcess()
	p.request(1000, getRoute, "posts", "get", "", 0, 1000)
	p.now, p.cpu, p.out = noon.Add(time.Minute), 3600*time.Millisecond, 1_000_000
	p.Profiled([]Usage{{Route: getRoute, Table: "posts", Operation: "get", CPU: 3600 * time.Millisecond}})
	// A profile is missing for the second minute. Its requests do not make the CPU time of each smaller.
	p.request(1000, getRoute, "posts", "get", "", 0, 1000)
	p.now, p.cpu, p.out = noon.Add(2*time.Minute), 7200*time.Millisecond, 2_000_000
	p.flush(nil, false)
	r := p.report(t)
	m := r.Routes[0].Million(r.Prices)
	if m.CPU != time.Hour || m.Out != 1e9 || m.Statements != 2e6 || m.Database != 1e6*time.Millisecond {
		t.Errorf("Million = %+v", m)
	}
	if math.Abs(m.Price.CPU-0.04) > 1e-9 || math.Abs(m.Price.Out-0.09) > 1e-9 {
		t.Errorf("Million costs %+v", m.Price)
	}
	if r.Rest.CPU != 3600*time.Millisecond || r.Profiled != time.Minute || r.Counted != 2*time.Minute {
		t.Errorf("Report = %+v", r)
	}
	if got := r.Routes[0].Margin; math.Abs(got-2/math.Sqrt(72)) > 1e-9 {
		t.Errorf("Margin = %v", got)
	}
}

func TestRouteWithoutTableIsShared(t *testing.T) {
	p := newProcess()
	p.request(30, getRoute, "posts", "get", "", 0, 1)
	p.request(10, getRoute, "users", "get", "", 0, 1)
	p.now, p.cpu = noon.Add(time.Minute), 4*time.Second
	p.Profiled([]Usage{{Route: getRoute, CPU: 4 * time.Second}})
	r := p.report(t)
	if len(r.Routes) != 2 || r.Routes[0].CPU != 3*time.Second || r.Routes[1].CPU != time.Second {
		t.Errorf("Routes = %+v", r.Routes)
	}
}
