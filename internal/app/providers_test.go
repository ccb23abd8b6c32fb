package app

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// withProvider writes an app with a provider.
func withProvider(t *testing.T, op *oidctest.Provider) string {
	t.Helper()
	t.Setenv("CORP_SECRET", oidctest.ClientSecret)
	return app(t, `-- ashlar.yaml --
ashlar: 1
name: notes
accounts:
  signup: open
  passkeys: {domain: example.com, origins: ["https://pages.example.com"]}
  providers:
    corp:
      issuer: `+op.Issuer+`
      client_id: `+oidctest.ClientID+`
      client_secret: $CORP_SECRET
tables:
  notes:
    fields:
      title: {type: text, max: 100}
    access: {read: true}
`)
}

// browser sends requests as a browser does that follows nothing by itself.
type browser struct {
	base    string
	cookies map[string]*http.Cookie
}

func (b *browser) send(t *testing.T, method, path, body string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	for _, cookie := range b.cookies {
		request.AddCookie(cookie)
	}
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	for _, cookie := range answer.Cookies() {
		b.cookies[cookie.Name] = cookie
	}
	return answer
}

// depart begins a sign-in and returns the path of the callback.
func (b *browser) depart(t *testing.T, op *oidctest.Provider, query string, claims map[string]any) string {
	t.Helper()
	answer := b.send(t, "GET", "/auth/oidc/corp"+query, "")
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("departure = %s", answer.Status)
	}
	return "/auth/oidc/corp/callback?" + op.Approve(t, answer.Header.Get("Location"), claims).Encode()
}

func TestSignInWithAProvider(t *testing.T) {
	op := oidctest.New(t)
	lines := &log{}
	server := opened(t, withProvider(t, op), Config{Logger: lines.logger(), URL: "https://app.example.com"})
	run := start(t, server)
	claims := map[string]any{"sub": "ada", "email": "ada@example.com", "email_verified": true, "name": "Ada"}

	if got := get(t, run.base+"/auth/providers").body; got != `{"items":[{"name":"corp","title":"corp"}]}` {
		t.Errorf("providers = %s", got)
	}
	for _, path := range []string{"/auth/oidc/none", "/auth/oidc/none/callback"} {
		if got := get(t, run.base+path); got.status != http.StatusNotFound {
			t.Errorf("GET %s = %d", path, got.status)
		}
	}
	ada := &browser{run.base, map[string]*http.Cookie{}}
	for _, next := range []string{"//evil.example", "https://evil.example/"} {
		if got := ada.send(t, "GET", "/auth/oidc/corp?redirect="+url.QueryEscape(next), ""); got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
			t.Errorf("redirect %s = %s", next, got.Status)
		}
	}
	back := ada.depart(t, op, "?redirect=/welcome%3Fx%3D1&cookie=true", claims)
	stranger := &browser{run.base, map[string]*http.Cookie{}}
	if got := stranger.send(t, "GET", back, ""); got.StatusCode != http.StatusUnauthorized || len(stranger.cookies) > 0 {
		t.Errorf("callback in another browser = %s", got.Status)
	}
	arrived := ada.send(t, "GET", back, "")
	session := ada.cookies["__Host-ashlar"]
	if arrived.StatusCode != http.StatusSeeOther || arrived.Header.Get("Location") != "/welcome?x=1" || session == nil || !session.HttpOnly || !session.Secure {
		t.Fatalf("callback = %s to %s with %v", arrived.Status, arrived.Header.Get("Location"), session)
	}
	if got := ada.send(t, "GET", "/auth/me", ""); got.StatusCode != http.StatusOK {
		t.Errorf("me = %s", got.Status)
	}
	if got := ada.send(t, "GET", back, ""); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("second callback = %s", got.Status)
	}
	server.flushRecords()
	if query := back[strings.Index(back, "?")+1:]; strings.Contains(lines.text.String(), query) || strings.Contains(lines.text.String(), "code=") {
		t.Error("the log has the code of the provider")
	}
}

