package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
)

// No credential of a user opens the console, and no credential of an operator opens anything else.
func TestCredentialsOfUsersAndOperatorsAreApart(t *testing.T) {
	w := newWorld(t, source)
	owner := w.operator("owner")
	_, grant := w.user("ada@example.com", "Ada")
	step, err := w.Service.SignIn(t.Context(), "ada@example.com", passphrase, account.Client{Address: "192.0.2.3", Cookie: true})
	if err != nil || step.Grant.Cookie == "" {
		t.Fatal(step, err)
	}
	service, err := w.Service.NewService(t.Context(), "backup", nil, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	key, err := w.Service.MakeServiceKey(t.Context(), service, account.NewKey{Name: "night", Scopes: []string{"reader"}}, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"cookie": step.Grant.Cookie, "access token": grant.Access, "refresh token": grant.Refresh, "key": key.Text, "nothing": "", "garbage": "x",
		"session id": step.Grant.Session, "cut": owner.cookies[sessionCookie][:len(owner.cookies[sessionCookie])-1],
	} {
		v := w.visitor()
		v.cookies[sessionCookie] = text
		v.cookies["__Host-ashlar"] = step.Grant.Cookie
		v.header.Set("Authorization", "Bearer "+text)
		if a := v.get("/console/users"); !strings.HasPrefix(a.path(), "/console/sign-in?") {
			t.Errorf("with the %s of a user: %d to %q", name, a.Code, a.path())
		}
		v.shows(v.post("/console/users/invite", "email", "eve@example.com"), 401)
	}
	if who, err := w.Service.ByCookie(t.Context(), owner.cookies[sessionCookie]); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("the cookie of an operator is the user %v, %v", who, err)
	}
	if _, err := w.Service.Refresh(t.Context(), owner.cookies[sessionCookie], account.Client{}); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("the cookie of an operator refreshes: %v", err)
	}
	if _, err := w.Service.SignIn(t.Context(), "owner@example.com", passphrase, account.Client{Address: "192.0.2.4"}); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("an operator signs in as a user: %v", err)
	}
	v := w.visitor()
	v.shows(v.post("/console/sign-in", "email", "ada@example.com", "password", passphrase), 401)
}

// A sign-in that waits for its second factor ends where it began.
func TestFlowsOfUsersAndOperatorsAreApart(t *testing.T) {
	w := newWorld(t, source)
	owner := w.operator("owner")
	secret, _ := owner.enroll()
	_, grant := w.user("ada@example.com", "Ada")
	who := w.Caller(w.t, grant.Access)
	e, err := w.Service.BeginTOTP(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.ConfirmTOTP(t.Context(), who, w.code(e.Secret), account.Client{}); err != nil {
		t.Fatal(err)
	}
	w.Clock.Pass(time.Minute)
	client := account.Client{Address: "192.0.2.3"}
	step, err := w.Service.SignIn(t.Context(), "ada@example.com", passphrase, client)
	if err != nil || step.Flow == "" {
		t.Fatal(step, err)
	}
	v := w.visitor()
	v.shows(v.post("/console/sign-in/factor", "flow", step.Flow, "code", w.code(e.Secret)), 422)
	if len(v.cookies) != 0 {
		t.Errorf("the flow of a user gives the cookies %v", v.cookies)
	}
	step, err = w.Service.OperatorSignIn(t.Context(), "owner@example.com", passphrase, client)
	if err != nil || step.Flow == "" {
		t.Fatal(step, err)
	}
	if step, err := w.Service.Confirm(t.Context(), step.Flow, account.Factor{TOTP: w.code(secret)}, client); errs.KindOf(err) != errs.Invalid {
		t.Errorf("the flow of an operator gives a user's session: %+v, %v", step, err)
	}
}

// An operator's session ends sooner than a user's.
func TestSessionsOfOperatorsEndWithinAWeek(t *testing.T) {
	w := newWorld(t, source)
	v, idle := w.operator("owner"), w.operator("viewer")
	for range 8 {
		v.shows(v.get("/console/users"), 200)
		w.Clock.Pass(20 * time.Hour)
	}
	w.Clock.Pass(8*time.Hour + time.Minute)
	for name, each := range map[string]*visitor{"used": v, "idle": idle} {
		if a := each.get("/console/users"); !strings.HasPrefix(a.path(), "/console/sign-in") {
			t.Errorf("after a week the %s session gets %d to %q", name, a.Code, a.path())
		}
	}
}

// An operator reaches no operator through the pages of users, whatever the id.
func TestOperatorsDoNotReachOperators(t *testing.T) {
	w := newWorld(t, source)
	w.operator("owner")
	v := w.operator("operator")
	owner := w.idOf(account.KindOperator, "owner@example.com")
	user, _ := w.user("ada@example.com", "Ada")
	for _, route := range w.console.all() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		ids := []string{owner}
		if strings.Contains(path, "/services/") {
			ids = append(ids, user)
		}
		if !strings.Contains(path, "/{id}") || strings.Contains(path, "/operators/") {
			continue
		}
		for _, id := range ids {
			form := url.Values{"confirm": {"owner@example.com"}, "sure": {"yes"}, "name": {"x"}, "scope": {"reader"}}
			if a := v.send(method, fill(strings.Replace(path, "{id}", id, 1)), form); a.Code != 404 {
				t.Errorf("%s with another kind of account = %d: %s", route.Pattern, a.Code, mainOf(a.body))
			}
		}
	}
	if a, err := w.Service.Account(t.Context(), account.KindOperator, owner); err != nil || a.SuspendedAt != nil {
		t.Errorf("the owner is %+v, %v", a, err)
	}
}

