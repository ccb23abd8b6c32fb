// Package operation makes the pages of the console that say how the app is doing: charts, logs, traces, errors.
//
// A viewer may open all pages. What changes something needs an operator. Each read has a deadline. All that requests, models and
// errors hold is text here: html/template escapes it, and scripts only ever set it as text.
package operation

import (
	"context"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/telemetry/objective"
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
}

// A Config says where the pages get what they show. Records, History and Kept are all nil in an app without a telemetry
// database.
type Config struct {
	Records    Records
	History    History
	Traces     Traces
	Kept       KeptTraces
	Objectives Objectives
	Advice     Advice // nil leaves its page out
	Process    telemetry.Process
	Now        func() time.Time // nil means time.Now
}

// pages makes the pages.
type pages struct {
	Config
}

// group is the title of the sections in the navigation.
const group = "Operation"

// The first pages of the sections, and the folder of their styles and scripts.
const (
	homePath       = "/console/home"
	logsPath       = "/console/logs"
	tracesPath     = "/console/traces"
	errorsPath     = "/console/errors"
	objectivesPath = "/console/objectives"
	assetsPath     = "/console/operation"
)

// Sections returns the sections of the console.
func Sections(cfg Config) []console.Section {
	p := &pages{cfg}
	if p.Now == nil {
		p.Now = time.Now
	}
	files := assets()
	styles := []string{files.Path("operation.css")}
	section := func(title, path string, routes ...console.Route) console.Section {
		return console.Section{Group: group, Title: title, Path: path, Styles: styles, Routes: routes}
	}
	var list []console.Section
	if p.History != nil {
		home := section("Home", homePath, get(homePath, p.home), get(chartsPath, p.charts))
		home.Styles = []string{files.Path("uplot.css"), files.Path("operation.css")}
		home.Scripts = []string{files.Path("uplot.js"), files.Path("charts.js")}
		logs := section("Logs", logsPath, get(logsPath, p.logs), get(tailPath, p.tail), get(logsPath+"/{id}", p.record))
		logs.Scripts = []string{files.Path("logs.js")}
		list = append(list, home, logs)
	}
	list = append(list, section("Traces", tracesPath, get(tracesPath, p.traces), get(tracesPath+"/{id}", p.trace), files.Route()))
	if p.History != nil {
		list = append(list, section("Errors", errorsPath, get(errorsPath, p.errors)))
	}
	list = append(list, section("Objectives", objectivesPath, get(objectivesPath, p.objectives)))
	if p.Advice != nil {
		advice := section("Advice", advicePath, get(advicePath, p.advice), post(advicePath, p.startAdvice))
		advice.Scripts = []string{files.Path("reload.js")}
		list = append(list, advice)
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

// assets returns the styles and scripts of the pages.
func assets() console.Assets {
	files, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the name of the folder is valid
	}
	return console.NewAssets(assetsPath, files)
}

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(console.Templates().Funcs(template.FuncMap{
	"took": took, "size": size, "share": share, "number": number, "plural": plural,
}).ParseFS(templateFiles, "templates/*.html"))

// show answers with a page.
func show(q *console.Request, status int, title, name string, data any) error {
	return q.Page(status, title, templates.Lookup(name), data)
}

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

// sentence writes a message of the server as a sentence.
func sentence(text string) string {
	if text == "" {
		return "The telemetry database cannot be read now."
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

// took writes a length of time with three digits at most: 1.2 ms.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return digits(float64(d)/float64(time.Microsecond)) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute:
		return digits(d.Seconds()) + " s"
	case d < time.Hour:
		return digits(d.Minutes()) + " min"
	}
	return digits(d.Hours()) + " h"
}

// size writes a number of bytes: 1.2 kB.
func size(n int64) string {
	units := [...]string{"B", "kB", "MB", "GB", "TB"}
	f, unit := float64(n), 0
	for f >= 1000 && unit < len(units)-1 {
		f, unit = f/1000, unit+1
	}
	return digits(f) + " " + units[unit]
}

// share writes a share in percent: 12.5 %.
func share(part float64) string { return digits(100*part) + " %" }

// amount writes how many there are of something that is no whole number, such as an average.
func amount(f float64) string {
	if f >= 1000 {
		return console.Grouped(int64(f + 0.5))
	}
	return digits(f)
}

// number writes a weight: whole numbers as they are.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// digits writes a number with three digits, or all digits before the point.
func digits(f float64) string {
	decimals := 2
	switch {
	case f >= 100 || f == float64(int64(f)):
		decimals = 0
	case f >= 10:
		decimals = 1
	}
	text := strconv.FormatFloat(f, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}
