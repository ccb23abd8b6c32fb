package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/record"
)

func TestALinkMakesOneOperator(t *testing.T) {
	w := newWorld(t, source)
	v := w.visitor()
	v.shows(v.get("/console/begin"), 200, "Become an operator")
	secret, err := w.Service.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	fields := []string{"secret", "http://127.0.0.1:8080/console/begin#" + secret, "name", "Ada", "email", "ada@example.com", "password"}
	v.shows(v.post("/console/begin", append(fields, "short")...), 422, "15", "ada@example.com", secret)
	v.shows(v.post("/console/begin", "secret", "wrong", "name", "Ada", "email", "ada@example.com", "password", passphrase), 422, "not valid")
	v.shows(v.post("/console/begin", "secret", secret, "email", "no address", "password", passphrase), 422, "not an email address")
	v.leads(v.post("/console/begin", append(fields, passphrase)...), "/console")
	v.leads(v.get("/console"), "/console/users")
	v.shows(v.get("/console/users"), 200, "There are no users yet", "ada@example.com", "owner")

	other := w.visitor()
	other.shows(other.post("/console/begin", append(fields, passphrase)...), 422, "not valid")
	if other.cookies[sessionCookie] != "" {
		t.Error("a used link opens a session")
	}
	v.leads(v.post("/console/sign-out"), "/console/sign-in")
	v.leads(v.get("/console/users?q=a"), "/console/sign-in?next=%2Fconsole%2Fusers%3Fq%3Da")
	v.shows(v.post("/console/sign-in", "email", "ada@example.com", "password", "wrong"), 401, "wrong", "ada@example.com")
	v.leads(v.post("/console/sign-in", "email", "ada@example.com", "password", passphrase, "next", "/console/users?q=a"), "/console/users?q=a")
}

func TestALinkEndsAfterHalfAnHour(t *testing.T) {
	w := newWorld(t, source)
	secret, err := w.Service.OperatorLink(t.Context(), "owner")
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Pass(30 * time.Minute)
	v := w.visitor()
	v.shows(v.post("/console/begin", "secret", secret, "email", "ada@example.com", "password", passphrase), 422, "not valid")
}

func TestAnAppWithoutAccountsHasOperators(t *testing.T) {
	w := newWorld(t, "ashlar: 1\nname: plain\ntables: {notes: {fields: {title: {type: text, max: 9}}, access: {read: true}}}")
	v := w.operator("owner")
	v.shows(v.get("/console/users"), 200, "no users")
	v.enroll()
	v.leads(v.post("/console/services", "name", "backup"), "/console/services/"+w.services()[0].ID+"?done=service")
	v.shows(v.post("/console/services/"+w.services()[0].ID+"/keys", "name", "night"), 200, "ashl_")
}

// services returns the service accounts.
func (w *world) services() []account.Account {
	w.t.Helper()
	page, err := w.Service.Accounts(w.t.Context(), account.Search{Kind: account.KindService, Limit: 9})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Accounts
}

