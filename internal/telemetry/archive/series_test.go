package archive

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
)

// meter gives the archive its metrics.
type meter struct{ points []telemetry.Point }

func (m *meter) read() []telemetry.Point { return m.points }

// total returns the increases of a counter from one time to another, in steps.
func (r *rig) total(t *testing.T, name string, from, to time.Time, step time.Duration) (sum float64) {
	t.Helper()
	lines, err := r.Series(t.Context(), from, to, step, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		for i, v := range line.Values {
			if i > 0 && !v.At.After(line.Values[i-1].At) {
				t.Fatalf("%v comes after %v", v.At, line.Values[i-1].At)
			}
			sum += v.Last
		}
	}
	return sum
}

// TestCountersAddUpInEachTier: whatever the step, the increases add up to what happened. The process restarts in between,
// and the counter begins again at zero.
func TestCountersAddUpInEachTier(t *testing.T) {
	effort.SkipRaced(t)
	m := &meter{}
	r := openTest(t, Config{Points: m.read})
	random := rand.New(rand.NewPCG(1, 2))
	var counter, happened float64
	var gauges []float64
	for i := range 5 * int(hourTicks) {
		r.clock.pass(tickStep)
		if i == 333 || i == 777 {
			counter = 0 // another process
		}
		more := float64(random.IntN(50))
		counter, happened = counter+more, happened+more
		gauge := random.NormFloat64() * 100
		gauges = append(gauges, gauge)
		m.points = []telemetry.Point{{Series: `requests_total{route="a"}`, Value: counter, Counter: true}, {Series: "heap", Value: gauge}}
		r.Sample()
	}
	from, to := noon, r.clock.Now().Add(time.Hour)
	for _, step := range []time.Duration{tickStep, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour} {
		if got := r.total(t, "requests_total", from, to, step); got != happened {
			t.Errorf("in steps of %v there are %v requests, want %v", step, got, happened)
		}
		lines, err := r.Series(t.Context(), from, to, step, "heap")
		if err != nil || len(lines) != 1 || lines[0].Step != step || lines[0].Counter {
			t.Fatalf("Series = %+v, %v", lines, err)
		}
		least, most := math.Inf(1), math.Inf(-1)
		for _, v := range lines[0].Values {
			least, most = min(least, v.Min), max(most, v.Max)
		}
		last := lines[0].Values[len(lines[0].Values)-1].Last
		if least != slices.Min(gauges) || most != slices.Max(gauges) || last != gauges[len(gauges)-1] {
			t.Errorf("in steps of %v the gauge goes from %v to %v and ends at %v", step, least, most, last)
		}
	}
}

func TestSeriesSurviveARestart(t *testing.T) {
	m := &meter{}
	first := openTest(t, Config{Points: m.read})
	count := func(r *rig, value float64) {
		r.clock.pass(tickStep)
		m.points = []telemetry.Point{{Series: "n_total", Value: value, Counter: true}}
		r.Sample()
	}
	count(first, 5)
	count(first, 9)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := openAt(t, first.path, Config{Points: m.read})
	second.clock.pass(time.Minute)
	count(second, 4) // of the new process
	if got := second.total(t, "n_total", noon, noon.Add(time.Hour), time.Minute); got != 13 {
		t.Errorf("%v happened, want 13", got)
	}
}

// A clock that was set back writes the same slots again, also in hours that are already in blocks.
func TestClockThatIsSetBackLosesNoCounts(t *testing.T) {
	effort.SkipRaced(t)
	m := &meter{}
	r := openTest(t, Config{Points: m.read})
	happened := 0.0
	count := func(times int) {
		for range times {
			r.clock.pass(tickStep)
			happened++
			m.points = []telemetry.Point{{Series: "n_total", Value: happened, Counter: true}}
			r.Sample()
		}
	}
	count(300)
	r.clock.pass(-time.Hour)
	count(300)
	r.clock.pass(-90 * time.Second)
	count(20)
	for _, step := range []time.Duration{tickStep, 2 * time.Minute, time.Hour} {
		if got := r.total(t, "n_total", noon.Add(-2*time.Hour), noon.Add(6*time.Hour), step); got != happened {
			t.Errorf("in steps of %v, %v happened, want %v", step, got, happened)
		}
	}
}

// The clock was wrong for a while. When it is right again, what it wrote is removed.
func TestRowsFromTheFutureGo(t *testing.T) {
	m := &meter{points: []telemetry.Point{{Series: "n_total", Value: 1, Counter: true}}}
	r := openTest(t, Config{Points: m.read})
	r.clock.pass(1000 * time.Hour)
	r.Take(r.failing(1, "no"))
	r.PutEvent(Event{Kind: "deploy"})
	r.Sample()
	r.Flush()
	r.clock.pass(-1000 * time.Hour)
	r.Take(r.failing(2, "no"))
	r.Sample()
	r.Flush()
	r.upkeep()
	if got := ids(r.all(t, Filter{})); len(got) != 1 || got[0] != "R00000002" {
		t.Errorf("records %v, want the second", got)
	}
	later := noon.Add(2000 * time.Hour)
	if got, err := r.Events(t.Context(), noon, later, 10, EventError); err != nil || len(got) != 0 {
		t.Errorf("Events = %+v, %v", got, err)
	}
	if got := r.total(t, "n_total", noon.Add(100*time.Hour), later, time.Hour); got != 0 {
		t.Errorf("%v happened in the future", got)
	}
}

