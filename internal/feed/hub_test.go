package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/storetest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// teams has notes that their owner sees, and everybody while the team is open. Only the owner sees the secret.
const teams = `
ashlar: 1
name: teams
tables:
  teams:
    key: int
    fields:
      open: {type: bool, default: false}
    access: {read: true, write: true}
  notes:
    key: int
    fields:
      n:      {type: int, default: 0}
      owner:  {type: text}
      secret: {type: text, optional: true, read: owner == auth.id}
      team:   {ref: teams, optional: true, on_delete: cascade, reverse: notes}
    access: {read: owner == auth.id || (team != null && team.open), write: true}
`

type world struct {
	db    store.DB
	rows  *record.DB
	model *model.Model
	hub   *Hub
}

func user(id string) caller.Caller { return caller.User(caller.Identity{ID: id}) }

// watching runs a test on each engine, with a hub that runs.
func watching(t *testing.T, source string, cfg Config, test func(t *testing.T, w *world)) {
	t.Helper()
	installed(t, source, []string{"notes"}, func(t *testing.T, db store.DB, rules *rule.Rules) {
		w := &world{db: db, rows: record.New(db, rules, record.Config{Answers: 1 << 20}), model: rules.Model}
		stop := w.start(t, cfg)
		defer stop()
		test(t, w)
	})
}

// start runs a new hub. stop waits for its end.
func (w *world) start(t testing.TB, cfg Config) (stop func()) {
	t.Helper()
	cfg.Key = []byte("0123456789abcdef")
	w.hub = NewHub(w.rows, w.db, []*model.Table{w.model.Table("notes")}, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	hub := w.hub
	done := background.Async("the hub", func() error { return hub.Run(ctx) })
	return func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}
}

func (w *world) create(t testing.TB, table, body string) {
	t.Helper()
	if _, err := w.rows.Create(t.Context(), system, w.model.Table(table), decode(t, body)); err != nil {
		t.Fatalf("create %s %s: %v", table, body, err)
	}
}

func (w *world) update(t testing.TB, table string, id int, body string) {
	t.Helper()
	_, err := w.rows.Update(t.Context(), system, w.model.Table(table), value.OfInt(int64(id)), decode(t, body), nil)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		t.Fatalf("update %s %d %s: %v", table, id, body, err)
	}
}

func (w *world) remove(t testing.TB, table string, id int) {
	t.Helper()
	err := w.rows.Delete(t.Context(), system, w.model.Table(table), value.OfInt(int64(id)), nil)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		t.Fatalf("delete %s %d: %v", table, id, err)
	}
}

func counted(h *Hub) (watchers, windows int) {
	stats := h.Stats()
	return stats.Watchers, stats.Windows
}

func decode(t testing.TB, body string) []value.Member {
	t.Helper()
	members, err := value.DecodeObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return members
}

// A viewer is a client that watches a list, and keeps what it shows.
type viewer struct {
	w       *world
	who     caller.Caller
	req     Request
	watcher *Watcher
	shown   map[string]string
	last    string // id of the last event
	events  int
	resets  int
	resumed int
}

func (v *viewer) connect(t testing.TB) {
	t.Helper()
	v.req.Initial, v.req.Last = true, v.last
	var err error
	if v.watcher, err = v.w.hub.Watch(t.Context(), v.who, v.w.model.Table("notes"), v.req); err != nil {
		t.Fatalf("Watch: %v", err)
	}
	if v.last == "" {
		v.shown = map[string]string{}
	} else {
		v.resumed++
	}
}

// taken returns the events that wait for a watcher.
func taken(watcher *Watcher) (events []Event, err error) {
	batches, err := watcher.Take()
	for _, b := range batches {
		events = append(events, b.Events...)
	}
	return events, err
}

// take applies at most a number of events, as a client whose connection is cut between two events.
func (v *viewer) take(t testing.TB, most int) (ready bool) {
	t.Helper()
	events, err := taken(v.watcher)
	if err != nil {
		t.Fatalf("a watcher has ended: %v", err)
	}
	for _, e := range events[:min(most, len(events))] {
		v.apply(t, e)
		ready = ready || e.Name == "ready"
	}
	return ready
}

