package archive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// ordinary returns a record of ordinary traffic: 20 callers, five tables, ten shapes, two nodes.
func ordinary(random *rand.Rand, at time.Time) *telemetry.Record {
	table := []string{"posts", "users", "comments", "tags", "files"}[random.IntN(5)]
	shape := fmt.Sprintf("list %s %d", table, random.IntN(2))
	caller := int(math.Abs(random.NormFloat64()) * 8)
	return &telemetry.Record{
		Work: telemetry.WorkRequest, ID: fmt.Sprint(random.Uint32()), Start: at, Duration: time.Duration(1+random.IntN(9)) * time.Millisecond,
		Method: "GET", Route: "GET /api/" + table, Table: table, Operation: "list", Shape: shape, Status: 200,
		Caller: fmt.Sprint("user:", caller), CallerKind: "user", Key: []string{"", fmt.Sprint("key", caller)}[random.IntN(2)],
		Remote: fmt.Sprintf("192.0.2.%d:99", caller),
	}
}

// TestDifferenceFindsThePlantedCause: among traffic with much else, the first line names what was planted.
func TestDifferenceFindsThePlantedCause(t *testing.T) {
	effort.SkipRaced(t)
	fail := func(r *telemetry.Record) { r.Status, r.Problem = 500, errs.Internal }
	slow := func(r *telemetry.Record) { r.Duration = 3 * time.Second }
	for _, tt := range []struct {
		name      string
		plant     func(random *rand.Rand, r *telemetry.Record)
		selection Filter
		dimension Dimension
		value     string
	}{
		{"a missing index", func(_ *rand.Rand, r *telemetry.Record) {
			if r.Shape == "list posts 1" {
				slow(r)
			}
		}, Filter{MinDuration: time.Second}, Shape, "list posts 1"},
		{"one key", func(_ *rand.Rand, r *telemetry.Record) {
			if r.Key == "key3" {
				fail(r)
			}
		}, Filter{Failed: true}, Key, "key3"},
		{"a bad table, half of the time", func(random *rand.Rand, r *telemetry.Record) {
			if r.Table == "files" && random.IntN(2) == 0 {
				fail(r)
			}
		}, Filter{Failed: true}, Table, "files"},
		{"one client behind noise", func(random *rand.Rand, r *telemetry.Record) {
			if r.Remote == "192.0.2.5:99" || random.IntN(50) == 0 {
				r.Caller = "anonymous"
				fail(r)
			}
		}, Filter{Failed: true}, Caller, "anonymous"},
		{"a limit", func(_ *rand.Rand, r *telemetry.Record) {
			if r.Caller == "user:2" {
				r.Status, r.Problem, r.Limit = 429, errs.Limited, "callers"
			}
		}, Filter{Where: []Condition{{Dimension: Status, Values: []string{"429"}}}}, Caller, "user:2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := openTest(t, Config{Sample: 1})
			random := rand.New(rand.NewPCG(5, 6))
			for range 4000 {
				r.clock.pass(10 * time.Millisecond)
				record := ordinary(random, r.clock.Now())
				tt.plant(random, record)
				r.Take(record)
			}
			r.Flush()
			found, err := r.Difference(t.Context(), tt.selection, Filter{})
			if err != nil || len(found) == 0 {
				t.Fatalf("Difference = %v, %v", found, err)
			}
			if first := found[0]; first.Dimension != tt.dimension || first.Value != tt.value {
				for _, f := range found[:min(5, len(found))] {
					t.Logf("%s = %q: %.0f%% against %.0f%%, %d against %d records, %.3f", f.Dimension, f.Value, 100*f.Share, 100*f.Usual, f.Selected.Records, f.Baseline.Records, f.Score)
				}
				t.Errorf("the first finding is %s = %q, want %s = %q", first.Dimension, first.Value, tt.dimension, tt.value)
			}
		})
	}
}

// Two parts of the same traffic differ in nothing.
func TestDifferenceFindsNothingWhereNothingIs(t *testing.T) {
	effort.SkipRaced(t)
	random := rand.New(rand.NewPCG(7, 8))
	findings, rounds := 0, 50
	for range rounds {
		a, b := Counts{Values: map[Dimension]map[string]Tally{}}, Counts{Values: map[Dimension]map[string]Tally{}}
		for i := range 600 {
			record := ordinary(random, noon)
			c := &a
			if i >= 100 {
				c = &b
			}
			c.Total.Add(1, false, 0)
			for dimension, value := range map[Dimension]string{Table: record.Table, Shape: record.Shape, Caller: record.Caller, Key: record.Key} {
				if c.Values[dimension] == nil {
					c.Values[dimension] = map[string]Tally{}
				}
				tally := c.Values[dimension][value]
				tally.Add(1, false, 0)
				c.Values[dimension][value] = tally
			}
		}
		findings += len(Difference(a, b))
	}
	if findings > rounds/5 {
		t.Errorf("%d findings in %d comparisons of equal traffic", findings, rounds)
	}
}