// Elsewhere than on the machine of the server an operator without a factor sees only the page to set it up.
func TestElsewhereTheFactorComesFirst(t *testing.T) {
	w := newWorld(t, source)
	v := w.join(w.remote(), "owner")
	for _, route := range w.console.all() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		if route.Role == Anybody || route.Role == SignedIn {
			continue
		}
		if a := v.send(method, fill(path), nil); a.path() != "/console/factor" {
			t.Errorf("%s without a factor = %d to %q", route.Pattern, a.Code, a.path())
		}
	}
	v.shows(v.get("/console/factor"), 200, "need a second factor", "Set up")
	if strings.Contains(v.get("/console/factor").body, "aria-label=\"Sections\"") {
		t.Error("the navigation is shown before the factor")
	}
	v.shows(v.post("/console/factor/confirm", "code", "000000"), 422, "not valid")
	secret, codes := v.enroll()
	v.leads(v.get("/console"), "/console/users")
	v.leads(v.get("/console/factor"), "/console/account")
	v.shows(v.get("/console/account"), 200, "Authenticator app", "10 left")

	for name, code := range map[string]func() string{
		"app":      func() string { w.Clock.Pass(time.Minute); return w.code(secret) },
		"recovery": func() string { return codes[0] },
	} {
		other := w.remote()
		a := other.post("/console/sign-in", "email", "owner@example.com", "password", passphrase, "next", "/console/audit")
		other.shows(a, 200, "Second factor")
		if other.cookies[sessionCookie] != "" {
			t.Fatal("the password alone opens a session")
		}
		flow := regexp.MustCompile(`name="flow" value="([^"]+)"`).FindStringSubmatch(a.body)[1]
		other.shows(other.post("/console/sign-in/factor", "flow", flow, "code", "123456"), 422, "not valid", flow)
		other.leads(other.post("/console/sign-in/factor", "flow", flow, "code", code(), "next", "/console/audit"), "/console/audit")
		if a := other.get("/console/users"); a.Code != 200 {
			t.Errorf("after the factor (%s) = %d to %q", name, a.Code, a.path())
		}
	}
}

// A proxy on the machine of the server makes every request come from there.
func TestAProxyIsNotThisMachine(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	for _, tt := range []struct{ host, header string }{{"app.example.com", ""}, {"127.0.0.1:8080", "X-Forwarded-For"}, {"localhost", "Forwarded"}, {"localhost", "Via"}, {"localhost", "Cf-Connecting-Ip"}, {"localhost", "True-Client-Ip"}} {
		v.host, v.header = tt.host, http.Header{}
		if tt.header != "" {
			v.header.Set(tt.header, "192.0.2.1")
		}
		v.leads(v.get("/console/users"), "/console/factor")
	}
	for _, host := range []string{"localhost", "localhost:1", "[::1]:8080", "127.0.0.1"} {
		v.host, v.header = host, nil
		v.shows(v.get("/console/users"), 200)
	}
}

// Browsers keep the cookies of the console only over TLS or on loopback.
func TestPlainHTTPFromElsewhereIsExplained(t *testing.T) {
	w := newWorld(t, source)
	v := w.remote()
	v.shows(v.get("/console/sign-in"), 200, "plain HTTP")
	v.header.Set("X-Forwarded-Proto", "https")
	if a := v.get("/console/sign-in"); strings.Contains(a.body, "plain HTTP") {
		t.Error("behind a proxy with TLS the page warns")
	}
	if a := w.visitor().get("/console/sign-in"); strings.Contains(a.body, "plain HTTP") {
		t.Error("on loopback the page warns")
	}
}

// fill puts ids into the path of a pattern.
func fill(path string) string {
	return regexp.MustCompile(`\{[^}]+\}`).ReplaceAllString(path, "0190aaaa-0000-7000-8000-000000000001")
}