func (v *viewer) apply(t testing.TB, e Event) {
	t.Helper()
	if e.ID != "" {
		v.last = e.ID
	}
	v.events++
	var key struct {
		ID    json.Number `json:"id"`
		Owner string      `json:"owner"`
		Team  json.Number `json:"team_id"`
		About *string     `json:"secret"`
	}
	if err := json.Unmarshal(e.Data, &key); err != nil {
		t.Fatalf("%s %s: %v", e.Name, e.Data, err)
	}
	id := key.ID.String()
	_, was := v.shown[id]
	switch e.Name {
	case "ready":
	case "reset":
		v.resets++
		v.shown = map[string]string{}
	case "enter", "change":
		if was != (e.Name == "change") {
			t.Errorf("%s of row %s for %s, shown before: %v", e.Name, id, v.who, was)
		}
		v.shown[id] = string(e.Data)
		own, _ := v.who.ID()
		if key.Owner != own && (key.Team == "" || key.Team == "3" || key.About != nil) {
			t.Errorf("%s may never see %s", v.who, e.Data)
		}
	case "leave":
		if !was {
			t.Errorf("leave of row %s for %s, which it does not show", id, v.who)
		}
		delete(v.shown, id)
	default:
		t.Errorf("unknown event %s", e.Name)
	}
}

// wantList waits until the viewer shows what its list is.
func (v *viewer) wantList(t testing.TB) {
	t.Helper()
	query := v.req.Query
	query.Limit = maxRows
	want := map[string]string{}
	body, err := v.w.rows.ListNow(t.Context(), v.who, v.w.model.Table("notes"), query, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := decodeRows(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		want[r.id] = string(r.json)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		v.take(t, 1<<30)
		if maps.Equal(v.shown, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s with %+v shows:\n%s", v.who, query, cmp.Diff(want, v.shown))
			return
		}
	}
}

func TestAWatcherIsToldOfEachChange(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		w.create(t, "teams", `{"id": 1}`)
		w.create(t, "notes", `{"id": 1, "owner": "a"}`)
		v := &viewer{w: w, who: user("a"), req: Request{Query: record.Query{Filter: "n < 10"}}}
		v.connect(t)
		defer v.watcher.Close()
		next := func(want ...string) {
			t.Helper()
			var got []string
			for deadline := time.Now().Add(10 * time.Second); len(got) < len(want) && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				events, err := taken(v.watcher)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range events {
					var key struct{ ID int }
					if err := json.Unmarshal(e.Data, &key); err != nil {
						t.Fatal(err)
					}
					got = append(got, fmt.Sprint(e.Name, " ", key.ID))
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("events %v, want %v", got, want)
			}
		}
		next("enter 1", "ready 0")
		w.create(t, "notes", `{"id": 2, "owner": "a"}`)
		next("enter 2")
		w.create(t, "notes", `{"id": 3, "owner": "b", "team_id": 1}`)
		w.update(t, "notes", 2, `{"n": 5}`)
		next("change 2")
		w.update(t, "notes", 2, `{"n": 50}`)
		next("leave 2")
		w.update(t, "notes", 3, `{"secret": "x"}`)
		w.update(t, "teams", 1, `{"open": true}`) // another table decides
		next("enter 3")
		w.update(t, "notes", 3, `{"secret": "y"}`) // the watcher sees when, and not what
		next("change 3")
		w.update(t, "notes", 1, `{"secret": "z"}`)
		next("change 1")
		w.remove(t, "teams", 1) // a cascade
		next("leave 3")
		w.remove(t, "notes", 1)
		next("leave 1")
	})
}

