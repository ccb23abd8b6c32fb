package load

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/model/snapshot"
)

const wholeLimits = withoutAccounts + `accounts:
  keys: {scopes: {ingest: {salaries: create}, reports: {salaries: read}}}
limits:
  signup:   {routes: [POST /auth/sign-up], per: address, rate: 10/1h}
  caller:   {rate: [50/s, 20000/1d], burst: 5}
  address:  {in_flight: 4}
  salaries: {tables: [salaries], write: true, rate: [30/1m, 500/1d], burst: 10}
  reads:    {tables: [salaries, occupations], operations: [list, get], per: all, rate: 60/1m, in_flight: 2}
  partners: {key: ingest, rate: 1000000/1d}
  networks: {key: ingest, per: address, operations: create, rate: 5/90s}
  query:    {rows: 200000, time: 2500ms, except: [reports]}
`

func TestLimits(t *testing.T) {
	got := loadText(t, wholeLimits).Limits
	want := &model.Limits{
		Rules: []model.Limit{
			{Name: "address", Per: model.PerAddress, InFlight: 4},
			{Name: "caller", Per: model.PerCaller, Rates: []model.Rate{{Count: 50, Window: time.Second, Burst: 5}, {Count: 20000, Window: day}}},
			{Name: "signup", Per: model.PerAddress, Routes: []string{"POST /auth/sign-up"}, Rates: []model.Rate{{Count: 10, Window: time.Hour}}},
			{Name: "salaries", Per: model.PerCaller, Tables: []string{"salaries"}, Operations: []model.Operation{"create", "update", "delete"},
				Rates: []model.Rate{{Count: 30, Window: time.Minute, Burst: 10}, {Count: 500, Window: day}}},
			{Name: "reads", Per: model.PerAll, Tables: []string{"salaries", "occupations"}, Operations: []model.Operation{"list", "get"},
				Rates: []model.Rate{{Count: 60, Window: time.Minute}}, InFlight: 2},
			{Name: "partners", Per: model.PerKey, Scope: "ingest", Rates: []model.Rate{{Count: 1000000, Window: day}}},
			{Name: "networks", Per: model.PerAddress, Scope: "ingest", Operations: []model.Operation{"create"}, Rates: []model.Rate{{Count: 5, Window: 90 * time.Second}}},
		},
		Query: model.QueryLimit{Rows: 200000, Time: 2500 * time.Millisecond, Except: []string{"reports"}},
	}
	if diff := cmp.Diff(want, got, ignorePositions()); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	for _, text := range []string{"", "limits:\n", "limits: {}\n", "limits: {address: , caller: , query: }\n"} {
		got := loadText(t, withoutAccounts+text).Limits
		if diff := cmp.Diff(model.DefaultLimits(), got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func TestLimitsAreTurnedOff(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"limits: off\n", "[]"},
		{"limits: false\n", "[]"},
		{"limits: {address: off}\n", "[caller]"},
		{"limits: {caller: false}\n", "[address]"},
		{"limits: {caller: false, address: false, all: {per: all, in_flight: 5}}\n", "[all]"},
	} {
		got := loadText(t, withoutAccounts+tt.text).Limits
		names := make([]string, len(got.Rules))
		for i := range got.Rules {
			names[i] = got.Rules[i].Name
		}
		if fmt.Sprint(names) != tt.want || got.Query.Time != 5*time.Second {
			t.Errorf("%q: rules %v, time of a query %v; want %s and 5s", tt.text, names, got.Query.Time, tt.want)
		}
	}
}

// Only a rule that the file does not give spares this machine.
func TestGivenLimitsBindThisMachine(t *testing.T) {
	got := loadText(t, withoutAccounts+"limits: {caller: {rate: 1000/10s, in_flight: 16}}\n").Limits
	if !got.Rule("address").SparesLoopback || got.Rule("caller").SparesLoopback || got.Rule("caller").Pos.Line == 0 {
		t.Errorf("limits = %+v", got)
	}
}

func TestTooManyLimits(t *testing.T) {
	text := withoutAccounts + "limits:\n"
	for i := range maxLimits + 1 {
		text += fmt.Sprintf("  n%d: {rate: 1/1s}\n", i)
	}
	_, faults := Files(map[string][]byte{model.MainFile: []byte(text)})
	if len(faults) != 1 || !strings.Contains(faults.Error(), "there are 51 limits, but at most 50 are allowed") {
		t.Errorf("faults = %v", faults)
	}
}

func TestCache(t *testing.T) {
	m := loadText(t, cachedModel)
	for name, want := range map[string]model.Cache{
		"orders": {Public: time.Minute, Stale: time.Second}, "sums": {Stale: 500 * time.Millisecond}, "users": {},
	} {
		if diff := cmp.Diff(want, m.Table(name).Cache, ignorePositions()); diff != "" {
			t.Errorf("cache of %s (-want +got):\n%s", name, diff)
		}
	}
	if at := m.Table("orders").Cache.Pos.String(); at != "ashlar.yaml:4:51" {
		t.Errorf("public of orders is at %s", at)
	}
}

const cachedModel = `ashlar: 1
name: shop
tables:
  orders: {fields: {total: {type: int}}, cache: { public: 60s, stale: 1s}}
views:
  sums: {key: int, reads: [orders], query: SELECT 1 AS id, cache: {stale: 500ms}}
`

// Neither key changes a table, so neither makes a new revision of the stored model.
func TestLimitsAndCacheAreNoChangesOfTheModel(t *testing.T) {
	plain := strings.NewReplacer(", cache: { public: 60s, stale: 1s}", "", ", cache: {stale: 500ms}", "")
	for _, tt := range []struct{ without, with string }{
		{withoutAccounts, wholeLimits}, {plain.Replace(cachedModel), cachedModel},
	} {
		without, with := loadText(t, tt.without), loadText(t, tt.with)
		if !bytes.Equal(snapshot.Encode(without), snapshot.Encode(with)) {
			t.Errorf("the stored model has limits or cache: %s", snapshot.Encode(with))
		}
		if changes := diff.Between(without, with); len(changes) > 0 {
			t.Errorf("changes: %v", changes)
		}
	}
}