// Every route has an entry here: what happens without a session, and for each role.
func TestRolesOfEachRoute(t *testing.T) {
	const none, seen, refused, missing, changed = "sign in", "page", "403", "404", "done"
	const away = "/console/sign-in"
	w := newWorld(t, source)
	as := map[string]*visitor{"nobody": w.visitor(), "viewer": w.operator("viewer"), "operator": w.operator("operator"), "owner": w.operator("owner")}
	want := map[string][4]string{ // nobody, viewer, operator, owner
		"GET /console/assets/{name}":                  {missing, missing, missing, missing},
		"GET /console/begin":                          {seen, seen, seen, seen},
		"POST /console/begin":                         {"422", "422", "422", "422"},
		"GET /console/sign-in":                        {seen, seen, seen, seen},
		"POST /console/sign-in":                       {"422", "422", "422", "422"},
		"POST /console/sign-in/factor":                {"422", "422", "422", "422"},
		"POST /console/sign-in/factor/passkey":        {refused, refused, refused, refused}, // no passkeys for an IP address
		"POST /console/sign-in/passkey":               {refused, refused, refused, refused},
		"POST /console/sign-in/passkey/begin":         {refused, refused, refused, refused},
		"GET /console/account":                        {none, seen, seen, seen},
		"POST /console/account/password":              {"401", "422", "422", "422"},
		"POST /console/account/totp/remove":           {"401", "422", "422", "422"},
		"POST /console/account/recovery":              {"401", "Conflict", "Conflict", "Conflict"},
		"POST /console/account/passkeys/begin":        {"401", refused, refused, refused},
		"POST /console/account/passkeys":              {"401", refused, refused, refused},
		"POST /console/account/passkeys/{id}/remove":  {"401", missing, missing, missing},
		"POST /console/account/sessions":              {"401", changed, changed, changed},
		"POST /console/account/sessions/{id}":         {"401", missing, missing, missing},
		"GET /console/factor":                         {none, changed, changed, changed},
		"POST /console/factor":                        {"401", seen, seen, seen},
		"POST /console/factor/confirm":                {"401", "422", "422", "422"},
		"GET /console":                                {none, changed, changed, changed},
		"GET /console/users":                          {none, seen, seen, seen},
		"GET /console/users/{id}":                     {none, missing, missing, missing},
		"GET /console/users/invite":                   {none, refused, seen, seen},
		"POST /console/users/invite":                  {"401", refused, "422", "422"},
		"POST /console/users/{id}/roles":              {"401", refused, missing, missing},
		"POST /console/users/{id}/suspend":            {"401", refused, missing, missing},
		"POST /console/users/{id}/resume":             {"401", refused, missing, missing},
		"POST /console/users/{id}/reset":              {"401", refused, missing, missing},
		"POST /console/users/{id}/factor":             {"401", refused, missing, missing},
		"POST /console/users/{id}/totp":               {"401", refused, missing, missing},
		"POST /console/users/{id}/passkeys/{passkey}": {"401", refused, missing, missing},
		"POST /console/users/{id}/sessions":           {"401", refused, missing, missing},
		"POST /console/users/{id}/sessions/{session}": {"401", refused, missing, missing},
		"POST /console/users/{id}/keys/{key}":         {"401", refused, missing, missing},
		"POST /console/users/{id}/links/{link}":       {"401", refused, missing, missing},
		"POST /console/users/{id}/delete":             {"401", refused, missing, missing},
		"GET /console/services":                       {none, seen, seen, seen},
		"POST /console/services":                      {"401", refused, "422", "422"},
		"GET /console/services/{id}":                  {none, missing, missing, missing},
		"POST /console/services/{id}/roles":           {"401", refused, missing, missing},
		"POST /console/services/{id}/suspend":         {"401", refused, missing, missing},
		"POST /console/services/{id}/resume":          {"401", refused, missing, missing},
		"POST /console/services/{id}/keys":            {"401", refused, missing, missing},
		"POST /console/services/{id}/keys/{key}":      {"401", refused, missing, missing},
		"POST /console/services/{id}/delete":          {"401", refused, missing, missing},
		"GET /console/operators":                      {none, seen, seen, seen},
		"POST /console/operators":                     {"401", refused, refused, "422"},
		"POST /console/operators/{id}/role":           {"401", refused, refused, missing},
		"POST /console/operators/{id}/remove":         {"401", refused, refused, missing},
		"GET /console/audit":                          {none, seen, seen, seen},
		"GET /console/audit/export":                   {none, seen, seen, seen},
		"POST /console/audit/verify":                  {"401", changed, changed, changed},
		"POST /console/sign-out":                      {"401", away, away, away},
	}
	routes := w.console.all()
	slices.SortStableFunc(routes, func(a, b Route) int { // signing out comes last
		return strings.Compare(strings.Repeat("z", strings.Count(a.Pattern, "sign-out")), strings.Repeat("z", strings.Count(b.Pattern, "sign-out")))
	})
	for _, route := range routes {
		wanted, ok := want[route.Pattern]
		if !ok {
			t.Errorf("%s has no entry in this table", route.Pattern)
			continue
		}
		method, path, _ := strings.Cut(route.Pattern, " ")
		for i, who := range []string{"nobody", "viewer", "operator", "owner"} {
			a := as[who].send(method, fill(path), url.Values{"unused": {"1"}})
			got := map[int]string{200: seen, 403: refused, 404: missing, 303: changed}[a.Code]
			switch {
			case strings.HasPrefix(a.path(), away+"?next="):
				got = none
			case a.path() == away:
				got = away
			case got == "":
				got = http.StatusText(a.Code)
				if n := map[int]string{401: "401", 422: "422"}[a.Code]; n != "" {
					got = n
				}
			}
			if got != wanted[i] {
				t.Errorf("%s as %s = %s (%d), want %s: %.300s", route.Pattern, who, got, a.Code, wanted[i], mainOf(a.body))
			}
		}
	}
	if len(want) != len(routes) {
		t.Errorf("the table has %d entries for %d routes", len(want), len(routes))
	}
}