// Random writes, watchers, cuts and restarts: each stream, applied to its first list, is the list at the end.
func TestStreamsEqualLists(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		rnd := effort.Seeds(t)(0)
		for team := 1; team <= 3; team++ {
			w.create(t, "teams", fmt.Sprintf(`{"id": %d}`, team))
		}
		stop := w.start(t, Config{})
		defer func() { stop() }()
		filters := []record.Query{{}, {Filter: "n < 5"}, {Filter: "n >= arg.n", Args: map[string]string{"n": "3"}}, {Filter: "team_id == 2"},
			{Selection: record.Selection{Fields: "id,n,owner,team_id"}}, {Selection: record.Selection{Expand: "team"}}}
		var viewers []*viewer
		for i := range 12 {
			v := &viewer{w: w, who: user(string(rune('a' + i%3))), req: Request{Query: filters[rnd.IntN(len(filters))]}}
			if v.req.Query.Fields != "" {
				v.req.Query.Fields = "id,n,owner,team_id"
			}
			v.connect(t)
			viewers = append(viewers, v)
		}
		want := effort.Cases(2000, 1_000_000)
		total := func() (events, resets, resumed int) {
			for _, v := range viewers {
				events, resets, resumed = events+v.events, resets+v.resets, resumed+v.resumed
			}
			return events, resets, resumed
		}
		for writes := 1; ; writes++ {
			if events, _, _ := total(); events >= want {
				break
			}
			writeRandomly(t, w, rnd)
			for _, v := range viewers {
				switch rnd.IntN(20) {
				case 0: // the connection is cut in the middle of what waits
					v.take(t, rnd.IntN(3))
					v.watcher.Close()
					if rnd.IntN(2) == 0 {
						writeRandomly(t, w, rnd)
					}
					v.connect(t)
				case 1, 2, 3:
					v.take(t, 1<<30)
				}
			}
			if writes%100 == 0 { // a restart
				for _, v := range viewers {
					v.watcher.Close()
				}
				stop()
				writeRandomly(t, w, rnd)
				stop = w.start(t, Config{})
				for _, v := range viewers {
					v.connect(t)
				}
			}
			if writes%50 == 0 {
				for _, v := range viewers {
					v.wantList(t)
				}
			}
		}
		for _, v := range viewers {
			v.wantList(t)
			v.watcher.Close()
		}
		events, resets, resumed := total()
		t.Logf("%d events, %d resumed, %d of them with a reset", events, resumed, resets)
		if resets > resumed/4 { // a team that closes takes rows away which no log names
			t.Errorf("%d of %d watchers were reset when they resumed", resets, resumed)
		}
		if watchers, windows := counted(w.hub); watchers+windows != 0 {
			t.Errorf("%d watchers and %d windows are left", watchers, windows)
		}
	})
}

// A client that is cut between a row of the list and what changed elsewhere is told of the latter when it resumes.
func TestACutBeforeWhatChangedElsewhere(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		w.create(t, "teams", `{"id": 1}`)
		w.create(t, "notes", `{"id": 1, "owner": "a", "team_id": 1}`)
		w.create(t, "notes", `{"id": 2, "owner": "a", "team_id": 1}`)
		v := &viewer{w: w, who: user("a"), req: Request{Query: record.Query{Selection: record.Selection{Expand: "team"}}}}
		v.connect(t)
		v.wantList(t)
		window := v.watcher.window
		window.evaluating <- struct{}{} // no row is read
		until := func(holds func() bool) {
			t.Helper()
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
				window.mu.Lock()
				done := holds()
				window.mu.Unlock()
				if done {
					return
				}
				if time.Now().After(deadline) {
					t.Fatal("the window was not told of a change")
				}
			}
		}
		w.update(t, "notes", 1, `{"n": 5}`)
		until(func() bool { return window.working && window.pending.isEmpty() })
		w.update(t, "teams", 1, `{"open": true}`)
		until(func() bool { return window.pending.whole })
		<-window.evaluating
		until(func() bool { return !window.working })
		v.take(t, 1) // the change of the row
		v.watcher.Close()
		v.connect(t)
		defer func() { v.watcher.Close() }()
		v.wantList(t)
	})
}

// What changed elsewhere while nobody was there to read the list is not told to the next watcher, which has its list from later.
func TestAWatcherAfterNobody(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		w.create(t, "teams", `{"id": 1, "open": true}`)
		w.create(t, "notes", `{"id": 1, "owner": "b", "team_id": 1}`)
		other := &viewer{w: w, who: user("b")} // so the hub goes on
		other.connect(t)
		defer other.watcher.Close()
		first := &viewer{w: w, who: user("a")}
		first.connect(t)
		first.wantList(t)
		window := first.watcher.window
		w.hub.mu.Lock()
		window.users++ // as a watcher that has yet to begin
		w.hub.mu.Unlock()
		first.watcher.Close()
		w.update(t, "teams", 1, `{"open": false}`) // the row leaves
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			window.evaluating <- struct{}{}
			known := window.known
			<-window.evaluating
			if !known {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the window still knows its rows")
			}
		}
		next := &viewer{w: w, who: user("a"), shown: map[string]string{}}
		var err error
		if next.watcher, err = w.hub.Watch(t.Context(), next.who, w.model.Table("notes"), next.req); err != nil {
			t.Fatal(err)
		}
		defer next.watcher.Close()
		w.create(t, "notes", `{"id": 2, "owner": "b", "team_id": 1}`)
		w.update(t, "teams", 1, `{"open": false}`) // all rows are read
		w.create(t, "notes", `{"id": 3, "owner": "a"}`)
		next.wantList(t)
	})
}

