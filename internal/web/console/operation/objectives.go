package operation

import (
	"context"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// objectivesPage says how the objectives are doing.
type objectivesPage struct {
	Objectives []objectiveRow
	Points     []objective.PointStatus
	Firing     []objective.Alert
	History    []archive.Event // alerts that began or ended
	Trouble    string
	Log        bool // there is a log
}

// An objectiveRow is an objective with its bar.
type objectiveRow struct {
	objective.Status
	Left  string // width of the bar
	Spent bool   // nothing is left
	Burns []burnCell
}

// A burnCell is how fast a window uses the budget.
type burnCell struct {
	Window string
	Rate   string
	Fast   bool // faster than allowed
	objective.Burn
}

// What returns what the objective asks for: "answered within 300 ms".
func (r *objectiveRow) What() string {
	if r.Kind == objective.Fast {
		return "answered within " + took(r.Below)
	}
	if r.Kind == objective.RestorePoint {
		return "newest restorable moment at most " + formatSpan(r.Below) + " old"
	}
	if r.Name == objective.ProbeName {
		return "of the server's requests to itself"
	}
	return "answered without failing"
}

// Windows returns the windows of the burn rates.
func (p *objectivesPage) Windows() []burnCell { return p.Objectives[0].Burns }

func objectiveRows(statuses []objective.Status) (list []objectiveRow) {
	for _, s := range statuses {
		r := objectiveRow{Status: s, Left: percent(100 * min(1, max(0, s.BudgetLeft))), Spent: s.BudgetLeft <= 0}
		for _, b := range s.Burns {
			r.Burns = append(r.Burns, burnCell{formatSpan(b.Window), "×" + digits(b.Rate), b.Rate > 1, b})
		}
		list = append(list, r)
	}
	return list
}

// alertKind is the kind of the events that tell of alerts.
const alertKind = "alert"

func (p *pages) objectives(q *console.Request) error {
	page := objectivesPage{Objectives: objectiveRows(p.Objectives.Statuses()), Points: p.Objectives.Points(), Firing: p.Objectives.Firing(), Log: p.Records != nil}
	if p.History != nil {
		err := within(q, func(ctx context.Context) (err error) {
			now := p.Now()
			page.History, err = p.History.Events(ctx, now.Add(-30*24*time.Hour), now.Add(time.Minute), listSize, alertKind)
			return err
		})
		if page.Trouble, err = troubleOf(err); err != nil {
			return err
		}
	}
	return show(q, http.StatusOK, "Objectives", "objectives.html", &page)
}
