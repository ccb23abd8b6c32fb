package operation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
)

// A roster is the nodes of a deploy: one of the new build, one of the old that stops, one that is not ready and one that is
// lost. A lone one has this node, and perhaps an error.
type roster struct {
	lone bool
	err  error
}

func (r roster) Members(context.Context) ([]fleet.Member, error) {
	now := time.Now()
	own := fleet.Member{
		Node:  fleet.Node{Name: "node-a:8080", Build: "v2", Revision: "4f21aa09c3", Started: now.Add(-time.Minute), Seen: now, Own: true, Alive: true, Requests: 12.5, Memory: 50e6},
		Live:  fleet.Live{Address: "http://10.0.0.1:8080", State: fleet.Ready, Work: []string{"backup"}},
		First: now.Add(-time.Minute),
	}
	if r.lone {
		return []fleet.Member{own}, r.err
	}
	old, busy, lost := own, own, own
	old.Own, busy.Own, lost.Own, lost.Alive = false, false, false, false
	old.Failed = 3
	old.Name, old.Build, old.Revision, old.Live = "node-b:8080", "v1", "0c77e2d1b8", fleet.Live{Address: "http://10.0.0.2:8080", State: fleet.Stopping}
	busy.Name, busy.Live = "node-c:8080", fleet.Live{State: fleet.NotReady, Problem: "Writes fail: the disk of the database is full or refuses writes."}
	lost.Name, lost.Seen, lost.Live = "node-d:8080", now.Add(-time.Hour), fleet.Live{State: fleet.Ready, Address: hostile()[0]}
	return []fleet.Member{own, old, busy, lost}, nil
}

func (w *world) serveRoster(r roster) {
	cfg := w.config(w.objectives)
	cfg.Roster = r
	w.sections(cfg)
}

func TestNodesShowADeploy(t *testing.T) {
	w := newWorld(t)
	w.serveRoster(roster{})
	v := w.operator("viewer")
	v.get("/console/nodes", 200, "2 builds, 2 models, 1 stopping", "node-a:8080", "this one", "http://10.0.0.1:8080", "backup runs", `<span class="tag good">ready</span>`,
		`<span class="tag ">stopping</span>`, `<span class="tag bad">not ready</span>`, "Writes fail", `<span class="tag bad">lost</span>`, "12.5/s", "3/s failed", "50 MB", "4f21aa09c3", "0c77e2d1b8")
	w.serveRoster(roster{lone: true})
	if page := v.get("/console/nodes", 200, "node-a:8080"); strings.Contains(page, "under way") {
		t.Error("one node is a deploy")
	}
	w.serveRoster(roster{lone: true, err: errors.New("no route to the host")})
	if page := v.get("/console/nodes", 200, "node-a:8080", "only this node is listed"); strings.Contains(page, "no route") {
		t.Error("the page shows the error of the database")
	}
}

// TestNodesInABrowser looks at the page wide and narrow, light and dark.
func TestNodesInABrowser(t *testing.T) {
	w := newWorld(t)
	w.serveRoster(roster{})
	b := open(t, w)
	b.visit("/console/nodes")
	b.look("nodes")
	b.Run(chromedp.WaitVisible(`//nav//a[text()="Nodes"][@aria-current]`))
}
