package account_test

import (
	"bytes"
	"fmt"
	"log/slog"

	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/password"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
	webaccount "github.com/ashlar-dev/ashlar/internal/web/account"
	"github.com/ashlar-dev/ashlar/internal/web/account/pages"
	"github.com/ashlar-dev/ashlar/internal/web/console"
)

const source = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  keys:
    scopes:
      reader: {notes: read}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
      owner: {ref: users, default: auth.id, on_delete: cascade}
    access: {read: owner_id == auth.id, create: owner_id == auth.id}
`

// A site is a node with the handler of its routes, its pages and its console.
type site struct {
	*accounttest.Node
	handler http.Handler
	routes  []web.Route
}

func newSite(t *testing.T, e modeltest.Engine, cfg accounttest.Config) *site {
	t.Helper()
	n := accounttest.New(t, e, source, cfg)
	accounts, err := webaccount.New(n.Service, n.Verifier, n.TokenKeys, nil)
	if err != nil {
		t.Fatal(err)
	}
	shown := pages.New(n.Service, n.TokenKeys, http.NewCrossOriginProtection(), pages.Config{App: "Notes", Accounts: n.Model.Accounts})
	operators := console.New(console.Config{App: "Notes", Accounts: n.Service, Audit: n.Audit, Keys: n.TokenKeys, Now: n.Clock.Now})
	more := slices.Concat(shown.Routes(), operators.Routes())
	return &site{n, n.Handler(t, slog.New(slog.DiscardHandler), more...), slices.Concat(accounts.Routes(), more)}
}

// A question is a request that somebody may send to find out whether an address has an account. text holds EMAIL.
type question struct {
	name, path, text string
	before           string // path of a request about the address that comes first, or ""
}

func (q question) request(path, text, email string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(strings.ReplaceAll(text, "EMAIL", email)))
	r.Header.Set("Content-Type", "application/json")
	if strings.HasPrefix(path, "/account/") {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(strings.ReplaceAll(text, "EMAIL", url.QueryEscape(email))))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

func questions() []question {
	return []question{
		{name: "sign-in", path: "/auth/sign-in", text: `{"email": "EMAIL", "password": "a wrong guess, surely"}`},
		{name: "sign-up", path: "/auth/sign-up", text: `{"email": "EMAIL", "password": "a stranger's long secret", "name": "Eve"}`},
		{name: "reset", path: "/auth/password/reset", text: `{"email": "EMAIL"}`},
		{name: "code request", path: "/auth/code", text: `{"email": "EMAIL"}`},
		{name: "resend", path: "/auth/code", text: `{"email": "EMAIL"}`, before: "/auth/code"},
		{name: "a wrong code", path: "/auth/verify", text: `{"email": "EMAIL", "code": "00000000"}`, before: "/auth/code"},
		{name: "a wrong code of a sign-up", path: "/auth/verify", text: `{"email": "EMAIL", "code": "00000000"}`, before: "/auth/sign-up"},
		{name: "a wrong code of a reset", path: "/auth/password/reset/confirm", text: `{"email": "EMAIL", "code": "00000000", "password": "a stranger's long secret"}`, before: "/auth/password/reset"},
		{name: "page of the sign-in", path: "/account/sign-in", text: "email=EMAIL&password=wrong"},
		{name: "page of the sign-up", path: "/account/sign-up", text: "email=EMAIL&password=a+stranger's+long+secret"},
		{name: "page of the reset", path: "/account/reset", text: "email=EMAIL"},
		{name: "page of the code request", path: "/account/code", text: "email=EMAIL"},
		{name: "page of a wrong code", path: "/account/verify", text: "email=EMAIL&code=00000000", before: "/auth/code"},
		{name: "page of a wrong code of a reset", path: "/account/reset/confirm", text: "email=EMAIL&code=00000000&password=a+stranger's+long+secret", before: "/auth/password/reset"},
	}
}

// textOf returns the text of a question about one path.
func textOf(path string) string {
	all := questions()
	return all[slices.IndexFunc(all, func(q question) bool { return q.path == path })].text
}

// ask sends what comes before a question, lets the mail worker work, and returns the request of the question itself.
func (s *site) ask(t *testing.T, q question, email, from string) *http.Request {
	t.Helper()
	if q.before != "" {
		r := q.request(q.before, textOf(q.before), email)
		r.RemoteAddr = from
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		s.Messages(t)
		s.settle(t, q, email)
	}
	r := q.request(q.path, q.text, email)
	r.RemoteAddr = from
	return r
}

// settle writes a letter to an account that is no part of a test. If the address before was known, a letter has just been
// written: the processor's caches and the database's hold what that needed. In a server it is written at another time.
func (s *site) settle(t *testing.T, q question, email string) {
	t.Helper()
	r := q.request(q.before, textOf(q.before), settler(email))
	r.RemoteAddr = fmt.Sprintf("10.255.%d.%d:5000", rand.IntN(250), rand.IntN(250))
	s.handler.ServeHTTP(httptest.NewRecorder(), r)
	s.Messages(t)
}

// settler returns the address that settle writes to after a letter to an address.
func settler(email string) string { return "settle-" + email }

// answerOf returns an answer as text, without what is random in each.
func (s *site) answerOf(r *http.Request, email string) string {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var text bytes.Buffer
	fmt.Fprintln(&text, w.Code)
	header := w.Header()
	id := header.Get("X-Request-Id")
	_ = header.Write(&text)
	fmt.Fprintf(&text, "\n%s", w.Body)
	plain := strings.NewReplacer(id, "ID", email, "EMAIL", url.QueryEscape(email), "EMAIL").Replace(text.String())
	plain = regexp.MustCompile(`"flow":"[^"]+"`).ReplaceAllString(plain, `"flow":"FLOW"`)
	return regexp.MustCompile(`(Set-Cookie: [^=]+=)([^;]+)`).ReplaceAllStringFunc(plain, func(cookie string) string {
		name, value, _ := strings.Cut(cookie, "=")
		return fmt.Sprintf("%s=%d letters", name, len(value))
	})
}

