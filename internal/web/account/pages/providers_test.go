package pages_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// openCorp starts a site with the provider corp.
func openCorp(t *testing.T) *site {
	t.Helper()
	corp := oidctest.New(t)
	s, handler := newSite(t, withCorp(t, corp, "https://app.example.com"))
	s.Server, s.corp = httptest.NewTLSServer(handler), corp
	t.Cleanup(s.Close)
	return s
}

// provider returns the address of the button for the provider on a page.
func (a answer) provider(t *testing.T) string {
	t.Helper()
	_, after, ok := strings.Cut(a.body, `<a class="way" href="`)
	href, _, _ := strings.Cut(after, `"`)
	if !ok {
		t.Fatalf("%s has no button for a provider", a.Request.URL.Path)
	}
	return strings.ReplaceAll(href, "&amp;", "&")
}

// visitProvider follows a link to the provider, and comes back as somebody.
func (b *browser) visitProvider(href string, claims map[string]any) answer {
	b.t.Helper()
	departed := b.get(href)
	b.want(departed, http.StatusSeeOther)
	return b.get("/auth/oidc/corp/callback?" + b.site.corp.Approve(b.t, departed.Header.Get("Location"), claims).Encode())
}

// follow presses the button for the provider on a page, and comes back as somebody.
func (b *browser) follow(page answer, claims map[string]any) answer {
	b.t.Helper()
	return b.visitProvider(page.provider(b.t), claims)
}

// landing is the address of a sign-in at the provider that leads to next.
func landing(next string) string {
	return "/auth/oidc/corp?redirect=" + url.QueryEscape("/account/arrive?next="+url.QueryEscape(next))
}

func claimsOf(sub, email string) map[string]any {
	return map[string]any{"sub": sub, "email": email, "email_verified": true}
}

// Everything at a provider goes without scripts: nothing waits in a fragment.
func TestProviderWithoutScripts(t *testing.T) {
	s := openCorp(t)
	s.browser(t).signUp(ann)
	b := s.browser(t)
	back := b.follow(b.get("/account/sign-in?next=/account/keys"), claimsOf("ann", ann))
	page := b.leads(b.leads(back, "/account/link"), "/account/sign-in?next=%2Faccount%2Flink")
	b.want(page, 200, "You have an account with the address ann@example.com already")
	if !strings.Contains(page.body, `value="ann@example.com"`) {
		t.Error("the page does not hold the address")
	}
	link := b.leads(b.post("/account/sign-in", "email", ann, "password", secret, "next", "/account/link"), "/account/link")
	b.want(link, 200, "corp (ann@example.com) can then sign in to your account ann@example.com.")
	b.want(b.leads(b.post("/account/link"), "/account/keys"), 200, "corp can now sign in to your account.")
	b.leads(b.post("/account/link"), "/account/providers")

	b.addTOTP()
	b.leads(b.post("/account/sign-out"), "/account/sign-in")
	back = b.follow(b.get("/account/sign-in?next=/account/keys"), claimsOf("ann", ann))
	b.want(b.leads(back, "/account/sign-in/factor"), 200, "Open your authenticator app")
}

func TestProviderErrorsStandOnPages(t *testing.T) {
	s := openCorp(t)
	b := s.browser(t)
	const again = "/account/sign-in?again=1&next=%2Faccount%2Fkeys"
	back := b.follow(b.get("/account/sign-in?next=/account/keys"), map[string]any{"sub": "bob", "email": "bob@example.com"})
	b.want(b.leads(back, again), 200, "The provider does not vouch for an email address of yours")
	if page := b.get(again); strings.Contains(page.body, "vouch") {
		t.Error("the page says twice what went wrong")
	}
	departed := b.get(landing("/account/keys"))
	address, err := url.Parse(departed.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	refused := url.Values{"state": {address.Query().Get("state")}, "error": {"access_denied"}}
	b.want(b.leads(b.get("/auth/oidc/corp/callback?"+refused.Encode()), again), 200, "Corp did not sign you in: begin again.")

	away := openCorp(t)
	away.corp.Status = http.StatusBadGateway
	b = away.browser(t)
	b.want(b.leads(b.get(landing("/account/keys")), again), 200, "Corp cannot be reached now")
}

// The landing leads to no other place than the pages.
func TestOpenRedirect_Arrive(t *testing.T) {
	b := openCorp(t).browser(t)
	for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "/account/../api", "/other"} {
		b.leads(b.visitProvider(landing(next), claimsOf("ann", ann)), "/account/")
	}
}

