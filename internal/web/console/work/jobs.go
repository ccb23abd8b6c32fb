package work

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// jobsPage lists jobs.
type jobsPage struct {
	view
	States      []choice
	Queues      []string
	Names       []string
	Jobs        []job.Found
	First, Next string
	Cut         bool // the search had no more time
	IsLater     bool // it is not the first page
	May         bool
	Seen        int64  // microseconds: what changes later is not what was shown
	Query       string // the view as the form sends it back
	Actions     []action
	Problem     *problem
}

// An action is a button for the jobs of a list.
type action struct {
	Do, Title string
	Bad       bool
}

// jobPath returns the page of a job.
func jobPath(id string) string { return jobsPath + "/" + id }

// listSize is how many jobs a page has.
const listSize = 50

func (p *pages) jobs(q *console.Request) error {
	values := q.HTTP().URL.Query()
	v, err := viewOf(q, values)
	if err == nil {
		err = p.listJobs(q, v, values.Get("after"), nil, http.StatusOK)
	}
	if wrong := wrongOf(err); wrong != nil {
		return p.emptyList(q, v, wrong)
	}
	return err
}

// find takes the form of the filter. It is posted, so that arguments stand in no address but sealed.
func (p *pages) find(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	var v view
	v.set(form)
	if mayChange(q) {
		v.Args = argsFilter{form.Get("arg"), form.Get("value"), form.Get("text")}
	}
	if v.Args.Arg == "" {
		v.Args.Value = ""
	}
	if err := v.parse(); err != nil {
		return p.emptyList(q, v, wrongOf(err))
	}
	if v.Args != (argsFilter{}) {
		text, err := json.Marshal(v.Args)
		if err != nil {
			return err
		}
		if v.Sealed, err = q.Seal(string(text), sealPurpose); err != nil {
			return err
		}
	}
	return q.Redirect(addressOf(jobsPath, v.values()))
}

// frame returns the parts of the page that do not depend on what was found.
func (p *pages) frame(q *console.Request, v view) jobsPage {
	page := jobsPage{view: v, May: mayChange(q)}
	page.States = append(page.States, choice{"all", v.path(""), v.State == ""})
	for _, state := range job.States() {
		page.States = append(page.States, choice{state, v.path(state), v.State == state})
	}
	page.Queues = slices.Sorted(maps.Keys(p.Queue.Configured()))
	for _, j := range p.Model.Jobs {
		page.Names = append(page.Names, j.Name)
	}
	for _, hook := range p.Model.Webhooks {
		page.Names = append(page.Names, hook.Name)
	}
	slices.Sort(page.Names)
	return page
}

func (p *pages) emptyList(q *console.Request, v view, wrong *problem) error {
	page := p.frame(q, v)
	page.Problem = wrong
	return show(q, http.StatusUnprocessableEntity, "Jobs", "jobs.html", page)
}

func (p *pages) listJobs(q *console.Request, v view, after string, wrong *problem, status int) error {
	page := p.frame(q, v)
	page.Problem = wrong
	list := "jobs " + v.values().Encode()
	cursor, err := q.Open(after, list)
	if err != nil {
		return err
	}
	found, err := p.Queue.Find(q.HTTP().Context(), v.filter, cursor, listSize)
	if err != nil {
		return err
	}
	page.Jobs, page.Cut, page.Seen, page.IsLater = found.Jobs, found.Cut, found.Seen.UnixMicro(), after != ""
	values := v.values()
	page.Query = values.Encode()
	if page.IsLater {
		page.First = addressOf(jobsPath, values)
	}
	if found.Next != "" {
		next, err := q.Seal(found.Next, list)
		if err != nil {
			return err
		}
		values.Set("after", next)
		page.Next = addressOf(jobsPath, values)
	}
	if !page.May {
		for i := range page.Jobs {
			page.Jobs[i].Args = ""
		}
	}
	page.Actions = actionsFor(v.State)
	return show(q, status, "Jobs", "jobs.html", page)
}

// actionsFor returns the actions that a job of a state can be subject to, and all actions without a state.
func actionsFor(state string) (list []action) {
	for _, a := range [...]action{{string(job.RetryJobs), "Retry", false}, {string(job.CancelJobs), "Cancel", false}, {string(job.DeleteJobs), "Delete", true}} {
		if state == "" || slices.Contains(job.Action(a.Do).States(), state) {
			if state == "scheduled" && a.Do == string(job.RetryJobs) {
				a.Title = "Run now"
			}
			list = append(list, a)
		}
	}
	return list
}

// jobPage is the page of one job.
type jobPage struct {
	job.Detail
	Path             string
	May              bool
	Seen             int64
	Known            bool // the model has the name
	Waits            time.Duration
	Took             time.Duration // from its addition to its end
	Trace, Records   string        // addresses
	OfRow, OfName    string        // addresses of lists
	RowAPI           string        // address of the row
	Actions          []action
	Editable         bool
	Updated          int64
	EditArgs, EditAt string // of the form
	EditPriority     string
	Problem          *problem
}

func (p *pages) job(q *console.Request) error { return p.showJob(q, http.StatusOK, nil, nil) }

// showJob shows a job, and the form as it was filled in.
func (p *pages) showJob(q *console.Request, status int, wrong *problem, form url.Values) error {
	d, err := p.Queue.Get(q.HTTP().Context(), q.HTTP().PathValue("id"))
	if err != nil {
		return err
	}
	now := p.Now()
	page := jobPage{
		Detail: d, Path: jobPath(d.ID), May: mayChange(q), Seen: now.UnixMicro(), Problem: wrong, Actions: actionsFor(d.State),
		Known: p.Model.Job(d.Name) != nil || p.Model.Webhook(d.Name) != nil, Updated: d.UpdatedAt.UnixMicro(),
		OfName: addressOf(jobsPath, url.Values{"name": {d.Name}}), EditArgs: d.Args, EditAt: d.RunAt.Format(shownTime), EditPriority: strconv.Itoa(d.Priority),
	}
	if d.UpdatedAt.After(now) {
		page.Seen = d.UpdatedAt.UnixMicro()
	}
	if d.State == "waiting" {
		page.Waits = max(0, now.Sub(d.RunAt))
	}
	if !d.FinishedAt.IsZero() {
		page.Took = max(0, d.FinishedAt.Sub(d.AddedAt))
	}
	if d.Table != "" {
		page.OfRow = addressOf(jobsPath, url.Values{"table": {d.Table}, "row": {d.Row}})
		if p.Model.Table(d.Table) != nil {
			page.RowAPI = "/api/" + url.PathEscape(d.Table) + "/" + url.PathEscape(d.Row)
		}
	}
	page.Trace, page.Records = p.linksOf(&d)
	page.Editable = page.May && p.Queue.MayEdit(d.Queue) && (d.State == "scheduled" || d.State == "waiting")
	if form != nil {
		page.EditArgs, page.EditAt, page.EditPriority = form.Get("args"), form.Get("run_at"), form.Get("priority")
	}
	if !page.May {
		page.Args, page.Result = "", ""
	}
	return show(q, status, d.Name, "job.html", page)
}
