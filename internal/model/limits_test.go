package model

import (
	"fmt"
	"testing"
	"time"
)

func TestLimitsInWords(t *testing.T) {
	rate := []Rate{{Count: 30, Window: time.Minute, Burst: 10}, {Count: 500, Window: 24 * time.Hour}}
	defaults := DefaultLimits()
	for _, tt := range []struct {
		limit fmt.Stringer
		want  string
	}{
		{defaults.Rule("address"), "300/10s per address; not this machine"},
		{defaults.Rule("caller"), "1000/10s, 16 in flight per caller; not this machine"},
		{&defaults.Query, "5s"},
		{&QueryLimit{Rows: 200000, Time: 2500 * time.Millisecond, Except: []string{"reports", "audits"}}, "2500ms, 200000 rows; not keys of reports, audits"},
		{&Limit{Per: PerCaller, Rates: rate, Tables: []string{"comments", "posts"}, Operations: []Operation{CreateOperation, UpdateOperation}},
			"30/1m (10 at once), 500/1d per caller: create, update of comments, posts"},
		{&Limit{Per: PerAll, InFlight: 3, Operations: []Operation{ListOperation}}, "3 in flight together: list"},
		{&Limit{Per: PerAddress, Rates: rate[1:], Tables: []string{"posts"}, Routes: []string{"POST /auth/sign-up"}}, "500/1d per address: posts, POST /auth/sign-up"},
		{&Limit{Per: PerKey, Rates: rate[1:], Scope: "ingest"}, "500/1d per key: keys of ingest"},
		{&Limit{Per: PerKey, Rates: rate[1:], Scope: "ingest", Tables: []string{"posts"}}, "500/1d per key: posts, with a key of ingest"},
		{&Cache{}, ""},
		{&Cache{Public: time.Minute, Stale: time.Second}, "public 1m, stale 1s"},
	} {
		if got := tt.limit.String(); got != tt.want {
			t.Errorf("%+v in words: %q, want %q", tt.limit, got, tt.want)
		}
	}
	if defaults.Rule("search") != nil {
		t.Error("there is a rule search")
	}
}
