// Package account serves sign-up, sign-in, sessions, factors and keys: JSON under /auth.
package account

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A Handler serves the routes of accounts.
type Handler struct {
	service  *account.Service
	verifier *token.Verifier
	keys     *token.Keys
	origins  *http.CrossOriginProtection
	land     func(w http.ResponseWriter, r *http.Request, a account.Arrival, err error) error // nil: see Land
}

// New returns the handlers for a service. Pages of the trusted origins may send requests with cookies, beside our own.
func New(service *account.Service, verifier *token.Verifier, keys *token.Keys, trusted []string) (*Handler, error) {
	h := &Handler{service: service, verifier: verifier, keys: keys, origins: http.NewCrossOriginProtection()}
	for _, origin := range trusted {
		if err := h.origins.AddTrustedOrigin(origin); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Routes returns the routes of accounts.
func (h *Handler) Routes() []web.Route {
	return slices.Concat(h.providerRoutes(), h.linkRoutes(), h.passkeyRoutes(), []web.Route{
		{Pattern: "POST /auth/sign-up", Handler: h.open(h.signUp), Doc: signUpDoc()},
		{Pattern: "POST /auth/verify", Handler: h.open(h.verify), Doc: verifyDoc()},
		{Pattern: "POST /auth/sign-in", Handler: h.open(h.signIn), Doc: signInDoc()},
		{Pattern: "POST /auth/sign-in/factor", Handler: h.open(h.factor), Doc: factorDoc()},
		{Pattern: "POST /auth/code", Handler: h.open(h.code), Doc: codeDoc()},
		{Pattern: "POST /auth/refresh", Handler: h.open(h.refresh), Doc: refreshDoc()},
		{Pattern: "POST /auth/sign-out", Handler: h.signOut, Doc: signOutDoc()},
		{Pattern: "GET /auth/me", Handler: h.me, Doc: meDoc()},
		{Pattern: "DELETE /auth/me", Handler: h.deleteMe, Doc: deleteMeDoc()},
		{Pattern: "GET /auth/sessions", Handler: h.sessions, Doc: sessionsDoc()},
		{Pattern: "DELETE /auth/sessions/{id}", Handler: h.endSession, Doc: endSessionDoc()},
		{Pattern: "POST /auth/password", Handler: h.password, Doc: passwordDoc()},
		{Pattern: "POST /auth/password/reset", Handler: h.open(h.reset), Doc: resetDoc()},
		{Pattern: "POST /auth/password/reset/confirm", Handler: h.open(h.confirmReset), Doc: confirmResetDoc()},
		{Pattern: "POST /auth/totp", Handler: h.beginTOTP, Doc: beginTOTPDoc()},
		{Pattern: "POST /auth/totp/confirm", Handler: h.confirmTOTP, Doc: confirmTOTPDoc()},
		{Pattern: "DELETE /auth/totp", Handler: h.removeTOTP, Doc: removeTOTPDoc()},
		{Pattern: "POST /auth/keys", Handler: h.makeKey, Doc: makeKeyDoc()},
		{Pattern: "GET /auth/keys", Handler: h.listKeys, Doc: listKeysDoc()},
		{Pattern: "DELETE /auth/keys", Handler: h.endKeys, Doc: endKeysDoc()},
		{Pattern: "DELETE /auth/keys/{id}", Handler: h.endKey, Doc: endKeyDoc()},
		{Pattern: "POST /auth/keys/{idAndVerb}", Handler: h.rotateKey, Doc: rotateKeyDoc()},
		{Pattern: "POST /auth/invitations", Handler: h.invite, Doc: inviteDoc()},
		{Pattern: "GET /.well-known/jwks.json", Handler: h.jwks, Doc: jwksDoc()},
	})
}

// open protects a route that anybody may call: a page of another origin must not sign a browser in or out.
func (h *Handler) open(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := h.origins.Check(r); err != nil {
			return errs.Wrapf(err, errs.Forbidden, "the request comes from a page of another origin")
		}
		return next(w, r)
	}
}

func answer(w http.ResponseWriter, status int, v any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	return web.JSON(w, status, bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// status is the answer of a flow that has not ended.
type status struct {
	Status  string   `json:"status"`
	Flow    string   `json:"flow,omitempty"`
	Factors []string `json:"factors,omitempty"`
}

// signedIn is the answer of a flow that has ended with a session.
type signedIn struct {
	Access  string         `json:"access_token,omitempty"`
	Type    string         `json:"token_type,omitempty"`
	Expires int64          `json:"expires_in"` // seconds
	Refresh string         `json:"refresh_token,omitempty"`
	User    account.Person `json:"user"`
}

// step returns a function that answers how far a sign-in has come, or returns its error. So a handler passes on what the use
// case returns: h.step(w)(h.service.SignIn(…)).
func (h *Handler) step(w http.ResponseWriter) func(account.Step, error) error {
	return func(step account.Step, err error) error {
		switch {
		case err != nil:
			return err
		case step.Grant != nil:
			return h.grant(w, step.Grant)
		case step.Flow != "":
			return answer(w, http.StatusOK, status{Status: "factor", Flow: step.Flow, Factors: step.Factors})
		default:
			return answer(w, http.StatusAccepted, status{Status: "verify", Flow: step.Waits})
		}
	}
}

func (h *Handler) grant(w http.ResponseWriter, g *account.Grant) error {
	h.setCookies(w, g)
	out := signedIn{Access: g.Access, Type: "Bearer", Expires: int64(g.Expires / time.Second), Refresh: g.Refresh, User: g.User}
	if g.Cookie != "" {
		out.Type = ""
	}
	return answer(w, http.StatusOK, out)
}

// setCookies sets the cookies of a grant: of the device if it is new, and of the session if it lives in one.
func (*Handler) setCookies(w http.ResponseWriter, g *account.Grant) {
	if g.Device != "" {
		setCookie(w, deviceCookie, g.Device, 400*24*time.Hour)
	}
	if g.Cookie != "" {
		setCookie(w, sessionCookie, g.Cookie, g.Expires)
	}
}

// setCookie sets a cookie that scripts cannot read. A life of 0 deletes it.
func setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	age := int(life / time.Second)
	if age == 0 {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (h *Handler) signUp(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "password", "name", "invitation")
	if err != nil {
		return err
	}
	who := account.Newcomer{Email: b.text("email"), Password: b.optional("password"), Name: b.optional("name"), Invitation: b.optional("invitation")}
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.SignUp(r.Context(), who, clientOf(r)))
}

func (h *Handler) verify(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "code", "flow", "password")
	if err != nil {
		return err
	}
	email, code, password := b.text("email"), b.text("code"), b.optional("password")
	client := clientOf(r)
	client.Browser = b.optional("flow")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.Verify(r.Context(), email, code, password, client))
}