// Known and unknown addresses get the same answers, byte for byte, until the bound on attempts closes, and beyond.
func TestOracle_KnownAddressesAnswerAlike(t *testing.T) {
	cfg := accounttest.Config{Change: func(a *model.Accounts) { a.TOTP = true }}
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, e, cfg)
			for _, email := range []string{"ann@example.com", "sue@example.com", "tom@example.com"} {
				s.NewUser(t, email)
				s.Clock.Pass(2 * time.Hour)
			}
			s.suspend(t, "sue@example.com")
			s.addFactor(t, "tom@example.com")
			for _, q := range questions() {
				s.Clock.Pass(25 * time.Hour) // sign-ups that wait end too
				for i := range 12 {
					answers := map[string]string{}
					for _, email := range []string{"ann@example.com", "sue@example.com", "tom@example.com", "new@example.com"} {
						r := s.ask(t, q, email, fmt.Sprintf("198.51.100.%d:5000", i))
						answers[email] = s.answerOf(r, email)
						s.Outbox.Take()
					}
					for email, got := range answers {
						if diff := cmp.Diff(answers["new@example.com"], got); diff != "" {
							t.Errorf("%s, attempt %d, %s (-unknown +known):\n%s", q.name, i, email, diff)
						}
					}
				}
			}
		})
	}
}

func (s *site) suspend(t *testing.T, email string) {
	t.Helper()
	step, err := s.SignIn(t.Context(), email, accounttest.Password, accounttest.Client(accounttest.Home))
	if err != nil {
		t.Fatal(err)
	}
	id, _ := s.Caller(t, step.Grant.Access).ID()
	if err := s.Suspend(t.Context(), caller.System("test"), id, accounttest.Client(accounttest.Home)); err != nil {
		t.Fatal(err)
	}
}

// addFactor gives an account an authenticator app and returns its key.
func (s *site) addFactor(t *testing.T, email string) string {
	t.Helper()
	step, err := s.SignIn(t.Context(), email, accounttest.Password, accounttest.Client(accounttest.Home))
	if err != nil {
		t.Fatal(err)
	}
	who := s.Caller(t, step.Grant.Access)
	e, err := s.BeginTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.ConfirmTOTP(t.Context(), who, accounttest.TOTP(t, e.Secret, s.Clock.Now()), accounttest.Client(accounttest.Home)); err != nil {
		t.Fatal(err)
	}
	s.Clock.Pass(time.Minute)
	return e.Secret
}

// Known and unknown addresses take the same time: the medians differ by less than 2 %, and the samples could be of one
// distribution. One question in a hundred would fail by chance, so a question that fails is asked once more.
func TestOracle_KnownAddressesTakeTheSameTime(t *testing.T) {
	if !effort.Nightly() {
		t.Skip("measures times: with ASHLAR_NIGHTLY=1")
	}
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			s := newSite(t, e, accounttest.Config{Hasher: password.NewHasher(password.Config{})})
			const pool, samples = 50, 10_000
			emails := make([]string, 0, 2*pool)
			for i := range pool {
				emails = append(emails, fmt.Sprintf("known%02d@example.com", i))
				s.NewUser(t, emails[i])
				s.Clock.Pass(time.Hour)
			}
			for i := range pool {
				emails = append(emails, fmt.Sprintf("other%02d@example.com", i))
			}
			for _, email := range emails {
				s.NewUser(t, settler(email))
				s.Clock.Pass(time.Hour)
			}
			random := effort.Seeds(t)(0)
			for _, q := range questions() {
				if strings.HasPrefix(q.path, "/account/") {
					continue // the pages call the same functions
				}
				t.Run(q.name, func(t *testing.T) {
					for try := range 2 {
						known, unknown := s.times(t, q, emails, random, samples)
						p := sameDistribution(known, unknown)
						a, b := median(known), median(unknown)
						apart := float64((a - b).Abs()) / float64(min(a, b))
						t.Logf("medians %v and %v: %.2f %% apart; p = %.4f", a, b, 100*apart, p)
						if apart < 0.02 && p > 0.01 {
							return
						}
						if try > 0 {
							t.Error("times tell known addresses from unknown ones")
						}
					}
				})
			}
		})
	}
}

// times asks a question about each address in turn, in a random order, until there are n times. The first half of the addresses
// is known. Every request comes from another network, and between two about one address the bounds on attempts are forgotten.
func (s *site) times(t *testing.T, q question, emails []string, random *rand.Rand, n int) (known, unknown []time.Duration) {
	t.Helper()
	for round := 0; len(known)+len(unknown) < n; round++ {
		s.Clock.Pass(25 * time.Hour)
		for _, i := range random.Perm(len(emails)) {
			from := fmt.Sprintf("10.%d.%d.%d:5000", random.IntN(250), random.IntN(250), random.IntN(250))
			r, w := s.ask(t, q, emails[i], from), httptest.NewRecorder()
			start := time.Now()
			s.handler.ServeHTTP(w, r)
			taken := time.Since(start)
			if w.Code >= 429 {
				t.Fatalf("%s = %d %s", q.name, w.Code, w.Body)
			}
			if i < len(emails)/2 {
				known = append(known, taken)
			} else {
				unknown = append(unknown, taken)
			}
			s.Messages(t)
		}
	}
	return known, unknown
}
