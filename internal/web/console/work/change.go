package work

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A changeForm is what an operator wants to do to jobs.
type changeForm struct {
	view
	Do    job.Action
	All   bool     // all jobs of the view, not the ones of IDs
	IDs   []string //
	Seen  int64    // microseconds
	Query string
	Sure  bool
}

// changePage asks whether the operator means it, and then says what came of it.
type changePage struct {
	changeForm
	Title, Button, Verb string
	Bad                 bool
	Jobs                []job.Found // of IDs
	Count               int64
	Exact               bool
	SeenAt              time.Time
	Back                string
	Done                bool
	Changed, Kept       int64
	More                bool // the time was over before the jobs
}

func changeFormOf(q *console.Request) (f changeForm, err error) {
	form, err := q.Form()
	if err != nil {
		return f, err
	}
	f = changeForm{Do: job.Action(form.Get("do")), Query: form.Get("query"), Sure: form.Get("sure") == "yes"}
	if f.Do.States() == nil {
		return f, errs.New(errs.Malformed, "jobs are canceled, retried or deleted")
	}
	if f.Seen, err = strconv.ParseInt(form.Get("seen"), 10, 64); err != nil || f.Seen <= 0 {
		return f, errs.New(errs.Malformed, "the form does not say when its page was made: open the list again")
	}
	values, err := url.ParseQuery(f.Query)
	if err != nil {
		return f, errs.Wrapf(err, errs.Malformed, "the form does not say what its page showed: open the list again")
	}
	if f.view, err = viewOf(q, values); err != nil {
		return f, err
	}
	switch form.Get("which") {
	case "all":
		f.All = true
		if f.State == "" {
			return f, errs.New(errs.Malformed, "choose a state first: only jobs of one state are changed together")
		}
	case "shown":
		f.IDs = form["shown"]
	case "chosen":
		if f.IDs = form["id"]; len(f.IDs) == 0 {
			return f, errs.New(errs.Malformed, "no job is chosen: tick some, or choose all that are shown")
		}
	default:
		return f, errs.New(errs.Malformed, "the form does not say which jobs it means")
	}
	if len(f.IDs) > listSize {
		return f, errs.New(errs.Malformed, "a page has %d jobs at most", listSize)
	}
	return f, nil
}

// changeJobs cancels, retries or deletes jobs. It changes exactly what the operator has seen: a job that has changed since the
// page was made stays as it is.
func (p *pages) changeJobs(q *console.Request) error {
	f, err := changeFormOf(q)
	if err != nil {
		return err
	}
	page := changePage{changeForm: f, SeenAt: time.UnixMicro(f.Seen).UTC(), Back: f.path(f.State)}
	page.words()
	ctx := q.HTTP().Context()
	if !f.Sure {
		if f.All {
			asOf := f.filter
			asOf.Until = page.SeenAt
			page.Count, page.Exact, err = p.Queue.Count(ctx, asOf)
		} else {
			page.Jobs, err = p.Queue.List(ctx, f.IDs)
			page.Count, page.Exact = int64(len(f.IDs)), true
		}
		if err != nil {
			return err
		}
		return show(q, http.StatusOK, page.Title, "change.html", page)
	}
	if err := p.doChange(ctx, q, &page); err != nil {
		return err
	}
	page.Done = true
	return show(q, http.StatusOK, page.Title, "change.html", page)
}

func (p *pages) doChange(ctx context.Context, q *console.Request, page *changePage) (err error) {
	f := &page.changeForm
	c := job.Change{Do: f.Do, Filter: f.filter, Seen: page.SeenAt}
	c.Also = func(tx store.Tx, changed int64) error {
		detail := map[string]any{"jobs": changed}
		for name, text := range map[string]string{"queue": f.Queue, "name": f.Name, "state": f.State} {
			if text != "" {
				detail[name] = text
			}
		}
		if f.All {
			detail["all"] = true
		} else {
			detail["ids"] = f.IDs[:min(len(f.IDs), maxNoted)]
		}
		target := ""
		if len(f.IDs) == 1 {
			target = f.IDs[0]
		}
		return p.note(q, tx, "jobs."+page.Verb, target, detail)
	}
	if f.All {
		page.Changed, page.More, err = p.Queue.ChangeAll(ctx, c)
		return err
	}
	c.IDs = f.IDs
	page.Changed, err = p.Queue.Change(ctx, c)
	page.Kept = int64(len(f.IDs)) - page.Changed
	return err
}

// maxNoted bounds the ids of one entry of the audit log.
const maxNoted = 50

// words sets the words of the page.
func (c *changePage) words() {
	for _, a := range actionsFor(c.State) {
		if a.Do == string(c.Do) {
			c.Button, c.Bad = a.Title, a.Bad
		}
	}
	switch c.Do {
	case job.CancelJobs:
		c.Title, c.Verb = "Cancel jobs", "cancelled"
	case job.RetryJobs:
		c.Title, c.Verb = "Retry jobs", "retried"
	case job.DeleteJobs:
		c.Title, c.Verb = "Delete jobs", "deleted"
	}
	if c.Button == "" {
		c.Button = c.Title
	}
}

// edit changes a job that has not started.
func (p *pages) edit(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	id := q.HTTP().PathValue("id")
	err = p.editJob(q, id, form)
	if wrong := wrongOf(err); wrong != nil {
		status := http.StatusUnprocessableEntity
		if errs.KindOf(err) == errs.Conflict {
			status = http.StatusConflict
			form = nil // the job is another one than the form is about
		}
		return p.showJob(q, status, wrong, form)
	}
	if err != nil {
		return err
	}
	return q.Redirect(jobPath(id) + "?done=job-edited")
}

func (p *pages) editJob(q *console.Request, id string, form url.Values) (err error) {
	e := job.Edit{Args: []byte(form.Get("args")), State: form.Get("state")}
	updated, err := strconv.ParseInt(form.Get("updated"), 10, 64)
	if err != nil {
		return errs.New(errs.Malformed, "the form does not say which state of the job it is about: open the job again")
	}
	e.UpdatedAt = time.UnixMicro(updated)
	if e.Priority, err = strconv.Atoi(form.Get("priority")); err != nil {
		return errs.New(errs.Invalid, "the priority of a job is a number from 0 to %d", job.MaxPriority)
	}
	if e.RunAt, err = timeOf(form.Get("run_at")); err != nil {
		return err
	}
	if e.RunAt.IsZero() {
		e.RunAt = p.Now()
	}
	e.Also = func(tx store.Tx) error {
		return p.note(q, tx, "job.edited", id, map[string]any{"run_at": e.RunAt.Format(time.RFC3339), "priority": e.Priority})
	}
	return p.Queue.Edit(q.HTTP().Context(), id, e)
}

// linksOf returns the addresses of the trace and of the records of a job, as far as there are pages of them.
func (p *pages) linksOf(d *job.Detail) (trace, records string) {
	parent, ok := telemetry.ParseTraceparent(d.Trace)
	if !ok {
		return "", ""
	}
	if p.Traces {
		trace = "/console/traces/" + parent.Trace.String()
	}
	if p.Logs {
		records = addressOf("/console/logs", url.Values{"trace": {parent.Trace.String()}, "last": {"7d"}})
	}
	return trace, records
}
