package watch

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/disk"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry/archive"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// texts returns the kinds and texts of events.
func texts(events []archive.Event) string {
	var lines []string
	for _, e := range events {
		lines = append(lines, e.Kind+": "+e.Text)
	}
	return strings.Join(lines, "\n")
}

func TestClockTellsSteps(t *testing.T) {
	var c clock
	for i, tt := range []struct {
		wall   time.Duration // since noon
		steady time.Duration
		want   string
	}{
		{0, 0, ""},
		{5 * time.Second, 5 * time.Second, ""},
		{10*time.Second + 20*time.Millisecond, 10 * time.Second, ""}, // slewed
		{2*time.Hour + 3*time.Minute + 15*time.Second, 15 * time.Second, "clock: The clock jumped forward by 2 h 3 min."},
		{2*time.Hour + 3*time.Minute + 20*time.Second, 20 * time.Second, ""},
		{25 * time.Second, 25 * time.Second, "clock: The clock jumped back by 2 h 3 min."},
		{95 * time.Second, 95 * time.Second, ""}, // a look came late
	} {
		if got := texts(c.look(noon.Add(tt.wall), tt.steady)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestDiskTellsEachStateOnce(t *testing.T) {
	s := space{name: "the data folder"}
	for i, tt := range []struct {
		free uint64
		want string
	}{
		{30 << 30, ""},
		{200 << 20, "disk: The disk of the data folder is nearly full: 200 MiB of 40 GiB are left."},
		{260 << 20, ""}, // at the bound
		{100 << 10, "disk: The disk of the data folder is full: 100 KiB of 40 GiB are left."},
		{0, ""},
		{2 << 30, "disk: The disk of the data folder has room again: 2.0 GiB of 40 GiB are free."},
	} {
		if got := texts(s.look(disk.Space{Free: tt.free, Total: 40 << 30})); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestDatabaseTellsOfOutagesAndOtherServers(t *testing.T) {
	first := store.Server{Address: "10.0.0.5:5432", Version: "17.6", Started: noon.Add(-time.Hour)}
	restarted, promoted, other := first, first, first
	restarted.Started = noon.Add(20 * time.Second)
	promoted.Standby = true
	other.Address, other.Version, other.Started = "10.0.0.6:5432", "17.7", noon
	var d database
	for i, tt := range []struct {
		found        store.Server
		err, refused error
		want         string
	}{
		{first, nil, nil, ""},
		{store.Server{}, errs.Wrapf(errors.New("connection refused"), errs.Unavailable, "the database cannot be reached"), nil, "database: The database does not answer: the database cannot be reached: connection refused."},
		{store.Server{}, errors.New("refused"), nil, ""},
		{restarted, nil, nil, "database: The database answers again, after 10 s.\ndatabase: The database server restarted at 12:00:20 UTC."},
		{restarted, nil, nil, ""},
		{other, nil, nil, "database: The database is on another server: 10.0.0.6:5432, before 10.0.0.5:5432.\ndatabase: The database server has version 17.7, before 17.6."},
		{first, nil, nil, "database: The database is on another server: 10.0.0.5:5432, before 10.0.0.6:5432.\ndatabase: The database server has version 17.6, before 17.7."},
		{promoted, nil, errors.New("25006: read-only transaction"), "database: The database server is a standby, which takes no writes.\ndatabase: The database takes no writes: 25006: read-only transaction."},
		{first, nil, nil, "database: The database server was a standby, and takes writes now.\ndatabase: The database takes writes again, after 5 s."},
	} {
		if got := texts(d.look(noon.Add(time.Duration(i)*5*time.Second), tt.found, tt.err, tt.refused)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestLocksAreToldWhenTheyLast(t *testing.T) {
	held := store.Lock{Holder: "psql (process 7)", Key: "7", Table: "notes", Waiting: 3, Longest: time.Second}
	longer, file := held, store.Lock{Holder: "sqlite3 (process 8)", Key: "8", Waiting: -1}
	longer.Longest = 6 * time.Second
	var l locks
	for i, tt := range []struct {
		found  []store.Lock
		failed bool
		want   string
	}{
		{nil, false, ""},
		{[]store.Lock{held}, false, ""}, // for a second: usual
		{[]store.Lock{longer}, false, "lock: psql (process 7) has held a lock on notes for 6 s, and 3 sessions wait for it."},
		{[]store.Lock{longer}, false, ""},
		{[]store.Lock{file}, false, "lock: The lock of psql (process 7) is gone, after 16 s."},
		{[]store.Lock{file}, false, "lock: sqlite3 (process 8) has held the write lock of the database for 5 s."},
		{nil, false, "lock: The lock of sqlite3 (process 8) is gone, after 10 s."},
		{nil, true, "lock: Writes failed: another process held the write lock of the database for too long."},
		{[]store.Lock{{Holder: "cp (process 9)", Key: "9", Waiting: -1}}, true, "lock: cp (process 9) has held the write lock of the database for less than 1 ms."},
	} {
		if got := texts(l.look(noon.Add(time.Duration(i)*5*time.Second), tt.found, tt.failed)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestQueuesAreToldWhenTheyAreLong(t *testing.T) {
	var q queues
	stats := store.Stats{Pools: []store.Pool{{Name: "read", Size: 1}}}
	for i, tt := range []struct {
		waits, refused int64
		waited         time.Duration
		writes         int64
		turns          time.Duration // of writes
		want           string
	}{
		{100, 3, time.Minute, 10, time.Minute, ""}, // before the first look
		{110, 3, time.Minute + time.Second/2, 20, time.Minute, ""},
		{120, 3, time.Minute + 5*time.Second, 40, time.Minute + 18*time.Second, "limit: Reads wait 450 ms on average for the only connection: 0 wait at this moment.\nlock: Writes wait 900 ms on average for their turn: 0 wait at this moment."},
		{130, 9, time.Minute + 6*time.Second, 50, time.Minute + 18*time.Second, "lock: Writes no longer wait long for their turn, after 5 s."},
		{131, 9, time.Minute + 6*time.Second, 51, time.Minute + 19*time.Second, "limit: Reads no longer wait long for the only connection, after 10 s."},
		{131, 10, time.Minute + 6*time.Second, 51, time.Minute + 19*time.Second, "limit: Reads wait less than 1 ms on average for the only connection: 0 wait at this moment, 1 were refused."},
	} {
		stats.Pools[0].Waits, stats.Pools[0].Refused, stats.Pools[0].Waited = tt.waits, tt.refused, tt.waited
		stats.Writer.Writes, stats.Writer.Waited = tt.writes, tt.turns
		if got := texts(q.look(noon.Add(time.Duration(i)*5*time.Second), stats)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestStormsOfRefusalsAreTold(t *testing.T) {
	var l limits
	for i, tt := range []struct {
		refused map[string]int64
		want    string
	}{
		{map[string]int64{"reads": 3}, ""},
		{map[string]int64{"reads": 40, "max-concurrent": 312}, "limit: The limit max-concurrent refused 312 requests in 5 s.\nlimit: The limit reads refused 40 requests in 5 s."},
		{map[string]int64{"reads": 10}, ""},
		{nil, ""}, {nil, ""}, {nil, ""}, {nil, ""},
		{nil, "limit: The limit max-concurrent refuses nothing any more. It refused 312 requests in 5 s."},
		{nil, "limit: The limit reads refuses nothing any more. It refused 50 requests in 10 s."},
		{nil, ""},
	} {
		if got := texts(l.look(noon.Add(time.Duration(i)*5*time.Second), tt.refused, 5*time.Second)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestJobsAreToldWhenTheyFail(t *testing.T) {
	var j jobs
	mail := func(w work) map[string]work { return map[string]work{"mail": w} }
	for i, tt := range []struct {
		done map[string]work
		want string
	}{
		{mail(work{done: 4}), ""},
		{mail(work{done: 2, failed: 1, last: "450 busy"}), ""},
		{nil, ""},
		{mail(work{done: 2, failed: 2, last: "450 busy"}), "job: The job mail failed 3 times in a row: 450 busy."},
		{mail(work{done: 1, failed: 1, last: "450 busy"}), ""},
		{mail(work{done: 1}), "job: The job mail succeeds again, after 10 s."},
	} {
		if got := texts(j.look(noon.Add(time.Duration(i)*5*time.Second), tt.done)); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestBacklogsAreTold(t *testing.T) {
	var b backlogs
	for i, tt := range []struct {
		found Backlog
		want  string
	}{
		{Backlog{Name: "mails", Longest: time.Second, Waiting: 1}, ""},
		{Backlog{Name: "mails", Longest: 6 * time.Second, Waiting: 30}, "job: The mails are slow: one has been under way for 6 s, and 30 wait."},
		{Backlog{Name: "mails", Longest: 11 * time.Second, Waiting: 30}, ""},
		{Backlog{Name: "mails", Waiting: 30, GivenUp: 2}, "job: 2 mails were given up.\njob: The mails are no longer slow, after 16 s."},
		{Backlog{Name: "mails", GivenUp: 2}, ""},
	} {
		if got := texts(b.look(noon.Add(time.Duration(i)*5*time.Second), []Backlog{tt.found})); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestCertificatesAreToldBeforeTheyEnd(t *testing.T) {
	const day = 24 * time.Hour
	var c certificates
	at := func(address string, ends time.Time, refused error) *Certificate {
		return &Certificate{Address: address, Ends: ends, Refused: refused}
	}
	for i, tt := range []struct {
		after time.Duration
		found *Certificate
		want  string
	}{
		{0, at("a.example", noon.Add(20*day), nil), ""},
		{7 * day, nil, "certificate: The certificate of a.example ends in 13 d."},
		{8 * day, nil, ""},
		{19 * day, nil, "certificate: The certificate of a.example ends in 1 d."},
		{20*day + 3*time.Second, nil, "certificate: The certificate of a.example expired 3 s ago."},
		{20*day + time.Hour, at("a.example", noon.Add(110*day), nil), "certificate: The certificate of a.example was renewed: it ends on 2026-06-19."},
		{20*day + time.Hour, at("a.example", noon.Add(110*day), errors.New("unknown authority")), "certificate: Clients refuse the certificate of a.example: unknown authority."},
		{20*day + time.Hour, at("a.example", noon.Add(110*day), nil), "certificate: Clients accept the certificate of a.example again."},
		{20*day + time.Hour, at("b.example", noon, nil), "certificate: The certificate of b.example expired 20 d 1 h ago."},
	} {
		var events []archive.Event
		if tt.found != nil {
			events = c.put(*tt.found)
		}
		events = append(events, c.look(noon.Add(tt.after))...)
		if got := texts(events); got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestSettingsAreToldWithoutSecrets(t *testing.T) {
	s := state{Salt: "salt"}
	before := s.mark([]Setting{{Name: "--readers"}, {Name: "--url", Value: "https://a.example"}, {Name: "the password of --smtp", Secret: "hush"}, {Name: "--token", Secret: "hush"}, {Name: "--cors", Value: "a"}})
	after := s.mark([]Setting{{Name: "--readers", Value: "1"}, {Name: "--url", Value: "https://a.example"}, {Name: "the password of --smtp", Secret: "hushhush"}, {Name: "--token", Value: "plain"}})
	want := "setting: The setting --cors was changed from a to its default.\n" +
		"setting: The setting --readers was changed from its default to 1.\n" +
		"setting: The setting --token was changed.\n" +
		"setting: The setting the password of --smtp was changed."
	if diff := cmp.Diff(want, texts(changedSettings(before, after))); diff != "" {
		t.Errorf("changedSettings (-want +got):\n%s", diff)
	}
	if mark := before["--token"]; !regexp.MustCompile(`^#[0-9a-f]{3}$`).MatchString(mark) {
		t.Errorf("the mark of a secret is %q", mark)
	}
	if got := changedSettings(before, before); len(got) > 0 {
		t.Errorf("without a change: %s", texts(got))
	}
}

func TestShapesAreToldWhenTheyBecomeSlow(t *testing.T) {
	var s shapes
	sum := func(name string, calls float64, took time.Duration) Shape {
		return Shape{Name: name, Calls: calls, Took: took, SQL: "SQL of " + name}
	}
	scans := func(sql string) string {
		if sql == "SQL of list notes" {
			return "no index helps: its plan has SCAN t0"
		}
		return ""
	}
	for i, tt := range []struct {
		sums []Shape
		want string
	}{
		{[]Shape{sum("list notes", 100, 400*time.Millisecond), sum("get notes", 100, 100*time.Millisecond)}, ""},
		{[]Shape{sum("list notes", 110, 440*time.Millisecond), sum("get notes", 110, 110*time.Millisecond)}, ""},
		{[]Shape{sum("list notes", 120, 1640*time.Millisecond), sum("get notes", 112, 10*time.Second)}, "index: A query became slow: list notes takes 120 ms, before 4 ms (no index helps: its plan has SCAN t0)."}, // two calls say nothing
		{[]Shape{sum("list notes", 130, 2840*time.Millisecond), sum("get notes", 112, 10*time.Second)}, ""},
		{[]Shape{sum("list notes", 65, 1420*time.Millisecond), sum("get notes", 56, 5*time.Second)}, ""}, // the sums faded
		{[]Shape{sum("list notes", 75, 1450*time.Millisecond), sum("new", 10, 3*time.Second)}, "index: A query became slow: new takes 300 ms."},
	} {
		got := ""
		if found := s.look(tt.sums); len(found) > 0 {
			got = texts([]archive.Event{shapesEvent(found, scans)})
		}
		if got != tt.want {
			t.Errorf("look %d = %q, want %q", i, got, tt.want)
		}
	}
}

func TestManySlowShapesAreOneEvent(t *testing.T) {
	found := make([]slowed, 12)
	for i := range found {
		found[i] = slowed{Shape{Name: "list"}, time.Second, time.Millisecond}
	}
	e := shapesEvent(found, func(string) string { return "" })
	if strings.Count(e.Text, "before") != maxTold || !strings.HasPrefix(e.Text, "12 queries became slow") {
		t.Errorf("the event is %q", e.Text)
	}
}

// TestPageShowsEventsAsTheyAre makes the events of the example in docs/operating.md.
func TestPageShowsEventsAsTheyAre(t *testing.T) {
	var l locks
	var c clock
	s := state{Salt: "salt"}
	c.look(noon, 0)
	events := changedSettings(s.mark(nil), s.mark([]Setting{{Name: "--readers", Value: "1"}}))
	events = append(events, l.look(noon, []store.Lock{{Holder: "psql (role alice, process 4711), idle in transaction for 40 s", Table: "notes", Waiting: 3, Longest: 12 * time.Second}}, false)...)
	events = append(events, c.look(noon.Add(2*time.Hour+3*time.Minute), 0)...)
	page, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## The timeline\n")
	_, example, _ := strings.Cut(section, "```\n")
	example, _, _ = strings.Cut(example, "\n```")
	if diff := cmp.Diff(example, texts(events)); diff != "" {
		t.Errorf("the example of the page (-page +server):\n%s", diff)
	}
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct {
		d    time.Duration
		want string
	}{
		{850 * time.Millisecond, "850 ms"}, {43 * time.Second, "43 s"}, {-2 * time.Minute, "2 min"}, {125 * time.Second, "2 min 5 s"},
		{3 * time.Hour, "3 h"}, {123 * time.Minute, "2 h 3 min"}, {50 * time.Hour, "2 d 2 h"},
	} {
		if got := span(tt.d); got != tt.want {
			t.Errorf("span(%v) = %q, want %q", tt.d, got, tt.want)
		}
	}
}
