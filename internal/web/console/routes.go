package console

import (
	"net/http"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/web"
)

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
