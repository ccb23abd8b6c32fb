package app

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// withIssuer writes an app that accepts the tokens of an issuer.
func withIssuer(t *testing.T, op *oidctest.Provider) string {
	t.Helper()
	return app(t, `-- ashlar.yaml --
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  require:
    - {when: "'editor' in auth.roles", mfa: true}
  issuers:
    - issuer: `+op.Issuer+`
      audience: `+oidctest.Audience+`
      users: new
      roles: {from: groups, hr: editor, all: reader}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
    access: {read: "'reader' in auth.roles", create: "'editor' in auth.roles"}
  plans:
    fields:
      title: {type: text, max: 100}
    access: {create: auth.mfa && now - auth.since < duration('10m')}
`)
}

// bearer sends a request with an access token.
func bearer(t *testing.T, base, method, path, body, token string) *http.Response {
	t.Helper()
	b := &browser{base, map[string]*http.Cookie{}}
	return b.send(t, method, path, body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
}

func TestTokensOfAnIssuer(t *testing.T) {
	op := oidctest.New(t)
	run := start(t, opened(t, withIssuer(t, op), Config{Logger: (&log{}).logger()}))
	token := func(claims map[string]any) string {
		return op.AccessToken("ada", func(c map[string]any) {
			maps.Copy(c, map[string]any{"email": "ada@example.com", "email_verified": true, "groups": []string{"hr", "all"}})
			maps.Copy(c, claims)
		})
	}
	proven := map[string]any{"acr": "mfa", "auth_time": time.Now().Add(-time.Minute).Unix()}
	for _, tt := range []struct {
		name, method, path, body string
		claims                   map[string]any
		want                     int
		challenge                string
	}{
		{"a role by a claim", "GET", "/api/notes", "", nil, 200, ""},
		{"no role", "GET", "/api/notes", "", map[string]any{"groups": "it"}, 403, ""},
		{"a role that needs a second factor", "POST", "/api/notes", `{"title":"a"}`, nil, 403, ""},
		{"the second factor by acr", "POST", "/api/notes", `{"title":"a"}`, map[string]any{"acr": "mfa"}, 201, ""},
		{"the second factor by amr", "POST", "/api/notes", `{"title":"b"}`, map[string]any{"amr": []string{"pwd", "mfa"}}, 201, ""},
		{"an unknown proof", "POST", "/api/plans", `{"title":"c"}`, map[string]any{"acr": "mfa"}, 401, "insufficient_user_authentication"},
		{"a fresh proof", "POST", "/api/plans", `{"title":"c"}`, proven, 201, ""},
		{"another audience", "GET", "/api/notes", "", map[string]any{"aud": "payroll"}, 401, "invalid_token"},
		{"expired", "GET", "/api/notes", "", map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}, 401, "invalid_token"},
		{"another issuer", "GET", "/api/notes", "", map[string]any{"iss": "https://evil.example"}, 401, "invalid_token"},
		{"keys of the account", "GET", "/auth/keys", "", proven, 401, ""},
	} {
		got := bearer(t, run.base, tt.method, tt.path, tt.body, token(tt.claims))
		if got.StatusCode != tt.want || !strings.Contains(got.Header.Get("WWW-Authenticate"), tt.challenge) {
			t.Errorf("%s: %s %s = %s, %q", tt.name, tt.method, tt.path, got.Status, got.Header.Get("WWW-Authenticate"))
		}
	}
}

func TestMisconfiguredIssuerStopsTheStart(t *testing.T) {
	op := oidctest.New(t)
	op.Metadata = func(m map[string]any) { m["issuer"] = "https://evil.example" }
	_, err := loadAndOpen(t.Context(), withIssuer(t, op), Config{})
	faults, ok := errors.AsType[model.Faults](err)
	want := fmt.Sprintf("names the issuer %q, which is not %q", "https://evil.example", op.Issuer)
	if !ok || len(faults) != 1 || !strings.Contains(faults[0].String(), "ashlar.yaml:9:") || !strings.Contains(faults[0].Message, want) {
		t.Errorf("Open = %v", err)
	}
}

func TestUnreachableIssuerIsAWarning(t *testing.T) {
	op := oidctest.New(t)
	op.Status = http.StatusBadGateway
	lines := &log{}
	run := start(t, opened(t, withIssuer(t, op), Config{Logger: lines.logger()}))
	if !strings.Contains(lines.text.String(), `"level":"WARN","msg":"an issuer cannot be reached`) {
		t.Errorf("the log has no warning: %s", lines.text.String())
	}
	got := bearer(t, run.base, "GET", "/api/notes", "", op.AccessToken("ada", nil))
	if got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("a token of the issuer = %s", got.Status)
	}
	if got := bearer(t, run.base, "GET", "/api/notes", "", "x.y.z"); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a forged token = %s", got.Status)
	}
}
