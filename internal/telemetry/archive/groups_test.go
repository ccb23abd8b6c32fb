package archive

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

func TestNormalise(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"connection refused", "connection refused"},
		{"dial tcp 10.0.0.3:5432: refused", "dial tcp #.#.#.#:#: refused"},
		{`no row "users/7f3a" of 12`, `no row "…" of #`},
		{"user 550e8400-e29b-41d4-a716-446655440000 is gone", "user # is gone"},
		{"can't read 'a b' of `x`", "can't read '…' of `…`"},
		{"table t1 is not utf8, code 0x5a", "table t1 is not utf8, code #"},
		{"first line\ngoroutine 7", "first line"},
		{"SQLSTATE 23505: duplicate key", "SQLSTATE #: duplicate key"},
		{`an open "quote`, `an open "quote`},
		{"", ""},
	} {
		if got := normalise(tt.in); got != tt.want {
			t.Errorf("normalise(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add(`a "b" 'c 12-34`)
	f.Fuzz(func(t *testing.T, text string) {
		if got := normalise(text); len([]rune(got)) > maxNormalised+1 {
			t.Errorf("normalise(%q) has %d characters", text, len([]rune(got)))
		}
	})
}

func TestErrorsAreGrouped(t *testing.T) {
	var reported []string
	r := openTest(t, Config{OnError: func(g ErrorGroup) { reported = append(reported, g.Text) }})
	fail := func(id int, cause string) {
		r.clock.pass(time.Second)
		r.Take(r.failing(id, cause))
	}
	fail(1, "row 17 is locked")
	fail(2, "row 18 is locked")
	r.Flush()
	fail(3, "row 19 is locked")
	fail(4, "no disk")
	r.Flush()
	r.Flush() // writes the events
	end := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	want := []ErrorGroup{
		{Kind: "internal", Text: "no disk", Route: "GET /api/posts", First: end(4), Last: end(4), Count: 1, Example: "R00000004", Build: "v1", Revision: "abc"},
		{Kind: "internal", Text: "row # is locked", Route: "GET /api/posts", First: end(1), Last: end(3), Count: 3, Example: "R00000003", Build: "v1", Revision: "abc"},
	}
	check := func(r *rig) {
		t.Helper()
		got, err := r.Errors(t.Context(), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].ID = 0
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	check(r)
	if diff := cmp.Diff([]string{"row # is locked", "no disk"}, reported); diff != "" {
		t.Error(diff)
	}
	events, err := r.Events(t.Context(), noon, end(60), 10, EventError)
	if err != nil || len(events) != 2 || events[0].Kind != EventError {
		t.Errorf("Events = %+v, %v, want one for each group", events, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	again := openAt(t, r.path, Config{Process: r.cfg.Process, OnError: func(ErrorGroup) { t.Error("a known group counts as new after a restart") }})
	again.clock.pass(5 * time.Second)
	again.Take(again.failing(5, "row 20 is locked"))
	again.Flush()
	want[0], want[1] = want[1], want[0]
	want[0].Count, want[0].Last, want[0].Example = 4, end(5), "R00000005"
	check(again)
}

func TestGroupsOfErrorsAreBounded(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{})
	word := func() string {
		text := make([]byte, 12)
		for i := range text {
			text[i] = byte('a' + rand.IntN(26))
		}
		return string(text)
	}
	for id := range maxGroups * 3 / 2 {
		r.clock.pass(time.Millisecond)
		r.Take(r.failing(id, word()))
	}
	r.Flush()
	got, err := r.Errors(t.Context(), time.Time{})
	if err != nil || len(got) != maxGroups || len(r.errors.known) != maxGroups {
		t.Fatalf("%d groups, %d in memory, %v", len(got), len(r.errors.known), err)
	}
	if newest := got[0].Example; newest != fmt.Sprintf("R%08d", maxGroups*3/2-1) {
		t.Errorf("the newest group belongs to %s", newest)
	}
}

func TestAGroupLeadsToItsRecords(t *testing.T) {
	r := openTest(t, Config{})
	unrouted, job, step := r.failing(2, "two"), r.failing(3, "three"), r.failing(4, "four")
	unrouted.Route = ""
	job.Work, job.Job, job.Route = telemetry.WorkJob, "mail", ""
	step.Work, step.Route = telemetry.WorkMigration, ""
	for _, record := range []*telemetry.Record{r.failing(1, "one"), unrouted, job, step} {
		r.Take(record)
	}
	r.flush()
	groups, err := r.Errors(t.Context(), noon.Add(-time.Hour))
	if err != nil || len(groups) != 4 {
		t.Fatalf("%d groups, %v", len(groups), err)
	}
	counted, err := r.Failures(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups {
		page, err := r.Records(t.Context(), Filter{Failed: true, Where: []Condition{group.Condition()}}, 0, 10)
		if err != nil || !slices.Contains(ids(page.Records), group.Example) {
			t.Errorf("%+v leads to %v, %v", group, ids(page.Records), err)
		}
		if !slices.ContainsFunc(counted, func(c FailureCount) bool { return c.ID == group.ID }) {
			t.Errorf("Failures does not know the group %+v", group)
		}
	}
}
