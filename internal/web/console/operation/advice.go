package operation

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// advicePage says which indexes the model lacks.
type advicePage struct {
	advise.State
	May    bool // the operator may start a trial
	Took   time.Duration
	Calls  int64
	Add    []additionPart
	Remove []removalPart
	None   bool // nothing to add
}

// An additionPart is an index to add.
type additionPart struct {
	*advise.Addition
	ID     string // of the line, to copy it
	Fields string
	Writes string // each day
	Gains  []gainRow
}

// A gainRow is what an index does for a shape.
type gainRow struct {
	*advise.Gain
	Calls, Factor string
}

// A removalPart is an index that nothing uses.
type removalPart struct {
	*advise.Removal
	Fields, Writes string
}

func (p *pages) advice(q *console.Request) error {
	page := advicePage{State: p.Advice.State(), May: mayChange(q)}
	if last := page.Last; last != nil {
		page.Took = last.Ended.Sub(last.Began)
		if report := last.Report; report != nil {
			page.add(report)
		}
	}
	return show(q, http.StatusOK, "Advice", "advice.html", &page)
}

// add adds the parts of a report.
func (page *advicePage) add(report *advise.Report) {
	page.Calls = int64(report.Calls)
	page.None = len(report.Add) == 0 && !report.TimedOut
	for i := range report.Add {
		a := &report.Add[i]
		part := additionPart{Addition: a, ID: "line-" + strconv.Itoa(i), Fields: strings.Join(a.Names, ", "), Writes: amount(a.Writes)}
		for j := range a.Gains {
			gain := &a.Gains[j]
			part.Gains = append(part.Gains, gainRow{gain, amount(gain.Calls), amount(gain.Factor())})
		}
		page.Add = append(page.Add, part)
	}
	for i := range report.Remove {
		r := &report.Remove[i]
		page.Remove = append(page.Remove, removalPart{r, strings.Join(r.Names, ", "), amount(r.Writes)})
	}
}

// startAdvice starts a trial, and shows that it runs.
func (p *pages) startAdvice(q *console.Request) error {
	p.Advice.Start()
	return q.Redirect(advicePath)
}