func TestUsersAreFoundByEmailAndName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v := w.operator("viewer")
		w.user("ada@example.com", "Ada Lovelace")
		w.user("adam@example.com", "Adam")
		w.user("bob@example.com", "Bob Ada")
		for _, tt := range []struct {
			query string
			want  []string
		}{
			{"", []string{"bob@", "adam@", "ada@"}},
			{"?q=ada", []string{"ada@", "adam@"}},
			{"?q=ADA%40", []string{"ada@"}},
			{"?q=ada&by=name", []string{"bob@", "adam@", "ada@"}},
			{"?q=+LOVE+&by=name", []string{"ada@"}},
			{"?q=%25", nil}, {"?q=_", nil}, {"?q=%27+or+1%3D1", nil}, {"?q=%00", nil}, {"?q=%ff&by=name", nil},
		} {
			a := v.get("/console/users" + tt.query)
			var got []string
			for _, found := range regexp.MustCompile(`<a href="/console/users/[0-9a-f-]{36}">([a-z]+@)`).FindAllStringSubmatch(a.body, -1) {
				got = append(got, found[1])
			}
			if !slices.Equal(got, tt.want) || a.Code >= 500 {
				t.Errorf("users%s = %d %v, want %v", tt.query, a.Code, got, tt.want)
			}
		}
	})
}

// Cursors of lists hold addresses. They are sealed, and work for their own list only.
func TestPagesFollowEachOther(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	for i := range 2*listSize + 1 {
		w.user(fmt.Sprintf("a%03d@example.com", i), "")
	}
	next := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	seen := map[string]bool{}
	path := "/console/users?q=a"
	for pages := 0; path != ""; pages++ {
		a := v.get(path)
		v.shows(a, 200)
		for _, found := range regexp.MustCompile(`<a href="/console/users/([0-9a-f-]{36})">`).FindAllStringSubmatch(a.body, -1) {
			if seen[found[1]] {
				t.Errorf("%s is on two pages", found[1])
			}
			seen[found[1]] = true
		}
		link := next.FindStringSubmatch(a.body)
		path = ""
		if link != nil {
			path = strings.ReplaceAll(link[1], "&amp;", "&")
			v.shows(v.get(strings.Replace(path, "q=a", "q=b", 1)), 400, "begin with the first page")
			v.shows(v.get(path[:len(path)-2]), 400)
			if strings.Contains(path, "example") {
				t.Errorf("the cursor shows an address: %s", path)
			}
		}
		if pages > 5 {
			t.Fatal("the list does not end")
		}
	}
	if len(seen) != 2*listSize+1 {
		t.Errorf("%d users on all pages", len(seen))
	}
}

