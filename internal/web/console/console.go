// Package console serves the pages of operators under /console.
//
// A page is a Route with the least role that may open it. Everything about who may do what is in guard.go: no handler checks a
// role. Pages are plain links and forms, so they work without scripts.
package console

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
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

// A Request is a request that may come to its route.
type Request struct {
	console  *Console
	w        http.ResponseWriter
	r        *http.Request
	operator account.Operator // zero for routes that are open to anybody
	form     url.Values
	answered bool
}

// A Role is what an operator needs for a route.
type Role string

const (
	Anybody  Role = ""          // without a session
	SignedIn Role = "signed-in" // an operator, also before the second factor
	Viewer   Role = "viewer"    // looks
	Operator Role = "operator"  // changes accounts
	Owner    Role = "owner"     // changes operators
)

// The cookies of the console. The prefix makes browsers bind them to this host, over TLS or on loopback.
const (
	sessionCookie = "__Host-ashlar-console"
	deviceCookie  = "__Host-ashlar-console-device"
)

// signInPath is the page of the sign-in.
const signInPath = "/console/sign-in"

// factorPath is the page of an operator who needs a second factor before anything else. It also sets up an authenticator app.
const factorPath = "/console/factor"

// ownPath is the page of the operator's own account.
const ownPath = "/console/account"
