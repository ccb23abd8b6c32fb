package archive

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// TestFileNeverExceedsItsBound: whatever is written, in whatever order and size, the file and its log stay within the bound.
func TestFileNeverExceedsItsBound(t *testing.T) {
	effort.SkipRaced(t)
	for seed := range uint64(effort.Cases(4, 300)) {
		random := rand.New(rand.NewPCG(seed, 0))
		size := 3<<20 + random.Int64N(3<<20)
		m := &meter{}
		r := openTest(t, Config{Size: size, least: 1 << 20, Points: m.read})
		for round := range 25 {
			r.writeSome(random, m, round)
			r.Flush()
			if got := sizeOnDisk(r.path); got > size {
				t.Fatalf("seed %d: the file and its log have %d bytes, and the bound is %d", seed, got, size)
			}
		}
		if stats := r.Stats(); stats.Problem != nil || stats.Dropped != 0 {
			t.Errorf("seed %d: Stats = %+v", seed, stats)
		}
	}
}

// writeSome writes some telemetry of a random kind.
func (r *rig) writeSome(random *rand.Rand, m *meter, round int) {
	switch random.IntN(7) {
	case 0:
		for id := range random.IntN(4000) {
			r.clock.pass(100 * time.Millisecond)
			r.Take(r.request(id))
		}
	case 1:
		for id := range random.IntN(600) {
			record := r.failing(id, noise(random, 300))
			record.Stack = noise(random, random.IntN(3000))
			r.Take(record)
		}
	case 2:
		for range random.IntN(30) {
			r.PutTrace(Trace{ID: telemetry.TraceID{byte(round)}, Start: r.clock.Now(), Body: []byte(noise(random, random.IntN(30_000)))})
		}
	case 3:
		m.points = m.points[:0]
		for i := range random.IntN(300) {
			m.points = append(m.points, telemetry.Point{Series: fmt.Sprint("s", i), Value: random.Float64(), Counter: i%2 == 0})
		}
		r.clock.pass(time.Hour)
		r.Sample()
	case 4:
		for range random.IntN(300) {
			r.PutEvent(Event{Kind: "x", Text: noise(random, 100), Details: noise(random, 2000)})
		}
	case 5:
		r.upkeep()
	case 6:
		for range random.IntN(20) {
			r.clock.pass(time.Duration(random.IntN(3)) * time.Hour)
			r.AddSum(r.clock.Now(), []byte(noise(random, random.IntN(9000))), longer)
		}
	}
}

// longer returns the longer one of two bodies.
func longer(sum, more []byte) []byte {
	if len(sum) > len(more) {
		return sum
	}
	return more
}

// noise returns text that nothing can compress.
func noise(random *rand.Rand, length int) string {
	text := make([]byte, length)
	for i := range text {
		text[i] = byte('!' + random.IntN(90))
	}
	return string(text)
}

// fill writes records until so many were removed that the first of each kind is gone, or count records are written.
func fill(r *rig, count int, record func(int) *telemetry.Record) {
	for id := range count {
		r.clock.pass(time.Second)
		r.Take(record(id))
		if id%400 == 0 {
			r.Flush()
		}
	}
	r.Flush()
}

func TestOldestHealthyRecordsGoFirst(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{Size: 2 << 20, least: 2 << 20})
	for id := range 100 { // the oldest of all
		r.Take(r.failing(id, "no"))
	}
	fill(r, 20_000, r.request)
	var failed, healthy int
	oldest := r.clock.Now()
	for _, record := range r.all(t, Filter{}) {
		if record.Failed {
			failed++
			continue
		}
		healthy++
		oldest = record.End
	}
	if failed != 100 {
		t.Errorf("%d failed records are left, want all 100", failed)
	}
	if healthy < 3000 || healthy > 15_000 || oldest.Before(noon.Add(time.Hour)) {
		t.Errorf("%d healthy records are left, the oldest from %v", healthy, oldest)
	}
	if r.Dropped() != 0 {
		t.Errorf("%d records were dropped", r.Dropped())
	}
}