// An operator does everything to a user that the pages offer. Each act is in the audit log with the operator as its actor.
func TestOperatorsHelpUsers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v := w.operator("operator")
		id, grant := w.user("ada@example.com", "Ada")
		who := w.Caller(w.t, grant.Access)
		page := "/console/users/" + id
		v.shows(v.get(page), 200, "ada@example.com", "Ada", "not verified", "Firefox", "editor")

		e, err := w.Service.BeginTOTP(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Service.ConfirmTOTP(t.Context(), who, w.code(e.Secret), account.Client{}); err != nil {
			t.Fatal(err)
		}
		step, err := w.Service.SignIn(t.Context(), "ada@example.com", passphrase, account.Client{Address: "192.0.2.3"})
		if err != nil || step.Flow == "" {
			t.Fatal(step, err)
		}
		v.leads(v.post(page+"/roles", "role", "editor", "role", "reader"), page+"?done=roles")
		v.shows(v.get(page+"?done=roles"), 200, "The roles are changed", `value="editor" checked`, `value="reader" checked`)
		v.shows(v.post(page+"/roles", "role", "owner"), 422, "there is no such role")
		v.shows(v.get(page), 200, "Second factors and passkeys", "Authenticator app")
		v.shows(v.post(page+"/totp"), 422, "confirm")
		v.shows(v.post(page+"/passkeys/none", "sure", "yes"), 404)
		v.shows(v.post(page+"/links/none", "sure", "yes"), 404)
		v.shows(v.post(page+"/factor"), 422, "confirm")
		v.leads(v.post(page+"/factor", "sure", "yes"), page+"?done=factor")
		v.shows(v.post(page+"/factor", "sure", "yes"), 409, "no second factor")

		sessions, err := w.Service.SessionsOf(t.Context(), id)
		if err != nil || len(sessions) != 1 || sessions[0].MFA {
			t.Fatalf("sessions %+v, %v", sessions, err)
		}
		v.leads(v.post(page+"/sessions/"+sessions[0].ID), page+"?done=session")
		v.shows(v.post(page+"/sessions/"+sessions[0].ID), 404)
		v.leads(v.post(page+"/sessions"), page+"?done=sessions")
		w.Outbox.Take()
		v.leads(v.post(page+"/reset"), page+"?done=reset")
		if letters := w.Outbox.Take(); len(letters) != 1 || letters[0].To != "ada@example.com" || letters[0].Kind != "reset" {
			t.Errorf("letters %+v", letters)
		}
		v.leads(v.post(page+"/suspend"), page+"?done=suspended")
		v.shows(v.get(page), 200, "suspended", "Resume")
		v.shows(v.post(page+"/reset"), 409, "resume it first")
		if _, err := w.Service.SignIn(t.Context(), "ada@example.com", passphrase, account.Client{Address: "192.0.2.3"}); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("a suspended user signs in: %v", err)
		}
		v.leads(v.post(page+"/resume"), page+"?done=resumed")
		v.shows(v.post(page+"/delete", "confirm", "ada"), 422, "type ada@example.com")
		v.leads(v.post(page+"/delete", "confirm", "ada@example.com"), "/console/users?done=deleted")
		v.shows(v.get(page), 404)
		v.leads(v.post("/console/users/invite", "email", "eve@example.com", "role", "reader"), "/console/users?done=invited")
		v.shows(v.post("/console/users/invite", "email", "nobody"), 422, "not an email address")

		operator := w.idOf(account.KindOperator, "operator@example.com")
		var got []string
		for _, entry := range w.entries() {
			if entry.ActorKind == "operator" && entry.ActorID == operator {
				got = append(got, entry.Action)
			}
			if strings.Contains(entry.Action, "session.all_ended") && (entry.Address != "127.0.0.1" || entry.Session == "" || entry.Account != id || entry.Request == "") {
				t.Errorf("the entry %+v lacks something", entry)
			}
		}
		slices.Reverse(got)
		want := []string{"operator.created", "session.opened", "account.roles", "totp.removed", "session.ended", "session.all_ended", "reset.sent",
			"account.suspended", "account.resumed", "account.deleted", "invitation.sent"}
		if !slices.Equal(got, want) {
			t.Errorf("audit log of the operator:\n%q\nwant\n%q", got, want)
		}
	})
}

