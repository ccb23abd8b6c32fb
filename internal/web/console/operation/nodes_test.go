package operation_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
)

// nodes are two servers besides this one, one of them lost.
type nodes struct{ several bool }

func (n *nodes) Several() bool { return n.several }

func (n *nodes) Nodes() []fleet.Node {
	now := time.Now()
	return []fleet.Node{
		{Name: "node-a", Build: "v2", Revision: "abc", Started: now, Seen: now, Own: true, Alive: true, Requests: 12.5, CPU: 0.25, Memory: 50e6},
		{Name: "node-b", Build: "v1", Revision: "abc", Started: now, Seen: now, Alive: true, Failed: 3},
		{Name: hostile()[0], Seen: now.Add(-time.Hour)},
	}
}

func (n *nodes) Incidents(context.Context, time.Time) ([]fleet.Incident, error) {
	return []fleet.Incident{{Node: "node-b", Incident: archive.Incident{Title: hostile()[1], State: "open", Opened: time.Now()}}}, nil
}

func (n *nodes) Series(_ context.Context, from, to time.Time, _ time.Duration, _ ...string) ([]archive.Line, error) {
	return []archive.Line{{Series: "process_resident_memory_bytes", Step: 2 * time.Minute, Values: []archive.Value{{At: to.Add(-10 * time.Minute), Last: 987e6}}}}, nil
}

func (w *world) serveNodes(n *nodes) {
	cfg := w.config(w.objectives)
	cfg.Nodes = n
	w.sections(cfg)
}

func TestPagesSayWhichNodesTheyShow(t *testing.T) {
	w := newWorld(t, busy)
	w.serveNodes(&nodes{several: true})
	v := w.operator("viewer")
	v.get("/console/home", 200, "987 MB", "All nodes", "node-b", "this one", "last seen", "12.5/s", "50 MB", `<td data-label="Memory"><span class="quiet">–</span></td>`, `data-charts="/console/home/charts?range=1h"`)
	v.get("/console/home?nodes=own&range=1d", 200, `data-charts="/console/home/charts?nodes=own&amp;range=1d"`, `href="/console/home?nodes=own&amp;range=14d"`, `href="/console/home?range=1d"`)
	if body := v.get("/console/home?nodes=own", 200); strings.Contains(body, "987 MB") {
		t.Error("the charts of this node show all nodes")
	}
	v.get("/console/home/charts?range=1h", 200, "987000000")
	for _, path := range []string{"/console/logs", "/console/traces", "/console/traces?only=kept", "/console/limits", "/console/cache", "/console/watchers"} {
		v.get(path, 200, "the others are <bdi>node-b, &lt;script&gt;alert(1)&lt;/script&gt;</bdi>")
	}
	v.accept = "application/json"
	for _, path := range []string{"/console/logs/none", "/console/traces/none"} {
		if a := v.send("GET", path, nil); a.Code != http.StatusNotFound || !strings.Contains(a.Body.String(), "node-b") {
			t.Errorf("GET %s = %d %s", path, a.Code, a.Body)
		}
	}
}

func TestPagesOfOneNodeSayNothingOfOthers(t *testing.T) {
	w := newWorld(t, busy)
	w.serveNodes(&nodes{})
	v := w.operator("viewer")
	for _, path := range paths() {
		if body := v.get(path, 200); strings.Contains(body, "node-b") || strings.Contains(body, "All nodes") {
			t.Errorf("GET %s names other nodes", path)
		}
	}
}
