package operation_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/test/browsertest"
)

// limited gives the model two limits, and a table whose answers may be older and public.
func (c *career) limited() {
	c.t.Helper()
	path := filepath.Join(c.dir, "ashlar.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	const begin = "  occupations:\n"
	changed := strings.Replace(string(text), begin, begin+"    cache: {public: 60s, stale: 1h}\n", 1) + `
limits:
  views: {tables: [occupations], operations: [get], per: caller, rate: 30/1h}
  edits: {tables: [profiles], write: true, per: key, rate: 5/1h}
`
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// Parts of the load.
const (
	anonymousViews = 50 // of which 30 pass
	adasViews      = 33
	keyEdits       = 8 // of which 5 pass
	skillLists     = 10
	publicLists    = 6
	notModified    = 4
)

// views asks for an occupation, more often than the limit allows.
func (c *career) views(caller, bearer string, n int) {
	for i := range n {
		status := http.StatusOK
		if i >= 30 {
			status = http.StatusTooManyRequests
		}
		c.send(caller, bearer, "GET", "/api/occupations/backend-software-engineer", "", status)
	}
}

// tagged asks for a list that the client has already.
func (c *career) tagged(path string, n int) {
	c.t.Helper()
	tag := ""
	for i := range n + 1 {
		r, err := http.NewRequestWithContext(c.t.Context(), "GET", c.base+path, http.NoBody)
		if err != nil {
			c.t.Fatal(err)
		}
		r.Header.Set("If-None-Match", tag)
		if tag == "" {
			r.Header.Del("If-None-Match")
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			c.t.Fatal(err)
		}
		_ = res.Body.Close()
		if want := map[bool]int{true: 200, false: 304}[i == 0]; res.StatusCode != want {
			c.t.Errorf("GET %s with %q = %d, want %d", path, tag, res.StatusCode, want)
		}
		tag = res.Header.Get("ETag")
	}
}

// crowd begins writes whose bodies do not come. It returns how many have a place, how many were refused, and a function that ends
// them.
func (c *career) crowd(bearer string, n int) (held, refused int, end func()) {
	c.t.Helper()
	var all []net.Conn
	for range n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
		if err != nil {
			c.t.Fatal(err)
		}
		all = append(all, conn)
		_, err = fmt.Fprintf(conn, "PATCH /api/profiles/%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n", adasProfile, bearer)
		if err != nil {
			c.t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			c.t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		switch {
		case strings.HasPrefix(line, "HTTP/1.1 100 "): // somebody wants the body
			held++
		case strings.HasPrefix(line, "HTTP/1.1 503 "):
			refused++
		default:
			c.t.Fatalf("a write is answered with %q, %v", line, err)
		}
	}
	return held, refused, func() {
		for _, conn := range all {
			_ = conn.Close()
		}
	}
}

// An operator looks at a server under load, and finds who is refused by which rule, what is taken, and what the cache spares.
func TestSharingOfARunningAppInABrowser(t *testing.T) {
	c := newCareer(t)
	c.limited()
	const places = 16
	c.open("v1", 0, func(cfg *app.Config) { cfg.Answers, cfg.MaxConcurrent = app.DefaultAnswers, places })
	c.serve()
	ada := c.signUp("ada@example.com")
	secret := c.send("ada", ada, "POST", "/auth/keys", `{"name": "nightly <b>sync</b>"}`, 201)
	key := c.member(secret, "key")
	user := c.member(c.send("ada", ada, "GET", "/auth/me", "", 200), "id")
	link, err := c.FirstOperatorLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &tab{browsertest.Open(t, c.base, 1280, 900)}
	b.begin(link)

	c.views("anonymous", "", anonymousViews)
	c.views("ada", ada, adasViews)
	for i := range keyEdits {
		status := http.StatusOK
		if i >= 5 {
			status = http.StatusTooManyRequests
		}
		c.send("key", key, "PATCH", "/api/profiles/"+adasProfile, fmt.Sprintf(`{"headline": "Engineer %d"}`, i), status)
	}
	for range skillLists {
		c.send("anonymous", "", "GET", "/api/skills?limit=5", "", 200)
	}
	for i := range publicLists {
		c.send("anonymous", "", "GET", "/api/occupations?limit=5", "", 200)
		c.send("ada", ada, "PATCH", "/api/profiles/"+adasProfile, fmt.Sprintf(`{"headline": "Engineer %d"}`, -i), 200) // so the answer is not known to be the newest
	}
	c.tagged("/api/salaries?limit=7", notModified)
	held, refused, end := c.crowd(ada, 2*places)
	defer end()
	if held < places/2 || refused < places {
		t.Errorf("of %d writes %d have one of %d places, and %d were refused", 2*places, held, places, refused)
	}

	b.follow(`//nav//a[text()="Limits"]`)
	b.shows("This node counts limits by itself.", "default", "5s per query")
	for name, want := range map[string]string{
		"views": `^views \| 30/1h per caller: get of occupations \| 60 \| 23 27\.7 % \| ashlar\.yaml:\d+$`,
		"edits": `^edits \| 5/1h per key: create, update, delete of profiles \| 5 \| 3 37\.5 % \| ashlar\.yaml:\d+$`,
		// Requests from this machine do not meet the limits that nobody wrote.
		"address":          `^address \| 300/10s per address; not this machine \| 0 \| 0 \| default$`,
		"Requests at work": fmt.Sprintf(`^Requests at work --max-concurrent \| %d of %d \| – \| – \| %d$`, held+1, places, refused), // the page is one
		"127.0.0.1":        `^127\.0\.0\.1 \| views \| 20 \| .* \| GET /api/occupations/backend-software-engineer$`,
		"ada@":             `^ada@example\.com user:\S+ account \| views \| 3 \| .* \| GET /api/occupations/backend-software-engineer$`,
		"key":              `^key “nightly <b>sync</b>” \S+ \| edits \| 3 \| .* \| PATCH /api/profiles/` + adasProfile + `$`,
	} {
		if row := b.row(name); !regexp.MustCompile(want).MatchString(row) {
			t.Errorf("the row of %s is %q, want %s", name, row, want)
		}
	}
	if row := b.row("ada@example.com user:" + user + " account | max-concurrent-share"); !strings.Contains(row, fmt.Sprintf(" | max-concurrent-share its share of the requests at work | %d | ", refused)) {
		t.Errorf("the row of ada without a place is %q, %d were refused", row, refused)
	}
	b.glance("running-limits")
	end()
	b.follow(`//tr[contains(., "ada@example.com")][contains(., "views")]//th/a`)
	b.shows("limit is views", "3 records")
	b.visit("/console/limits?range=all")
	b.follow(`//tr[contains(., "nightly")]//th/a`)
	b.shows("limit is edits", "3 records")

	b.follow(`//nav//a[text()="Cache"]`)
	stale := c.recorded(archive.Condition{Dimension: archive.Cache, Values: []string{"stale"}})
	for name, want := range map[string]string{
		"skills": fmt.Sprintf(`^skills \| %d \| 90 %% %d \| 1 \| 0 \| 0 \| \S+ k?B 1 kept \| 0$`, skillLists, skillLists-1),
		// The rows that passed are public too, and no list.
		"occupations": fmt.Sprintf(`^occupations public 1m, stale 1h \| %d \| 83\.3 %% %d, %d stale \| 1 \| 0 \| %d \| \S+ k?B 1 kept \| 0$`, publicLists, publicLists-1, stale, publicLists+60),
		"salaries":    fmt.Sprintf(`^salaries \| %d \| 80 %% %d \| 1 \| %d \| 0 \| \S+ k?B 1 kept \| 0$`, notModified+1, notModified, notModified),
	} {
		if row := b.row(name); !regexp.MustCompile(want).MatchString(row) {
			t.Errorf("the row of %s is %q, want %s", name, row, want)
		}
	}
	if stale == 0 {
		t.Error("no answer was stale, though another table was written to in between")
	}
	hits := skillLists + publicLists + notModified + 1 - 3
	b.shows(fmt.Sprintf("of %d lists that were looked for", hits+3), "of 64 MB", "for 3 answers")
	b.glance("running-cache")
	b.follow(`//tr[contains(., "skills")]//td//a`)
	b.shows("cache is miss", "1 records")
}

// recorded returns how many records the log has with a value.
func (c *career) recorded(where archive.Condition) int {
	c.t.Helper()
	var n archive.Counts
	for deadline := time.Now().Add(20 * time.Second); n.Total.Records < len(c.sent); time.Sleep(10 * time.Millisecond) { // the log is written a moment later
		var err error
		if n, err = c.Archive.Counts(c.t.Context(), archive.Filter{}, where.Dimension); err != nil {
			c.t.Fatal(err)
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the log has %d records", n.Total.Records)
		}
	}
	return n.Values[where.Dimension][where.Values[0]].Records
}