func TestServiceAccountsHaveKeysThatAreShownOnce(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("operator")
	v.shows(v.post("/console/services", "name", " ", "role", "reader"), 422, "1 to 200 characters", `value="reader" checked`)
	v.shows(v.post("/console/services", "name", "backup", "role", "root"), 422, "no such role")
	a := v.post("/console/services", "name", "backup", "role", "reader")
	page := "/console/services/" + w.services()[0].ID
	v.leads(a, page+"?done=service")
	v.shows(v.post(page+"/keys", "name", "night"), 422, "choose scopes")
	v.shows(v.post(page+"/keys", "name", "night", "scope", "reader", "expires", "soon"), 422, "write a date")
	v.shows(v.post(page+"/keys", "name", "night", "scope", "reader", "expires", "2001-01-01"), 422, "over")
	a = v.post(page+"/keys", "name", "night", "scope", "reader")
	v.shows(a, 200, "shown only now")
	key := regexp.MustCompile(`ashl_[0-9A-Za-z_-]{20,}`).FindString(a.body)
	who, err := w.Service.ByKey(t.Context(), key)
	if err != nil || !slices.Equal(who.Roles(), []string{"reader"}) || who.Scopes() == nil {
		t.Fatalf("ByKey(%q) = %v, %v", key, who, err)
	}
	if strings.Contains(v.get(page).body, key) {
		t.Error("the key is shown twice")
	}
	v.leads(v.post(page+"/suspend"), page+"?done=suspended")
	v.leads(v.post(page+"/resume"), page+"?done=resumed")
	keys, err := w.Service.KeysOf(t.Context(), w.services()[0].ID)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	v.leads(v.post(page+"/keys/"+url.PathEscape(keys[0].ID)), page+"?done=key")
	v.shows(v.get(page), 200, "No keys")
	v.shows(v.post(page+"/delete", "confirm", "x"), 422, "type backup")
	v.leads(v.post(page+"/delete", "confirm", "backup"), "/console/services?done=deleted")
	if n := len(w.services()); n != 0 {
		t.Errorf("%d service accounts are left", n)
	}
}

func TestOwnersMakeAndRemoveOperators(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("owner")
	own, viewer := w.idOf(account.KindOperator, "owner@example.com"), w.operator("viewer")
	other := w.idOf(account.KindOperator, "viewer@example.com")
	v.shows(v.post("/console/operators/"+own+"/role", "role", "viewer"), 409, "last owner")
	v.shows(v.post("/console/operators/"+own+"/remove", "sure", "yes"), 409, "last owner")
	v.shows(v.post("/console/operators/"+other+"/remove"), 422, "confirm")
	v.shows(v.post("/console/operators", "role", "root"), 422, "no operator role")
	a := v.post("/console/operators", "role", "operator")
	v.shows(a, 200, "http://127.0.0.1:8080/console/begin#", "shown only now")
	secret := regexp.MustCompile(`begin#([A-Z2-7]+)`).FindStringSubmatch(a.body)[1]
	next := w.visitor()
	next.leads(next.post("/console/begin", "secret", secret, "email", "new@example.com", "password", passphrase), "/console")
	next.shows(next.get("/console/users/invite"), 200)

	// A change counts with the next request.
	v.leads(v.post("/console/operators/"+w.idOf(account.KindOperator, "new@example.com")+"/role", "role", "viewer"), "/console/operators?done=operator-role")
	next.shows(next.get("/console/users/invite"), 403, "this needs the role operator")
	v.leads(v.post("/console/operators/"+other+"/remove", "sure", "yes"), "/console/operators?done=operator-removed")
	if a := viewer.get("/console/users"); !strings.HasPrefix(a.path(), "/console/sign-in") {
		t.Errorf("a removed operator gets %d to %q", a.Code, a.path())
	}
	v.leads(v.post("/console/operators/"+w.idOf(account.KindOperator, "new@example.com")+"/role", "role", "owner"), "/console/operators?done=operator-role")
	v.leads(v.post("/console/operators/"+own+"/remove", "sure", "yes"), "/console/operators?done=operator-removed")
}