func (h *Handler) signIn(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "email", "password")
	if err != nil {
		return err
	}
	email, password := b.text("email"), b.text("password")
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.SignIn(r.Context(), email, password, clientOf(r)))
}

func (h *Handler) factor(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(w, r, "flow", "totp", "recovery", "passkey")
	if err != nil {
		return err
	}
	flow, given := b.text("flow"), account.Factor{TOTP: b.optional("totp"), Recovery: b.optional("recovery"), Passkey: b.object("passkey")}
	if err := b.err(); err != nil {
		return err
	}
	return h.step(w)(h.service.Confirm(r.Context(), flow, given, clientOf(r)))
}

func (h *Handler) code(w http.ResponseWriter, r *http.Request) error {
	email, err := readText(w, r, "email")
	if err != nil {
		return err
	}
	if err := h.service.AskCode(r.Context(), email, clientOf(r)); err != nil {
		return err
	}
	return answer(w, http.StatusAccepted, status{Status: "verify"})
}

func (h *Handler) refresh(w http.ResponseWriter, r *http.Request) error {
	text, err := readText(w, r, "refresh_token")
	if err != nil {
		return err
	}
	grant, err := h.service.Refresh(r.Context(), text, clientOf(r))
	if err != nil {
		return err
	}
	return h.grant(w, grant)
}

func (h *Handler) signOut(w http.ResponseWriter, r *http.Request) error {
	all := false
	if text := r.URL.Query().Get("all"); text != "" {
		var err error
		if all, err = strconv.ParseBool(text); err != nil {
			return errs.New(errs.Malformed, "all must be true or false")
		}
	}
	if err := h.service.SignOut(r.Context(), web.Caller(r), all, clientOf(r)); err != nil {
		return err
	}
	if len(r.CookiesNamed(sessionCookie)) > 0 {
		setCookie(w, sessionCookie, "", 0)
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) me(w http.ResponseWriter, r *http.Request) error {
	me, err := h.service.Me(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, me)
}

func (h *Handler) deleteMe(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.DeleteMe(r.Context(), web.Caller(r), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

// items is a list without further pages.
type items[T any] struct {
	Items []T `json:"items"`
}

func (h *Handler) sessions(w http.ResponseWriter, r *http.Request) error {
	all, err := h.service.Sessions(r.Context(), web.Caller(r))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, items[account.Session]{all})
}

func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := h.service.EndSession(r.Context(), web.Caller(r), r.PathValue("id"), clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}

func (h *Handler) jwks(w http.ResponseWriter, _ *http.Request) error {
	set, err := h.keys.JWKS()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return web.Bytes(w, http.StatusOK, "application/jwk-set+json", set)
}

// mustSignIn refuses anonymous callers before their body is read.
func mustSignIn(r *http.Request) (caller.Caller, error) {
	who := web.Caller(r)
	if who.IsAnonymous() {
		return who, errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	return who, nil
}
