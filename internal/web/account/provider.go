package account

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// providerCookie binds a sign-in at a provider to the browser that began it.
const providerCookie = "__Host-ashlar-oidc"

// providerRoutes returns the routes of sign-in at other providers.
func (h *Handler) providerRoutes() []web.Route {
	return []web.Route{
		{Pattern: "GET /auth/providers", Handler: h.providers, Doc: providersDoc()},
		{Pattern: "GET /auth/oidc/{provider}", Handler: h.depart, Doc: departDoc()},
		{Pattern: "GET /auth/oidc/{provider}/callback", Handler: h.arrive, Doc: arriveDoc()},
		{Pattern: "POST /auth/oidc/{provider}/callback", Handler: h.arriveByForm, Doc: arriveByFormDoc()},
		{Pattern: "POST /auth/oidc/link", Handler: h.link, Doc: linkDoc()},
	}
}

func (h *Handler) providers(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, items[account.ProviderInfo]{h.service.Providers()})
}

// depart sends a browser to a provider. With a redirect the session lives in a cookie: an address never holds a token.
func (h *Handler) depart(w http.ResponseWriter, r *http.Request) error {
	if isForced(r) {
		return errs.New(errs.Forbidden, "a page of another site may not sign you in: open this app first")
	}
	next, client := r.URL.Query().Get("redirect"), clientOf(r)
	client.Cookie = client.Cookie || next != ""
	d, err := h.service.BeginProvider(r.Context(), r.PathValue("provider"), next, browserOf(r), client)
	if err != nil {
		return err
	}
	cookie := &http.Cookie{
		Name: providerCookie, Value: d.Browser, Path: "/", MaxAge: int(d.Lives / time.Second), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if d.FormPost { // the browser comes back with a POST from another site
		cookie.SameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, cookie)
	return seeOther(w, d.URL)
}

// isForced reports whether a page of another site sends the browser here by itself. A provider that still knows the user would
// sign the browser in, although nobody has asked for it. Browsers send these headers by themselves (Fetch Metadata).
func isForced(r *http.Request) bool {
	return r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-User") != "?1"
}

func seeOther(w http.ResponseWriter, address string) error {
	w.Header().Set("Location", address)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	return web.Empty(w, http.StatusSeeOther)
}

// browserOf returns the cookie of a browser, or "" if there is none or more than one.
func browserOf(r *http.Request) string {
	cookies := r.CookiesNamed(providerCookie)
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

func (h *Handler) arrive(w http.ResponseWriter, r *http.Request) error {
	return h.arriveWith(w, r, r.URL.Query())
}

// arriveByForm reads an answer that a page of the provider posts. Apple does so when it gives an address.
func (h *Handler) arriveByForm(w http.ResponseWriter, r *http.Request) error {
	text, err := web.ReadBody(w, r, maxBody, "application/x-www-form-urlencoded")
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return errs.Wrapf(err, errs.Malformed, "the form cannot be read")
	}
	return h.arriveWith(w, r, form)
}

func (h *Handler) arriveWith(w http.ResponseWriter, r *http.Request, given url.Values) error {
	a, err := h.service.FinishProvider(r.Context(), r.PathValue("provider"), account.ProviderAnswer{
		State: given.Get("state"), Code: given.Get("code"), Issuer: given.Get("iss"), Failure: given.Get("error"), Browser: browserOf(r),
	}, clientOf(r))
	if err != nil {
		return err
	}
	if a.Next != "" {
		return h.arriveAt(w, a)
	}
	w.Header().Set("Cache-Control", "no-store")
	if a.Link != "" {
		return answer(w, http.StatusOK, status{Status: "link", Flow: a.Link})
	}
	return h.step(w)(a.Step, nil)
}

// arriveAt sends the browser on. A flow that waits goes into the fragment, which browsers send nowhere.
func (h *Handler) arriveAt(w http.ResponseWriter, a account.Arrival) error {
	switch {
	case a.Grant != nil:
		h.setCookies(w, a.Grant)
		return seeOther(w, a.Next)
	case a.Link != "":
		return seeOther(w, a.Next+"#"+url.Values{"status": {"link"}, "flow": {a.Link}}.Encode())
	default:
		fragment := url.Values{"status": {"factor"}, "flow": {a.Flow}, "factors": {strings.Join(a.Factors, " ")}}
		return seeOther(w, a.Next+"#"+fragment.Encode())
	}
}

func (h *Handler) link(w http.ResponseWriter, r *http.Request) error {
	who, err := mustSignIn(r)
	if err != nil {
		return err
	}
	b, err := readBody(w, r, "flow")
	if err != nil {
		return err
	}
	flow := b.text("flow")
	if err := b.err(); err != nil {
		return err
	}
	if err := h.service.Link(r.Context(), who, flow, clientOf(r)); err != nil {
		return err
	}
	return web.Empty(w, http.StatusNoContent)
}