// A client that is cut right after reset shows nothing, whatever it has shown before.
func TestACutAfterAReset(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		w.create(t, "teams", `{"id": 1, "open": true}`)
		for id := range 4 {
			w.create(t, "notes", fmt.Sprintf(`{"id": %d, "owner": "b", "team_id": 1}`, id+1))
		}
		v := &viewer{w: w, who: user("a")}
		v.connect(t)
		v.wantList(t)
		v.watcher.Close()
		w.update(t, "teams", 1, `{"open": false}`)
		for cut := 1; cut < 4; cut++ { // after reset, and after a part of the rows
			v.connect(t)
			v.take(t, cut)
			v.watcher.Close()
			w.update(t, "teams", 1, fmt.Sprintf(`{"open": %v}`, cut%2 == 1)) // all rows are there again, and gone again
		}
		if v.resets == 0 {
			t.Error("nothing was reset")
		}
		v.connect(t)
		defer v.watcher.Close()
		v.wantList(t)
	})
}

func writeRandomly(t testing.TB, w *world, rnd *rand.Rand) {
	t.Helper()
	id, owner := 1+rnd.IntN(60), string(rune('a'+rnd.IntN(3)))
	team := [...]string{"null", "1", "2", "3"}[rnd.IntN(4)]
	switch rnd.IntN(20) {
	case 0:
		w.update(t, "teams", 1+rnd.IntN(2), fmt.Sprintf(`{"open": %v}`, rnd.IntN(2) == 0))
	case 1:
		gone := 1 + rnd.IntN(2)
		w.remove(t, "teams", gone)
		w.create(t, "teams", fmt.Sprintf(`{"id": %d}`, gone))
	case 2, 3:
		w.remove(t, "notes", id)
	case 4, 5, 6:
		w.update(t, "notes", id, fmt.Sprintf(`{"owner": %q}`, owner))
	case 7, 8, 9:
		w.update(t, "notes", id, fmt.Sprintf(`{"n": %d, "team_id": %s}`, rnd.IntN(8), team))
	case 10:
		w.update(t, "notes", id, fmt.Sprintf(`{"secret": "%d"}`, rnd.IntN(100)))
	default:
		_, err := w.rows.Create(t.Context(), system, w.model.Table("notes"), decode(t, fmt.Sprintf(`{"id": %d, "n": %d, "owner": %q, "team_id": %s}`, id, rnd.IntN(8), owner, team)))
		if err != nil && errs.KindOf(err) != errs.Conflict {
			t.Fatal(err)
		}
	}
}

func TestAWatcherEndsWithItsSession(t *testing.T) {
	installed(t, teams, []string{"notes"}, func(t *testing.T, db store.DB, rules *rule.Rules) {
		guard := func(who caller.Caller) (store.Step, bool) { // the session is the row 9 of teams
			return store.Step{
				Statement: store.Statement{SQL: "SELECT 1 FROM teams WHERE id = $1", Args: []value.Value{value.OfInt(9)}},
				Row:       func(value.Row) error { return nil },
				Check:     store.GuardCheck{Table: "teams", ID: "9"},
			}, who.Kind() == caller.KindUser
		}
		w := &world{db: db, rows: record.New(db, rules, record.Config{Guard: guard}), model: rules.Model}
		defer w.start(t, Config{})()
		w.create(t, "teams", `{"id": 9}`)
		v := &viewer{w: w, who: user("a"), req: Request{}}
		v.connect(t)
		defer v.watcher.Close()
		w.remove(t, "teams", 9)
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			_, err := v.watcher.Take()
			if errs.KindOf(err) == errs.Unauthenticated {
				break
			}
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the watcher of an ended session: %v", err)
			}
		}
		if _, err := w.hub.Watch(t.Context(), v.who, w.model.Table("notes"), Request{}); errs.KindOf(err) != errs.Unauthenticated {
			t.Errorf("Watch of an ended session: %v", err)
		}
	})
}

