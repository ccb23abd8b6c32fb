package refusal

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

var noon = time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)

// refused returns the record of a request that a limit refused.
func refused(limit string, at time.Time, change func(r *telemetry.Record)) *telemetry.Record {
	r := &telemetry.Record{
		Work: telemetry.WorkRequest, Start: at.Add(-time.Millisecond), Duration: time.Millisecond, Method: "GET", Path: "/api/notes", Status: 429,
		Remote: "192.0.2.7:5000", Caller: "anonymous", CallerKind: "anonymous", Limit: limit,
	}
	if change != nil {
		change(r)
	}
	return r
}

func known() *Clients {
	return New(&model.Limits{Rules: []model.Limit{
		{Name: "address", Per: model.PerAddress}, {Name: "caller", Per: model.PerCaller}, {Name: "partners", Per: model.PerKey}, {Name: "all", Per: model.PerAll},
	}})
}

// A client is what the limit counts.
func TestClientsAreTheUnitsOfLimits(t *testing.T) {
	ada := func(r *telemetry.Record) { r.Caller, r.CallerKind = "user:ada", "user" }
	key := func(r *telemetry.Record) { r.Caller, r.CallerKind, r.Key = "key:ada", "key", "k1" }
	for _, tt := range []struct {
		limit  string
		change func(*telemetry.Record)
		want   Client
	}{
		{"address", nil, Client{Address: "192.0.2.7"}},
		{"address", ada, Client{Address: "192.0.2.7"}},
		{"caller", nil, Client{Address: "192.0.2.7"}},
		{"caller", ada, Client{Caller: "user:ada"}},
		{"caller", key, Client{Caller: "key:ada"}},
		{"partners", key, Client{Key: "k1"}},
		{"all", ada, Client{Caller: "user:ada"}},
		{"reads", ada, Client{Caller: "user:ada"}},
		{"reads", nil, Client{Address: "192.0.2.7"}},
		{"address", func(r *telemetry.Record) { r.Remote = "[2001:db8:1:2:3::4]:443" }, Client{Address: "2001:db8:1:2::/64"}},
		{"address", func(r *telemetry.Record) { r.Remote = "[::1]:443" }, Client{Address: "::1"}},
		{"address", func(r *telemetry.Record) { r.Remote = "@" }, Client{Address: "@"}},
	} {
		c := known()
		c.Take(refused(tt.limit, noon, tt.change))
		rows, all := c.Between(noon, noon)
		if len(rows) != 1 || all != 1 || rows[0].Limit != tt.limit || rows[0].Client != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.limit, rows, tt.want)
		}
	}
}

func TestWhatIsNoRefusalCountsForNobody(t *testing.T) {
	c := known()
	c.Take(refused("", noon, nil))
	c.Take(refused("writes", noon, func(r *telemetry.Record) { r.Work = telemetry.WorkJob }))
	c.Take(refused("reads", noon, func(r *telemetry.Record) { r.Work = telemetry.WorkProbe }))
	if rows, all := c.Between(noon, noon); len(rows) != 0 || all != 0 {
		t.Errorf("%d: %+v", all, rows)
	}
}

func TestRowsHaveTheLastRequest(t *testing.T) {
	c := known()
	c.Take(refused("address", noon, nil))
	c.Take(refused("address", noon.Add(time.Second), func(r *telemetry.Record) {
		r.Method, r.Path, r.Remote, r.Key = "POST", "/"+strings.Repeat("ü", 500), "192.0.2.7:77", "k1"
	}))
	rows, _ := c.Between(noon, noon)
	want := []Row{{"address", Client{Address: "192.0.2.7"}, 2, Request{noon.Add(time.Second), "POST", "/" + strings.Repeat("ü", maxPath-1) + "…", "192.0.2.7", "k1"}}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// With few clients, the counts of each span are exact, in the order of how much was refused.
func TestCountsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, now := known(), noon
		type event struct {
			minute int64
			limit  string
			client string
		}
		var events []event
		for range rapid.IntRange(0, 200).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 30, 60, 600, 7200}).Draw(t, "seconds")) * time.Second)
			e := event{minuteOf(now), rapid.SampledFrom([]string{"address", "reads"}).Draw(t, "limit"), fmt.Sprintf("192.0.2.%d", rapid.IntRange(0, 6).Draw(t, "client"))}
			events = append(events, e)
			c.Take(refused(e.limit, now, func(r *telemetry.Record) { r.Remote = e.client + ":1" }))
		}
		now = now.Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "later")) * time.Second)
		from := now.Add(-time.Duration(rapid.IntRange(0, 59).Draw(t, "span")) * time.Minute)
		want, sum := map[name]uint64{}, uint64(0)
		for _, e := range events {
			if e.minute >= minuteOf(from) {
				want[name{e.limit, Client{Address: e.client}}]++
				sum++
			}
		}
		rows, all := c.Between(from, now)
		got := map[name]uint64{}
		for i, row := range rows {
			got[name{row.Limit, row.Client}] = row.Count
			if i > 0 && rows[i-1].Count < row.Count {
				t.Fatalf("row %d has %d, the one before %d", i, row.Count, rows[i-1].Count)
			}
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(name{})); diff != "" || all != sum {
			t.Fatalf("all %d, want %d; rows (-want +got):\n%s", all, sum, diff)
		}
	})
}

// A crowd of 100,000 addresses that come once pushes out nobody who is refused often, and the memory stays bounded.
func TestExhaustion_ManyClients(t *testing.T) {
	c := known()
	for i := range 100_000 {
		c.Take(refused("address", noon, func(r *telemetry.Record) { r.Remote = fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255) }))
		if i%100 == 0 {
			for range 3 {
				c.Take(refused("caller", noon, func(r *telemetry.Record) { r.Caller, r.CallerKind = "user:eve", "user" }))
			}
		}
	}
	rows, all := c.Between(noon, noon)
	if rows[0].Caller != "user:eve" || rows[0].Count != 3000 || all != 103_000 {
		t.Errorf("of %d refusals, the client with most is %+v", all, rows[0])
	}
	if len(rows) > sets*setSize || len(rows) < sets*setSize/2 {
		t.Errorf("%d clients are remembered, there is room for %d", len(rows), sets*setSize)
	}
	// An hour later nobody of the crowd is in the way.
	later := noon.Add(2 * time.Hour)
	for range 2 {
		for i := range 100 {
			c.Take(refused("address", later, func(r *telemetry.Record) { r.Remote = fmt.Sprintf("192.0.2.%d:1", i) }))
		}
	}
	if rows, all := c.Between(later, later); len(rows) != 100 || all != 200 || rows[99].Count != 2 {
		t.Errorf("two hours later %d clients with %d refusals", len(rows), all)
	}
}

func TestTakeBesideReads(t *testing.T) {
	c := known()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 2000 {
				c.Take(refused("address", noon, nil))
				if i%100 == 0 {
					c.Between(noon, noon)
				}
			}
		})
	}
	group.Wait()
	if rows, all := c.Between(noon, noon); all != 8000 || rows[0].Count != 8000 {
		t.Errorf("%d: %+v", all, rows)
	}
}

func BenchmarkTake(b *testing.B) {
	c, r := known(), refused("address", noon, nil)
	for b.Loop() {
		c.Take(r)
	}
}
