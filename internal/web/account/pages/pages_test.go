package pages_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc"
	"github.com/ashlar-dev/ashlar/internal/identity/oidc/oidctest"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/account/pages"
)

// source is the model of the tests.
const source = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  keys:
    scopes:
      reader: {notes: read}
      writer: {notes: [read, create, update]}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, on_delete: cascade}
    access: {read: owner_id == auth.id, create: owner_id == auth.id, update: owner_id == auth.id}
`

// A site is a server with the account pages, on the embedded engine.
type site struct {
	*httptest.Server
	*accounttest.Node
	log  *logBuffer
	corp *oidctest.Provider // nil: no provider
}

// logBuffer keeps what the server logs.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(text)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open starts a site. change may change the model's accounts.
func open(t *testing.T, change func(*model.Accounts)) *site {
	t.Helper()
	s, handler := newSite(t, accounttest.Config{Change: change})
	s.Server = httptest.NewTLSServer(handler) // a Go client sends Secure cookies only over TLS
	t.Cleanup(s.Close)
	return s
}

// withCorp returns the settings of a site at an address with passkeys and a provider.
func withCorp(t *testing.T, corp *oidctest.Provider, base string) accounttest.Config {
	t.Helper()
	return accounttest.Config{
		Change: func(a *model.Accounts) {
			a.Passkeys = &model.Passkeys{Domain: "localhost", Origins: []string{base}}
			a.Providers = []model.Provider{{Name: "corp"}}
		},
		Providers: func(clock *accounttest.Clock) []*oidc.Provider {
			corp.Now = clock.Now
			p, err := oidc.New(oidc.Config{
				Name: "corp", Issuer: corp.Issuer, ClientID: oidctest.ClientID, ClientSecret: telemetry.Secret(oidctest.ClientSecret),
				Redirect: base + "/auth/oidc/corp/callback", Now: clock.Now,
			})
			if err != nil {
				t.Fatal(err)
			}
			return []*oidc.Provider{p}
		},
	}
}

// newSite returns a site and its handler.
func newSite(t *testing.T, cfg accounttest.Config, more ...web.Route) (*site, http.Handler) {
	t.Helper()
	if cfg.Start.IsZero() {
		cfg.Start = time.Now()
	}
	s := &site{Node: accounttest.New(t, accounttest.SQLite(), source, cfg), log: &logBuffer{}}
	shown := pages.New(s.Service, s.TokenKeys, http.NewCrossOriginProtection(), pages.Config{
		App: "Notes", Accounts: s.Model.Accounts, Next: []string{"/app/"}, Mailbox: true,
	})
	s.Land = shown.Land
	return s, s.Handler(t, slog.New(slog.NewTextHandler(s.log, nil)), append(shown.Routes(), more...)...)
}

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

// code composes the waiting letters, and returns the code of the last one to an address.
func (s *site) code(t *testing.T, email string) string {
	t.Helper()
	_, code := s.letter(t, email)
	return code
}

// letter returns the path and the code of the last letter to an address.
func (s *site) letter(t *testing.T, email string) (path, code string) {
	t.Helper()
	for _, m := range s.Messages(t) {
		if m.To == email {
			path, code = m.Data.Path, m.Data.Code
		}
	}
	return path, code
}

// A browser keeps cookies, and follows no redirect.
type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
	agent  string
}

func (s *site) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *s.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t: t, site: s, client: &client, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}
}

// An answer is an answer with its body.
type answer struct {
	*http.Response
	body string
}

func (b *browser) do(r *http.Request) answer {
	b.t.Helper()
	r.Header.Set("User-Agent", b.agent)
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{res, string(body)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.site.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

// post sends a form of names and values.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.site.URL+path, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// want checks the status of an answer and texts in its page.
func (b *browser) want(a answer, status int, texts ...string) {
	b.t.Helper()
	if a.StatusCode != status {
		b.t.Fatalf("%s %s = %d %s, want %d\n%s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.Header.Get("Location"), status, plain(a.body))
	}
	for _, text := range texts {
		if !strings.Contains(plain(a.body), text) {
			b.t.Errorf("%s %s does not say %q\n%s", a.Request.Method, a.Request.URL.Path, text, plain(a.body))
		}
	}
}

// leads checks that an answer leads to a path, and returns the page there.
func (b *browser) leads(a answer, path string) answer {
	b.t.Helper()
	b.want(a, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != path {
		b.t.Fatalf("%s %s leads to %s, want %s", a.Request.Method, a.Request.URL.Path, got, path)
	}
	return b.get(path)
}

var tags = regexp.MustCompile(`(?s)<head>.*?</head>|<[^>]*>`)

// plain returns the text of a page.
func plain(page string) string {
	text := html.UnescapeString(tags.ReplaceAllString(page, " "))
	return strings.Join(strings.Fields(text), " ")
}

const (
	ann    = "ann@example.com"
	secret = accounttest.Password
)

// signUp makes an account through the pages.
func (b *browser) signUp(email string) {
	b.t.Helper()
	b.leads(b.post("/account/sign-up", "email", email, "password", secret, "name", "Ann"), "/account/verify")
	b.leads(b.post("/account/verify", "email", email, "code", b.site.code(b.t, email)), "/account/")
}

// signIn signs in by password to an account without a second factor.
func (b *browser) signIn(email string) {
	b.t.Helper()
	b.leads(b.post("/account/sign-in", "email", email, "password", secret), "/account/")
}

// invite mails an invitation with the role editor.
func invite(t *testing.T, s *site, email string) {
	t.Helper()
	if err := s.Service.Invite(t.Context(), caller.System("test"), email, []string{"editor"}, account.Client{Address: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
}
