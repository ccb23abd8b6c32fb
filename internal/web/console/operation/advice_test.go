package operation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// advice is what a test makes up.
type advice struct {
	state   advise.State
	started int
}

func (a *advice) Start() { a.started++ }

func (a *advice) State() advise.State { return a.state }

// advised returns the outcome of trials that found something, with a text in all places.
func advised(text string) *advise.Outcome {
	now := time.Now()
	pos := model.Pos{File: "ashlar.yaml", Line: 12}
	return &advise.Outcome{Began: now.Add(-3 * time.Hour), Ended: now.Add(-3*time.Hour + 7*time.Second), Report: &advise.Report{
		Since: now.Add(-9 * 24 * time.Hour), Until: now, Calls: 1_234_567,
		Add: []advise.Addition{{
			Index: advise.Index{Table: "tasks" + text, Fields: []string{"team_id", "rank"}}, Names: []string{"team" + text, "rank"}, Line: "indexes: [[team, rank]]" + text,
			Pos: pos, Size: 1_700_000, Build: 90 * time.Millisecond, Rows: 120_000, Share: 0.25, Writes: 4100,
			Gains: []advise.Gain{{
				Shape: "list tasks filter(team == arg.t) sort(rank)" + text, CallerKind: "user", Calls: 81_000,
				Before: store.Work{Steps: 960_000, Took: 23 * time.Millisecond}, After: store.Work{Steps: 400, Took: 90 * time.Microsecond},
			}},
		}},
		Remove:  []advise.Removal{{Index: advise.Index{Table: "posts"}, Names: []string{"title"}, Pos: pos, Size: 800_000, Writes: 12}},
		Untried: []advise.Untried{{Shape: "view sums", Why: "no caller gets an answer" + text}},
	}}
}

func TestAdviceNamesTheLineAndItsGain(t *testing.T) {
	w := newWorld(t)
	w.advice.state.Last = advised("")
	v := w.operator("viewer")
	v.get("/console/advice", 200, "1,234,567 calls", "team, rank", "indexes: [[team, rank]]", "ashlar.yaml:12", "23 ms → 90 µs", "2,400 times", "1.7 MB for 120,000 rows", "25 % of the rows",
		"Remove the index on title", "1 query not run again", "no caller gets an answer")
	w.advice.state.Last = &advise.Outcome{Report: &advise.Report{TooYoung: true, TimedOut: true}}
	v.get("/console/advice", 200, "after seven days", "--time 10m")
	w.advice.state.Last = &advise.Outcome{Report: &advise.Report{}}
	v.get("/console/advice", 200, "No further index would help", "Every index of the model is used")
	w.advice.state.Last = &advise.Outcome{}
	v.get("/console/advice", 200, "no query was recorded yet")
	w.advice.state.Last = &advise.Outcome{Trouble: "the disk has only 5 MB left"}
	v.get("/console/advice", 200, "failed", "the disk has only 5 MB left")
}

// Trials take a core for a minute, so only an operator may start them.
func TestTrialsNeedAnOperator(t *testing.T) {
	w := newWorld(t)
	viewer := w.operator("viewer")
	if body := viewer.get("/console/advice", 200); strings.Contains(body, "<button class=\"main\"") {
		t.Error("a viewer sees the button")
	}
	v := w.operator("operator")
	v.get("/console/advice", 200, "Try indexes now")
	if a := v.send("POST", "/console/advice", nil); a.Code != 303 || a.Header().Get("Location") != "/console/advice" || w.advice.started != 1 {
		t.Errorf("the start = %d, %d trials", a.Code, w.advice.started)
	}
	if a := viewer.send("POST", "/console/advice", nil); a.Code != 403 || w.advice.started != 1 {
		t.Errorf("the start by a viewer = %d, %d trials", a.Code, w.advice.started)
	}
	w.advice.state = advise.State{Began: time.Now(), Step: "copying <b>"}
	if body := v.get("/console/advice", 200, "copying &lt;b&gt;", `data-reload="1500"`); strings.Contains(body, "Try indexes now") {
		t.Error("the button is there while trials run")
	}
}
