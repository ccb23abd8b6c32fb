package live

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/feed"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/api"
)

const notes = `
ashlar: 1
name: notes
tables:
  notes:
    key: int
    fields:
      n:     {type: int, default: 0}
      owner: {type: text}
      about: {type: json, optional: true}
    access: {read: owner == auth.id, write: true}
  others:
    key: int
    access: {read: true, write: true}
  closed:
    key: int
`

// A site is a server with the lists of notes. X-User names the caller.
type site struct {
	*httptest.Server
	rows    *record.DB
	model   *model.Model
	hub     *feed.Hub
	expired atomic.Bool
}

func identify(s *site) func(*http.Request) (caller.Caller, error) {
	return func(r *http.Request) (caller.Caller, error) {
		if s.expired.Load() {
			return caller.Caller{}, errs.New(errs.Unauthenticated, "the token has expired")
		}
		if id := r.Header.Get("X-User"); id != "" {
			return caller.User(caller.Identity{ID: id}), nil
		}
		return caller.Caller{}, nil
	}
}

func onSites(t *testing.T, cfg Config, test func(t *testing.T, s *site)) {
	t.Helper()
	onSitesWith(t, cfg, 0, test)
}

// onSitesWith is onSites with the number of streams that a client may have.
func onSitesWith(t *testing.T, cfg Config, each int, test func(t *testing.T, s *site)) {
	t.Helper()
	modeltest.Each(t, notes, func(t *testing.T, db store.DB, rules *rule.Rules) {
		if err := feed.Install(t.Context(), db, feed.Setup{Tables: []string{"notes"}}); err != nil {
			t.Fatal(err)
		}
		s := &site{rows: record.New(db, rules, record.Config{Answers: 1 << 20}), model: rules.Model}
		s.hub = feed.NewHub(s.rows, db, []*model.Table{s.model.Table("notes")}, feed.Config{Key: []byte("0123456789abcdef"), Each: each})
		ctx, cancel := context.WithCancel(context.Background())
		done := background.Async("the hub", func() error { return s.hub.Run(ctx) })
		defer func() { cancel(); <-done }()
		cfg := cfg
		cfg.Identify = identify(s)
		live := New(s.hub, s.rows, s.model, cfg)
		routes := api.New(s.rows, s.model).Routes()
		for i := range routes {
			if routes[i].Pattern == "GET "+model.RowsPath {
				routes[i].Handler = live.Lists(routes[i].Handler)
			}
		}
		receiver, err := web.NewReceiver(web.Config{Identify: cfg.Identify, MaxConcurrent: 4})
		if err != nil {
			t.Fatal(err)
		}
		s.Server = httptest.NewServer(receiver.Handler(web.NewMux(routes...)))
		defer s.Close()
		test(t, s)
	})
}

func (s *site) create(t testing.TB, body string, args ...any) {
	t.Helper()
	members, err := value.DecodeObject(fmt.Appendf(nil, body, args...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rows.Create(t.Context(), caller.System("test"), s.model.Table("notes"), members); err != nil {
		t.Fatal(err)
	}
}

func (s *site) update(t testing.TB, id int, body string, args ...any) {
	t.Helper()
	members, err := value.DecodeObject(fmt.Appendf(nil, body, args...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rows.Update(t.Context(), caller.System("test"), s.model.Table("notes"), value.OfInt(int64(id)), members, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *site) get(t testing.TB, path string, header ...string) *http.Response {
	t.Helper()
	return s.do(t, http.MethodGet, path, header...)
}

func (s *site) do(t testing.TB, method, path string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-User", "a")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// A stream is what a client reads.
type stream struct {
	body io.Closer
	in   *bufio.Reader
	last string
}

// An event is one block of a stream. A heartbeat has no name.
type event struct{ name, data string }

func (s *site) watch(t testing.TB, params, last string) *stream {
	t.Helper()
	header := []string{"Accept", "text/event-stream"}
	if last != "" {
		header = append(header, "Last-Event-ID", last)
	}
	resp := s.get(t, "/api/notes:watch?"+params, header...)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("watch %s: %d %v %s", params, resp.StatusCode, resp.Header, body)
	}
	return &stream{resp.Body, bufio.NewReader(resp.Body), last}
}

// next reads one block.
func (s *stream) next() (e event, err error) {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return e, err
		}
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.name = text
		case "data":
			e.data += text
		case "id":
			s.last = text
		case "retry":
			e.name = "retry"
		case "":
			return e, nil
		}
	}
}

// until reads events up to one of a name, and returns it.
func (s *stream) until(t testing.TB, name string) event {
	t.Helper()
	for {
		e, err := s.next()
		if err != nil {
			t.Fatalf("the stream ended before %s: %v", name, err)
		}
		if e.name == name {
			return e
		}
	}
}

func TestStream(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		s.create(t, `{"id": 1, "owner": "a"}`)
		s.create(t, `{"id": 2, "owner": "b"}`)
		in := s.watch(t, "filter=n%20%3C%20arg.most&arg.most=9&fields=n&initial=true", "")
		defer in.body.Close()
		s.create(t, `{"id": 3, "n": 1, "owner": "a", "about": {"x": 1}}`)
		var got []event
		for len(got) < 3 {
			e, err := in.next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e)
		}
		s.update(t, 3, `{"n": 2}`)
		got = append(got, in.until(t, "change"))
		s.update(t, 3, `{"owner": "b"}`)
		got = append(got, in.until(t, "leave"))
		want := []event{{"enter", `{"id":1,"n":0}`}, {"ready", `{}`}, {"enter", `{"id":3,"n":1}`}, {"change", `{"id":3,"n":2}`}, {"leave", `{"id":3}`}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
			t.Error(diff)
		}
	})
}

