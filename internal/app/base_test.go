package app

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const prefix = "/api-root"

// addressInText matches an address of an app in a script, a style or a document of Markdown, where nothing adds the prefix.
var addressInText = regexp.MustCompile("[\"'`(]/(account|api|auth|console|docs|mailbox|problems|openapi.json)(/[a-z]|[\"'`?#)])")

// A crawler follows all addresses of an app below a prefix.
type crawler struct {
	t       *testing.T
	origin  string
	client  *http.Client
	cookies []*http.Cookie
	seen    map[string]bool
	queue   []string
	got     []string // paths of all answers
}

func (c *crawler) get(path string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.origin+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(r)
}

// send sends a request, and looks at all addresses of the answer.
func (c *crawler) send(r *http.Request) {
	c.t.Helper()
	path := r.URL.RequestURI()
	for _, cookie := range c.cookies {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	answer, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	c.headers(path, answer)
	if answer.StatusCode >= http.StatusBadRequest && answer.StatusCode != http.StatusUnauthorized {
		text, _ := io.ReadAll(answer.Body)
		c.t.Errorf("%s %s = %s %s", r.Method, path, answer.Status, text)
		return
	}
	c.got = append(c.got, r.URL.Path)
	switch kind, _, _ := strings.Cut(answer.Header.Get("Content-Type"), ";"); kind {
	case "text/html":
	case "text/css", "text/javascript", "text/markdown":
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, address := range addressInText.FindAllString(string(text), -1) {
			c.t.Errorf("%s has the address %s...", path, address)
		}
		return
	default:
		_, _ = io.Copy(io.Discard, answer.Body)
		return
	}
	for tokens := html.NewTokenizer(answer.Body); tokens.Next() != html.ErrorToken; {
		token := tokens.Token()
		for _, attribute := range token.Attr {
			c.found(path, token.Data, attribute)
		}
	}
}

// crawl gets all addresses of the queue, and all addresses that their pages lead to.
func (c *crawler) crawl() {
	c.t.Helper()
	for len(c.queue) > 0 {
		page := c.queue[0]
		c.queue = c.queue[1:]
		c.get(page)
	}
}

func (c *crawler) headers(path string, answer *http.Response) {
	for _, cookie := range answer.Cookies() {
		if cookie.Path != prefix || strings.HasPrefix(cookie.Name, "__Host-") || !cookie.Secure {
			c.t.Errorf("%s sets the cookie %v", path, cookie)
		}
	}
	if to := answer.Header.Get("Location"); to != "" {
		c.found(path, "Location", html.Attribute{Key: "href", Val: to})
	}
}

func (c *crawler) found(path, element string, attribute html.Attribute) {
	// The server reads the value of an input, and adds the prefix when it redirects there.
	if attribute.Key == "d" || attribute.Key == "pattern" || element == "input" {
		return
	}
	isAddress := attribute.Key == "href" || attribute.Key == "src" || attribute.Key == "action"
	if isAddress {
		// Where a proxy strips the prefix, the browser still has it in its address.
		here, err := url.Parse(c.origin + prefix + strings.TrimPrefix(path, prefix))
		if err != nil {
			c.t.Fatal(err)
		}
		to, err := here.Parse(attribute.Val)
		if err != nil {
			c.t.Fatal(err)
		}
		if to.Scheme != here.Scheme || to.Host != here.Host {
			return
		}
		attribute.Val = to.RequestURI()
	}
	if !strings.HasPrefix(attribute.Val, "/") {
		return
	}
	if attribute.Val != prefix && !strings.HasPrefix(attribute.Val, prefix+"/") {
		c.t.Errorf("%s: <%s %s=%q> is outside of %s", path, element, attribute.Key, attribute.Val, prefix)
		return
	}
	// Each query is a further page of the same templates.
	page, _, _ := strings.Cut(attribute.Val, "?")
	for _, records := range []string{"/console/logs/", "/console/traces/"} { // each request makes one, and the archive has it later
		if strings.HasPrefix(page, prefix+records) {
			return
		}
	}
	follows := attribute.Key == "href" || attribute.Key == "src" || attribute.Key == "data-charts"
	if follows && !c.seen[page] {
		c.seen[page] = true
		c.queue = append(c.queue, attribute.Val)
	}
}

// No address of the app is outside of the prefix, whichever page a client is on, and whether the proxy keeps the prefix or strips it.
func TestAllAddressesAreBelowThePrefix(t *testing.T) {
	dir := app(t, strings.Replace(openSignUp, "accounts: {signup: open}", "accounts: {signup: open, url: 'https://example.com"+prefix+"'}", 1))
	server := opened(t, dir, Config{Logger: (&log{}).logger(), Telemetry: 100 << 20})
	run := start(t, server)
	link, err := server.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, secret, _ := strings.Cut(link, "#")
	answer, err := client.PostForm(run.base+prefix+"/console/begin", url.Values{"secret": {secret}, "name": {"Grace"}, "email": {"grace@example.com"}, "password": {"a stone set upon another stone"}})
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		t.Fatal(answer, err)
	}
	_ = answer.Body.Close()
	c := &crawler{t: t, origin: run.base, client: client, cookies: answer.Cookies(), seen: map[string]bool{}}
	c.headers("/console/begin", answer)
	for _, stripped := range []string{prefix, ""} {
		for _, page := range []string{"/", "/console", "/console/", "/account/", "/account/sign-in", "/account/sign-up", "/account/reset", "/docs", "/openapi.json", "/problems", "/mailbox", "/console/sign-in", "/console/begin"} {
			c.queue = append(c.queue, stripped+page)
		}
	}
	c.crawl()
	for _, page := range []string{"/console/users", "/console/audit", "/console/logs", "/docs/docs.js", "/problems/malformed", "/account/sign-in"} {
		if !c.seen[prefix+page] {
			t.Errorf("no page leads to %s", prefix+page)
		}
	}
	for _, stripped := range []string{prefix, ""} {
		if got := get(t, run.base+stripped+"/openapi.json"); !strings.Contains(got.body, fmt.Sprintf(`"url": %q`, prefix)) && !strings.Contains(got.body, fmt.Sprintf(`"url":%q`, prefix)) {
			t.Error("the document does not name the prefix as its server")
		}
		if got := get(t, run.base+stripped+"/api/nothing"); !strings.Contains(got.body, `"type":"`+prefix+`/problems/`) {
			t.Errorf("the problem is %s", got.body)
		}
	}
}

func TestRefusedPublicAddresses(t *testing.T) {
	dir := app(t, openSignUp)
	for address, want := range map[string]string{
		"example.com/app":              "with its scheme",
		"https://example.com/app?x=1":  "leave out",
		"https://example.com/app#x":    "leave out",
		"https://example.com/../app":   `part ".."`,
		"https://example.com/a//b":     `part ""`,
		"https://example.com/%61pp":    `part "%61pp"`,
		"https://example.com/a/.git":   `part ".git"`,
		"https://example.com/api":      "choose another path",
		"https://example.com/console/": "choose another path",
	} {
		server, err := loadAndOpen(t.Context(), dir, Config{URL: address, Logger: (&log{}).logger()})
		if err == nil {
			_ = server.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}
