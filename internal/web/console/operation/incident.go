package operation

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// incidentPage is one incident.
type incidentPage struct {
	incidentRow
	Report   *incident.Report // nil if it could not be read
	Trouble  string
	May      bool // the operator may change it
	Took     time.Duration
	Share    float64 // of the requests that were bad
	First    []causeRow
	Further  []causeRow
	Findings findingTable
	Lost     []lossRow
	Timeline []moment
	Chart    *incidentChart
	Logs     string // address of its bad records
	Markdown string // address
}

// A causeRow is a cause with the address of the records that show it.
type causeRow struct {
	incident.Cause
	Path string
	Bar  string // width
}

// A lossRow is what an incident took from the budget of an objective.
type lossRow struct {
	objective.Loss
	Part string // of the budget of 30 days
	Bar  string
}

// A moment is a line of the timeline.
type moment struct {
	archive.Event
	Edge bool // the begin or the end of the incident
}

// firstCauses are the causes that stand above the fold.
const firstCauses = 3

func (p *pages) incident(q *console.Request) error {
	id, err := incidentID(q)
	if err != nil {
		return err
	}
	page := incidentPage{May: mayChange(q), Markdown: incidentPath(id) + "/markdown"}
	page.ID, page.Path, page.Title = id, incidentPath(id), "Incident"
	var report incident.Report
	err = within(q, func(ctx context.Context) (err error) {
		report, err = p.Incidents.Report(ctx, id)
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	if page.Trouble == "" {
		page.fill(&report)
	}
	return show(q, http.StatusOK, page.Title, "incident.html", &page)
}

// markdown answers with the incident as a page to paste.
func (p *pages) markdown(q *console.Request) error {
	id, err := incidentID(q)
	if err != nil {
		return err
	}
	var report incident.Report
	err = within(q, func(ctx context.Context) (err error) {
		report, err = p.Incidents.Report(ctx, id)
		return err
	})
	if err != nil {
		return err
	}
	name := "incident-" + q.HTTP().PathValue("id") + "-" + report.From.UTC().Format(time.DateOnly) + ".md"
	return q.File(name, "text/markdown; charset=utf-8", report.Markdown())
}

// fill adds what a report says.
func (page *incidentPage) fill(r *incident.Report) {
	page.Report, page.Incident = r, r.Incident
	page.Open = r.Incident.State != incident.Closed
	page.Took = r.To.Sub(r.From)
	if r.Total > 0 {
		page.Share = r.Bad / r.Total
	}
	for i, c := range r.Causes {
		row := causeRow{c, logsAddress(c.Logs), percent(100 * min(1, max(0, c.Score)))}
		if i < firstCauses {
			page.First = append(page.First, row)
		} else {
			page.Further = append(page.Further, row)
		}
	}
	span := archive.Filter{From: r.From, To: r.To}
	page.Logs = logsAddress(archive.Filter{From: r.From, To: r.To, Kept: true})
	page.Findings.Usual = "Among the others"
	for _, f := range r.Findings {
		selected := span
		selected.Where = []archive.Condition{{Dimension: f.Dimension, Values: []string{f.Value}}}
		known := func(other finding) bool { return other.Dimension == f.Dimension && other.Value == f.Value }
		if !slices.ContainsFunc(page.Findings.Rows, known) { // it is about failed requests and about slow ones
			page.Findings.Rows = append(page.Findings.Rows, findingOf(f, logsAddress(selected)))
		}
	}
	for _, loss := range r.Lost {
		part := loss.Share()
		page.Lost = append(page.Lost, lossRow{loss, share(part), percent(100 * min(1, part))})
	}
	page.Timeline = timelineOf(r)
	page.Chart = incidentChartOf(r)
}

// What returns what the objective asks for.
func (r *lossRow) What() string {
	row := objectiveRow{Status: objective.Status{Objective: r.Objective}}
	return row.What()
}

// timelineOf puts the begin and the end of an incident among its events.
func timelineOf(r *incident.Report) (list []moment) {
	for _, e := range r.Timeline {
		list = append(list, moment{Event: e})
	}
	list = append(list, moment{archive.Event{At: r.From, Text: "The incident begins."}, true})
	if r.Incident.State == incident.Closed {
		list = append(list, moment{archive.Event{At: r.To, Text: "The incident ends."}, true})
	}
	slices.SortStableFunc(list, func(a, b moment) int { return a.At.Compare(b.At) })
	return list
}

// An incidentChart draws the requests of an incident over time.
type incidentChart struct {
	Height     int
	Bars       []incidentBar
	Left       string // of the incident
	Width      string
	Most       string // requests in a second, of the highest bar
	Ticks      []time.Time
	Bad, Total float64
}

// An incidentBar is the requests of one step.
type incidentBar struct {
	X, Width     string
	Y, Height    string // of all requests
	BadY, BadTop string // of the bad ones
	Title        string
}

const incidentHeight = 120 // pixels

// incidentChartOf returns the chart of a report, or nil without requests.
func incidentChartOf(r *incident.Report) *incidentChart {
	c := &incidentChart{Height: incidentHeight}
	n := min(len(r.Chart.Total), len(r.Chart.Bad))
	most := 0.0
	for i := range n {
		c.Total, c.Bad = c.Total+r.Chart.Total[i], c.Bad+r.Chart.Bad[i]
		most = max(most, r.Chart.Total[i], r.Chart.Bad[i])
	}
	if most == 0 || r.Chart.Step <= 0 {
		return nil
	}
	c.Most = digits(most/r.Chart.Step.Seconds()) + "/s"
	width := 100 / float64(n)
	for i := range n {
		all, bad := max(r.Chart.Total[i], r.Chart.Bad[i])/most, r.Chart.Bad[i]/most
		if all == 0 {
			continue
		}
		c.Bars = append(c.Bars, incidentBar{
			X: percent(width * float64(i)), Width: percent(width * 0.85),
			Y: percent(100 - 100*all), Height: percent(100 * all), BadY: percent(100 - 100*bad), BadTop: percent(100 * bad),
			Title: amount(r.Chart.Total[i]) + " requests, " + amount(r.Chart.Bad[i]) + " bad",
		})
	}
	whole := float64(r.Chart.Step) * float64(n)
	left := min(1, max(0, float64(r.From.Sub(r.Chart.From))/whole))
	right := min(1, max(left, float64(r.To.Sub(r.Chart.From))/whole))
	c.Left, c.Width = percent(100*left), percent(100*(right-left))
	for i := range heatTicks + 1 {
		c.Ticks = append(c.Ticks, r.Chart.From.Add(r.Chart.Step*time.Duration(i*n/heatTicks)))
	}
	return c
}

// logsAddress returns the address of the log with the records of a filter.
func logsAddress(f archive.Filter) string {
	values := url.Values{}
	for _, c := range f.Where {
		name := string(c.Dimension)
		if c.Not {
			name = notPrefix + name
		}
		for _, value := range c.Values {
			add(values, name, value)
		}
	}
	for _, prefix := range f.Under {
		add(values, "under", prefix)
	}
	for name, text := range map[string]string{"text": f.Contains, "trace": f.Trace} {
		if text != "" {
			values.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"from": f.From, "to": f.To} {
		if !at.IsZero() {
			values.Set(name, formatTime(at))
		}
	}
	for name, d := range map[string]time.Duration{"min": f.MinDuration, "max": f.MaxDuration} {
		if d > 0 {
			values.Set(name, formatSpan(d))
		}
	}
	switch {
	case f.Failed:
		values.Set("only", onlyFailed)
	case f.Kept:
		values.Set("only", onlyKept)
	}
	return addressOf(logsPath, values)
}
