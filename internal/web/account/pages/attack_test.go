package pages_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/test/accounttest"
)

// hostile are texts that would run as a script, or break out of where a page shows them.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</title><script>alert(1)</script>`,
	`javascript:alert(1)`, `{{.App}}`, "\u202e<b>", `--><svg onload=alert(1)>`, `</textarea><iframe srcdoc="<script>alert(1)</script>">`, "`${alert(1)}`",
}

// inert fails if a page has an element or attribute that none of ours has, or that could run.
func inert(t *testing.T, a answer) {
	t.Helper()
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		return
	}
	parts := xml.NewDecoder(strings.NewReader(a.body))
	parts.Strict, parts.AutoClose, parts.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		part, err := parts.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("%s cannot be parsed: %v", a.Request.URL.Path, err)
			return
		}
		token, ok := part.(xml.StartElement)
		if !ok {
			continue
		}
		element := token.Name.Local
		if element == "img" || element == "iframe" || element == "b" || (element == "svg" && len(token.Attr) != 3) {
			t.Errorf("%s has <%s>", a.Request.URL.Path, element)
		}
		for _, attribute := range token.Attr {
			isLocal := strings.HasPrefix(attribute.Value, "/account/") || attribute.Value == "/mailbox" || strings.HasPrefix(attribute.Value, "#")
			switch name := attribute.Name.Local; {
			case strings.HasPrefix(name, "on"), name == "style", name == "srcdoc":
				t.Errorf("%s: <%s %s>", a.Request.URL.Path, element, name)
			case (name == "href" || name == "src" || name == "action" || name == "formaction") && !isLocal:
				t.Errorf("%s: <%s %s=%q>", a.Request.URL.Path, element, name, attribute.Value)
			}
		}
		if element == "script" && len(token.Attr) != 2 {
			t.Errorf("%s has a script of somebody else: %v", a.Request.URL.Path, token)
		}
	}
}

// everyPage gets all pages.
func everyPage(b *browser) (all []answer) {
	for _, path := range paths() {
		all = append(all, b.get(path))
	}
	return all
}

// paths returns the paths of all pages.
func paths() []string {
	return []string{
		"/account/", "/account/sign-in", "/account/sign-in?again=1", "/account/sign-in/factor", "/account/sign-in/factor?with=recovery", "/account/code",
		"/account/sign-up", "/account/sign-up?invited", "/account/verify", "/account/reset", "/account/reset/confirm", "/account/sessions", "/account/password",
		"/account/totp", "/account/totp/set-up", "/account/keys", "/account/keys/new", "/account/delete", "/account/sign-out",
	}
}

func TestXSS_UserControlledFields(t *testing.T) {
	for _, text := range hostile {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			s := open(t, nil)
			b := s.browser(t)
			b.agent = text + " Firefox/130.0"
			email := "o'neil+" + "x@example.com"
			inert(t, b.post("/account/sign-up", "email", text, "name", text, "password", text, "next", text, "invitation", text))
			b.leads(b.post("/account/sign-up", "email", email, "name", text, "password", secret), "/account/verify")
			inert(t, b.post("/account/verify", "email", text, "code", text, "password", text))
			b.leads(b.post("/account/verify", "email", email, "code", s.code(t, email)), "/account/")
			b.leads(b.post("/account/keys/new", "name", text, "scopes", "reader"), "/account/keys")
			b.leads(b.post("/account/totp/begin"), "/account/totp/set-up")
			for _, a := range everyPage(b) {
				inert(t, a)
			}
			for _, path := range paths() {
				inert(t, b.get(path+"?next="+url.QueryEscape(text)+"&with="+url.QueryEscape(text)))
				inert(t, b.post(path, "email", text, "code", text, "password", text, "next", text, "id", text, "name", text, "new", text, "old", text,
					"confirm", text, "scopes", text, "expires_at", text, "totp", text, "recovery", text))
			}
			if text == hostile[0] && !strings.Contains(b.get("/account/").body, "&lt;script&gt;") {
				b.signIn(email)
				b.want(b.get("/account/"), 200, text)
			}
		})
	}
}