// A page of another origin makes no browser send a form that counts.
func TestCSRF_EveryFormRefusesOtherOrigins(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	for _, route := range w.console.all() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if method == http.MethodGet {
			continue
		}
		for _, header := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example"}}, {"Origin": {"null"}},
		} {
			v.header = header
			if a := v.post(fill(path), "role", "owner"); a.Code != 403 {
				t.Errorf("%s with %v = %d", route.Pattern, header, a.Code)
			}
		}
	}
	v.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	v.shows(v.get("/console/users"), 200)
	v.leads(v.post("/console/users/invite", "email", "eve@example.com"), "/console/users?done=invited")
}

func TestPagesLoadNothingOfOthersAndStandInNoFrame(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	for _, path := range []string{"/console/users", "/console/begin", "/console/none", "/console/users/x", "/console/audit"} {
		a := v.get(path)
		if a.Code == 404 && path == "/console/none" {
			continue // of the mux
		}
		policy := a.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || a.Header().Get("X-Frame-Options") != "DENY" || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("headers of %s: %v", path, a.Header())
		}
		if strings.Contains(a.body, " style=") || strings.Contains(a.body, " onclick=") || strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<style>") {
			t.Errorf("%s has inline code or style", path)
		}
	}
	secret, err := w.Service.OperatorLink(t.Context(), "viewer")
	if err != nil {
		t.Fatal(err)
	}
	a := w.visitor().post("/console/begin", "secret", secret, "email", "v@example.com", "password", passphrase)
	for _, cookie := range a.Result().Cookies() {
		if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" || cookie.Domain != "" {
			t.Errorf("cookie %v", cookie)
		}
	}
}

func TestSignInLeadsToNoOtherHost(t *testing.T) {
	w := newWorld(t, source)
	w.operator("owner")
	for _, next := range []string{
		"//evil.example/console/", "https://evil.example/console/", `/\evil.example`, `/console/\..\evil`, "/console/../auth", "javascript:alert(1)", "console/users",
		"/console/\r\nX: y", "///console/users", "/other", "http:/console/users", "/console/%2e%2e/x", "?next=//evil", "/console/..//evil.example",
	} {
		v := w.visitor()
		a := v.post("/console/sign-in", "email", "owner@example.com", "password", passphrase, "next", next)
		if a.path() != "/console" && (!strings.HasPrefix(a.path(), "/console/") || strings.ContainsAny(a.path(), "\\\r\n")) {
			t.Errorf("next %q leads to %q", next, a.path())
		}
	}
}

// hostile are texts that would act in a page that does not escape them.
func hostile() []string {
	return []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onfocus=alert(1) autofocus x='`, `" onfocus=alert(1) autofocus x="`,
		`</title><svg onload=alert(1)>`, `{{.App}}`, `javascript:alert(1)`, `<!--`, `]]>`, "\u202eabc<b>", `&lt;script&gt;`,
	}
}