func TestAuditIsFilteredExportedAndVerified(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("viewer")
	id, _ := w.user("ada@example.com", "Ada")
	v.shows(v.get("/console/audit"), 200, "session.opened", "operator.created", "ada@example.com", "has not verified")
	a := v.get("/console/audit?account=" + id + "&action=session.opened")
	v.shows(a, 200, "session.opened", "ada@example.com", "/console/audit/export?account="+id)
	if strings.Contains(mainOf(a.body), "operator.created") {
		t.Error("the filter lets another action pass")
	}
	v.shows(v.get("/console/audit?action=session.none"), 200, "No row matches")
	v.shows(v.get("/console/audit?since=2999-01-01T00:00"), 200, "No row matches", `value="2999-01-01T00:00"`)
	v.shows(v.get("/console/audit?until=tomorrow"), 422, "write a time in UTC", `value="tomorrow"`)
	v.shows(v.get("/console/audit?after=x"), 400)

	a = v.get("/console/audit/export?action=operator.created")
	if lines := strings.Count(a.body, "\n"); a.Code != 200 || lines != 1 || a.Header().Get("Content-Type") != "application/x-ndjson" || !strings.HasPrefix(a.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("export = %d %v %s", a.Code, a.Header(), a.body)
	}
	if newest := w.entries()[0]; newest.Action != "audit.exported" || newest.ActorKind != "operator" {
		t.Errorf("the export is not in the log: %+v", newest)
	}
	v.leads(v.post("/console/audit/verify"), "/console/audit")
	v.shows(v.get("/console/audit"), 200, "The log is whole")

	table := w.Rows.Table("ashlar_audit")
	err := w.Rows.Transact(t.Context(), caller.System("attack"), func(tx *record.Tx) error {
		_, err := tx.Store().Exec(`UPDATE "ashlar_audit" SET "action" = 'session.closed' WHERE "id" = 2`, nil)
		tx.Store().MarkChanged(table.Name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v.leads(v.post("/console/audit/verify"), "/console/audit")
	v.shows(v.get("/console/audit"), 200, "The log is damaged", "row 2")
}

// A later page needs no more than a Section. The first one is the home of the console.
func TestSectionsOfOthersAreInTheNavigation(t *testing.T) {
	assets := NewAssets("/console/jobs/assets", fstest.MapFS{"jobs.css": {Data: []byte("main{color:red}")}})
	section := Section{Group: "Work", Title: "Jobs", Path: "/console/jobs", Styles: []string{assets.Path("jobs.css")}, Routes: []Route{
		assets.Route(),
		{"GET /console/jobs", Operator, func(q *Request) error {
			return q.page(http.StatusOK, "Jobs", "error.html", problem{Message: "all is quiet for " + q.Operator().Email})
		}},
	}}
	w := newWorld(t, source, section)
	v, viewer := w.operator("operator"), w.operator("viewer")
	v.leads(v.get("/console"), "/console/jobs")
	a := v.get("/console/jobs")
	v.shows(a, 200, `>Work</span><a href="/console/jobs" aria-current="page">Jobs</a></div>`, "all is quiet for operator@example.com", assets.Path("jobs.css"))
	viewer.shows(viewer.get("/console/jobs"), 403)
	if a := v.get("/console/users"); strings.Contains(a.body, "jobs.css") {
		t.Error("a page of another section has the style of the jobs")
	}
	if a := w.visitor().get(assets.Path("jobs.css")); a.Code != 200 || a.body != "main{color:red}" || !strings.Contains(a.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("the asset: %d %v %q", a.Code, a.Header(), a.body)
	}
	v.shows(v.get("/console/jobs/assets/other.css"), 404)
}