func TestBoundsOfWatchers(t *testing.T) {
	watching(t, teams, Config{Streams: 4, Each: 3}, func(t *testing.T, w *world) {
		watch := func(who caller.Caller, req Request) (*Watcher, error) {
			return w.hub.Watch(t.Context(), who, w.model.Table("notes"), req)
		}
		for _, tt := range []struct {
			filter, last string
			args         map[string]string
		}{
			{filter: "created_at < now"},
			{filter: "n <"},
			{last: "x"},
			{last: "AAAA.s1.1"},
			{filter: "n == arg.watched_row_1", args: map[string]string{"watched_row_1": "1"}},
		} {
			req := Request{Query: record.Query{Filter: tt.filter, Args: tt.args}, Last: tt.last}
			if _, err := watch(user("a"), req); errs.KindOf(err) != errs.Malformed {
				t.Errorf("Watch(%+v): %v, want malformed", tt, err)
			}
		}
		if _, err := w.hub.Watch(t.Context(), user("a"), w.model.Table("teams"), Request{}); errs.KindOf(err) != errs.Malformed {
			t.Errorf("a table that is not watched: %v", err)
		}
		for i, want := range []errs.Kind{"", "", "", errs.Limited} {
			watcher, err := watch(user("a"), Request{})
			if errs.KindOf(err) != want {
				t.Fatalf("watcher %d of one caller: %v", i, err)
			}
			if err == nil {
				defer watcher.Close()
			}
		}
		for i, want := range []errs.Kind{"", errs.Unavailable} {
			watcher, err := watch(user("b"), Request{})
			if errs.KindOf(err) != want {
				t.Fatalf("watcher %d of another: %v", i, err)
			}
			if err == nil {
				defer watcher.Close()
			}
		}
		if watchers, windows := counted(w.hub); watchers != 4 || windows != 2 {
			t.Errorf("%d watchers share %d windows, want 4 and 2", watchers, windows)
		}
	})
}

// A list that grows too long, a client that does not read and a server that stops end watchers.
func TestEndsOfWatchers(t *testing.T) {
	watching(t, teams, Config{}, func(t *testing.T, w *world) {
		end := func(watcher *Watcher) error {
			for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				watcher.window.mu.Lock()
				err := watcher.err
				watcher.window.mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		}
		watch := func(query record.Query) *Watcher {
			t.Helper()
			watcher, err := w.hub.Watch(t.Context(), user("a"), w.model.Table("notes"), Request{Query: query})
			if err != nil {
				t.Fatal(err)
			}
			return watcher
		}
		slow := watch(record.Query{Filter: "n < 0"})
		defer slow.Close()
		for range 3 {
			slow.window.mu.Lock()
			slow.push(newBatch(make([]Event, maxRows)))
			slow.window.mu.Unlock()
		}
		if err := end(slow); !errors.Is(err, ErrSlow) {
			t.Errorf("a slow watcher: %v", err)
		}
		long := watch(record.Query{})
		defer long.Close()
		stamp := "0"
		if _, known := w.db.State(); !known {
			stamp = "now()"
		}
		storetest.Exec(t, w.db, fmt.Sprintf(`INSERT INTO notes (id, n, owner, created_at, updated_at, _rev)
WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i <= %d) SELECT i, 0, 'a', %s, %s, 1 FROM s`, maxRows, stamp, stamp))
		if err := end(long); errs.KindOf(err) != errs.Malformed {
			t.Errorf("the watcher of a long list: %v", err)
		}
		last := watch(record.Query{Filter: "n == 3"})
		defer last.Close()
		w.hub.Stop()
		if err := end(last); !errors.Is(err, ErrStopping) {
			t.Errorf("a watcher at the stop: %v", err)
		}
	})
}

func TestDigestsNameSubsets(t *testing.T) {
	rnd := effort.Seeds(t)(0)
	for range effort.Cases(50, 2000) {
		rows := make([]digest, rnd.IntN(maxSolved+1))
		chosen, target := make([]bool, len(rows)), digest{}
		for i := range rows {
			rows[i] = hashRow([]byte("key"), [8]byte{}, fmt.Sprint(rnd.Uint64()))
			if chosen[i] = rnd.IntN(2) == 0; chosen[i] {
				target.toggle(rows[i])
			}
		}
		if got, ok := subset(rows, target); !ok || !slices.Equal(got, chosen) {
			t.Errorf("subset of %d rows: %v, %v, want %v", len(rows), got, ok, chosen)
		}
		target.toggle(hashRow([]byte("key"), [8]byte{}, "another"))
		if got, ok := subset(rows, target); ok {
			t.Errorf("a digest of other rows is found in %d rows: %v", len(rows), got)
		}
	}
}
