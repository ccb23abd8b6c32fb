package operation

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// incidentsPage lists incidents.
type incidentsPage struct {
	Ranges    []choice
	Incidents []incidentRow
	Others    []fleet.Incident // of other nodes
	Trouble   string
	May       bool // the operator may open one

	Title, From, To string // of the form
	Fault           string // of the form
}

// An incidentRow is an incident in a list.
type incidentRow struct {
	archive.Incident
	Path string
	Open bool
	Took time.Duration // from its begin to its end, or until now
}

// listedIncidents bounds the incidents of a page.
const listedIncidents = 100

func incidentRanges() []chartRange {
	const day = 24 * time.Hour
	return []chartRange{{"30d", "30 days", 30 * day}, {"400d", "400 days", maxSpan}}
}

func incidentPath(id int64) string { return incidentsPath + "/" + strconv.FormatInt(id, 10) }

// incidentRows returns the incidents of a time.
func (p *pages) incidentRows(ctx context.Context, span time.Duration) (rows []incidentRow, err error) {
	now := p.Now()
	found, err := p.Incidents.List(ctx, now.Add(-span), now.Add(time.Minute), listedIncidents)
	for _, in := range found {
		end := in.Closed
		if end.IsZero() {
			end = now
		}
		rows = append(rows, incidentRow{in, incidentPath(in.ID), in.State != incident.Closed, max(0, end.Sub(in.Opened))})
	}
	return rows, err
}

// openIncidents returns the incidents that are open.
func (p *pages) openIncidents(ctx context.Context) (rows []incidentRow, err error) {
	rows, err = p.incidentRows(ctx, maxSpan)
	return slices.DeleteFunc(rows, func(r incidentRow) bool { return !r.Open }), err
}

func (p *pages) incidents(q *console.Request) error {
	word := q.HTTP().URL.Query().Get("range")
	page := incidentsPage{}
	for i, r := range incidentRanges() {
		if word == r.word || (word == "" && i == 0) {
			return p.listIncidents(q, http.StatusOK, r, page)
		}
	}
	return errs.New(errs.Malformed, "range: the page shows 30d or 400d")
}

// listIncidents shows the incidents of a range, and the form as it is filled in.
func (p *pages) listIncidents(q *console.Request, status int, chosen chartRange, page incidentsPage) error {
	page.May = mayChange(q)
	for _, r := range incidentRanges() {
		page.Ranges = append(page.Ranges, choice{r.title, addressOf(incidentsPath, url.Values{"range": {r.word}}), r == chosen})
	}
	err := within(q, func(ctx context.Context) (err error) {
		if page.Incidents, err = p.incidentRows(ctx, chosen.span); err != nil || !p.several() {
			return err
		}
		page.Others, err = p.Nodes.Incidents(ctx, p.Now().Add(-chosen.span))
		return err
	})
	if page.Trouble, err = troubleOf(err); err != nil {
		return err
	}
	return show(q, status, "Incidents", "incidents.html", page)
}

// openIncident opens an incident by hand.
func (p *pages) openIncident(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	page := incidentsPage{Title: clip(form.Get("title")), From: form.Get("from"), To: form.Get("to")}
	draft := incident.Draft{Title: page.Title, Author: authorOf(q)}
	if page.From != "" {
		draft.From, err = parseTime(page.From)
	}
	if page.To != "" && err == nil {
		draft.To, err = parseTime(page.To)
	}
	if err != nil {
		page.Fault = sentence(err.Error())
		return p.listIncidents(q, http.StatusUnprocessableEntity, incidentRanges()[0], page)
	}
	var id int64
	err = within(q, func(ctx context.Context) (err error) {
		id, err = p.Incidents.Open(ctx, draft)
		return err
	})
	if failure, ok := errors.AsType[*errs.Error](err); ok && failure.Kind == errs.Malformed {
		page.Fault = sentence(failure.Message)
		return p.listIncidents(q, http.StatusUnprocessableEntity, incidentRanges()[0], page)
	}
	if err != nil {
		return err
	}
	return q.Redirect(incidentPath(id) + "?done=incident-opened")
}

// closeIncident closes an incident by hand.
func (p *pages) closeIncident(q *console.Request) error {
	return p.change(q, "incident-closed", func(ctx context.Context, id int64, _ url.Values) error {
		return p.Incidents.Close(ctx, id, authorOf(q))
	})
}

// noteIncident adds a note.
func (p *pages) noteIncident(q *console.Request) error {
	return p.change(q, "incident-noted", func(ctx context.Context, id int64, form url.Values) error {
		return p.Incidents.Note(ctx, id, authorOf(q), form.Get("text"))
	})
}

// change changes the incident of the address, and shows it again.
func (p *pages) change(q *console.Request, done string, change func(ctx context.Context, id int64, form url.Values) error) error {
	id, err := incidentID(q)
	if err != nil {
		return err
	}
	form, err := q.Form()
	if err != nil {
		return err
	}
	if err := within(q, func(ctx context.Context) error { return change(ctx, id, form) }); err != nil {
		return err
	}
	return q.Redirect(incidentPath(id) + "?done=" + done)
}

func incidentID(q *console.Request) (int64, error) {
	id, err := strconv.ParseInt(q.HTTP().PathValue("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, errs.New(errs.NotFound, "there is no such incident")
	}
	return id, nil
}

// authorOf returns the name of the operator for notes.
func authorOf(q *console.Request) string {
	if by := q.Operator(); by.Name != "" {
		return by.Name
	}
	return q.Operator().Email
}
