// Package pages serves the account pages under /account: people sign up, sign in, look after their sessions, factors or keys.
//
// Every page works without scripts, except for passkeys. It is rendered into a buffer first, and loads nothing but our style
// sheet and scripts. A form is a list of fields, so that one template renders all forms with their faults. A post that succeeds
// answers 303.
//
// The files form layers. From the top down:
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
	"github.com/ashlar-dev/ashlar/internal/web"
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

// Routes returns the routes of the pages.
func (p *Pages) Routes() []web.Route {
	return []web.Route{
		{Pattern: "GET /account", Handler: p.open(func(v *visit) error { return v.redirect(homePath) })},
		{Pattern: "GET /account/{$}", Handler: p.member(homePath, p.home)},
		{Pattern: "GET /account/assets/{name}", Handler: serveAsset},

		{Pattern: "GET " + signInPath, Handler: p.open(p.signIn)},
		{Pattern: "POST " + signInPath, Handler: p.open(p.postSignIn)},
		{Pattern: "GET " + factorPath, Handler: p.open(p.factor)},
		{Pattern: "POST " + factorPath, Handler: p.open(p.postFactor)},
		{Pattern: "POST " + proofPath, Handler: p.open(p.postProof)},
		{Pattern: "POST " + proofPath + "/begin", Handler: p.open(p.beginProof)},
		{Pattern: "POST " + passkeyPath, Handler: p.open(p.postPasskeySignIn)},
		{Pattern: "POST " + passkeyPath + "/begin", Handler: p.open(p.beginPasskeySignIn)},
		{Pattern: "GET " + linkPath, Handler: p.member(linkPath, p.link)},
		{Pattern: "POST " + linkPath, Handler: p.member(linkPath, p.postLink)},
		{Pattern: "GET " + codePath, Handler: p.open(p.code)},
		{Pattern: "POST " + codePath, Handler: p.open(p.postCode)},
		{Pattern: "GET " + signUpPath, Handler: p.open(p.signUp)},
		{Pattern: "POST " + signUpPath, Handler: p.open(p.postSignUp)},
		{Pattern: "GET " + verifyPath, Handler: p.open(p.verify)},
		{Pattern: "POST " + verifyPath, Handler: p.open(p.postVerify)},
		{Pattern: "GET " + resetPath, Handler: p.open(p.reset)},
		{Pattern: "POST " + resetPath, Handler: p.open(p.postReset)},
		{Pattern: "GET " + newPassPath, Handler: p.open(p.confirmReset)},
		{Pattern: "POST " + newPassPath, Handler: p.open(p.postConfirmReset)},

		{Pattern: "GET " + sessionsPath, Handler: p.member(sessionsPath, p.sessions)},
		{Pattern: "POST " + sessionsPath + "/end", Handler: p.member(sessionsPath, p.endSession)},
		{Pattern: "POST " + sessionsPath + "/end-others", Handler: p.member(sessionsPath, p.endOthers)},
		{Pattern: "GET " + passwordPath, Handler: p.member(passwordPath, p.password)},
		{Pattern: "POST " + passwordPath, Handler: p.member(passwordPath, p.postPassword)},
		{Pattern: "GET " + totpPath, Handler: p.member(totpPath, p.totp)},
		{Pattern: "POST " + totpPath + "/begin", Handler: p.member(totpPath, p.beginTOTP)},
		{Pattern: "POST " + totpPath + "/remove", Handler: p.member(totpPath, p.removeTOTP)},
		{Pattern: "GET " + setUpPath, Handler: p.member(totpPath, p.setUp)},
		{Pattern: "POST " + setUpPath, Handler: p.member(totpPath, p.postSetUp)},
		{Pattern: "GET " + passkeysPath, Handler: p.member(passkeysPath, p.passkeys)},
		{Pattern: "POST " + passkeysPath, Handler: p.member(passkeysPath, p.postPasskey)},
		{Pattern: "POST " + passkeysPath + "/begin", Handler: p.open(p.beginPasskey)},
		{Pattern: "POST " + passkeysPath + "/rename", Handler: p.member(passkeysPath, p.renamePasskey)},
		{Pattern: "POST " + passkeysPath + "/remove", Handler: p.member(passkeysPath, p.removePasskey)},
		{Pattern: "GET " + linksPath, Handler: p.member(linksPath, p.links)},
		{Pattern: "POST " + linksPath + "/remove", Handler: p.member(linksPath, p.removeLink)},
		{Pattern: "GET " + keysPath, Handler: p.member(keysPath, p.listKeys)},
		{Pattern: "GET " + newKeyPath, Handler: p.member(newKeyPath, p.newKey)},
		{Pattern: "POST " + newKeyPath, Handler: p.member(newKeyPath, p.postNewKey)},
		{Pattern: "POST " + keysPath + "/rotate", Handler: p.member(keysPath, p.rotateKey)},
		{Pattern: "POST " + keysPath + "/end", Handler: p.member(keysPath, p.endKey)},
		{Pattern: "GET " + deletePath, Handler: p.member(deletePath, p.leave)},
		{Pattern: "POST " + deletePath, Handler: p.member(deletePath, p.postLeave)},
		{Pattern: "GET " + signOutPath, Handler: p.open(p.signOut)},
		{Pattern: "POST " + signOutPath, Handler: p.open(p.postSignOut)},
	}
}
