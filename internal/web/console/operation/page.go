package operation

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"time"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/cost"
	"github.com/ashlar-dev/ashlar/internal/telemetry/deploy"
	"github.com/ashlar-dev/ashlar/internal/telemetry/fleet"
	"github.com/ashlar-dev/ashlar/internal/telemetry/incident"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/telemetry/trace"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

// Records are the records of past work. *archive.Archive is one.
type Records interface {
	Records(ctx context.Context, f archive.Filter, before int64, limit int) (archive.Page, error)
	Record(ctx context.Context, id string) (archive.Record, error)
	Heatmap(ctx context.Context, f archive.Filter, columns int, bounds []time.Duration) (archive.Heatmap, error)
	Difference(ctx context.Context, selection, baseline archive.Filter) ([]archive.Finding, error)
}

// History is what happened over time. *archive.Archive is one.
type History interface {
	Series(ctx context.Context, from, to time.Time, step time.Duration, names ...string) ([]archive.Line, error)
	Errors(ctx context.Context, from time.Time) ([]archive.ErrorGroup, error)
	Events(ctx context.Context, from, to time.Time, limit int, kinds ...string) ([]archive.Event, error)
	Stats() archive.Stats
}

// Traces are the traces of recent work. *trace.Traces is one.
type Traces interface {
	Recent(f trace.Filter) []trace.Trace
	ByID(id string) (trace.Trace, bool)
}

// KeptTraces are the slow and failed traces that memory has no more. *archive.Archive is one.
type KeptTraces interface {
	Trace(ctx context.Context, id telemetry.TraceID) (archive.Trace, error)
	Traces(ctx context.Context, from, to time.Time, limit int) ([]archive.Trace, error)
}

// Objectives are the objectives of the model. *objective.Service is one.
type Objectives interface {
	Statuses() []objective.Status
	Firing() []objective.Alert
	Points() []objective.PointStatus
}

// Advice tries indexes for the app's queries. *advise.Runner is one.
type Advice interface {
	Start()
	State() advise.State
}

// Profiles are the CPU profiles of the last time. *profile.Recorder is one.
type Profiles interface {
	Span() (from, to time.Time)
	Usage(from, to time.Time) []profile.Usage
	Flame(from, to time.Time, filter profile.Filter) *profile.Frame
}

// Incidents are the incidents of the app. *incident.Service is one.
type Incidents interface {
	List(ctx context.Context, from, to time.Time, limit int) ([]archive.Incident, error)
	Report(ctx context.Context, id int64) (incident.Report, error)
	Open(ctx context.Context, draft incident.Draft) (id int64, err error)
	Close(ctx context.Context, id int64, author string) error
	Note(ctx context.Context, id int64, author, text string) error
}

// Deploys are the deploys that were compared with the time before. *deploy.Service has them.
type Deploys interface {
	Audits(ctx context.Context, from, to time.Time) ([]deploy.Audit, error)
}

// Costs are what the work of the app costs. *cost.Ledger is one.
type Costs interface {
	Report(ctx context.Context, from, to time.Time) (cost.Report, error)
}

// Watchers are those who watch lists. *feed.Hub has them.
type Watchers interface {
	Stats() feed.Stats
	List(most int) (list []feed.Shown, all int, ended []feed.Ended)
}

// Nodes are the servers of the app's database. *fleet.Fleet has them.
type Nodes interface {
	Several() bool
	Nodes() []fleet.Node
	Incidents(ctx context.Context, from time.Time) ([]fleet.Incident, error)
	Series(ctx context.Context, from, to time.Time, step time.Duration, names ...string) ([]archive.Line, error)
}

// Roster lists the servers of the app's database as they are now. *fleet.Roster does.
type Roster interface {
	Members(ctx context.Context) ([]fleet.Member, error)
}

// A Config says where the pages get what they show. Records, History and Kept are all nil in an app without a telemetry
// database. Traces may be nil too.
type Config struct {
	Records    Records
	History    History
	Traces     Traces
	Kept       KeptTraces
	Objectives Objectives
	Incidents  Incidents // nil leaves its pages out
	Advice     Advice    // nil leaves its page out
	Profiles   Profiles  // nil leaves its page out
	Nodes      Nodes     // nil if the app has one server
	Roster     Roster    // nil leaves its page out
	Costs      Costs     // nil leaves its page out
	Deploys    Deploys   // nil leaves its part of the first page out
	Sharing    *Sharing  // nil leaves the pages of limits and of the cache out
	Watchers   Watchers  // nil leaves its page out
	Process    telemetry.Process
	Now        func() time.Time // nil means time.Now
}

// pages makes the pages.
type pages struct {
	Config
}

// The first pages of the sections, and the folder of their styles and scripts.
const (
	homePath       = "/console/home"
	nodesPath      = "/console/nodes"
	logsPath       = "/console/logs"
	tracesPath     = "/console/traces"
	errorsPath     = "/console/errors"
	objectivesPath = "/console/objectives"
	incidentsPath  = "/console/incidents"
	advicePath     = "/console/advice"
	profilesPath   = "/console/profiles"
	costPath       = "/console/cost"
	limitsPath     = "/console/limits"
	cachePath      = "/console/cache"
	watchersPath   = "/console/watchers"
	assetsPath     = "/console/operation"

	chartsPath  = homePath + "/charts"
	deploysPath = homePath + "/deploys"
	tailPath    = logsPath + "/tail"
)

// A choice is one of some links.
type choice struct {
	Title, Path string
	Current     bool
}

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(console.Templates().Funcs(template.FuncMap{
	"size": size, "share": share, "number": number, "amount": amount, "bytes": bytes, "span": objective.Span,
}).ParseFS(templateFiles, "templates/*.html"))

// show answers with a page.
func show(q *console.Request, status int, title, name string, data any) error {
	return q.Page(status, title, templates.Lookup(name), data)
}

// mayChange reports whether the operator may do what changes something.
func mayChange(q *console.Request) bool { return q.Operator().May(string(console.Operator)) }

// readTime bounds the reads of one part of a page.
const readTime = 4 * time.Second

// within calls read with a deadline.
func within(q *console.Request, read func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(q.HTTP().Context(), readTime)
	defer cancel()
	return read(ctx)
}

// troubleOf returns what a page says in place of a part that could not be read. Other errors are for a page of their own.
func troubleOf(err error) (text string, rest error) {
	failure, ok := errors.AsType[*errs.Error](err)
	switch {
	case err == nil:
		return "", nil
	case errors.Is(err, context.DeadlineExceeded):
		return "This took longer than " + readTime.String() + ". Choose a shorter time.", nil
	case ok && failure.Kind == errs.Unavailable:
		return sentence(failure.Message), nil
	}
	return "", err
}
