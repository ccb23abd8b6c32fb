package operation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/profile"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// career is a server of examples/careers in this process.
type career struct {
	*app.App
	t    *testing.T
	dir  string // of a copy of the example that keeps the record of each request
	data string
	base string
	ago  atomic.Int64 // how far the server's clock is behind, in nanoseconds
	stop func()
	ben  string // token of a user, after load

	mu   sync.Mutex
	sent []sent
}

// sent is a request that a load has sent.
type sent struct {
	caller, path string
	status       int
	id           string // of the answer
}

const exampleDir = "../../../../examples/careers"

// newCareer returns a server that is not open yet.
func newCareer(t *testing.T) *career {
	t.Helper()
	effort.SkipRaced(t)
	c := &career{t: t, dir: t.TempDir(), data: t.TempDir(), stop: func() {}}
	if err := os.CopyFS(c.dir, os.DirFS(exampleDir)); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(c.dir, "ashlar.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("\noperate: {logs: {sample: 1}}\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *career) now() time.Time { return time.Now().Add(-time.Duration(c.ago.Load())) }

// open opens the app as a build that started some time ago.
func (c *career) open(build string, ago time.Duration, change func(*app.Config)) {
	c.t.Helper()
	c.ago.Store(int64(ago))
	loaded, err := app.Load(c.dir)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := app.Config{Data: c.data, Telemetry: app.AutoTelemetry, Profile: true, Loopback: true, Version: build, Now: c.now}
	if change != nil {
		change(&cfg)
	}
	if c.App, err = app.Open(c.t.Context(), loaded, cfg); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			c.t.Error(err)
		}
	})
}

// serve answers requests until the test ends, or until stop is called. From now on the clock is right.
func (c *career) serve() {
	c.t.Helper()
	c.ago.Store(0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.base = "http://" + listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- c.Serve(ctx, listener) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			c.t.Errorf("the server: %v", err)
		}
	})
	c.t.Cleanup(c.stop)
}

// send sends a request of a caller with markup in its header, and returns the answer. It fails unless the answer has the status.
func (c *career) send(caller, bearer, method, path, body string, status int) string {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return ""
	}
	r.Header.Set("User-Agent", hostile()[0])
	r.Header.Set("X-Request-Id", hostile()[1])
	r.Header.Set("Referer", "http://"+hostile()[2])
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Error(err)
		return ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		c.t.Errorf("%s %s by %s = %d %.400s (%v), want %d", method, path, caller, res.StatusCode, text, err, status)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, sent{caller, path, res.StatusCode, res.Header.Get("X-Request-Id")})
	return string(text)
}

// count returns how many requests of a caller to paths with a begin were sent. An empty text stands for any.
func (c *career) count(caller, begin string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sent {
		if (caller == "" || s.caller == caller) && strings.HasPrefix(s.path, begin) {
			n++
		}
	}
	return n
}

// member returns a text of a JSON object.
func (c *career) member(object, name string) string {
	c.t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		c.t.Fatalf("%v: %s", err, object)
	}
	text, ok := members[name].(string)
	if !ok {
		c.t.Fatalf("no text %s in %s", name, object)
	}
	return text
}

// signUp makes the account of a person with the code of a mail, and returns an access token.
func (c *career) signUp(address string) (token string) {
	c.t.Helper()
	flow := c.member(c.send("anonymous", "", "POST", "/auth/sign-up", `{"email": "`+address+`", "password": "a castle of sand"}`, 202), "flow")
	code := regexp.MustCompile(`(?m)^Subject: (\d+) is`)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		mails, err := filepath.Glob(filepath.Join(c.data, "mail", "*.eml"))
		if err != nil {
			c.t.Fatal(err)
		}
		for _, path := range mails {
			text, err := os.ReadFile(path)
			if err != nil {
				c.t.Fatal(err)
			}
			if found := code.FindSubmatch(text); found != nil && strings.Contains(string(text), address) {
				body := fmt.Sprintf(`{"email": %q, "code": %q, "flow": %q}`, address, found[1], flow)
				return c.member(c.send("anonymous", "", "POST", "/auth/verify", body, 200), "access_token")
			}
		}
	}
	c.t.Fatalf("no mail to %s", address)
	return ""
}