func TestOpenRedirect_Next(t *testing.T) {
	s := open(t, nil)
	s.browser(t).signUp(ann)
	for _, tt := range []struct{ next, want string }{
		{"/account/keys", "/account/keys"},
		{"/account/keys?x=%0d%0aSet-Cookie:a=b", "/account/keys?x=%0d%0aSet-Cookie:a=b"},
		{"/app/start?tab=1", "/app/start?tab=1"},
		{"", "/account/"},
		{"/", "/account/"},
		{"/application", "/account/"},
		{"account/keys", "/account/"},
		{"//evil.example", "/account/"},
		{"//evil.example/account/", "/account/"},
		{"///evil.example/account/", "/account/"},
		{`/\evil.example/account/`, "/account/"},
		{`\/\/evil.example`, "/account/"},
		{"/account/../../evil", "/account/"},
		{"/account/..//evil.example", "/account/"},
		{"/account/%2e%2e/%2e%2e/api", "/account/"},
		{"/account//keys", "/account/"},
		{"https://evil.example/account/", "/account/"},
		{"https:/account/", "/account/"},
		{"javascript:alert(1)//account/", "/account/"},
		{"/account/\r\nSet-Cookie: a=b", "/account/"},
		{"/\t/evil.example", "/account/"},
		{" /account/keys", "/account/"},
		{"/account/keys#x", "/account/"},
		{"/account/" + strings.Repeat("x", 1000), "/account/"},
		{"/account/é", "/account/"},
		{"/account/%zz", "/account/"},
	} {
		b := s.browser(t)
		b.want(b.get("/account/sign-in?next="+url.QueryEscape(tt.next)), 200)
		a := b.post("/account/sign-in", "email", ann, "password", secret, "next", tt.next)
		if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != tt.want {
			t.Errorf("next %q leads to %d %q, want %q", tt.next, a.StatusCode, got, tt.want)
		}
		if got := b.get("/account/sign-in?next=" + url.QueryEscape(tt.next)).Header.Get("Location"); got != tt.want {
			t.Errorf("signed in, next %q leads to %q, want %q", tt.next, got, tt.want)
		}
	}
}

func TestCSRF_PostsFromOtherOriginsAreRefused(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	for _, path := range []string{"/account/sign-in", "/account/sign-up", "/account/verify", "/account/reset", "/account/sign-out", "/account/sessions/end-others", "/account/delete", "/account/totp/begin"} {
		for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader("email=ann%40example.com&confirm=ann%40example.com"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set(name, value)
			if a := b.do(r); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s with %s: %s = %d, want 403", path, name, value, a.StatusCode)
			}
			anonymous := s.browser(t)
			if a := anonymous.do(r.Clone(t.Context())); a.StatusCode != http.StatusForbidden {
				t.Errorf("anonymous %s with %s: %s = %d, want 403", path, name, value, a.StatusCode)
			}
		}
	}
	b.want(b.get("/account/"), 200)
}

func TestHeadersOfEveryPage(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	answers := everyPage(b)
	b.signUp(ann)
	answers = append(answers, everyPage(b)...)
	answers = append(answers, b.post("/account/sign-in"), b.post("/account/sessions/end", "id", "x"))
	const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
	for _, a := range answers {
		if a.StatusCode != http.StatusSeeOther && a.Header.Get("Content-Security-Policy") != policy {
			t.Errorf("%s: the policy is %q", a.Request.URL, a.Header.Get("Content-Security-Policy"))
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", a.Request.URL, name, got, want)
			}
		}
		for _, cookie := range a.Cookies() {
			if !strings.HasPrefix(cookie.Name, "__Host-ashlar") || !cookie.HttpOnly || !cookie.Secure || cookie.Path != "/" || cookie.Domain != "" || cookie.SameSite != http.SameSiteLaxMode {
				t.Errorf("%s sets the cookie %v", a.Request.URL, cookie)
			}
		}
		for _, asset := range assetForm.FindAllString(a.body, -1) {
			if got := b.get(asset); got.StatusCode != http.StatusOK || !strings.Contains(got.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s = %d", asset, got.StatusCode)
			}
		}
	}
	if missing := b.get("/account/assets/account-0.css"); missing.StatusCode != http.StatusNotFound {
		t.Errorf("an unknown asset = %d", missing.StatusCode)
	}
}

