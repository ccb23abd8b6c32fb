package account

import (
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// Identify returns the caller of a request: from a bearer token, or from the cookie of a session. A bearer token is an access
// token of this server, an API key, or an access token of an issuer elsewhere. A request with a cookie that changes something must come from a page of this origin.
func (h *Handler) Identify(r *http.Request) (caller.Caller, error) {
	token, err := web.BearerToken(r)
	switch {
	case err != nil:
		return caller.Caller{}, err
	case token == "":
		return h.byCookie(r)
	case account.IsKey(token):
		return h.service.ByKey(r.Context(), token)
	}
	who, err := h.verifier.Verify(token)
	if err == nil {
		return who, nil
	}
	if issued, ok, issuedErr := h.service.ByToken(r.Context(), token, clientOf(r)); ok {
		return issued, issuedErr
	}
	return who, err
}

func (h *Handler) byCookie(r *http.Request) (caller.Caller, error) {
	if len(r.Header["Cookie"]) == 0 {
		return caller.Caller{}, nil
	}
	cookies := r.CookiesNamed(sessionCookie)
	if len(cookies) != 1 || cookies[0].Value == "" {
		return caller.Caller{}, nil
	}
	if err := h.origins.Check(r); err != nil {
		return caller.Caller{}, errs.Wrapf(err, errs.Forbidden, "the request comes from a page of another origin")
	}
	who, err := h.service.ByCookie(r.Context(), cookies[0].Value)
	if errs.KindOf(err) == errs.Unauthenticated { // an ended session: the browser is anonymous again
		return caller.Caller{}, nil
	}
	return who, err
}

// clientOf returns who sends a request.
func clientOf(r *http.Request) account.Client {
	c := account.Client{
		Address: web.ClientAddress(r), Agent: errs.Clip(r.UserAgent(), 500), Lang: errs.Clip(r.Header.Get("Accept-Language"), 100),
		Request: web.Record(r).ID, Who: web.Caller(r), Cookie: r.URL.Query().Get("cookie") == "true",
	}
	if cookie, err := r.Cookie(deviceCookie); err == nil {
		c.Device = errs.Clip(cookie.Value, 200)
	}
	return c
}
