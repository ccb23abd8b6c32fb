package operation

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// How many values a chart has, and how many rows its table.
const (
	chartPoints = 240
	tableRows   = 8
)

// homePage is the first page of the console.
type homePage struct {
	Ranges     []choice
	Range      string
	Scope      scope
	Charts     []table
	Data       string // address of the charts' data
	Trouble    string
	Incidents  []incidentRow // that are open
	News       []errorRow
	Objectives []objectiveRow
	Events     []archive.Event
	Audits     bool         // deploys are compared
	Deploy     *deployRow   // the last one; nil if none was compared
	Nodes      []fleet.Node // none if there is one
	Numbers    [4]string    // heads of columns of a node; a node has none before it shared its first step
	FirstAfter string       // when the charts have their first values
	Process    telemetry.Process
	Stats      archive.Stats
	Problem    string // why nothing is kept
}

// A table has the values of a chart as text.
type table struct {
	ID, Title string
	Names     []string
	Rows      []tableRow // the newest first
	Latest    string     // sentence for people who do not see the chart
}

type tableRow struct {
	At    time.Time
	Texts []string
}

// chartRange is a time that the charts may show.
type chartRange struct {
	word, title string
	span        time.Duration
}

func chartRanges() []chartRange {
	const day = 24 * time.Hour
	return []chartRange{{"1h", "1 hour", time.Hour}, {"1d", "1 day", day}, {"14d", "14 days", 14 * day}, {"400d", "400 days", 400 * day}}
}

// rangeOf returns the range that an address asks for. Without a word it is the first one.
func rangeOf(values url.Values) (chartRange, error) {
	word := values.Get("range")
	for _, r := range chartRanges() {
		if word == r.word || word == "" {
			return r, nil
		}
	}
	return chartRange{}, errs.New(errs.Malformed, "range: charts show 1h, 1d, 14d or 400d")
}

const listedNews = 6

func (p *pages) home(q *console.Request) error {
	r, err := rangeOf(q.HTTP().URL.Query())
	if err != nil {
		return err
	}
	now := p.Now()
	page := homePage{Range: r.title, Audits: p.Deploys != nil, Scope: p.scopeOf(q.HTTP().URL.Query()), Nodes: p.allNodes(), Process: p.Process, Stats: p.History.Stats()}
	page.Numbers, page.FirstAfter = [...]string{"Requests", "Failed", "CPU", "Memory"}, "half a minute"
	if page.Scope.all {
		page.FirstAfter = "three minutes"
	}
	page.Data = addressOf(chartsPath, page.Scope.values(r.word))
	if p.Objectives != nil {
		page.Objectives = objectiveRows(p.Objectives.Statuses())
	}
	for _, each := range chartRanges() {
		page.Ranges = append(page.Ranges, choice{each.title, addressOf(homePath, page.Scope.values(each.word)), each == r})
	}
	if page.Stats.Problem != nil {
		page.Problem, _ = troubleOf(errs.Wrapf(page.Stats.Problem, errs.Unavailable, "nothing is kept now"))
	}
	g, charts, err := p.read(q, &page.Scope, r, tableRows)
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	for _, c := range charts {
		page.Charts = append(page.Charts, g.tableOf(c))
	}
	err = within(q, func(ctx context.Context) error {
		groups, err := p.History.Errors(ctx, now.Add(-r.span))
		if err != nil {
			return err
		}
		for _, each := range groups {
			if each.First.After(now.Add(-r.span)) && len(page.News) < listedNews {
				page.News = append(page.News, errorRowOf(each))
			}
		}
		if p.Incidents != nil {
			if page.Incidents, err = p.openIncidents(ctx); err != nil {
				return err
			}
		}
		if p.Deploys != nil {
			if page.Deploy, err = p.lastDeploy(ctx); err != nil {
				return err
			}
		}
		page.Events, err = p.History.Events(ctx, now.Add(-r.span), now.Add(time.Minute), listedNews)
		return err
	})
	if trouble, err := troubleOf(err); err != nil {
		return err
	} else if page.Trouble == "" {
		page.Trouble = trouble
	}
	return show(q, http.StatusOK, "Home", "home.html", page)
}

// chartsAnswer is what the script of the charts reads.
type chartsAnswer struct {
	Times  []int64 `json:"times"` // seconds since 1970
	Step   float64 `json:"step"`  // seconds
	Charts []chart `json:"charts"`
	Events []mark  `json:"events"`
}

// A mark is a moment in the charts.
type mark struct {
	At   int64  `json:"at"`
	Text string `json:"text"`
}

func (p *pages) charts(q *console.Request) error {
	r, err := rangeOf(q.HTTP().URL.Query())
	if err != nil {
		return err
	}
	s := p.scopeOf(q.HTTP().URL.Query())
	g, charts, err := p.read(q, &s, r, chartPoints)
	if err != nil {
		return err
	}
	answer := chartsAnswer{Times: g.times(), Step: g.step.Seconds(), Charts: charts, Events: []mark{}}
	err = within(q, func(ctx context.Context) error {
		now := p.Now()
		events, err := p.History.Events(ctx, now.Add(-r.span), now, 100)
		for _, e := range events {
			if e.Kind != archive.EventError {
				answer.Events = append(answer.Events, mark{e.At.Unix(), e.Kind + ": " + e.Text})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	return q.JSON(http.StatusOK, answer)
}

// read reads the charts of a range, with about so many values each.
func (p *pages) read(q *console.Request, s *scope, r chartRange, points int) (g grid, charts []chart, err error) {
	now := p.Now()
	from, step := now.Add(-r.span), r.span/time.Duration(points)
	err = within(q, func(ctx context.Context) error {
		lines, err := p.series(s)(ctx, from, now, step, metricNames()...)
		if err != nil {
			return err
		}
		g = gridOf(lines, from, now, step)
		charts = g.chartsOf(lines)
		return nil
	})
	return g, charts, err
}

// tableOf returns the table of a chart.
func (g grid) tableOf(c chart) table {
	t := table{ID: c.ID, Title: c.Title}
	for _, l := range c.Lines {
		t.Names = append(t.Names, l.Name)
	}
	for i := g.count - 1; i >= 0; i-- {
		r := tableRow{At: g.from.Add(time.Duration(i) * g.step)}
		known := false
		for _, l := range c.Lines {
			r.Texts = append(r.Texts, valueText(l.Values[i], c.Unit))
			known = known || l.Values[i] != nil
		}
		if known {
			t.Rows = append(t.Rows, r)
		}
	}
	if len(t.Rows) > 0 {
		var parts []string
		for i, name := range t.Names {
			parts = append(parts, name+" "+t.Rows[0].Texts[i])
		}
		t.Latest = strings.Join(parts, ", ")
	}
	return t
}

func valueText(value *float64, unit string) string {
	switch {
	case value == nil:
		return "–"
	case unit == "s":
		return took(time.Duration(*value * float64(time.Second)))
	case unit == "bytes":
		return size(int64(*value))
	}
	return digits(*value) + strings.Replace(unit, "cores", " cores", 1)
}