// Without a redirect the callback answers with tokens, as every other sign-in does.
func TestSignInWithAProviderWithoutARedirect(t *testing.T) {
	op := oidctest.New(t)
	run := start(t, opened(t, withProvider(t, op), Config{Logger: (&log{}).logger()}))
	ada := &browser{run.base, map[string]*http.Cookie{}}
	claims := map[string]any{"sub": "ada", "email": "ada@example.com", "email_verified": true}
	arrived := ada.send(t, "GET", ada.depart(t, op, "", claims), "")
	var grant struct {
		Access string `json:"access_token"`
		User   struct{ Email string }
	}
	if err := json.NewDecoder(arrived.Body).Decode(&grant); err != nil || grant.Access == "" || grant.User.Email != "ada@example.com" {
		t.Fatalf("callback = %s, %+v, %v", arrived.Status, grant, err)
	}
	if arrived.Header.Get("Cache-Control") != "no-store" {
		t.Error("tokens may be kept by a cache")
	}

	// An account with the address asks its owner first.
	claims["sub"] = "other"
	asked := ada.send(t, "GET", ada.depart(t, op, "?redirect=/welcome", claims), "")
	fragment, ok := strings.CutPrefix(asked.Header.Get("Location"), "/welcome#")
	given, err := url.ParseQuery(fragment)
	if !ok || err != nil || given.Get("status") != "link" || given.Get("flow") == "" {
		t.Fatalf("callback with a known address = %s to %s", asked.Status, asked.Header.Get("Location"))
	}
	body, header := `{"flow":"`+given.Get("flow")+`"}`, []string{"Content-Type", "application/json"}
	if got := ada.send(t, "POST", "/auth/oidc/link", body, header...); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("link without a session = %s", got.Status)
	}
	if got := ada.send(t, "POST", "/auth/oidc/link", body, append(header, "Authorization", "Bearer "+grant.Access)...); got.StatusCode != http.StatusNoContent {
		t.Errorf("link = %s", got.Status)
	}
}

func TestMisconfiguredProviderStopsTheStart(t *testing.T) {
	op := oidctest.New(t)
	op.Metadata = func(m map[string]any) { m["issuer"] = "https://evil.example" }
	dir := withProvider(t, op)
	_, err := loadAndOpen(t.Context(), dir, Config{})
	faults, ok := errors.AsType[model.Faults](err)
	if !ok || len(faults) != 1 || !strings.Contains(faults[0].String(), "ashlar.yaml:8:") || !strings.Contains(faults[0].Message, `names the issuer "https://evil.example"`) {
		t.Errorf("Open = %v", err)
	}
	if _, err := loadAndOpen(t.Context(), dir, Config{}); err == nil {
		t.Error("the second start went on")
	}
}

func TestUnreachableProviderIsAWarning(t *testing.T) {
	op := oidctest.New(t)
	op.Status = http.StatusBadGateway
	lines := &log{}
	run := start(t, opened(t, withProvider(t, op), Config{Logger: lines.logger()}))
	if !strings.Contains(lines.text.String(), `"level":"WARN","msg":"a provider cannot be reached`) {
		t.Errorf("the log has no warning: %s", lines.text.String())
	}
	if got := get(t, run.base+"/auth/oidc/corp"); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") == "" {
		t.Errorf("departure = %d", got.status)
	}
}

// A page of another site does not sign a browser in through a provider that still knows its user. A click on a link does, and so
// does a page of this site.
func TestForgery_NoOtherSiteForcesASignIn(t *testing.T) {
	op := oidctest.New(t)
	run := start(t, opened(t, withProvider(t, op), Config{Logger: (&log{}).logger()}))
	for _, tt := range []struct {
		site, user string
		want       int
	}{
		{"cross-site", "", http.StatusForbidden}, {"cross-site", "?0", http.StatusForbidden}, {"cross-site", "?1", http.StatusSeeOther},
		{"same-site", "", http.StatusSeeOther}, {"same-origin", "", http.StatusSeeOther}, {"none", "?1", http.StatusSeeOther}, {"", "", http.StatusSeeOther},
	} {
		b := &browser{run.base, map[string]*http.Cookie{}}
		got := b.send(t, "GET", "/auth/oidc/corp", "", "Sec-Fetch-Site", tt.site, "Sec-Fetch-User", tt.user)
		if got.StatusCode != tt.want || (len(b.cookies) > 0) != (tt.want == http.StatusSeeOther) {
			t.Errorf("from %q by %q = %s with %d cookies, want %d", tt.site, tt.user, got.Status, len(b.cookies), tt.want)
		}
	}
}
