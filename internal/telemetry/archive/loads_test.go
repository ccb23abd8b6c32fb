package archive

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestLoadsSumRecordsByValueAndTime(t *testing.T) {
	r := openTest(t, Config{})
	for minute := range 25 {
		healthy, failed := r.request(minute), r.failing(100+minute, "boom")
		refused := r.request(200 + minute)
		refused.Status, refused.Problem, refused.Route = 404, errs.NotFound, "GET /api/{table}/{id}"
		healthy.Statements.Count = 2
		r.Take(healthy)
		r.Take(failed)
		r.Take(refused)
		r.clock.pass(time.Minute)
	}
	r.flush()
	got, err := r.Loads(t.Context(), Filter{From: noon, To: noon.Add(20 * time.Minute)}, 5*time.Minute, Route)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string][][4]float64{}
	for route, list := range got {
		for _, l := range list {
			counts[route] = append(counts[route], [4]float64{l.Count, l.Failed, l.Refused, l.Statements})
		}
	}
	list, get := [4]float64{10, 5, 0, 10}, [4]float64{5, 0, 5, 0}
	want := map[string][][4]float64{"GET /api/posts": {list, list, list, list}, "GET /api/{table}/{id}": {get, get, get, get}}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Error(diff)
	}
	if took := got["GET /api/posts"][1].Durations.Quantile(0.5); took < 2800*time.Microsecond || took > 3200*time.Microsecond {
		t.Errorf("the median is %v, want about 3 ms", took)
	}
	if _, err := r.Loads(t.Context(), Filter{From: noon, To: noon}, time.Minute, Route); errs.KindOf(err) != errs.Malformed {
		t.Errorf("no time: %v", err)
	}
}

func TestSpreadKnowsQuantiles(t *testing.T) {
	var all, half Spread
	for i := 1; i <= 1000; i++ {
		took := time.Duration(i) * time.Millisecond
		all.Add(took, 1)
		if i%2 == 0 {
			half.Add(took, 2)
		}
	}
	for _, share := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		want := time.Duration(share * float64(time.Second))
		for _, s := range []Spread{all, half} {
			if got := s.Quantile(share); got < want*9/10 || got > want*11/10 {
				t.Errorf("Quantile(%v) = %v, want about %v", share, got, want)
			}
		}
	}
	all.Merge(half)
	if got := all.Quantile(0.5); got < 450*time.Millisecond || got > 550*time.Millisecond {
		t.Errorf("the median of both is %v", got)
	}
	var extreme Spread
	if extreme.Quantile(0.5) != 0 {
		t.Error("no duration has a quantile")
	}
	extreme.Add(-time.Second, 1)
	extreme.Add(1000*time.Hour, 1)
	if got := extreme.Quantile(1); got < 10*time.Minute || len(extreme) > maxCells+1 {
		t.Errorf("the longest is %v in %d cells", got, len(extreme))
	}
}
