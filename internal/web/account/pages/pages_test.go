package pages_test

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/identity/token"
	"github.com/ashlar-dev/ashlar/internal/mail"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	webaccount "github.com/ashlar-dev/ashlar/internal/web/account"
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
	service *account.Service
	clock   *clock
	outbox  *outbox
	log     *logBuffer
}

// clock is the time of the service.
type clock struct {
	mu     sync.Mutex
	passed time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.passed)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}

// outbox is a fake of mail.Outbox that keeps letters until the test asks for them.
type outbox struct {
	mu      sync.Mutex
	letters []mail.Letter
}

func (o *outbox) Queue(_ *record.Tx, l mail.Letter) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	return nil
}

func (*outbox) Wake() {}

func (o *outbox) take() []mail.Letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.letters
	o.letters = nil
	return all
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
	s, handler := newSite(t, change, nil)
	s.Server = httptest.NewTLSServer(handler) // a Go client sends Secure cookies only over TLS
	t.Cleanup(s.Close)
	return s
}

// newSite returns a site and its handler. newOutbox may replace the outbox.
func newSite(t *testing.T, change func(*model.Accounts), newOutbox func(*site, *record.DB) account.Outbox, more ...web.Route) (*site, http.Handler) {
	t.Helper()
	rules, db := modeltest.Rules(t, source), modeltest.SQLite(sqlite.Config{}).Empty(t)
	if change != nil {
		change(rules.Model.Accounts)
	}
	options := migrate.Options{System: []system.Fragment{account.Tables, audit.Tables, mail.Tables}}
	if _, err := migrate.Apply(t.Context(), db, rules, options); err != nil {
		t.Fatal(err)
	}
	own, err := migrate.SystemModel(t.Context(), db, rules.Model, options)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := token.Open(filepath.Join(t.TempDir(), "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{clock: &clock{}, outbox: &outbox{}, log: &logBuffer{}}
	rows := record.New(db, rules, record.Config{Now: s.clock.now, System: own})
	var box account.Outbox = s.outbox
	if newOutbox != nil {
		box = newOutbox(s, rows)
	}
	s.service = account.New(account.Config{
		Store: db, Rows: rows, Model: rules.Model, Keys: keys, Hasher: password.NewHasher(password.Config{Memory: 64, Passes: 1}),
		Outbox: box, Audit: audit.New(rows, audit.Config{Now: s.clock.now}), Now: s.clock.now,
	})
	routes, err := webaccount.New(s.service, token.NewVerifier(keys, token.Config{Now: s.clock.now, Roles: rules.Model.Roles}), keys, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown := pages.New(s.service, keys, http.NewCrossOriginProtection(), pages.Config{App: "Notes", Accounts: rules.Model.Accounts, Next: []string{"/app/"}})
	receiver, err := web.NewReceiver(web.Config{Identify: routes.Identify, Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	all := append(routes.Routes(), shown.Routes()...)
	return s, receiver.Handler(web.NewMux(append(all, more...)...))
}

// code composes the waiting letters, and returns the code of the last one to an address.
func (s *site) code(t *testing.T, email string) string {
	t.Helper()
	_, code := s.letter(t, email)
	return code
}

// letter returns the path and the code of the last letter to an address.
func (s *site) letter(t *testing.T, email string) (path, code string) {
	t.Helper()
	for _, l := range s.outbox.take() {
		message, send, err := s.service.Compose(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if send && l.To == email {
			path, code = message.Data.Path, message.Data.Code
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
	secret = "correct horse battery staple"
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
	if err := s.service.Invite(t.Context(), caller.System("test"), email, []string{"editor"}, account.Client{Address: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
}
