package app

import (
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

func TestWhoPaysForCPUTime(t *testing.T) {
	var usage []profile.Usage
	for _, labels := range []profile.Labels{
		{Route: "GET /api/{table}", Table: "notes", Operation: "list"}, {Job: "mail"}, {Job: recordsService},
		{Rest: profile.Collector}, {Rest: profile.Scheduler}, {Rest: profile.Connections}, {Rest: profile.Other},
	} {
		usage = append(usage, profile.Usage{Labels: labels, CPU: time.Second})
	}
	want := []cost.Usage{
		{Route: "GET /api/{table}", Table: "notes", Operation: "list"}, {Job: "mail"}, {Part: "records", Way: cost.ByUnit},
		{Part: profile.Collector, Way: cost.ByCPU}, {Part: profile.Scheduler, Way: cost.ByCPU},
		{Part: profile.Connections, Way: cost.ByUnit}, {Part: profile.Other},
	}
	for i := range want {
		want[i].CPU = time.Second
	}
	if got := costUsage(usage); !slices.Equal(got, want) {
		t.Errorf("costUsage = %+v, want %+v", got, want)
	}
}