// Browsers keep the cookies only over TLS or on loopback.
func TestPlainHTTPFromElsewhereIsExplained(t *testing.T) {
	_, handler := newSite(t, accounttest.Config{})
	for _, tt := range []struct {
		host, proto string
		want        bool
	}{
		{"notes.example", "", true}, {"192.0.2.1:8080", "http", true}, {"localhost.evil.example", "", true},
		{"notes.example", "https", false}, {"127.0.0.1:8080", "", false}, {"[::1]:8080", "", false}, {"localhost", "", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+tt.host+"/account/sign-in", nil)
		r.Header.Set("X-Forwarded-Proto", tt.proto)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "plain HTTP"); got != tt.want {
			t.Errorf("at %s with %q the page warns: %v, want %v", tt.host, tt.proto, got, tt.want)
		}
	}
}

// TestSecretsStayOutOfURLsAndLogs walks through the flows and searches what a proxy or an operator would see.
func TestSecretsStayOutOfURLsAndLogs(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	var seen []string
	b.client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		seen = append(seen, r.URL.String())
		return http.ErrUseLastResponse
	}
	b.post("/account/sign-up", "email", ann, "password", secret)
	code := s.code(t, ann)
	b.post("/account/verify", "email", ann, "code", code)
	key, codes := b.addTOTP()
	page := b.leads(b.post("/account/keys/new", "name", "x", "scopes", "reader"), "/account/keys")
	apiKey := keyForm.FindString(page.body)
	secrets := append(codes, code, secret, strings.ReplaceAll(key, " ", ""), apiKey)
	for _, each := range secrets {
		if each == "" || strings.Contains(strings.Join(seen, "\n")+s.log.String(), each) {
			t.Errorf("the secret %q stands in a URL or in the log", each)
		}
	}
}

func TestForeignAndDamagedFlowCookiesAreNothing(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	b.addTOTP()
	b.post("/account/sign-out")
	a := b.post("/account/sign-in", "email", ann, "password", secret)
	var sealed string
	for _, cookie := range a.Cookies() {
		if cookie.Name == "__Host-ashlar-flow" {
			sealed = cookie.Value
		}
	}
	if sealed == "" {
		t.Fatal("no cookie of the flow is set")
	}
	for _, value := range []string{"", "v1.", sealed[:len(sealed)-1], sealed + "A", "x" + sealed, strings.ToUpper(sealed), "v1.AAAA"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/account/sign-in/factor", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "__Host-ashlar-flow="+value)
		if got := s.browser(t).do(r); got.StatusCode != http.StatusSeeOther {
			t.Errorf("the cookie %q = %d, want 303", value, got.StatusCode)
		}
	}
	b.want(b.get("/account/sign-in/factor"), 200)
}

func TestSignInGivesANewSession(t *testing.T) {
	s := open(t, nil)
	b := s.browser(t)
	b.signUp(ann)
	before := b.session()
	b.leads(b.post("/account/sign-in", "email", ann, "password", secret), "/account/")
	if after := b.session(); after == before || after == "" {
		t.Error("the session kept its cookie")
	}
	if _, err := s.Service.Sessions(t.Context(), sessionOf(t, s, before)); err == nil {
		t.Error("the former session of the browser goes on")
	}
}

// session returns the cookie of the session.
func (b *browser) session() string {
	b.t.Helper()
	home, err := url.Parse(b.site.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(home) {
		if cookie.Name == "__Host-ashlar" {
			return cookie.Value
		}
	}
	return ""
}

// sessionOf returns the caller with a cookie, anonymous if the session has ended.
func sessionOf(t *testing.T, s *site, cookie string) caller.Caller {
	t.Helper()
	who, err := s.Service.ByCookie(t.Context(), cookie)
	if err != nil {
		return caller.Caller{}
	}
	return who
}
