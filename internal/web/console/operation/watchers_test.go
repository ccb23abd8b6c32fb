package operation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/feed"
)

// watchers are made-up watchers.
type watchers struct {
	stats feed.Stats
	list  []feed.Shown
	ended []feed.Ended
}

func (w *watchers) Stats() feed.Stats { return w.stats }

func (w *watchers) List(most int) (list []feed.Shown, all int, ended []feed.Ended) {
	return w.list[:min(most, len(w.list))], len(w.list), w.ended
}

// watching are watchers of all kinds, with a text at the end of what others chose.
func watching(text string) *watchers {
	now := time.Now()
	return &watchers{
		stats: feed.Stats{Watchers: 1204, Windows: 3, Waiting: 2, Lag: 12 * time.Second, Started: 88_000, Events: 1_234_567, Resets: 17, Slow: 4},
		list: []feed.Shown{
			{Who: "user:ada", Table: "notes" + text, Shape: "list notes" + text + " filter(n < ? && title.contains(arg.text)) fields(id,title)", Rows: 31, Sharing: 1, Since: now.Add(-time.Hour), Events: 4512, Waiting: 3},
			{Who: "anonymous", Address: "192.0.2.7" + text, Table: "quiet", Shape: "list quiet", Rows: 4, Sharing: 1200, Since: now.Add(-time.Minute), Events: 12},
			{Who: "service:gone", Table: "quiet", Shape: "list quiet"},
		},
		ended: []feed.Ended{
			{Who: "anonymous", Address: "2001:db8:1:2::/64", Table: "quiet", Shape: "list quiet", Since: now.Add(-time.Hour), At: now.Add(-time.Minute), Events: 12_000, Why: "the watcher reads too slowly" + text},
			{Who: "key:ada", Table: "notes", Shape: "list notes", Since: now.Add(-time.Hour), At: now.Add(-2 * time.Minute), Events: 1, Why: "the session has ended"},
		},
	}
}

func TestWatchersSayWhoWatchesWhat(t *testing.T) {
	w := newWorld(t)
	w.watchers = watching("")
	w.serve(w.objectives)
	v := w.operator("viewer")
	v.get("/console/watchers", 200,
		"<strong>1,204</strong> of 3 different lists", "2 lists", "88,000 streams, 1,234,567 events", "last read 12", "<strong>4</strong>",
		`Ada (ada@example.com)</a> <small>user:ada</small> <small><a href="/console/users/account-ada">account</a></small>`,
		"<code>filter(n &lt; ? &amp;&amp; title.contains(arg.text)) fields(id,title)</code>", `4,512 <span class="quiet">3 wait</span>`, `shared by 1,200`,
		`href="/console/logs?operation=watch&amp;remote=192.0.2.7&amp;table=quiet"`, `title="Records">192.0.2.7</a>`, ">service:gone</a>",
		`title="Records">2001:db8:1:2::/64</a>`, `<td data-label="Why">The watcher reads too slowly.</td>`, "The session has ended.",
	)
	crowd := &watchers{}
	for i := range 5000 {
		crowd.list = append(crowd.list, feed.Shown{Who: "anonymous", Address: fmt.Sprintf("10.0.%d.%d", i>>8, i&255), Table: "quiet", Shape: "list quiet"})
	}
	w.watchers = crowd
	w.serve(w.objectives)
	if body := v.get("/console/watchers", 200, "4,900 further streams"); strings.Count(body, `title="Records">10.0.`) != 100 {
		t.Error("the list is not bounded")
	}
	cfg := w.config(w.objectives)
	cfg.Watchers = nil
	w.sections(cfg)
	v.get("/console/watchers", 404)
}
