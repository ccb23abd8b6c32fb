// Package backups makes the page of the console about backups and drills.
//
// A viewer may open it. Only an operator may start a backup or a drill, and that has an entry in the audit log: both happen or
// none.
package backups

import (
	"context"
	"embed"
	"html/template"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/backup/schedule"
	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// A Schedule takes backups and drills. *schedule.Service is one.
type Schedule interface {
	Status() *schedule.Status
	Attempts(ctx context.Context) ([]schedule.Attempt, error)
	Backups(ctx context.Context) ([]schedule.Backup, error)
	RunNow(ctx context.Context, kind string, also ...func(tx store.Tx) error) error
}

// Config says where the page gets what it shows. Styles, Points and Now may be missing.
type Config struct {
	Schedule Schedule
	Plan     string                                 // the schedule in words
	Note     func(tx store.Tx, e audit.Event) error // appends to the audit log
	Styles   []string                               // paths of styles
	Points   func() []objective.PointStatus         // objectives for the newest restorable moment; nil: none
	Now      func() time.Time                       // nil means time.Now
}

const path = "/console/backups"

type pages struct{ Config }

// Sections returns the section of the console, none without a schedule.
func Sections(cfg Config) []console.Section {
	if cfg.Schedule == nil {
		return nil
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Points == nil {
		cfg.Points = func() []objective.PointStatus { return nil }
	}
	p := &pages{cfg}
	return []console.Section{{Group: "Keeping", Title: "Backups", Path: path, Styles: cfg.Styles, Routes: []console.Route{
		{Pattern: "GET " + path, Role: console.Viewer, Handler: p.list},
		{Pattern: "POST " + path, Role: console.Operator, Handler: p.start},
	}}}
}

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(console.Templates().Funcs(template.FuncMap{
	"span": objective.Span,
	"size": func(n int64) string { return disk.SizeText(uint64(max(0, n))) },
}).ParseFS(templateFiles, "templates/*.html"))

// page is what the template shows.
type page struct {
	Plan     string
	Problem  string
	Points   []objective.PointStatus
	Kinds    []kindRow
	Backups  []backupRow
	Missing  bool // the target could not be read
	Attempts []schedule.Attempt
	May      bool
}

type kindRow struct {
	schedule.KindStatus
	Title string
	State string // good or bad
	Word  string
}

type backupRow struct {
	schedule.Backup
	Age time.Duration
}

// listedAttempts is the number of attempts that the page shows.
const listedAttempts = 30

func (p *pages) list(q *console.Request) error {
	ctx := q.HTTP().Context()
	attempts, err := p.Schedule.Attempts(ctx)
	if err != nil {
		return err
	}
	status := p.Schedule.Status()
	shown := page{
		Plan: p.Plan, Problem: status.Problem, Points: p.Points(), Attempts: attempts[:min(len(attempts), listedAttempts)], May: q.Operator().May(string(console.Operator)),
	}
	for _, one := range status.Kinds {
		shown.Kinds = append(shown.Kinds, rowOf(one))
	}
	all, err := p.Schedule.Backups(ctx)
	shown.Missing = err != nil
	for _, b := range all {
		shown.Backups = append(shown.Backups, backupRow{b, p.Now().Sub(b.Taken).Truncate(time.Minute)})
	}
	return q.Page(http.StatusOK, "Backups", templates.Lookup("backups.html"), shown)
}

func rowOf(one schedule.KindStatus) kindRow {
	row := kindRow{KindStatus: one, Title: "Backups", State: "good", Word: "in time"}
	if one.Kind == schedule.KindDrill {
		row.Title = "Drills"
	}
	switch {
	case one.Overdue:
		row.State, row.Word = "bad", "overdue"
	case one.Failures > 0:
		row.State, row.Word = "bad", "failing"
	case one.LastOK.IsZero():
		row.State, row.Word = "", "none yet"
	}
	return row
}

// start makes a backup or a drill due.
func (p *pages) start(q *console.Request) error {
	form, err := q.Form()
	if err != nil {
		return err
	}
	kind := form.Get("do")
	if kind != schedule.KindBackup && kind != schedule.KindDrill {
		return errs.New(errs.Malformed, "a backup or a drill can be started")
	}
	err = p.Schedule.RunNow(q.HTTP().Context(), kind, func(tx store.Tx) error {
		_, client := q.By()
		by := q.Operator()
		return p.Note(tx, audit.Event{
			Action: kind + ".started", ActorKind: "operator", ActorID: by.Account, Address: client.Address, Session: by.Session, Request: client.Request,
		})
	})
	if err != nil {
		return err
	}
	return q.Redirect(path + "?done=" + kind + "-started")
}
