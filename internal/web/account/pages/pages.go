// Package pages serves the account pages under /account: people sign up, sign in, look after their sessions, factors or keys.
//
// Every page works without scripts, except for passkeys. It is rendered into a buffer first, and loads nothing but our style
// sheet and scripts. A form is a list of fields, so that one template renders all forms with their faults. A post that succeeds
// answers 303.
//
// The files form layers. From the top down:
//   - routes.go lists the routes.
//   - signin.go, factor.go, signup.go, reset.go, home.go, sessions.go, password.go, totp.go, passkeys.go, providers.go, keys.go
//     and leave.go are the pages. arrive.go takes browsers back from a provider.
//   - ways.go has the buttons for passkeys and providers.
//   - visit.go is one request: who came, with which flow, and how to answer.
//   - flow.go keeps what a browser has begun in a sealed cookie. client.go has the other cookies.
//   - form.go reads and refuses forms. render.go has the templates and the headers.
//   - next.go says where a sign-in may lead. words.go turns values into words.
package pages

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// A Config says what the pages show.
type Config struct {
	App      string          // name of the app
	Accounts *model.Accounts // rules of the model; nil: all defaults
	Next     []string        // beginnings of paths that a sign-in may lead to, such as /console/, beside /account/
	Mailbox  bool            // mails are shown at /mailbox, to this machine alone
}

// Pages are the account pages of an app.
type Pages struct {
	service *account.Service
	keys    *token.Keys // seals the cookies of flows
	origins *http.CrossOriginProtection
	app     string
	rules   *model.Accounts
	next    []string
	mailbox bool
}

// New returns the pages for a service and its keys. A post from a page that origins refuses is answered
// with an error.
func New(service *account.Service, keys *token.Keys, origins *http.CrossOriginProtection, cfg Config) *Pages {
	p := &Pages{service: service, keys: keys, origins: origins, app: cfg.App, rules: cfg.Accounts, next: cfg.Next, mailbox: cfg.Mailbox}
	if p.rules == nil {
		p.rules = &model.Accounts{}
	}
	return p
}

// The paths of pages that other pages lead to.
const (
	homePath     = "/account/"
	signInPath   = "/account/sign-in"
	passkeyPath  = "/account/sign-in/passkey"
	factorPath   = "/account/sign-in/factor"
	proofPath    = "/account/sign-in/factor/passkey"
	linkPath     = "/account/link"
	codePath     = "/account/code"
	signUpPath   = "/account/sign-up"
	verifyPath   = "/account/verify"
	resetPath    = "/account/reset"
	newPassPath  = "/account/reset/confirm"
	sessionsPath = "/account/sessions"
	passwordPath = "/account/password"
	totpPath     = "/account/totp"
	setUpPath    = "/account/totp/set-up"
	passkeysPath = "/account/passkeys"
	linksPath    = "/account/providers"
	keysPath     = "/account/keys"
	newKeyPath   = "/account/keys/new"
	deletePath   = "/account/delete"
	signOutPath  = "/account/sign-out"
)