// A flood of failures must not remove what an incident is compared with: the healthy records of the last hour.
func TestHealthyRecordsOfTheLastHourOutliveOldFailures(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{Size: 2 << 20, least: 2 << 20})
	fill(r, 6000, func(id int) *telemetry.Record {
		record := r.failing(id, "no")
		record.Stack = strings.Repeat("x", 500)
		return record
	})
	fill(r, 300, r.request)
	fill(r, 1200, func(id int) *telemetry.Record { return r.failing(id, "no") })
	healthy := r.all(t, Filter{Where: []Condition{{Dimension: Status, Values: []string{"200"}}}})
	if len(healthy) != 300 {
		t.Errorf("%d healthy records are left, want 300", len(healthy))
	}
}

func TestFileShrinksWhenItsBoundDoes(t *testing.T) {
	effort.SkipRaced(t)
	large := openTest(t, Config{Size: 8 << 20, least: 1 << 20})
	fill(large, 20_000, large.request)
	if err := large.Close(); err != nil {
		t.Fatal(err)
	}
	before := sizeOnDisk(large.path)
	r := openAt(t, large.path, Config{Size: 2 << 20, least: 1 << 20})
	r.clock.pass(20_000 * time.Second)
	r.upkeep()
	if got := sizeOnDisk(r.path); got > 2<<20 || before < 5<<19 {
		t.Errorf("the file has %d bytes, and had %d; the bound is now %d", got, before, 2<<20)
	}
	if got := r.all(t, Filter{}); len(got) < 1000 || got[0].ID != "R00019999" {
		t.Errorf("%d records are left", len(got))
	}
}

func TestRecordsAreRemovedAfterTheirTime(t *testing.T) {
	effort.SkipRaced(t)
	r := openTest(t, Config{Keep: time.Hour})
	fill(r, 5000, r.request)
	r.Take(r.failing(1, "no"))
	r.PutTrace(Trace{ID: telemetry.TraceID{1}, Start: r.clock.Now()})
	r.clock.pass(30 * time.Minute)
	r.Flush()
	r.upkeep()
	left := r.all(t, Filter{})
	if oldest := left[len(left)-1].End; r.clock.Now().Sub(oldest) > time.Hour || len(left) < 1700 {
		t.Errorf("%d records are left, the oldest of %v", len(left), oldest)
	}
	r.clock.pass(time.Hour)
	r.upkeep()
	traces, err := r.Traces(t.Context(), noon, r.clock.Now(), 10)
	if left := r.all(t, Filter{}); len(left) != 0 || len(traces) != 0 || err != nil {
		t.Errorf("%d records and %d traces are left, want none", len(left), len(traces))
	}
}

func TestDefaultSizeIsAPartOfTheDisk(t *testing.T) {
	if got := DefaultSize(t.TempDir() + "/x"); got <= 0 || got > maxSize {
		t.Errorf("DefaultSize = %d", got)
	}
	if got := DefaultSize("/nowhere/at/all/x"); got != maxSize {
		t.Errorf("DefaultSize of an unknown disk = %d", got)
	}
}

// A read that takes long must not let the log grow: records are dropped until it ends.
func TestLongReadDoesNotGrowTheLog(t *testing.T) {
	const size = 2 << 20
	r := openTest(t, Config{Size: size, least: size})
	r.Take(r.failing(0, "no"))
	r.Flush()
	conn := <-r.file.readers
	if err := script(conn, "BEGIN; SELECT count(*) FROM kept;"); err != nil {
		t.Fatal(err)
	}
	for id := range 4000 {
		r.Take(r.failing(id, "no"))
		if id%100 == 0 {
			r.Flush()
		}
	}
	if got := sizeOnDisk(r.path); got > size {
		t.Errorf("the file and its log have %d bytes, and the bound is %d", got, size)
	}
	if r.Dropped() == 0 || r.log.count("is not kept") != 1 {
		t.Errorf("%d records were dropped, and the log says:\n%s", r.Dropped(), r.log)
	}
	if err := script(conn, "ROLLBACK;"); err != nil {
		t.Fatal(err)
	}
	r.file.readers <- conn
	r.clock.pass(calm)
	dropped := r.Dropped()
	r.Take(r.failing(0, "no"))
	r.Flush()
	if r.Dropped() != dropped || r.log.count("kept again") != 1 {
		t.Errorf("after the read, %d records were dropped, and the log says:\n%s", r.Dropped()-dropped, r.log)
	}
}
