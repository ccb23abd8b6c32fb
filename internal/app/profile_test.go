package app

import (
	"io"
	"slices"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
)

// CPU time is found by the route and the table of requests, without any setting but the one that turns profiles on.
func TestCPUTimeIsFoundByRouteAndTable(t *testing.T) {
	server := opened(t, app(t, notes), Config{Profile: true})
	run := start(t, server)
	want := profile.Labels{Route: "GET /api/{table}", Table: "notes", Operation: "list"}
	isWanted := func(u profile.Usage) bool { return u.Labels == want && u.CPU > 0 }
	begin := time.Now()
	for range 100 { // until a sample hits
		if err := server.Profile.StartCPUProfile(io.Discard); err != nil {
			t.Skip("the test itself is profiled")
		}
		for range 100 {
			get(t, run.base+"/api/notes")
		}
		server.Profile.StopCPUProfile()
		if slices.ContainsFunc(server.Profile.Usage(begin, time.Now()), isWanted) {
			return
		}
	}
	t.Errorf("no CPU time of %+v in %v", want, server.Profile.Usage(begin, time.Now()))
}

func TestWithoutProfilesNothingIsLabelled(t *testing.T) {
	server := opened(t, app(t, notes), Config{})
	if server.Profile != nil || server.labels != nil {
		t.Error("an app records profiles that nobody asked for")
	}
}