// A json field keeps the line breaks of the client that wrote it.
func TestDataOfSeveralLines(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		in := s.watch(t, "", "")
		defer in.body.Close()
		in.until(t, "ready")
		s.create(t, "{\"id\": 1, \"owner\": \"a\", \"about\": {\"x\":\n\n 1}}")
		if e := in.until(t, "enter"); !json.Valid([]byte(e.data)) {
			t.Errorf("the data is no JSON: %q", e.data)
		}
	})
}

func TestBadRequests(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		const events = "text/event-stream"
		for _, tt := range []struct {
			method, path, accept, last string
			status                     int
			want                       string
		}{
			{"GET", "/api/notes:watch", "application/json", "", 406, "Accept: text/event-stream"},
			{"GET", "/api/notes:watch", "*/*", "", 406, "Accept: text/event-stream"},
			{"GET", "/api/notes:watch", "text/event-stream;q=0", "", 406, "Accept: text/event-stream"},
			{"HEAD", "/api/notes:watch", events, "", 405, ""},
			{"GET", "/api/nothing:watch", events, "", 404, ""},
			{"GET", "/api/others:watch", events, "", 400, "watch: true"},
			{"GET", "/api/closed:watch", events, "", 403, ""},
			{"GET", "/api/notes:watch?filter=created_at%20%3C%20now", events, "", 400, "now cannot be watched"},
			{"GET", "/api/notes:watch?filter=n%20%3C", events, "", 400, "filter"},
			{"GET", "/api/notes:watch?sort=n", events, "", 400, "has no sort"},
			{"GET", "/api/notes:watch?initial=1", events, "", 400, "true or false"},
			{"GET", "/api/notes:watch?nothing=1", events, "", 400, "nothing"},
			{"GET", "/api/notes:watch", events, "17", 400, "Last-Event-ID"},
			{"GET", "/api/notes:watch", events, "Zm9v.s1.1", 400, "Last-Event-ID"},
			{"GET", "/api/notes?wait=30", "*/*", "", 400, "If-None-Match"},
			{"GET", "/api/notes?wait=31", "*/*", "", 400, "from 1 to 30"},
			{"GET", "/api/notes?wait=x", "*/*", "", 400, "from 1 to 30"},
			{"GET", "/api/notes?wait=1&wait=1", "*/*", "", 400, "given once"},
		} {
			header := []string{"Accept", tt.accept}
			if tt.last != "" {
				header = append(header, "Last-Event-ID", tt.last)
			}
			resp := s.do(t, tt.method, tt.path, header...)
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != tt.status || !strings.Contains(string(body), tt.want) {
				t.Errorf("%s %s, Accept %s, last %q: %d %s, want %d with %q", tt.method, tt.path, tt.accept, tt.last, resp.StatusCode, body, tt.status, tt.want)
			}
		}
		for range 20 { // more than the requests that may be at work
			in := s.watch(t, "", "")
			defer in.body.Close()
		}
		resp := s.get(t, "/api/notes:watch", "Accept", events)
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the 21st stream: %d", resp.StatusCode)
		}
	})
}

