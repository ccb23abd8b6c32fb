package account

import (
	"errors"
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
	}
}

func (h *Handler) providers(w http.ResponseWriter, _ *http.Request) error {
	return answer(w, http.StatusOK, items[account.ProviderInfo]{h.service.Providers()})
}

// LandingPath is the redirect of sign-ins that begin on the account pages. Its parameter next is where they lead in the end.
const LandingPath = "/account/arrive"

// Land makes the account pages show where a sign-in at a provider has led: one that began there, and one that fails in a
// browser without a redirect. An arrival with an error has at most Next.
func (h *Handler) Land(land func(w http.ResponseWriter, r *http.Request, a account.Arrival, err error) error) {
	h.land = land
}

// lands reports whether the account pages show the end of a sign-in.
func (h *Handler) lands(r *http.Request, next string, err error) bool {
	path, _, _ := strings.Cut(next, "?")
	isLost := err != nil && next == "" && strings.Contains(r.Header.Get("Accept"), "text/html")
	return h.land != nil && (path == LandingPath || isLost)
}

// depart sends a browser to a provider. With a redirect the session lives in a cookie: an address never holds a token.
func (h *Handler) depart(w http.ResponseWriter, r *http.Request) error {
	if isForced(r) {
		return errs.New(errs.Forbidden, "a page of another site may not sign you in: open this app first")
	}
	query, client := r.URL.Query(), clientOf(r)
	next := query.Get("redirect")
	client.Cookie = client.Cookie || next != ""
	d, err := h.begin(r, query.Get("link") == "true", next, client)
	switch {
	case err != nil && h.lands(r, next, err):
		return h.land(w, r, account.Arrival{Next: next}, err)
	case err != nil:
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

func (h *Handler) begin(r *http.Request, link bool, next string, client account.Client) (account.Departure, error) {
	if link {
		return h.service.BeginLink(r.Context(), web.Caller(r), r.PathValue("provider"), next, browserOf(r), client)
	}
	return h.service.BeginProvider(r.Context(), r.PathValue("provider"), next, browserOf(r), client)
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
	switch {
	case h.lands(r, a.Next, err):
		return h.land(w, r, a, err)
	case err != nil && a.Next != "":
		return h.failAt(w, r, a.Next, err)
	case err != nil:
		return err
	case a.Next != "":
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

// failAt sends the browser on after an error. The fragment says what went wrong, as a problem document would.
func (h *Handler) failAt(w http.ResponseWriter, r *http.Request, next string, err error) error {
	failure, ok := errors.AsType[*errs.Error](err)
	if !ok {
		failure = errs.Wrapf(err, errs.Internal, "")
	}
	record := web.Record(r)
	record.Err, record.Problem = err, failure.Kind
	fragment := url.Values{"status": {"error"}, "type": {web.Below(w, "/problems/"+string(failure.Kind))}}
	if failure.Message != "" {
		fragment.Set("detail", failure.Message)
	}
	return seeOther(w, next+"#"+fragment.Encode())
}