// change runs statements on the app's database, behind its back.
func (c *career) change(statements ...string) {
	c.t.Helper()
	err := c.Store.Write(c.t.Context(), func(tx store.Tx) error {
		for _, sql := range statements {
			if _, err := tx.Exec(sql, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
}

// side calls functions side by side.
func side(all ...func()) {
	var group sync.WaitGroup
	for _, each := range all {
		group.Go(each)
	}
	group.Wait()
}

// Parts of the load.
const (
	listedTable = "occupation_skills"
	adasProfile = "018f0000-0000-7000-8000-0000000000a2"
	listsEach   = 60
	getsEach    = 40
	failures    = 24
	slowWrites  = 8
	lateCall    = "/api/salaries?filter=low%3E100000&sort=-high&limit=5" // the last request
)

// load does what callers do to an app in about two seconds, and returns the id of the key among them. It is profiled.
func (c *career) load() (key string) {
	c.t.Helper()
	c.profiled(func() { key = c.callers() })
	wanted := profile.Labels{Route: "GET /api/{table}", Table: listedTable, Operation: "list"}
	hit := func(u profile.Usage) bool { u.Key = ""; return u.Labels == wanted }
	for tries := 0; !slices.ContainsFunc(c.Profile.Usage(c.now().Add(-time.Minute), c.now()), hit); tries++ {
		if tries == 20 {
			c.t.Fatalf("no sample hits %+v", wanted)
		}
		c.profiled(func() { c.lists("anonymous", "") })
	}
	c.send("ben", c.ben, "GET", lateCall, "", 200)
	c.Archive.Sample()
	c.Objectives.Evaluate()
	return key
}

// profiled takes a CPU profile of work.
func (c *career) profiled(work func()) {
	c.t.Helper()
	if err := c.Profile.StartCPUProfile(io.Discard); err != nil {
		c.t.Skip("the test itself is profiled")
	}
	work()
	c.Profile.StopCPUProfile()
}

// incident waits until an alert has opened an incident, and returns its title.
func (c *career) incident() string {
	c.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		found, err := c.Incidents.List(c.t.Context(), c.now().Add(-time.Hour), c.now().Add(time.Minute), 1)
		if err != nil {
			c.t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0].Title
		}
	}
	c.t.Fatal("no alert has opened an incident")
	return ""
}

// lists asks for pages of a large table.
func (c *career) lists(caller, bearer string) {
	for i := range listsEach {
		c.send(caller, bearer, "GET", "/api/"+listedTable+"?expand=skill&sort=-importance&limit=100&filter=importance%3E"+fmt.Sprint(i%3), "", 200)
	}
}

// callers are the requests of several callers at once: some are refused, some fail, and some wait for the writer.
func (c *career) callers() (id string) {
	c.t.Helper()
	ada, ben := c.signUp("ada@example.com"), c.signUp("ben@example.com")
	c.ben = ben
	secret := c.send("ada", ada, "POST", "/auth/keys", `{"name": "nightly <b>sync</b>"}`, 201)
	key := c.member(secret, "key")
	gets := func() {
		for range getsEach {
			c.send("anonymous", "", "GET", "/api/occupations/backend-software-engineer", "", 200)
		}
	}
	refused := func() {
		for range 6 {
			c.send("anonymous", "", "GET", "/api/occupations/"+url.PathEscape(hostile()[0]), "", 404)
			c.send("anonymous", "", "GET", "/api/"+url.PathEscape(hostile()[1]), "", 404)
			c.send("ada", ada, "DELETE", "/api/skills/sql", "", 403)
			c.send("ben", ben, "GET", "/api/skills?filter=mood%3D%3D1", "", 400)
		}
	}
	side(func() { c.lists("anonymous", "") }, func() { c.lists("ada", ada) }, func() { c.lists("key", key) }, gets, refused)

	// Somebody breaks a table.
	c.change(`ALTER TABLE next_steps RENAME TO kept`, `CREATE VIEW next_steps AS SELECT * FROM "`+strings.ReplaceAll(hostile()[0], `"`, `""`)+`"`)
	side(func() {
		for range failures / 2 {
			c.send("anonymous", "", "GET", "/api/next_steps", "", 500)
		}
	}, func() {
		for range failures / 2 {
			c.send("ben", ben, "GET", "/api/next_steps", "", 500)
		}
	})
	c.change(`DROP VIEW next_steps`, `ALTER TABLE kept RENAME TO next_steps`)

	// Writes of the key wait for their turn.
	begun := make(chan struct{})
	var writes []func()
	for i := range slowWrites {
		writes = append(writes, func() {
			<-begun
			c.send("key", key, "PATCH", "/api/profiles/"+adasProfile, fmt.Sprintf(`{"headline": "Backend engineer %d"}`, i), 200)
		})
	}
	side(append(writes, func() {
		err := c.Store.Write(c.t.Context(), func(store.Tx) error {
			close(begun)
			time.Sleep(900 * time.Millisecond)
			return nil
		})
		if err != nil {
			c.t.Error(err)
		}
	})...)
	return c.member(secret, "id")
}