func TestOldMetricsGo(t *testing.T) {
	effort.SkipRaced(t)
	m := &meter{}
	r := openTest(t, Config{Points: m.read})
	for i := range 20 * 24 { // one tick each hour for 20 days
		r.clock.pass(time.Hour)
		m.points = []telemetry.Point{{Series: "n_total", Value: float64(i + 1), Counter: true}}
		r.Sample()
	}
	r.upkeep()
	for _, tt := range []struct {
		tier        int
		least, most time.Duration
	}{{0, 24 * time.Hour, 27 * time.Hour}, {1, 14 * 24 * time.Hour, 17 * 24 * time.Hour}, {2, 19 * 24 * time.Hour, 21 * 24 * time.Hour}} {
		oldest, err := numberOf(r.file.writer, `SELECT (min(key) >> 20) & 0xffffff FROM blocks WHERE key >= ?1`, blockKey(tt.tier, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if age := r.clock.Now().Sub(time.Unix(0, oldest*int64(spans[tt.tier].block))); age < tt.least || age > tt.most+spans[tt.tier].block {
			t.Errorf("tier %d reaches back %v, want from %v to %v", tt.tier, age, tt.least, tt.most)
		}
	}
	if got := r.total(t, "n_total", noon, r.clock.Now().Add(time.Hour), time.Hour); got != 20*24 {
		t.Errorf("%v happened, want %v", got, 20*24)
	}
}

func TestSeriesAreChosenByName(t *testing.T) {
	m := &meter{points: []telemetry.Point{
		{Series: `http_total{route="b"}`, Value: 1, Counter: true}, {Series: `http_total{route="a"}`, Value: 2, Counter: true},
		{Series: "http_totals", Value: 3}, {Series: "bad", Value: math.NaN()},
	}}
	r := openTest(t, Config{Points: m.read})
	r.Sample()
	for _, tt := range []struct {
		names []string
		want  []string
	}{
		{[]string{"http_total"}, []string{`http_total{route="a"}`, `http_total{route="b"}`}},
		{[]string{`http_total{route="b"}`, "http_totals"}, []string{"http_totals", `http_total{route="b"}`}},
		{[]string{"http", "bad"}, nil},
	} {
		lines, err := r.Series(t.Context(), noon.Add(-time.Minute), noon.Add(time.Minute), tickStep, tt.names...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range lines {
			got = append(got, line.Series)
			if len(line.Values) != 1 {
				t.Errorf("%s has the values %+v, want one", line.Series, line.Values)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("Series(%q): %s", tt.names, diff)
		}
	}
	for _, bad := range []time.Duration{0, -1, time.Nanosecond} {
		if _, err := r.Series(t.Context(), noon.Add(-20*time.Hour*24), noon, bad, "x"); bad <= 0 && errs.KindOf(err) != errs.Malformed {
			t.Errorf("Series with a step of %v = %v", bad, err)
		}
	}
	if names, err := r.SeriesNames(t.Context()); err != nil || len(names) != 3 {
		t.Errorf("SeriesNames = %q, %v", names, err)
	}
}

func TestNumberOfSeriesIsBounded(t *testing.T) {
	effort.SkipRaced(t)
	m := &meter{}
	r := openTest(t, Config{Points: m.read})
	for i := range maxSeries + 10 {
		m.points = append(m.points, telemetry.Point{Series: fmt.Sprint("s", i), Value: 1})
	}
	r.Sample()
	r.Sample()
	if names, err := r.SeriesNames(t.Context()); err != nil || len(names) > maxSeries {
		t.Errorf("there are %d series, %v", len(names), err)
	}
}

func TestBlocksComeBackAsTheyWere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 300 {
		counter := round%2 == 0
		var want []sample
		slot := int64(random.IntN(1000))
		for range random.IntN(50) {
			slot += 1 + int64(random.IntN(3)/2*random.IntN(9))
			s := sample{slot: slot}
			switch round % 3 {
			case 0:
				s.last = float64(random.IntN(100) - 50)
			case 1:
				s.last = random.NormFloat64()
			}
			s.min, s.max = s.last, s.last
			if round%5 == 1 {
				s.min, s.max = s.last-1, s.last+random.Float64()
			}
			if counter {
				s.min, s.max = s.last, s.last
			}
			want = append(want, s)
		}
		got := readBlock(nil, appendBlock(nil, want, counter))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); diff != "" {
			t.Fatalf("round %d: %s", round, diff)
		}
	}
}

func FuzzReadBlock(f *testing.F) {
	f.Add(appendBlock(nil, []sample{{5, 1, 1, 1}, {6, 2.5, 1, 3}, {9, 3, 3, 3}}, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		list := readBlock(nil, b)
		if len(list) > maxSamples {
			t.Errorf("%d samples", len(list))
		}
		eachValue(b, func(value) {})
		pickValues(b, []int64{1, 2, 700}, func(v value) {
			if v.series != 1 && v.series != 2 && v.series != 700 {
				t.Errorf("series %d was picked", v.series)
			}
		})
	})
}

func FuzzBody(f *testing.F) {
	f.Add([]byte{1, 0, 1, 5, 1, 2, 'a', 'b'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d body
		if d.decode(b) {
			d.record(1, nil)
		}
	})
}
