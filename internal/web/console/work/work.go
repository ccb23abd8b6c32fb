// Package work makes the pages of the console about jobs: queues, jobs, webhooks and the clock that starts some of them.
//
// A viewer may open all pages. Arguments and results of jobs may hold what rows hold, so only operators see them, and no
// address has them. What changes something needs an operator, and has an entry in the audit log: both happen or none.
package work

import (
	"cmp"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/clock"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A Clock starts jobs at their times. *clock.Clock is one.
type Clock interface {
	All(ctx context.Context) ([]clock.Cron, error)
	Pause(ctx context.Context, name string, paused bool, by string, also ...func(tx store.Tx) error) error
	RunNow(ctx context.Context, name, by string, also ...func(tx store.Tx) error) (id string, err error)
}

// A Config says where the pages get what they show. All but Webhooks, Traces, Logs, Styles and Now is required.
type Config struct {
	Model    *model.Model
	Queue    *job.Queue
	History  *job.History
	Clock    Clock
	Webhooks Webhooks                               // nil: there is no page about them
	Note     func(tx store.Tx, e audit.Event) error // appends to the audit log
	Node     string                                 // names this process if there are several; else ""
	Traces   bool                                   // there are pages of traces
	Logs     bool                                   // there are pages of records
	Styles   []string                               // paths of styles that come before the one of this package
	Now      func() time.Time                       // nil means time.Now
}

// The first pages of the sections, and the folder of the style.
const (
	group      = "Work"
	queuesPath = "/console/queues"
	jobsPath   = "/console/jobs"
	cronsPath  = "/console/crons"
	assetsPath = "/console/work"
)

type pages struct{ Config }

// Sections returns the sections of the console. Every app has the queue of its mails.
func Sections(cfg Config) []console.Section {
	p := &pages{cfg}
	if p.Now == nil {
		p.Now = time.Now
	}
	files := assets()
	styles := append(append([]string{}, cfg.Styles...), files.Path("work.css"))
	section := func(title, path string, routes ...console.Route) console.Section {
		return console.Section{Group: group, Title: title, Path: path, Styles: styles, Routes: routes}
	}
	list := []console.Section{
		section("Queues", queuesPath, get(queuesPath, p.queues), post(queuesPath+"/{queue}", p.changeQueue), files.Route()),
		section("Jobs", jobsPath, get(jobsPath, p.jobs), console.Route{Pattern: "POST " + jobsPath, Role: console.Viewer, Handler: p.find},
			post(jobsPath+"/change", p.changeJobs), get(jobsPath+"/{id}", p.job), post(jobsPath+"/{id}/edit", p.edit)),
	}
	if cfg.Webhooks != nil && len(cfg.Model.Webhooks) > 0 {
		list = append(list, section("Webhooks", webhooksPath, get(webhooksPath, p.webhooks),
			get(webhooksPath+"/{webhook}", p.deliveries), post(webhooksPath+"/{webhook}", p.replay)))
	}
	if hasClock(cfg.Model) {
		list = append(list, section("Crons", cronsPath, get(cronsPath, p.crons), post(cronsPath+"/{job}", p.changeCron)))
	}
	return list
}

// get returns the route of a page that a viewer may open.
func get(path string, handler func(*console.Request) error) console.Route {
	return console.Route{Pattern: "GET " + path, Role: console.Viewer, Handler: handler}
}

// post returns the route of an action that an operator may do.
func post(path string, handler func(*console.Request) error) console.Route {
	return console.Route{Pattern: "POST " + path, Role: console.Operator, Handler: handler}
}

//go:embed assets
var assetFiles embed.FS

func assets() console.Assets {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the name of the folder is valid
	}
	return console.NewAssets(assetsPath, files)
}

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(console.Templates().Funcs(template.FuncMap{"jobcount": console.Plural}).ParseFS(templateFiles, "templates/*.html"))

func show(q *console.Request, status int, title, name string, data any) error {
	return q.Page(status, title, templates.Lookup(name), data)
}

// mayChange reports whether the operator may change something, and see arguments.
func mayChange(q *console.Request) bool { return q.Operator().May(string(console.Operator)) }

// nameOf returns what the operator is called.
func nameOf(q *console.Request) string { return cmp.Or(q.Operator().Name, q.Operator().Email) }

// note appends an event by the operator to the audit log.
func (p *pages) note(q *console.Request, tx store.Tx, action, target string, detail map[string]any) error {
	_, client := q.By()
	by := q.Operator()
	return p.Note(tx, audit.Event{
		Action: action, ActorKind: "operator", ActorID: by.Account, Target: target, Address: client.Address, Session: by.Session,
		Request: client.Request, Detail: detail,
	})
}

// A problem is what was wrong with a form.
type problem struct {
	Message, Wait string
	Faults        []errs.Fault
}

// A choice is one of some links.
type choice struct {
	Title, Path string
	Current     bool
}
