package operation

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// deploysPage has what changed with the last deploys.
type deploysPage struct {
	Deploys []deployRow
	More    int // audits beyond the page
	Trouble string
}

// A deployRow is a deploy that was compared with the time before it.
type deployRow struct {
	*deploy.Audit
	Tag     string
	Bad     bool   // something got worse
	Known   bool   // something could be compared
	Against string // the times before it, for people
	Rows    []measureRow
	Worst   []measureRow // of Rows
	Records string       // address of the records after the deploy
}

// A measureRow is a number before and after a deploy.
type measureRow struct {
	deploy.Measure
	Was, Is string
	Rise    string // relative change
	Records string // address of the records of the route; "" for all requests
}

const (
	listedDeploys  = 10
	listedMeasures = 4 // on the first page
)

// lastDeploy returns the newest audit, or nil.
func (p *pages) lastDeploy(ctx context.Context) (*deployRow, error) {
	now := p.Now()
	audits, err := p.Deploys.Audits(ctx, now.Add(-maxSpan), now.Add(time.Minute))
	if err != nil || len(audits) == 0 {
		return nil, err
	}
	row := deployRowOf(&audits[0])
	return &row, nil
}

func (p *pages) deploys(q *console.Request) error {
	page := deploysPage{}
	err := within(q, func(ctx context.Context) error {
		now := p.Now()
		audits, err := p.Deploys.Audits(ctx, now.Add(-maxSpan), now.Add(time.Minute))
		page.More = max(0, len(audits)-listedDeploys)
		for i := range audits[:len(audits)-page.More] {
			page.Deploys = append(page.Deploys, deployRowOf(&audits[i]))
		}
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	return show(q, http.StatusOK, "Deploys", "deploys.html", &page)
}

func deployRowOf(a *deploy.Audit) deployRow {
	row := deployRow{Audit: a, Against: strings.Join(a.Bases, " and "), Records: recordsOf(a, "")}
	switch a.Verdict() {
	case deploy.Worse:
		row.Tag, row.Bad = "worse", true
	case deploy.Unknown:
		row.Tag = "too few requests to compare"
		return row
	default:
		row.Tag = "nothing got worse"
	}
	row.Known = true
	for _, m := range a.Measures {
		made := measureRow{Measure: m, Was: "–", Is: "–", Rise: "–"}
		if m.Verdict != deploy.Unknown {
			made.Was, made.Is, made.Rise = measureText(m.Kind, m.Before), measureText(m.Kind, m.After), riseText(m.Change())
		}
		if m.Route != "" {
			made.Records = recordsOf(a, m.Route)
		}
		row.Rows = append(row.Rows, made)
		if m.Alarms() && len(row.Worst) < listedMeasures {
			row.Worst = append(row.Worst, made)
		}
	}
	return row
}

// recordsOf returns the address of the records that an audit looked at after the deploy.
func recordsOf(a *deploy.Audit, route string) string {
	values := url.Values{"from": {formatTime(a.From)}, "to": {formatTime(a.To)}}
	if route != "" {
		values.Set("route", route)
	}
	return addressOf(logsPath, values)
}

// measureText writes a value with its unit.
func measureText(kind deploy.Kind, value float64) string {
	switch kind {
	case deploy.Errors, deploy.Refused:
		return share(value)
	case deploy.P50, deploy.P99, deploy.CPU:
		return took(time.Duration(value * float64(time.Second)))
	case deploy.Memory:
		return bytes(value)
	case deploy.Rate:
		return amount(value) + "/s"
	}
	return amount(value)
}

// riseText writes a relative change: "+50 %".
func riseText(change float64) string {
	switch {
	case math.IsInf(change, 0):
		return "from nothing"
	case change > 0:
		return "+" + share(change)
	case change < 0:
		return "−" + share(-change)
	}
	return "none"
}
