package objective

import (
	"math"
	"testing"
	"time"
)

func TestLossesCountTheEventsOfASpan(t *testing.T) {
	now := start
	e := NewEvaluator([]Objective{{Name: "api", Kind: Available, Target: 99}}, now)
	for range 30 * 24 * 60 { // a request each minute; in one hour of each day half of them fail
		c := Counts{Good: 2}
		if now.Hour() == 12 {
			c = Counts{Good: 1, Bad: 1, Many: true}
		}
		now = now.Add(time.Minute)
		e.Add(0, now.Add(-time.Second), c)
	}
	for _, tt := range []struct {
		name       string
		from, to   time.Duration // before now, which is midnight
		bad, total float64
		off        float64 // by which the sums may differ
	}{
		{"the last minutes", 5 * time.Minute, 0, 0, 10, 2},
		{"a bad hour", 12 * time.Hour, 11 * time.Hour, 60, 120, 2},
		{"a part of it", 12 * time.Hour, 11*time.Hour + 30*time.Minute, 30, 60, 2},
		{"the hour before it", 13 * time.Hour, 12 * time.Hour, 0, 120, 2},
		{"days", 3 * 24 * time.Hour, 0, 180, 3 * 24 * 120, 200},
		{"the future", -time.Hour, -2 * time.Hour, 0, 0, 0},
	} {
		loss := e.Losses(now.Add(-tt.from), now.Add(-tt.to), now)[0]
		if math.Abs(loss.Bad-tt.bad) > tt.off || math.Abs(loss.Total-tt.total) > tt.off {
			t.Errorf("%s: %.1f of %.1f, want %.0f of %.0f", tt.name, loss.Bad, loss.Total, tt.bad, tt.total)
		}
	}
	loss := e.Losses(now.Add(-12*time.Hour), now.Add(-11*time.Hour), now)[0]
	if share := loss.Share(); math.Abs(share-60.0/864) > 0.01 { // a hundredth of 86,400 requests
		t.Errorf("the hour took %.3f of the budget of %.0f", share, loss.Budget)
	}
	if none := (&Loss{}).Share(); none != 0 {
		t.Errorf("without events, %v of the budget is lost", none)
	}
}
