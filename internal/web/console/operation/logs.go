package operation

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// listSize is the number of records on a page.
const listSize = 50

// logsPage is the log.
type logsPage struct {
	*view
	Spans       []choice
	Heat        *heat
	HeatTrouble string
	Difference  *difference
	Rows        []row
	First, Next string
	Trouble     string // in place of the rows
	Sampled     bool   // a row stands for several records
	Tail        string // address of the live tail; "" if the view has an end
	Newest      int64  // cursor of the newest row
	Elsewhere   string // nodes whose records are not here
}

// A row is a record in the log. The live tail sends rows as JSON.
type row struct {
	Path    string `json:"path"` // of the page of the record
	At      string `json:"at"`
	Status  cell   `json:"status"`
	Name    cell   `json:"name"`
	Took    string `json:"took"`
	Table   cell   `json:"table"`
	Caller  cell   `json:"caller"`
	Weight  string `json:"weight"` // "" if the record stands for itself
	Problem string `json:"problem"`
	Mark    string `json:"mark"` // bad or slow
}

// A cell is a value with two addresses: of the records that have it, and of the other ones.
type cell struct {
	Text string `json:"text"`
	Only string `json:"only"`
	Not  string `json:"not"`
}

func (v *view) cell(dimension archive.Dimension, value, text string) cell {
	if value == "" {
		return cell{Text: text}
	}
	return cell{text, v.With(string(dimension), value), v.Without(string(dimension), value)}
}

func (v *view) row(r *archive.Record) row {
	out := row{
		Path: logsPath + "/" + url.PathEscape(r.ID), At: r.End.UTC().Format(time.RFC3339Nano), Took: took(r.Duration),
		Table: v.cell(archive.Table, r.Table, r.Table), Caller: v.cell(archive.Caller, r.Caller, shortCaller(r.Caller)), Problem: problemOf(r),
	}
	if r.Status != 0 {
		status := strconv.Itoa(r.Status)
		out.Status = v.cell(archive.Status, status, status)
	}
	switch {
	case r.Route != "":
		out.Name = v.cell(archive.Route, r.Route, r.Method+" "+r.Path)
	case r.Path != "": // no route matched
		out.Name = cell{Text: r.Method + " " + r.Path, Only: v.With(string(archive.Route), ""), Not: v.Without(string(archive.Route), "")}
	case r.Job != "":
		out.Name = v.cell(archive.Job, r.Job, r.Work+" "+r.Job)
	default:
		out.Name = v.cell(archive.Work, r.Work, r.Work)
	}
	if r.Weight > 1 {
		out.Weight = "×" + digits(r.Weight)
	}
	switch {
	case r.Failed:
		out.Mark = "bad"
	case r.Slow:
		out.Mark = "slow"
	}
	return out
}

// shortCaller writes a caller for a narrow column. The first half of an id is the time that it was made, so ids differ at
// their end.
func shortCaller(caller string) string {
	const longest, end = 24, 12
	kind, id, ok := strings.Cut(caller, ":")
	if letters := []rune(id); ok && len(caller) > longest && len(letters) > end {
		return kind + ":…" + string(letters[len(letters)-end:])
	}
	return caller
}

// problemOf returns what a row says about a failure.
func problemOf(r *archive.Record) string {
	switch {
	case r.Error != "":
		return errs.Clip(r.Error, 200)
	case r.Limit != "":
		return "limit " + r.Limit
	}
	return r.Problem
}

func (p *pages) logs(q *console.Request) error {
	v := parseView(q.HTTP().URL.Query(), p.Now())
	page := logsPage{view: v, Spans: v.spans(), Elsewhere: p.elsewhere()}
	if len(v.Faults) > 0 {
		return show(q, http.StatusUnprocessableEntity, "Logs", "logs.html", page)
	}
	filter, selected := v.selection()
	var found archive.Page
	err := within(q, func(ctx context.Context) (err error) {
		found, err = p.Records.Records(ctx, filter, v.before, listSize)
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	for i := range found.Records {
		page.Rows = append(page.Rows, v.row(&found.Records[i]))
		page.Sampled = page.Sampled || found.Records[i].Weight > 1
	}
	if len(found.Records) > 0 {
		page.Newest = found.Records[0].Cursor
	}
	if found.Next != 0 {
		page.Next = v.link(func(u url.Values) { u.Set("before", strconv.FormatInt(found.Next, 10)) })
	}
	if v.before != 0 {
		page.First = v.link(func(url.Values) {})
	}
	if page.Trouble == "" && v.before == 0 {
		if err := p.addMap(q, &page); err != nil {
			return err
		}
	}
	if selected && page.Trouble == "" {
		if page.Difference, err = p.difference(q, v); err != nil {
			return err
		}
	}
	if v.To == "" && v.before == 0 && !selected {
		page.Tail = addressOf(tailPath, v.values)
	}
	return show(q, http.StatusOK, "Logs", "logs.html", page)
}

// spans returns the links to other times.
func (v *view) spans() (list []choice) {
	for _, span := range [...]struct{ word, title string }{
		{"15m", "15 minutes"}, {"1h", "1 hour"}, {"6h", "6 hours"}, {"1d", "1 day"}, {"7d", "7 days"},
	} {
		list = append(list, choice{span.title, v.Last(span.word), v.Span == span.word && v.From == ""})
	}
	return list
}
