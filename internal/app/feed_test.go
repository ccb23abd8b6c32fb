package app

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/identity/account"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// watchedApp has notes that people of an open team see, editors always.
const watchedApp = `
-- ashlar.yaml --
ashlar: 1
name: watched
roles: [editor]
accounts: {signup: open, url: http://localhost:8080, codes: {length: 10}}
tables:
  teams:
    key: int
    fields: {open: {type: bool, default: false}}
    access: {read: true, write: true}
  notes:
    key: int
    watch: true
    fields:
      n:    {type: int, default: 0}
      team: {ref: teams, reverse: notes, on_delete: cascade}
    access: {read: "team.open || 'editor' in auth.roles", write: true}
  quiet:
    key: int
    access: {read: true, write: true}
limits:
  address: {rate: 1000000/1s}
  caller: {rate: 1000000/1s, in_flight: 12}
-- seed/teams.json --
[{"id": 1, "open": true}, {"id": 2, "open": false}]
`

// onEngines runs a test with the configuration of a server on each engine.
func onEngines(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Helper()
	for _, engine := range []string{"SQLite", "PostgreSQL"} {
		t.Run(engine, func(t *testing.T) {
			cfg := Config{Data: filepath.Join(t.TempDir(), "data")}
			if engine == "PostgreSQL" {
				if !pgtest.Available() {
					t.Skip("no PostgreSQL")
				}
				cfg.Database = pgtest.URL(t)
			}
			test(t, cfg)
		})
	}
}

// A stream is what a client reads of a watched list.
type stream struct {
	body io.Closer
	in   *bufio.Reader
	last string // id of the last event
}

// A told is an event. The end of a stream that resumes is called retry.
type told struct{ name, data string }

// follow watches a list. bearer and last may be empty.
func follow(t *testing.T, address, bearer, last string) *stream {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip") // must not change anything
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "" {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("watch %s: %d %v %s", address, res.StatusCode, res.Header, text)
	}
	return &stream{res.Body, bufio.NewReader(res.Body), last}
}

// next returns the next event.
func (s *stream) next() (e told, err error) {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		switch name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
		case "event":
			e.name = text
		case "data":
			e.data += text
		case "id":
			s.last = text
		case "retry":
			e.name = "retry"
		case "":
			if e.name != "" {
				return e, nil
			}
		}
	}
}

// until returns the next event of a name, and fails at another one that is not among passing.
func (s *stream) until(t *testing.T, name string, passing ...string) told {
	t.Helper()
	for {
		e, err := s.next()
		if err != nil {
			t.Fatalf("the stream ended before %s: %v", name, err)
		}
		if e.name == name {
			return e
		}
		if !strings.Contains(strings.Join(passing, " "), e.name) {
			t.Fatalf("%s %s, want %s", e.name, e.data, name)
		}
	}
}

// patch updates a row over HTTP.
func patch(t *testing.T, address, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode >= 300 {
		t.Fatalf("PATCH %s: %d", address, res.StatusCode)
	}
}

func mustSend(t *testing.T, url, body string) {
	t.Helper()
	if status := send(t, url, body); status != http.StatusCreated {
		t.Fatalf("POST %s %s: %d", url, body, status)
	}
}

// A server serves streams and lists that wait. They hold no place of a request, and have their record when they end.
func TestWatchedListsAreServed(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		cfg.Telemetry = AutoTelemetry
		server := opened(t, app(t, watchedApp), cfg)
		run := start(t, server)
		var all []*stream
		for range 20 { // more than limits.caller.in_flight
			in := follow(t, run.base+"/api/notes:watch?filter=n%20%3C%205&fields=n", "", "")
			in.until(t, "ready")
			all = append(all, in)
		}
		if got := get(t, run.base+"/api/notes:watch"); got.status != http.StatusNotAcceptable {
			t.Errorf("a plain request: %d %s", got.status, got.body)
		}
		r, _ := http.NewRequest(http.MethodGet, run.base+"/api/notes:watch", nil)
		r.Header.Set("Accept", "text/event-stream")
		if res, err := http.DefaultClient.Do(r); err != nil || res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the 21st stream: %v, %v", res, err)
		}
		if stats := server.places(); stats.Taken != 0 {
			t.Errorf("%d places are taken", stats.Taken)
		}
		if stats := server.bounds.Stats(); stats.Taken < 20 {
			t.Errorf("%d connections are counted", stats.Taken)
		}
		mustSend(t, run.base+"/api/notes", `{"id": 1, "team_id": 1}`)
		for _, in := range all {
			if got, want := in.until(t, "enter"), (told{"enter", `{"id":1,"n":0}`}); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		}
		patch(t, run.base+"/api/notes/1", `{"n": 9}`)
		all[0].until(t, "leave")
		for _, in := range all {
			_ = in.body.Close()
		}
		waitFor(t, "the end of the streams", func() bool { return server.hub.Stats().Watchers == 0 })
		waitFor(t, "their records", func() bool {
			server.flushRecords()
			where := []archive.Condition{{Dimension: archive.Operation, Values: []string{"watch"}}, {Dimension: archive.Status, Values: []string{"200"}}}
			kept, err := server.Archive.Records(t.Context(), archive.Filter{Where: where}, 0, 50)
			return err == nil && len(kept.Records) > 0 && kept.Records[0].Rows == 2 && kept.Records[0].Route == "GET /api/{table}:watch" && kept.Records[0].Table == "notes"
		})

		first := get(t, run.base+"/api/quiet")
		answer := make(chan int, 1)
		go func() {
			r, _ := http.NewRequest(http.MethodGet, run.base+"/api/quiet?wait=25", nil)
			r.Header.Set("If-None-Match", first.header.Get("ETag"))
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				answer <- 0
				return
			}
			_ = res.Body.Close()
			answer <- res.StatusCode
		}()
		waitFor(t, "a list that waits", func() bool { return server.hub.Stats().Waiting == 1 })
		mustSend(t, run.base+"/api/quiet", `{"id": 1}`)
		if status := <-answer; status != http.StatusOK {
			t.Errorf("a list that waited: %d", status)
		}
	})
}