// A selection is compared with the rest of the baseline, not with all of it.
func TestDifferenceLeavesTheSelectionOutOfTheBaseline(t *testing.T) {
	r := openTest(t, Config{Sample: 1})
	for id := range 60 {
		r.clock.pass(time.Second)
		record := r.request(id)
		if id%2 == 0 {
			record = r.failing(id, "no")
			record.Table = "files"
		}
		r.Take(record)
	}
	r.Flush()
	found, err := r.Difference(t.Context(), Filter{Failed: true, From: noon.Add(20 * time.Second)}, Filter{From: noon.Add(10 * time.Second)})
	if err != nil || len(found) == 0 {
		t.Fatalf("Difference = %v, %v", found, err)
	}
	first := found[0]
	// Five of the failed records lie before the selection, so they belong to the others.
	if first.Dimension != Table || first.Value != "files" || first.Share != 1 || first.Selected.Records != 20 || first.Baseline.Records != 5 {
		t.Errorf("the first finding is %+v", first)
	}
	for _, without := range []Filter{{}, {Failed: true}, {From: noon.Add(30 * time.Second)}} {
		all, one, rest := r.all(t, Filter{}), r.all(t, without), r.all(t, Filter{}.Without(without))
		if len(one)+len(rest) != len(all) {
			t.Errorf("%d records of a filter and %d without it are not all %d", len(one), len(rest), len(all))
		}
	}
}

func TestKeptSelectsFailedAndSlowRecords(t *testing.T) {
	r := openTest(t, Config{Sample: 1})
	r.Take(r.request(1))
	r.Take(r.failing(2, "no"))
	slow := r.request(3)
	slow.Duration = time.Second
	r.Take(slow)
	r.Flush()
	if got := r.all(t, Filter{}.Without(Filter{Kept: true})); len(got) != 1 || got[0].ID != "R00000001" {
		t.Errorf("the records that are not kept are %v", ids(got))
	}
}

func TestFailuresAreCountedByTheirErrors(t *testing.T) {
	r := openTest(t, Config{})
	for id, cause := range []string{"row 17 is locked", "row 4 is locked", "the disk is full", "row 5 is locked"} {
		r.clock.pass(time.Second)
		r.Take(r.failing(id, cause))
	}
	r.Take(r.request(9))
	r.Flush()
	got, err := r.Failures(t.Context(), Filter{From: noon.Add(1500 * time.Millisecond)})
	if err != nil || len(got) != 2 {
		t.Fatalf("Failures = %+v, %v", got, err)
	}
	locked := got[0]
	if locked.Text != "row # is locked" || locked.Weight != 2 || locked.Count != 2 || locked.Example != "R00000003" || !locked.First.Equal(noon.Add(2*time.Second)) {
		t.Errorf("the first group is %+v", locked)
	}
	groups, err := r.Errors(t.Context(), noon)
	if err != nil || len(groups) != 2 || groups[0].ID != locked.ID {
		t.Errorf("Errors = %+v, %v, but Failures has the group %d", groups, err, locked.ID)
	}
}

func TestDifferenceOfNothing(t *testing.T) {
	if got := Difference(Counts{}, Counts{}); len(got) != 0 {
		t.Errorf("Difference of nothing = %v", got)
	}
	r := openTest(t, Config{})
	if got, err := r.Difference(t.Context(), Filter{Failed: true}, Filter{}); err != nil || len(got) != 0 {
		t.Errorf("Difference of an empty archive = %v, %v", got, err)
	}
}

// Weights count as often as the records that they stand for, but are not as certain.
func TestCountsHaveWeights(t *testing.T) {
	r := openTest(t, Config{})
	r.sample.Share = 1.0 / 8
	const many = 4000
	for id := range many {
		r.Take(r.request(id))
	}
	r.Take(r.failing(1, "no"))
	r.Flush()
	counts, err := r.Counts(t.Context(), Filter{}, Status, Table)
	if err != nil {
		t.Fatal(err)
	}
	healthy, failed := counts.Values[Status]["200"], counts.Values[Status]["500"]
	if math.Abs(healthy.Weight-many) > many/5 || healthy.Records > many/4 || failed.Weight != 1 || failed.Failed != 1 {
		t.Errorf("Counts = %+v", counts)
	}
	if size := healthy.size(); size > float64(healthy.Records)+1 || size < float64(healthy.Records)*0.9 {
		t.Errorf("the effective size of %d records is %v", healthy.Records, size)
	}
	if counts.Total.Weight != counts.Values[Table]["posts"].Weight {
		t.Errorf("the total %v differs from the only table", counts.Total)
	}
}

func TestHeatmapCountsByTimeAndDuration(t *testing.T) {
	r := openTest(t, Config{})
	for minute, took := range []time.Duration{time.Millisecond, 3 * time.Millisecond, time.Minute} {
		record := r.request(minute)
		record.Start, record.Duration = noon.Add(time.Duration(minute)*time.Minute+30*time.Second-took), took
		if minute == 2 {
			record.Problem, record.Status = errs.Internal, 500
		}
		r.Take(record)
	}
	r.Flush()
	h, err := r.Heatmap(t.Context(), Filter{From: noon, To: noon.Add(3 * time.Minute)}, 3, []time.Duration{time.Millisecond, 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(h.Cells, h.Failed); got != "[[1 0 0] [0 1 0] [0 0 1]] [[0 0 0] [0 0 0] [0 0 1]]" {
		t.Errorf("cells and failed %s", got)
	}
	if _, err := r.Heatmap(t.Context(), Filter{From: noon, To: noon}, 3, HeatBounds()); errs.KindOf(err) != errs.Malformed {
		t.Errorf("Heatmap of no time = %v", err)
	}
	bounds := HeatBounds()
	if bounds[0] != 100*time.Microsecond || bounds[len(bounds)-1] != 20*time.Second {
		t.Errorf("HeatBounds = %v", bounds)
	}
}