// A flow of one account links nothing to another.
func TestLinkOfAnotherAccount(t *testing.T) {
	s := openCorp(t)
	s.browser(t).signUp(ann)
	b := s.browser(t)
	b.signUp("bob@example.com")
	b.leads(b.follow(b.get("/account/sign-in?again=1"), claimsOf("ann", ann)), "/account/link")
	b.want(b.post("/account/link"), 422, "This took too long, or belongs to another account")
	b.want(b.get("/account/providers"), 200, "No other account signs in to this one yet.")
}

// An old proof is asked for again before the browser leaves for the provider.
func TestLinkNeedsARecentProof(t *testing.T) {
	s := openCorp(t)
	b := s.browser(t)
	b.signUp(ann)
	href := b.get("/account/providers").provider(t)
	s.Clock.Pass(11 * time.Minute)
	b.want(b.leads(b.get(href), "/account/sign-in?again=1&next=%2Faccount%2Fproviders"), 200, "To continue, sign in again.")
}

// Without scripts the forms for passkeys stay hidden, and the page says what is missing.
func TestPasskeysWithoutScripts(t *testing.T) {
	s := openCorp(t)
	b := s.browser(t)
	b.signUp(ann)
	page := b.get("/account/passkeys")
	b.want(page, 200, "To add a passkey you need JavaScript")
	if !strings.Contains(page.body, `data-begin="/account/passkeys/begin" hidden>`) {
		t.Error("the form for a passkey is shown without scripts")
	}
	b.leads(b.post("/account/passkeys"), "/account/passkeys")
	b.want(b.leads(b.post("/account/passkeys", "passkey", "{}", "flow", "x"), "/account/passkeys"), 200, "The passkey or the flow is not valid")
	b.post("/account/sign-out")
	b.want(b.post("/account/sign-in/passkey", "passkey", "{}", "flow", "x"), 422, "This passkey did not sign you in")
	b.leads(b.post("/account/sign-in/factor/passkey", "passkey", "{}"), "/account/sign-in")
	if a := b.post("/account/passkeys/begin"); a.StatusCode != http.StatusUnauthorized || a.body != `{"location":"/account/sign-in?next=%2Faccount%2Fpasskeys"}` {
		t.Errorf("begin without a session = %d %s", a.StatusCode, a.body)
	}
	page = b.get("/account/sign-in")
	if policy := page.Header.Get("Content-Security-Policy"); !strings.HasSuffix(policy, "; connect-src 'self'") || !strings.Contains(page.body, `autocomplete="username webauthn"`) {
		t.Errorf("the sign-in has the policy %q", policy)
	}
}

// The link to the mailbox is only for browsers on this machine.
func TestMailboxIsShownToThisMachine(t *testing.T) {
	_, handler := newSite(t, accounttest.Config{})
	for _, tt := range []struct {
		host, from, proxy string
		want              bool
	}{
		{"localhost:8080", "127.0.0.1:5000", "", true}, {"notes.example", "127.0.0.1:5000", "", false},
		{"localhost:8080", "192.0.2.1:5000", "", false}, {"localhost:8080", "127.0.0.1:5000", "192.0.2.1", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.host+"/account/verify", nil)
		r.RemoteAddr = tt.from
		if tt.proxy != "" {
			r.Header.Set("X-Forwarded-For", tt.proxy)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "/mailbox"); got != tt.want {
			t.Errorf("%+v: the page leads to the mailbox: %v", tt, got)
		}
	}
}