// A client whose server stops goes on at another node, or at the next server, and misses nothing.
func TestWatchersGoOnElsewhere(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		dir := app(t, watchedApp)
		run := start(t, opened(t, dir, cfg))
		in := follow(t, run.base+"/api/notes:watch", "", "")
		in.until(t, "ready")
		mustSend(t, run.base+"/api/notes", `{"id": 1, "team_id": 1}`)
		mustSend(t, run.base+"/api/notes", `{"id": 2, "team_id": 1}`)
		in.until(t, "enter")
		in.until(t, "enter")
		if cfg.Database != "" { // another node, whose streams see the writes of the first one
			other := start(t, opened(t, dir, cfg))
			there := follow(t, other.base+"/api/notes:watch", "", in.last)
			there.until(t, "ready")
			mustSend(t, run.base+"/api/notes", `{"id": 3, "team_id": 1}`)
			there.until(t, "enter")
			in.until(t, "enter")
			patch(t, run.base+"/api/teams/1", `{"open": false}`) // a row that the rule depends on
			for range 3 {
				there.until(t, "leave")
				in.until(t, "leave")
			}
			patch(t, other.base+"/api/teams/1", `{"open": true}`)
			for range 3 {
				in.until(t, "enter")
			}
			other.stop()
			there.until(t, "retry", "enter")
			if err := other.wait(); err != nil {
				t.Errorf("the stop of a node with streams: %v", err)
			}
		}
		run.stop()
		in.until(t, "retry")
		if _, err := in.next(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if err := run.wait(); err != nil {
			t.Errorf("the stop of a server with streams: %v", err)
		}
		// Nobody watches now, and the log has what happens.
		between := start(t, opened(t, dir, cfg))
		patch(t, between.base+"/api/notes/1", `{"n": 7}`)
		mustSend(t, between.base+"/api/notes", `{"id": 4, "team_id": 1}`)
		between.stop()
		if err := between.wait(); err != nil {
			t.Fatal(err)
		}
		again := start(t, opened(t, dir, cfg))
		back := follow(t, again.base+"/api/notes:watch", "", in.last)
		if e := back.until(t, "change"); !strings.Contains(e.data, `"n":7`) {
			t.Errorf("after two restarts: %v", e)
		}
		// docs/watching.md promises: "Only a `change` may come twice."
		if e := back.until(t, "enter", "change"); !strings.Contains(e.data, `"id":4`) {
			t.Errorf("after two restarts: %v", e)
		}
		back.until(t, "ready")
	})
}

// Who can no longer be resumed is told so: rows have changed without a trigger.
func TestMigrationsResetWatchers(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		dir := app(t, watchedApp)
		serve := func() *running { return start(t, opened(t, dir, cfg)) }
		end := func(run *running) {
			t.Helper()
			run.stop()
			if err := run.wait(); err != nil {
				t.Fatal(err)
			}
		}
		run := serve()
		in := follow(t, run.base+"/api/notes:watch", "", "")
		in.until(t, "ready")
		mustSend(t, run.base+"/api/notes", `{"id": 1, "team_id": 1}`)
		in.until(t, "enter")
		end(run)
		run = serve() // a start that changes nothing keeps the place
		follow(t, run.base+"/api/notes:watch", "", in.last).until(t, "ready")
		end(run)

		// Without the key the table has no triggers on SQLite. On PostgreSQL another node may need them.
		source := strings.Replace(watchedApp, "    watch: true\n", "", 1)
		write(t, dir, source)
		run = serve()
		if got := get(t, run.base+"/api/notes:watch"); got.status != http.StatusNotAcceptable {
			t.Errorf("a table that is not watched: %d %s", got.status, got.body)
		}
		mustSend(t, run.base+"/api/notes", `{"id": 2, "team_id": 1}`)
		end(run)
		if cfg.Database != "" { // what a command with no other node does
			db, err := OpenDatabase(t.Context(), loaded(t, dir), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Migrate(t.Context(), nil, nil); err != nil {
				t.Fatal(err)
			}
			if drift, err := db.Verify(t.Context()); err != nil || len(drift) > 0 {
				t.Errorf("verify: %v, %v", drift, err)
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			run := serve()
			mustSend(t, run.base+"/api/notes", `{"id": 3, "team_id": 1}`)
			end(run)
		}
		write(t, dir, watchedApp)
		run = serve()
		back := follow(t, run.base+"/api/notes:watch", "", in.last)
		back.until(t, "reset")
		back.until(t, "ready")
		last := back.last
		end(run)

		write(t, dir, strings.Replace(watchedApp, "n:    {type: int, default: 0}", "n:    {type: int, default: 0}\n      more: {type: int, default: 5}", 1))
		run = serve()
		follow(t, run.base+"/api/notes:watch", "", last).until(t, "reset")
	})
}

