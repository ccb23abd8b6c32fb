package operation

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// costPage says what the work of the app costs.
type costPage struct {
	*cost.Report
	Ranges  []choice
	Kinds   []choice
	Known   bool // something was counted
	Priced  bool // the model has prices
	Stores  bool // the rows have storage
	Of      string
	Rows    []costRow
	More    int // rows beyond the page
	Sum     string
	Trouble string
}

// A costRow is what one kind of work cost.
type costRow struct {
	*cost.Row
	Share   float64 // of the CPU time of the process
	Bar     string  // width
	Million cost.Million
	Margin  string // of the CPU time; "" without CPU time
	Sampled bool   // often enough to tell what a million takes
	Price   string
	Each    string // price of a million
}

// Title returns the name of the work. A job may be called as a table is.
func (r *costRow) Title() string {
	if name := r.Name(); r.Job == "" || name != r.Job {
		return name
	}
	return "job " + r.Job
}

// listedCosts bounds the rows of the page.
const listedCosts = 100

func costRanges() []chartRange {
	const day = 24 * time.Hour
	return []chartRange{{"1d", "1 day", day}, {"1h", "1 hour", time.Hour}, {"7d", "7 days", 7 * day}, {"30d", "30 days", 30 * day}}
}

// costKinds are the ways to divide the costs: the word of the address, the link, the head of the column.
func costKinds() [][3]string {
	return [][3]string{{"route", "Routes and jobs", "Work"}, {"table", "Tables", "Table"}, {"operation", "Operations", "Operation"}, {"key", "Keys", "Key"}}
}

func (p *pages) cost(q *console.Request) error {
	values := q.HTTP().URL.Query()
	word, kind := values.Get("range"), values.Get("by")
	if word == "" {
		word = costRanges()[0].word
	}
	if kind == "" {
		kind = costKinds()[0][0]
	}
	page := costPage{Stores: kind == "table"}
	var chosen *chartRange
	for _, r := range costRanges() {
		if r.word == word {
			chosen = &r
		}
		page.Ranges = append(page.Ranges, choice{r.title, addressOf(costPath, url.Values{"range": {r.word}, "by": {kind}}), r.word == word})
	}
	for _, k := range costKinds() {
		if k[0] == kind {
			page.Of = k[2]
		}
		page.Kinds = append(page.Kinds, choice{k[1], addressOf(costPath, url.Values{"range": {word}, "by": {k[0]}}), k[0] == kind})
	}
	if chosen == nil || page.Of == "" {
		return errs.New(errs.Malformed, "the page shows range 1h, 1d, 7d or 30d, by route, table, operation or key")
	}
	var report cost.Report
	err := within(q, func(ctx context.Context) (err error) {
		now := p.Now()
		report, err = p.Costs.Report(ctx, now.Add(-chosen.span), now)
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	page.fill(&report, kind)
	return show(q, http.StatusOK, "Cost", "cost.html", &page)
}

// fill adds the rows of a report.
func (page *costPage) fill(r *cost.Report, kind string) {
	page.Report = r
	page.Known = !r.From.IsZero()
	page.Priced = r.Prices.CPUHour > 0 || r.Prices.GBOut > 0 || r.Prices.GBMonth > 0
	page.Sum = money(r.Price.Total())
	for _, row := range costRowsOf(r, kind) {
		part := float64(row.CPU) / float64(max(1, r.Total.CPU))
		made := costRow{Row: &row, Share: part, Bar: percent(100 * min(1, part)), Million: row.Million(r.Prices), Price: money(row.Price.Total())}
		switch {
		case row.Own > 0 && row.Margin < 1:
			made.Margin, made.Sampled = "±"+share(row.Margin), row.Units > 0
		case row.Own > 0:
			made.Margin = "few samples"
		}
		if made.Sampled {
			made.Each = money(made.Million.Price.Total())
		}
		page.Rows = append(page.Rows, made)
	}
	page.More = max(0, len(page.Rows)-listedCosts)
	page.Rows = page.Rows[:len(page.Rows)-page.More]
}

func costRowsOf(r *cost.Report, kind string) []cost.Row {
	switch kind {
	case "table":
		return r.Tables
	case "operation":
		return r.Operations
	case "key":
		return r.Keys
	}
	work := slices.Concat(r.Routes, r.Jobs)
	sortBy(work, func(row cost.Row) float64 { return row.Price.Total() })
	if page := r.Rest; page.CPU > 0 || page.Out > 0 || page.In > 0 {
		work = append(work, page)
	}
	return work
}

// money writes a sum of money, in the currency of the model's prices.
func money(f float64) string {
	switch {
	case f == 0:
		return "0"
	case f < 0.001:
		return "< 0.001"
	case f < 0.01:
		return strconv.FormatFloat(f, 'g', 2, 64)
	case f < 100:
		return strconv.FormatFloat(f, 'f', 2, 64)
	}
	return amount(f)
}
