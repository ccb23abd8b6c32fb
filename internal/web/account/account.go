// Package account serves sign-up, sign-in, sessions, factors and keys: JSON under /auth.
package account

import (
	"bytes"
	"encoding/json"
	"net/http"
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

// The cookies. The prefix makes browsers bind them to this host, over TLS or on loopback (RFC 6265bis, 4.1.3.2).
const (
	sessionCookie = "__Host-ashlar"
	deviceCookie  = "__Host-ashlar-device"
)

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

// items is a list without further pages.
type items[T any] struct {
	Items []T `json:"items"`
}

// mustSignIn refuses anonymous callers before their body is read.
func mustSignIn(r *http.Request) (caller.Caller, error) {
	who := web.Caller(r)
	if who.IsAnonymous() {
		return who, errs.New(errs.Unauthenticated, "authentication required: send a bearer token")
	}
	return who, nil
}