// With --migrate=off a server makes no triggers, and says what is missing.
func TestWatchWithoutMigration(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		dir := app(t, strings.Replace(watchedApp, "    watch: true\n", "", 1))
		server, err := loadAndOpen(t.Context(), dir, cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, dir, watchedApp)
		off := cfg
		off.KeepTables = true
		if _, err := loadAndOpen(t.Context(), dir, off); err == nil || !strings.Contains(err.Error(), "notes has `watch: true`") || !strings.Contains(err.Error(), "run `ashlar migrate`") {
			t.Fatalf("Open = %v", err)
		}
		db, err := OpenDatabase(t.Context(), loaded(t, dir), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context(), nil, nil); err != nil {
			t.Fatal(err)
		}
		if drift, err := db.Verify(t.Context()); err != nil || len(drift) > 0 {
			t.Errorf("verify: %v, %v", drift, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		run := start(t, opened(t, dir, off))
		in := follow(t, run.base+"/api/notes:watch", "", "")
		in.until(t, "ready")
		mustSend(t, run.base+"/api/notes", `{"id": 1, "team_id": 1}`)
		in.until(t, "enter")
	})
}

// A stream ends within a second of its session, and of a role that its token has and the account has not.
func TestStreamsEndWithTheirSession(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		server := opened(t, app(t, watchedApp), cfg)
		run := start(t, server)
		s := &spy{browser: browser{run.base, map[string]*http.Cookie{}}, secrets: map[string]string{}}
		const email, password = "ada@example.com", "a horse that nobody sees"
		flow := s.ask(t, 202, "POST", "/auth/sign-up", "", `{"email": "`+email+`", "password": "`+password+`"}`)["flow"]
		code := mailed(t, filepath.Join(cfg.Data, "mail"))
		session := s.ask(t, 200, "POST", "/auth/verify", "", fmt.Sprintf(`{"email": %q, "code": %q, "flow": %q}`, email, code, flow))
		again := s.ask(t, 200, "POST", "/auth/sign-in", "", `{"email": "`+email+`", "password": "`+password+`"}`)
		first := follow(t, run.base+"/api/notes:watch", session["access_token"].(string), "")
		first.until(t, "ready")
		second := follow(t, run.base+"/api/notes:watch", again["access_token"].(string), "")
		second.until(t, "ready")
		mustSend(t, run.base+"/api/notes", `{"id": 1, "team_id": 1}`)
		first.until(t, "enter")
		second.until(t, "enter")

		began := time.Now()
		s.ask(t, 204, "POST", "/auth/sign-out", session["access_token"].(string), "")
		if e := first.until(t, "end"); !strings.Contains(e.data, `"type":"unauthenticated"`) {
			t.Errorf("after sign-out: %v", e)
		}
		t.Logf("the stream ended %v after the sign-out", time.Since(began))
		mustSend(t, run.base+"/api/notes", `{"id": 2, "team_id": 1}`)
		second.until(t, "enter") // the other session goes on

		me := s.ask(t, 200, "GET", "/auth/me", again["access_token"].(string), "")
		found, err := server.accounts.service.AccountOfUser(t.Context(), me["id"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := server.accounts.service.SetRoles(t.Context(), caller.System("test"), found.ID, []string{"editor"}, account.Client{}); err != nil {
			t.Fatal(err)
		}
		second.until(t, "end") // the token has the former roles
	})
}

// Whatever is committed after ready is told, with a list of any rows and at once.
func TestAWriteRightAfterReadyIsSeen(t *testing.T) {
	onEngines(t, func(t *testing.T, cfg Config) {
		run := start(t, opened(t, app(t, watchedApp), cfg))
		for i := range effort.Cases(300, 10_000) {
			in := follow(t, fmt.Sprintf("%s/api/notes:watch?filter=id%%20%%3E%%20%d", run.base, i), "", "")
			in.until(t, "ready")
			mustSend(t, run.base+"/api/notes", fmt.Sprintf(`{"id": %d, "team_id": 1}`, i+1))
			if e := in.until(t, "enter"); !strings.Contains(e.data, fmt.Sprintf(`"id":%d,`, i+1)) {
				t.Fatalf("try %d: %v", i, e)
			}
			_ = in.body.Close()
		}
	})
}
