package record

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// shortLists is a table on PostgreSQL whose lists are on probation, however long they take.
type shortLists struct {
	t  *testing.T
	db *DB
}

func newShortLists(t *testing.T) *shortLists {
	t.Helper()
	store, rules := modeltest.Postgres(postgres.Config{Readers: 2, Writers: 2}).Open(t, `
ashlar: 1
name: short
tables:
  notes: {key: int, fields: {n: {type: int}}, access: {read: true, write: true}}
`)
	s := &shortLists{t, New(store, rules, Config{Answers: 1 << 20})}
	s.db.leastCost, s.db.worthwhile = 0, time.Hour
	for i := range 3 {
		must(t, s.db, system, "notes", fmt.Sprintf(`{"id":%d,"n":0}`, i+1))
	}
	return s
}

// list returns what became of the look for the answer, and how many statements looked for a version.
func (s *shortLists) list(want string) (outcome string, looks int) {
	s.t.Helper()
	var record telemetry.Record
	ctx := context.WithValue(s.t.Context(), telemetry.Key{}, &record)
	body, err := s.db.List(ctx, ann, s.db.rules.Model.Table("notes"), Query{Filter: "id <= 2", Limit: 10, Selection: Selection{Fields: "n"}}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if got := string(body); !strings.Contains(got, want) {
		s.t.Fatalf("the list is %s, want %s", got, want)
	}
	for _, statement := range record.Statements.List {
		if strings.Contains(statement.SQL, "ashlar_generations") {
			looks++
		}
	}
	return record.Cache, looks
}

func (s *shortLists) update(id, n int) {
	s.t.Helper()
	if _, err := s.db.Update(s.t.Context(), system, s.db.rules.Model.Table("notes"), value.OfInt(int64(id)), members(s.t, fmt.Sprintf(`{"n":%d}`, n)), nil); err != nil {
		s.t.Fatal(err)
	}
}

// A short list is kept when its answer stays the same, and costs one short statement from then on. An answer that was kept in vain
// must stay the same for longer the next time.
func TestShortListsPassAProbation(t *testing.T) {
	s := newShortLists(t)
	n := 0
	for i, tt := range []struct {
		does    string
		outcome string
		looks   int
	}{
		{"read", "", 0}, {"read", "", 0}, {"read", miss, 1}, {"read", hit, 1}, {"read", hit, 1},
		{"change", "", 1}, {"read", "", 0}, {"read", miss, 1}, {"read", hit, 1}, // two hits pay off the looks
		{"change", "", 1}, {"read", "", 0}, {"read", "", 0}, {"read", miss, 1}, // one does not: twice the probation
		{"change", "", 1}, {"read", "", 0}, {"read", "", 0}, {"read", "", 0}, {"read", "", 0}, {"read", miss, 1},
		{"read", hit, 1}, {"read", hit, 1}, {"read", hit, 1},
		{"change", "", 1}, {"read", "", 0}, {"read", miss, 1}, {"read", hit, 1},
	} {
		if tt.does == "change" {
			n++
			s.update(1, n)
		}
		if outcome, looks := s.list(fmt.Sprintf(`{"n":%d}`, n)); outcome != tt.outcome || looks != tt.looks {
			t.Fatalf("step %d (%s): %q with %d looks, want %q with %d", i, tt.does, outcome, looks, tt.outcome, tt.looks)
		}
	}
}

// Lists whose rows change before each request are hardly ever looked up, whether or not the answer changes with them.
func TestShortListsOfBusyTablesAreNotKept(t *testing.T) {
	const requests = 300
	for _, tt := range []struct {
		name string
		id   int
		most int // looks
	}{
		{"the answer changes", 1, 0},
		{"another row changes", 3, requests / 15},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShortLists(t)
			all := 0
			for i := range requests {
				s.update(tt.id, i)
				_, looks := s.list(`{"items":[`)
				all += looks
			}
			if all > tt.most {
				t.Errorf("%d looks for %d requests, want at most %d", all, requests, tt.most)
			}
		})
	}
}