func TestXSS_TextsOfUsersAreOnlyTexts(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	id, _ := w.user("ada@example.com", "Ada")
	service, err := w.Service.NewService(t.Context(), "clean", nil, account.Client{})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range hostile() {
		email := strings.Repeat("x", i+1) + "'&=`{}@example.com"
		w.users++
		agent := account.Client{Address: "2001:db8:1::" + text[:1], Agent: text, Request: text}
		step, err := w.Service.SignUp(t.Context(), account.Newcomer{Email: email, Name: text, Password: passphrase}, agent)
		if err != nil || step.Grant == nil {
			t.Fatal(step, err)
		}
		other, err := w.Service.NewService(t.Context(), text, nil, account.Client{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Service.MakeServiceKey(t.Context(), other, account.NewKey{Name: text, Scopes: []string{"reader"}}, account.Client{}); err != nil {
			t.Fatal(err)
		}
		if err := w.Service.Note(t.Context(), "attack.tried", map[string]any{text: text}, account.Client{Address: text, Request: text}); err != nil {
			t.Fatal(err)
		}
		secret, err := w.Service.OperatorLink(t.Context(), "viewer")
		if err != nil {
			t.Fatal(err)
		}
		begun := w.visitor().post("/console/begin", "secret", secret, "name", text, "email", "op"+email, "password", passphrase)
		if begun.Code != http.StatusSeeOther {
			t.Fatal(mainOf(begun.body))
		}
		escaped := url.QueryEscape(text)
		pages := []answer{
			v.get("/console/users"), v.get("/console/users?q=" + escaped), v.get("/console/users?by=name&q=" + escaped),
			v.get("/console/users/" + w.idOf(account.KindUser, email)), v.get("/console/services"), v.get("/console/services?q=" + escaped),
			v.get("/console/services/" + other), v.get("/console/operators"), v.get("/console/audit"),
			v.get("/console/audit?action=" + escaped + "&actor=" + escaped + "&account=" + escaped),
			v.get("/console/audit?since=" + escaped + "&until=" + escaped), v.get("/console/users?done=" + escaped), v.get("/console/users?after=" + escaped),
			v.get("/console/sign-in?next=" + escaped), v.get("/console/sign-in?next=/console/" + escaped), v.get("/console/users/" + url.PathEscape(text)),
			v.post("/console/begin", "secret", text, "name", text, "email", text, "password", text),
			v.post("/console/sign-in", "email", text, "password", text, "next", text),
			v.post("/console/sign-in/factor", "flow", text, "code", text),
			v.post("/console/users/invite", "email", text, "role", text),
			v.post("/console/users/"+id+"/roles", "role", text), v.post("/console/users/"+id+"/delete", "confirm", text),
			v.post("/console/services", "name", "", "role", text), v.post("/console/services/"+service+"/keys", "name", text, "scope", text, "expires", text),
			v.post("/console/services/"+service+"/keys", "name", text, "scope", "reader"), v.post("/console/operators", "role", text),
		}
		for n, a := range pages {
			if a.Code >= 500 {
				t.Errorf("page %d with %q = %d", n, text, a.Code)
			}
			for _, alive := range []string{"<script>alert", "<img", "<svg onload", "' onfocus=", `" onfocus=`, "<b>", "<!--", `href="javascript:`} {
				if strings.Contains(strings.ToLower(strings.TrimPrefix(a.body, "<!doctype html>")), alive) {
					t.Errorf("page %d shows %q alive as %q", n, text, alive)
				}
			}
		}
	}
}

// The log and the pages hold no secret of a sign-in.
func TestPagesEchoNoPassword(t *testing.T) {
	w := newWorld(t, source)
	v := w.visitor()
	const typed = "this was typed by mistake 12345"
	for _, a := range []answer{
		v.post("/console/begin", "secret", "x", "email", "ada@example.com", "password", typed),
		v.post("/console/sign-in", "email", "ada@example.com", "password", typed),
	} {
		if strings.Contains(a.body, typed) {
			t.Errorf("the page shows the password: %s", mainOf(a.body))
		}
	}
}

func TestFormsAreBounded(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("operator")
	v.shows(v.post("/console/users/invite", "email", strings.Repeat("x", maxForm)), 413)
	v.header.Set("Content-Type", "application/json")
	v.shows(v.post("/console/users/invite", "email", "eve@example.com"), 415)
	v.header.Del("Content-Type")
	v.shows(v.post("/console/services", "name", "a\x00b"), 422)
	v.shows(v.post("/console/services", "name", "a\xffb"), 400)
}

// Signing in again ends the session that the browser came with.
func TestReplay_SigningInAgainEndsTheFormerSession(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	former := w.visitor()
	former.cookies[sessionCookie] = v.cookies[sessionCookie]
	v.leads(v.post("/console/sign-in", "email", "owner@example.com", "password", passphrase), "/console")
	if v.cookies[sessionCookie] == former.cookies[sessionCookie] {
		t.Error("the session kept its cookie")
	}
	v.shows(v.get("/console/users"), 200)
	if a := former.get("/console/users"); !strings.HasPrefix(a.path(), "/console/sign-in?") {
		t.Errorf("the former session: %d to %q", a.Code, a.path())
	}
}

// Each page of an operator leads to the sign-out. Fields for passwords are masked, and open to password managers.
func TestPagesLeadToTheSignOutAndMaskPasswords(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	for _, path := range []string{"/console/users", "/console/services", "/console/operators", "/console/audit"} {
		a := v.get(path)
		v.shows(a, 200, `action="/console/sign-out"`)
	}
	for path, complete := range map[string]string{"/console/begin": "new-password", "/console/sign-in": "current-password"} {
		a := w.visitor().get(path)
		field := regexp.MustCompile(`<input[^>]*name="?password"?[^>]*>`).FindString(a.body)
		if !strings.Contains(field, `type="password"`) || !strings.Contains(field, `autocomplete="`+complete+`"`) {
			t.Errorf("%s: %s", path, field)
		}
	}
}
