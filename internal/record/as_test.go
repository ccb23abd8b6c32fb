package record

import (
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

const untilNoon = `
ashlar: 1
name: noon
tables:
  notes:
    key: int
    fields: {title: {type: text}}
    access: {read: true, create: "now < timestamp('2026-11-23T12:00:00Z')"}
`

// clock is a time that a test moves. It counts its readings.
type clock struct {
	now      time.Time
	readings int
}

func (c *clock) read() time.Time {
	c.readings++
	return c.now
}

// A request reads the clock once and evaluates its rules at that time. A write evaluates them again if much time has passed.
func TestRequestsEvaluateTheirRulesOnce(t *testing.T) {
	db, rules := modeltest.Open(t, untilNoon)
	clock := &clock{now: time.Date(2026, 11, 23, 11, 59, 59, 990_000_000, time.UTC)}
	d := New(db, rules, Config{Now: clock.read})
	rows := d.As(nobody)
	defer rows.Done()
	notes := rows.Table(rules.Model.Table("notes"))
	row, err := notes.Create(t.Context(), members(t, `{"title":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	clock.readings = 0
	if err := notes.Allow(Read); err != nil {
		t.Error(err)
	}
	if _, err := notes.List(t.Context(), Query{Limit: 10, Total: true}, nil); err != nil {
		t.Error(err)
	}
	if _, err := notes.Get(t.Context(), row.ID, Selection{}, nil); err != nil {
		t.Error(err)
	}
	if clock.readings > 0 {
		t.Errorf("reads of one request read the clock %d more times", clock.readings)
	}
	clock.now = clock.now.Add(20 * time.Millisecond)
	if err := notes.Allow(Create); err != nil {
		t.Errorf("Allow at the time of the request = %v", err)
	}
	if _, err := notes.Create(t.Context(), members(t, `{"title":"b"}`)); err != nil {
		t.Errorf("Create at the time of the request = %v", err)
	}
	clock.now = clock.now.Add(time.Second)
	if _, err := notes.Create(t.Context(), members(t, `{"title":"c"}`)); errs.KindOf(err) != errs.Unauthenticated {
		t.Errorf("Create a second later = %v, want a refusal", err)
	}
}

// All writes and reads of a caller in one transaction have the same time.
func TestTransactionsEvaluateTheirRulesOnce(t *testing.T) {
	db, rules := modeltest.Open(t, untilNoon)
	clock := &clock{now: time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)}
	d := New(db, rules, Config{Now: clock.read})
	table := rules.Model.Table("notes")
	err := db.Write(t.Context(), func(tx store.Tx) error {
		rows := d.In(tx, nobody)
		defer rows.Done()
		clock.now, clock.readings = clock.now.Add(2*time.Hour), 0
		for range 3 {
			if _, err := rows.Create(table, members(t, `{"title":"a"}`)); err != nil {
				return err
			}
		}
		_, err := rows.List(table, Query{Limit: 10})
		return err
	})
	if err != nil || clock.readings > 0 {
		t.Errorf("%v; the clock was read %d more times", err, clock.readings)
	}
}
