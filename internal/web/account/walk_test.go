package account_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// A stranger walks over all routes: of /auth, of the pages and of the console. He has an account of his own, reads his own mails,
// and keeps every secret that an answer gives him.
type stranger struct {
	t       *testing.T
	s       *site
	random  *rand.Rand
	own     string              // his address
	victims []string            // the others' addresses
	known   []string            // passwords that he knows or guesses
	texts   map[string][]string // secrets and ids that he was given, by the name of the member that held them
	cookies map[string]string
}

// A1: no walk over the routes ends in a session or a new password of another account, without its mails and factors. A route that
// describes itself is in the walk by that. One whose body has a member that the walk does not know fails the test.
func TestEscalation_RandomWalkOverAllRoutes(t *testing.T) {
	change := func(a *model.Accounts) {
		a.TOTP = true
		a.Passkeys = &model.Passkeys{Domain: "example.com", Origins: []string{"https://app.example.com"}}
	}
	for _, e := range accounttest.Engines() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, e, accounttest.Config{Change: change})
			source := effort.Seeds(t)
			for round := range effort.Cases(10, 1_000) {
				w := s.stranger(t, source(round), round)
				check := s.victims(t, w)
				if round == 0 {
					for _, route := range s.routes {
						w.visit(route)
					}
				}
				for range 60 {
					w.visit(w.pick())
				}
				check()
			}
		})
	}
}

func (s *site) stranger(t *testing.T, random *rand.Rand, round int) *stranger {
	t.Helper()
	s.Clock.Pass(25 * time.Hour)
	w := &stranger{t: t, s: s, random: random, own: fmt.Sprintf("stranger%d@example.com", round), cookies: map[string]string{}}
	grant := s.NewUser(t, w.own)
	w.texts = map[string][]string{"code": {"00000000"}, "access_token": {grant.Access}, "refresh_token": {grant.Refresh}, "id": {grant.Session}}
	w.known = []string{accounttest.Password, "the stranger's own password", "password1234"}
	return w
}

// pick draws a route. Half of the time it is one that signs up or in: only who has signed in gets far.
func (w *stranger) pick() web.Route {
	if w.random.IntN(2) == 0 {
		return w.s.routes[w.random.IntN(len(w.s.routes))]
	}
	ways := slices.DeleteFunc(slices.Clone(w.s.routes), func(r web.Route) bool {
		_, path, _ := strings.Cut(r.Pattern, " ")
		isWay := strings.Contains(path, "sign-") || strings.Contains(path, "verify") || strings.Contains(path, "code") || strings.Contains(path, "reset")
		return !isWay || !strings.HasPrefix(r.Pattern, "POST")
	})
	return ways[w.random.IntN(len(ways))]
}

// victims makes two users. The stranger knows the password of the second one, whose authenticator app keeps him out. The
// returned function checks that both still have what they had.
func (s *site) victims(t *testing.T, w *stranger) func() {
	t.Helper()
	plain, guarded := strings.Replace(w.own, "stranger", "plain", 1), strings.Replace(w.own, "stranger", "guarded", 1)
	w.victims = []string{plain, guarded}
	const secret = "nobody else knows this one"
	first := s.NewUser(t, plain)
	who := s.Caller(t, first.Access)
	if err := s.ChangePassword(t.Context(), who, accounttest.Password, secret, accounttest.Client(accounttest.Home)); err != nil {
		t.Fatal(err)
	}
	device := s.NewUser(t, guarded).Device
	key := s.addFactor(t, guarded)
	s.Outbox.Take()
	return func() {
		if _, err := s.Me(t.Context(), who); err != nil {
			w.t.Errorf("the session of %s: %v", plain, err)
		}
		home := accounttest.Client(accounttest.Home)
		home.Device = first.Device
		if step, err := s.SignIn(t.Context(), plain, secret, home); err != nil || step.Grant == nil {
			w.t.Errorf("%s is kept out: %+v, %v", plain, step, err)
		}
		home.Device = device
		step, err := s.SignIn(t.Context(), guarded, accounttest.Password, home)
		if err != nil || step.Flow == "" {
			w.t.Fatalf("%s is kept out: %+v, %v", guarded, step, err)
		}
		s.Clock.Pass(20 * time.Minute) // a bound on guesses at the factor ends
		step, err = s.SignIn(t.Context(), guarded, accounttest.Password, home)
		if err != nil {
			w.t.Fatal(err)
		}
		if step, err = s.Confirm(t.Context(), step.Flow, account.Factor{TOTP: accounttest.TOTP(t, key, s.Clock.Now())}, home); err != nil || step.Grant == nil {
			w.t.Errorf("the factor of %s: %+v, %v", guarded, step, err)
		}
	}
}