func TestAWriteRightAfterReadyIsSeen(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		for i := range effort.Cases(300, 10_000) {
			in := s.watch(t, fmt.Sprintf("filter=n%%20==%%20%d", i%3), "")
			in.until(t, "ready")
			s.create(t, `{"id": %d, "n": %d, "owner": "a"}`, i, i%3)
			if e := in.until(t, "enter"); !strings.Contains(e.data, fmt.Sprintf(`"id":%d,`, i)) {
				t.Fatalf("try %d: %s", i, e.data)
			}
			in.body.Close()
			if i%100 == 99 { // a window has at most 500 rows
				if err := s.rows.Transact(t.Context(), caller.System("test"), func(tx *record.Tx) error {
					for id := i - 99; id <= i; id++ {
						if err := tx.Delete(s.model.Table("notes"), value.OfInt(int64(id)), nil); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// A client whose connection is cut at any byte goes on with Last-Event-ID, and shows its list in the end.
func TestCutConnections(t *testing.T) {
	onSites(t, Config{Heartbeat: 5 * time.Millisecond}, func(t *testing.T, s *site) {
		rnd := effort.Seeds(t)(0)
		shown, last, resets := map[string]string{}, "", 0
		var in *stream
		apply := func(e event) {
			var key struct{ ID json.Number }
			if e.data != "" {
				if err := json.Unmarshal([]byte(e.data), &key); err != nil {
					t.Fatalf("%v: %v", e, err)
				}
			}
			id := key.ID.String()
			_, was := shown[id]
			switch e.name {
			case "reset":
				resets++
				clear(shown)
			case "enter", "change":
				if was != (e.name == "change") {
					t.Errorf("%v, shown before: %v", e, was)
				}
				shown[id] = e.data
			case "leave":
				if !was {
					t.Errorf("%v of a row that is not shown", e)
				}
				delete(shown, id)
			}
		}
		cuts := effort.Cases(60, 5000)
		for cut := range cuts {
			in = s.watch(t, "initial=true", last)
			if last == "" {
				clear(shown)
			}
			for range rnd.IntN(4) {
				switch id := 1 + rnd.IntN(20); rnd.IntN(3) {
				case 0:
					members, _ := value.DecodeObject(fmt.Appendf(nil, `{"id": %d, "owner": "a"}`, id))
					_, err := s.rows.Create(t.Context(), caller.System("test"), s.model.Table("notes"), members)
					if err != nil && errs.KindOf(err) != errs.Conflict {
						t.Fatal(err)
					}
				case 1:
					members, _ := value.DecodeObject(fmt.Appendf(nil, `{"n": %d, "owner": %q}`, cut, string(rune('a'+rnd.IntN(2)))))
					_, err := s.rows.Update(t.Context(), caller.System("test"), s.model.Table("notes"), value.OfInt(int64(id)), members, nil)
					if err != nil && errs.KindOf(err) != errs.NotFound {
						t.Fatal(err)
					}
				default:
					err := s.rows.Delete(t.Context(), caller.System("test"), s.model.Table("notes"), value.OfInt(int64(id)), nil)
					if err != nil && errs.KindOf(err) != errs.NotFound {
						t.Fatal(err)
					}
				}
			}
			for range rnd.IntN(6) {
				e, err := in.next()
				if err != nil {
					t.Fatal(err)
				}
				apply(e)
				last = in.last // of whole events only, as a browser
			}
			in.body.Close()
		}
		want := map[string]string{}
		resp := s.get(t, "/api/notes?limit=500")
		var page struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&page); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for _, item := range page.Items {
			var key struct{ ID json.Number }
			if err := json.Unmarshal(item, &key); err != nil {
				t.Fatal(err)
			}
			want[key.ID.String()] = string(item)
		}
		in = s.watch(t, "initial=true", last)
		defer in.body.Close()
		if last == "" {
			clear(shown)
		}
		for {
			e, err := in.next()
			if err != nil {
				t.Fatal(err)
			}
			apply(e)
			if e.name == "ready" {
				break
			}
		}
		if !maps.Equal(want, shown) {
			t.Error(cmp.Diff(want, shown))
		}
		if resets > cuts/2 {
			t.Errorf("%d of %d cuts led to a reset", resets, cuts)
		}
	})
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	onSites(t, Config{Tick: time.Millisecond}, func(t *testing.T, s *site) {
		in := s.watch(t, "", "")
		defer in.body.Close()
		in.until(t, "ready")
		s.expired.Store(true)
		if e := in.until(t, "end"); e.data != `{"type":"unauthenticated","detail":"the token has expired"}` {
			t.Errorf("the end: %s", e.data)
		}
		if e, err := in.next(); err != io.EOF {
			t.Errorf("after the end: %v, %v", e, err)
		}
	})
}

func TestAStopEndsStreamsThatResume(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		in := s.watch(t, "", "")
		defer in.body.Close()
		in.until(t, "ready")
		s.hub.Stop()
		in.until(t, "retry")
		if e, err := in.next(); err != io.EOF {
			t.Errorf("after the stop: %v, %v", e, err)
		}
	})
}

func TestWait(t *testing.T) {
	onSites(t, Config{}, func(t *testing.T, s *site) {
		first := s.get(t, "/api/notes?fields=id")
		first.Body.Close()
		tag := first.Header.Get("ETag")
		again := s.get(t, "/api/notes?fields=id&wait=1", "If-None-Match", tag)
		again.Body.Close()
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("nothing has changed: %d", again.StatusCode)
		}
		answers := background.Async("a client", func() error {
			resp := s.get(t, "/api/notes?fields=id&wait=20", "If-None-Match", tag)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err == nil && (resp.StatusCode != http.StatusOK || string(body) != `{"items":[{"id":7}],"next":null}`) {
				err = fmt.Errorf("%d %s", resp.StatusCode, body)
			}
			return err
		})
		s.create(t, `{"id": 6, "owner": "b"}`) // nothing for this caller
		s.create(t, `{"id": 7, "owner": "a"}`)
		if err := <-answers; err != nil {
			t.Error(err)
		}
		old := s.get(t, "/api/notes?fields=id&wait=20", "If-None-Match", tag) // has changed before
		old.Body.Close()
		if old.StatusCode != http.StatusOK {
			t.Errorf("an old tag: %d", old.StatusCode)
		}
	})
}
