// Package console serves the pages of operators under /console.
//
// A page is a Route with the least role that may open it. Everything about who may do what is in guard.go: no handler checks a
// role. Pages are plain links and forms, so they work without scripts.
package console

import (
	"context"
	"embed"
	"html/template"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A Log is the audit log. *audit.Log is one.
type Log interface {
	List(ctx context.Context, filter audit.Filter, cursor string, limit int) (audit.Page, error)
	Export(ctx context.Context, w io.Writer, filter audit.Filter) (int64, error)
	Verify(ctx context.Context, known string, progress func(rows int64)) (audit.Result, error)
}

// A Config says what a Console works with.
type Config struct {
	App      string // name of the app
	Accounts *account.Service
	Audit    Log
	Keys     *token.Keys // seal cursors
	Sections []Section   // further pages, before the ones of this package
	Now      func() time.Time
}

// A Section is some pages with one link in the navigation. The console opens with the first section.
type Section struct {
	Group  string // title above its link; sections with the same group stand together
	Title  string
	Path   string // of its first page, such as /console/users; the pages below it belong to it
	Routes []Route

	Styles, Scripts []string // paths of further assets for its pages, in their order
}

// A Route is a page or an action of the console.
type Route struct {
	Pattern string // pattern of http.ServeMux, such as "GET /console/users"
	Role    Role   // the least role that may come here
	Handler func(q *Request) error
}

// A Console serves the pages. It is safe for concurrent use.
type Console struct {
	app      string
	accounts *account.Service
	audit    Log
	keys     *token.Keys
	sections []Section
	origins  *http.CrossOriginProtection
	now      func() time.Time
	verified verification
}

// New returns a console.
func New(cfg Config) *Console {
	c := &Console{app: cfg.App, accounts: cfg.Accounts, audit: cfg.Audit, keys: cfg.Keys, origins: http.NewCrossOriginProtection(), now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	const people = "Accounts"
	c.sections = slices.Concat(cfg.Sections, []Section{
		{Group: people, Title: "Users", Path: "/console/users", Routes: c.userRoutes()},
		{Group: people, Title: "Service accounts", Path: "/console/services", Routes: c.serviceRoutes()},
		{Group: people, Title: "Operators", Path: "/console/operators", Routes: c.operatorRoutes()},
		{Group: people, Title: "Audit", Path: "/console/audit", Routes: c.auditRoutes()},
	})
	return c
}

// all returns all routes with their roles.
func (c *Console) all() []Route {
	all := []Route{
		assets().Route(),
		{"GET /console/begin", Anybody, c.showBegin},
		{"POST /console/begin", Anybody, c.begin},
		{"GET /console/sign-in", Anybody, c.showSignIn},
		{"POST /console/sign-in", Anybody, c.signIn},
		{"POST /console/sign-in/factor", Anybody, c.signInFactor},
		{"POST /console/sign-in/factor/passkey", Anybody, c.beginSignInFactor},
		{"POST /console/sign-in/passkey", Anybody, c.passkeySignIn},
		{"POST /console/sign-in/passkey/begin", Anybody, c.beginPasskeySignIn},
		{"POST /console/sign-out", SignedIn, c.signOut},
		{"GET " + factorPath, SignedIn, c.showFactor},
		{"POST " + factorPath, SignedIn, c.beginFactor},
		{"POST " + factorPath + "/confirm", SignedIn, c.confirmFactor},
		{"GET /console", Viewer, c.home},
	}
	all = append(all, c.ownRoutes()...)
	for _, section := range c.sections {
		all = append(all, section.Routes...)
	}
	return all
}

// Routes returns the routes for a mux.
func (c *Console) Routes() []web.Route {
	var routes []web.Route
	for _, route := range c.all() {
		routes = append(routes, web.Route{Pattern: route.Pattern, Handler: c.guard(route)})
	}
	return slices.Clip(routes)
}

func (c *Console) home(q *Request) error { return q.Redirect(c.sections[0].Path) }

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.New("console").Funcs(functions()).ParseFS(templateFiles, "templates/*.html"))

// Templates returns the templates that pages share, such as "time" and "pager", for the pages of other packages.
func Templates() *template.Template {
	return template.Must(template.New("shared").Funcs(functions()).ParseFS(templateFiles, "templates/parts.html"))
}

// Time forms of the pages. A script shows the viewer's zone.
const (
	shownTime = "2006-01-02 15:04:05"
	inputTime = "2006-01-02T15:04"
)

func functions() template.FuncMap {
	return template.FuncMap{
		"rfc":      func(at any) string { return format(at, time.RFC3339) },
		"utc":      func(at any) string { return format(at, shownTime) + " UTC" },
		"contains": slices.Contains[[]string],
		"grouped":  grouped,
		"args":     func(path, text string) action { return action{path, text} },
	}
}

// An action is a form with one button: where it goes, and what it is about.
type action struct{ Path, Text string }

// grouped prints a number with a comma after each thousand.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0 && text[at-1] != '-'; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// format prints a time.Time or *time.Time in UTC.
func format(at any, layout string) string {
	switch at := at.(type) {
	case time.Time:
		return at.UTC().Format(layout)
	case *time.Time:
		return at.UTC().Format(layout)
	}
	return ""
}
