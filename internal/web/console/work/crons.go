package work

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	"github.com/ashlar-dev/ashlar/internal/job/cron"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// cronsPage lists the jobs that a clock starts.
type cronsPage struct {
	Crons []cronRow
	May   bool
}

// A cronRow is a job that a clock starts.
type cronRow struct {
	clock.Cron
	Name       string
	Path       string
	Words      string // when it is due
	Expression string
	Zone       string
	Missed     string     // what becomes of missed times, in words
	LastRun    *job.Found // nil: there was none since Last, or it is not kept any more
	Jobs       string     // address of its jobs
}

// hasClock reports whether a clock starts a job of the model.
func hasClock(m *model.Model) bool {
	return slices.ContainsFunc(m.Jobs, func(j *model.Job) bool { return j.Timed() })
}

func (p *pages) crons(q *console.Request) error {
	ctx := q.HTTP().Context()
	all, err := p.Clock.All(ctx)
	if err != nil {
		return err
	}
	page := cronsPage{May: mayChange(q)}
	for _, known := range all {
		row, err := p.cronRow(ctx, known)
		if err != nil {
			return err
		}
		page.Crons = append(page.Crons, row)
	}
	return show(q, http.StatusOK, "Crons", "crons.html", page)
}

func (p *pages) cronRow(ctx context.Context, known clock.Cron) (row cronRow, err error) {
	j := known.Job
	row = cronRow{
		Cron: known, Name: j.Name, Path: cronsPath + "/" + url.PathEscape(j.Name), Zone: j.Zone, Expression: j.Cron,
		Jobs: addressOf(jobsPath, url.Values{"name": {j.Name}}), Words: "Every " + console.Took(j.Every), Missed: missedWords(j.Missed),
	}
	if j.Cron != "" {
		expression, err := cron.Parse(j.Cron)
		if err != nil {
			return row, err
		}
		row.Words = expression.Describe()
	}
	if !known.Last.IsZero() {
		row.LastRun, err = p.Queue.FirstSince(ctx, j.Name, known.Last)
	}
	return row, err
}

func missedWords(policy cron.Policy) string {
	switch policy {
	case cron.Every:
		return "a run for each missed time"
	case cron.Skip:
		return "missed times are skipped"
	default:
		return "one run makes up for all missed ones"
	}
}

// changeCron pauses or resumes a job that a clock starts, or starts it once by hand.
func (p *pages) changeCron(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	name := q.HTTP().PathValue("job")
	ctx := q.HTTP().Context()
	noted := func(action string) func(tx store.Tx) error {
		return func(tx store.Tx) error { return p.note(q, tx, action, name, nil) }
	}
	switch form.Get("do") {
	case "pause":
		if err := p.Clock.Pause(ctx, name, true, nameOf(q), noted("cron.paused")); err != nil {
			return err
		}
		return q.Redirect(cronsPath + "?done=cron-paused")
	case "resume":
		if err := p.Clock.Pause(ctx, name, false, nameOf(q), noted("cron.resumed")); err != nil {
			return err
		}
		return q.Redirect(cronsPath + "?done=cron-resumed")
	case "run":
		id, err := p.Clock.RunNow(ctx, name, "operator:"+q.Operator().Account, noted("cron.run"))
		if err != nil {
			return err
		}
		return q.Redirect(jobPath(id))
	}
	return errs.New(errs.Malformed, "a cron is paused, resumed or run")
}