// visit sends a request to a route, with what the stranger has.
func (w *stranger) visit(route web.Route) {
	method, path, _ := strings.Cut(route.Pattern, " ")
	for _, part := range regexp.MustCompile(`{[^}]*}`).FindAllString(path, -1) {
		path = strings.Replace(path, part, w.part(part), 1)
	}
	path = "https://app.example.com" + path + []string{"", "", "?cookie=true", "?all=true"}[w.random.IntN(4)]
	var body []byte
	media := "application/x-www-form-urlencoded"
	switch {
	case route.Doc != nil && route.Doc.Body != nil && !slices.Contains(route.Doc.Body.Types, media):
		body, media = w.object(route), "application/json"
	case method == http.MethodPost && route.Doc == nil:
		body = []byte(w.form().Encode())
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", media)
	r.RemoteAddr = fmt.Sprintf("198.51.100.%d:5000", 1+w.random.IntN(250))
	if w.random.IntN(2) == 0 && route.Doc != nil {
		r.Header.Set("Authorization", "Bearer "+url.QueryEscape(w.text("access_token", "key")))
	} else {
		for name, value := range w.cookies {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	answer := httptest.NewRecorder()
	w.s.handler.ServeHTTP(answer, r)
	if answer.Code >= 500 {
		w.t.Errorf("%s %s = %d %s", method, path, answer.Code, answer.Body)
	}
	w.learn(answer)
	w.readMails()
}

// text draws one of the texts that the stranger has: mostly the last one of a member with one of the names, else any.
func (w *stranger) text(names ...string) string {
	if held := w.texts[names[w.random.IntN(len(names))]]; len(held) > 0 && w.random.IntN(4) > 0 {
		return held[len(held)-1-min(w.random.IntN(6)/3, len(held)-1)]
	}
	all := slices.Concat(slices.Collect(maps.Values(w.texts))...)
	return all[w.random.IntN(len(all))]
}

// totp draws the code of an app: of a secret that the stranger has, or a guess.
func (w *stranger) totp() string {
	if held := w.texts["secret"]; len(held) > 0 && w.random.IntN(2) == 0 {
		if last := held[len(held)-1]; secretForm.MatchString(last) { // a form of the console has a secret too
			return accounttest.TOTP(w.t, last, w.s.Clock.Now())
		}
	}
	return w.text("code")
}

func (w *stranger) email() string {
	if w.random.IntN(2) == 0 {
		return w.own
	}
	return w.victims[w.random.IntN(len(w.victims))]
}

func (w *stranger) password() string { return w.known[w.random.IntN(len(w.known))] }

// part draws the part of a path.
func (w *stranger) part(name string) string {
	switch name {
	case "{$}":
		return ""
	case "{provider}":
		return "corp"
	case "{name}":
		return "style.css"
	case "{idAndVerb}":
		return url.PathEscape(w.text("id", "prefix")) + ":rotate"
	case "{id}", "{session}", "{key}", "{link}", "{passkey}":
		return url.PathEscape(w.text("id"))
	}
	w.t.Fatalf("the walk does not know what to put in place of %s", name)
	return ""
}

// object draws a body with the members that a route describes.
func (w *stranger) object(route web.Route) []byte {
	body := map[string]any{}
	for _, m := range route.Doc.Body.Members {
		if m.Optional && w.random.IntN(2) == 0 {
			continue
		}
		switch m.Name {
		case "email":
			body[m.Name] = w.email()
		case "password", "old", "new":
			body[m.Name] = w.password()
		case "code", "invitation":
			body[m.Name] = w.text("code")
		case "totp":
			body[m.Name] = w.totp()
		case "recovery":
			body[m.Name] = w.text("recovery_codes")
		case "token": // of another issuer
			body[m.Name] = w.text("access_token")
		case "flow", "refresh_token":
			body[m.Name] = w.text(m.Name)
		case "name":
			body[m.Name] = "a stranger"
		case "roles":
			body[m.Name] = []string{"editor"}
		case "scopes":
			body[m.Name] = []string{"reader"}
		case "expires_at":
			body[m.Name] = nil
		case "passkey":
			body[m.Name] = map[string]any{"id": w.text("id"), "type": "public-key", "response": map[string]any{}}
		default:
			w.t.Fatalf("%s: the walk does not know what to send as %s", route.Pattern, m.Name)
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// form draws the fields of all forms. They hold one factor, and often no invitation.
func (w *stranger) form() url.Values {
	form := url.Values{
		"email": {w.email()}, "confirm": {w.email()}, "password": {w.password()}, "old": {w.password()}, "new": {w.password()},
		"code": {w.text("code")}, "secret": {w.text("secret", "flow")}, "id": {w.text("id")}, "name": {"a stranger"},
		"scopes": {"reader"}, "role": {"owner"}, "roles": {"editor"}, "next": {"/account/"},
	}
	if w.random.IntN(2) == 0 {
		form.Set("totp", w.totp())
	} else {
		form.Set("recovery", w.text("recovery_codes"))
	}
	if w.random.IntN(3) == 0 {
		form.Set("invitation", w.text("code"))
	}
	return form
}

// What pages show: values of fields, and codes.
var shownTexts = regexp.MustCompile(`(?:name="(\w+)" value="|<code[^>]*>)([^"<]{4,200})`)

// secretForm is the form of a secret for an authenticator app.
var secretForm = regexp.MustCompile(`^[A-Z2-7]{32}$`)

// learn keeps what an answer gives. It fails the test if that belongs to somebody else.
func (w *stranger) learn(answer *httptest.ResponseRecorder) {
	for _, cookie := range answer.Result().Cookies() {
		w.cookies[cookie.Name] = cookie.Value
		if cookie.Value == "" {
			delete(w.cookies, cookie.Name)
			continue
		}
		w.keep("cookie", cookie.Value)
		if _, err := w.s.OperatorByCookie(w.t.Context(), cookie.Value); err == nil {
			w.t.Fatal("the stranger is an operator")
		}
		if who, err := w.s.ByCookie(w.t.Context(), cookie.Value); err == nil {
			w.mustBeOwn(who)
		}
	}
	var members map[string]any
	if json.Unmarshal(answer.Body.Bytes(), &members) == nil {
		w.keepAll("", members)
		return
	}
	for _, found := range shownTexts.FindAllStringSubmatch(answer.Body.String(), 20) {
		name, text := found[1], strings.ReplaceAll(html.UnescapeString(found[2]), " ", "")
		switch {
		case name == "" && secretForm.MatchString(text):
			name = "secret"
		case name == "":
			name = "recovery_codes"
		}
		w.keep(name, text)
	}
}

// keepAll keeps the texts of a JSON value, and looks whether one is the token of somebody.
func (w *stranger) keepAll(name string, v any) {
	switch v := v.(type) {
	case string:
		if who, err := w.s.Verifier.Verify(v); err == nil {
			w.mustBeOwn(who)
		}
		if len(v) >= 4 && len(v) <= 1000 {
			w.keep(name, v)
		}
	case []any:
		for _, each := range v {
			w.keepAll(name, each)
		}
	case map[string]any:
		for name, each := range v {
			if !slices.Contains([]string{"type", "title", "detail", "faults", "qr", "options"}, name) {
				w.keepAll(name, each)
			}
		}
	}
}

func (w *stranger) keep(name, text string) {
	if !slices.Contains(w.texts[name], text) {
		w.texts[name] = append(w.texts[name], text)
	}
}

func (w *stranger) mustBeOwn(who caller.Caller) {
	if email, _ := who.Email(); email != w.own {
		w.t.Fatalf("the stranger has a session of %s", email)
	}
}

// readMails gives the stranger the codes of his own mails, and no others.
func (w *stranger) readMails() {
	for _, l := range w.s.Outbox.Take() {
		message, send, err := w.s.Compose(w.t.Context(), l)
		if err != nil {
			w.t.Fatal(err)
		}
		if send && l.To == w.own && message.Data.Code != "" {
			w.keep("code", message.Data.Code)
		}
	}
}
