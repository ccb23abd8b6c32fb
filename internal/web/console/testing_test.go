package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/web"
)

const source = `
ashlar: 1
name: notes
roles: [editor, reader]
accounts:
  signup: open
  verify: later
  keys:
    scopes:
      reader: {notes: read}
tables:
  notes:
    fields:
      title: {type: text, max: 100}
    access: {read: true}
`

// A world is a console on a new database.
type world struct {
	*accounttest.Node
	t       *testing.T
	console *Console
	handler http.Handler
	users   int // made so far
}

func newWorld(t *testing.T, model string, sections ...Section) *world {
	t.Helper()
	return openWorld(t, model, accounttest.Config{}, sections...)
}

func openWorld(t *testing.T, model string, cfg accounttest.Config, sections ...Section) *world {
	t.Helper()
	return worldOn(t, accounttest.SQLite(), model, cfg, sections...)
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) { test(t, worldOn(t, e, source, accounttest.Config{})) })
	}
}

func worldOn(t *testing.T, e modeltest.Engine, model string, cfg accounttest.Config, sections ...Section) *world {
	t.Helper()
	cfg.Start = time.Now()
	n := accounttest.New(t, e, model, cfg)
	w := &world{Node: n, t: t}
	w.console = New(Config{App: n.Model.Name, Accounts: n.Service, Audit: n.Audit, Keys: n.TokenKeys, Now: n.Clock.Now, Sections: sections})
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = receiver.Handler(web.NewMux(w.console.Routes()...))
	return w
}

// TestMain ends the browser after all tests.
func TestMain(m *testing.M) { browsertest.Main(m) }

// A visitor is a browser without scripts.
type visitor struct {
	w       *world
	address string
	host    string
	cookies map[string]string
	header  http.Header
}

// visitor returns a browser on the machine of the server.
func (w *world) visitor() *visitor {
	return &visitor{w: w, address: "127.0.0.1:5000", host: "127.0.0.1:8080", cookies: map[string]string{}, header: http.Header{}}
}

// remote returns a browser elsewhere.
func (w *world) remote() *visitor {
	v := w.visitor()
	v.address, v.host = "192.0.2.7:5000", "app.example.com"
	return v
}

// An answer is the answer to a visitor.
type answer struct {
	*httptest.ResponseRecorder
	body string
}

func (a answer) path() string { return a.Header().Get("Location") }

func (v *visitor) send(method, path string, form url.Values) answer {
	v.w.t.Helper()
	var r *http.Request
	if method == http.MethodPost {
		r = httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		r = httptest.NewRequest(method, path, nil)
	}
	r.RemoteAddr, r.Host = v.address, v.host
	for name, value := range v.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, values := range v.header {
		r.Header[name] = values
	}
	rec := httptest.NewRecorder()
	v.w.handler.ServeHTTP(rec, r)
	for _, cookie := range rec.Result().Cookies() {
		if cookie.MaxAge < 0 {
			delete(v.cookies, cookie.Name)
			continue
		}
		v.cookies[cookie.Name] = cookie.Value
	}
	return answer{rec, rec.Body.String()}
}

func (v *visitor) get(path string) answer { v.w.t.Helper(); return v.send("GET", path, nil) }

func (v *visitor) post(path string, pairs ...string) answer {
	v.w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send("POST", path, form)
}

// shows fails unless a page is answered with the texts.
func (v *visitor) shows(a answer, status int, texts ...string) {
	v.w.t.Helper()
	if a.Code != status {
		v.w.t.Errorf("status %d, want %d: %s %.600s", a.Code, status, a.path(), a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			v.w.t.Errorf("the page does not show %q:\n%.2500s", text, mainOf(a.body))
		}
	}
}

// leads fails unless the browser is sent to a path.
func (v *visitor) leads(a answer, path string) {
	v.w.t.Helper()
	if a.Code != http.StatusSeeOther || a.path() != path {
		v.w.t.Errorf("answered %d to %q, want 303 to %q: %s", a.Code, a.path(), path, mainOf(a.body))
	}
}

func mainOf(body string) string {
	_, after, _ := strings.Cut(body, "<main")
	return after
}

const passphrase = "a stone set upon another stone"

// operator makes an operator of a role in a browser on the machine of the server.
func (w *world) operator(role string) *visitor {
	w.t.Helper()
	return w.join(w.visitor(), role)
}

// join makes an operator of a role in a browser.
func (w *world) join(v *visitor, role string) *visitor {
	w.t.Helper()
	secret, err := w.Service.OperatorLink(w.t.Context(), role)
	if err != nil {
		w.t.Fatal(err)
	}
	a := v.post("/console/begin", "secret", secret, "name", "Op "+role, "email", role+"@example.com", "password", passphrase)
	if a.Code != http.StatusSeeOther || v.cookies[sessionCookie] == "" {
		w.t.Fatalf("begin = %d %s", a.Code, mainOf(a.body))
	}
	return v
}

// user makes a user with a session and returns the id of the account.
func (w *world) user(email, name string) (id string, grant *account.Grant) {
	w.t.Helper()
	w.users++ // each from an address of its own: the mails of one are counted
	client := account.Client{Address: fmt.Sprintf("2001:db8:0:%x::1", w.users), Agent: "Mozilla/5.0 Firefox/130.0"}
	step, err := w.Service.SignUp(w.t.Context(), account.Newcomer{Email: email, Name: name, Password: passphrase}, client)
	if err != nil || step.Grant == nil {
		w.t.Fatalf("SignUp = %+v, %v", step, err)
	}
	return w.idOf(account.KindUser, email), step.Grant
}

func (w *world) idOf(kind account.Kind, email string) string {
	w.t.Helper()
	page, err := w.Service.Accounts(w.t.Context(), account.Search{Kind: kind, Email: email, Limit: 1})
	if err != nil || len(page.Accounts) != 1 {
		w.t.Fatalf("Accounts(%s) = %+v, %v", email, page, err)
	}
	return page.Accounts[0].ID
}

// entries returns the audit log, the newest first.
func (w *world) entries() []audit.Entry {
	w.t.Helper()
	page, err := w.console.audit.List(w.t.Context(), audit.Filter{}, "", 500)
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Entries
}

var secretForm = regexp.MustCompile(`Secret: <code class="long">([A-Z2-7]+)</code>`)

// enroll sets up the second factor and returns its secret and the recovery codes.
func (v *visitor) enroll() (secret string, codes []string) {
	v.w.t.Helper()
	found := secretForm.FindStringSubmatch(v.post("/console/factor").body)
	if found == nil {
		v.w.t.Fatal("no secret is shown")
	}
	secret = found[1]
	a := v.post("/console/factor/confirm", "code", v.w.code(secret))
	for _, each := range regexp.MustCompile(`<li><code>([^<]+)</code>`).FindAllStringSubmatch(a.body, -1) {
		codes = append(codes, each[1])
	}
	if len(codes) == 0 {
		v.w.t.Fatalf("no recovery codes: %d %s", a.Code, mainOf(a.body))
	}
	return secret, codes
}

// code returns the code that an authenticator app shows now.
func (w *world) code(secret string) string {
	w.t.Helper()
	return accounttest.TOTP(w.t, secret, w.Clock.Now())
}
