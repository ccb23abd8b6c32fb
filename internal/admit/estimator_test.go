package admit

import (
	"testing"
	"time"
)

func TestEstimator(t *testing.T) {
	var estimator Estimator
	enter := func(want bool) {
		t.Helper()
		if got := estimator.Enter(2, 100*time.Millisecond); got != want {
			t.Errorf("Enter with %d waiting = %v, want %v", estimator.waiting.Load(), got, want)
		}
	}
	for range 50 { // nothing is known: everyone may wait
		enter(true)
	}
	for range 50 {
		estimator.Leave()
	}
	if !estimator.Empty() {
		t.Error("somebody waits after all have left")
	}
	for range 100 {
		estimator.Held(20 * time.Millisecond)
	}
	for range 10 { // the tenth waits for ten times 20 ms in two slots
		enter(true)
	}
	enter(false)
	enter(false)
	estimator.Leave()
	enter(true)
	for range 10 {
		estimator.Leave()
	}
	for range 100 {
		estimator.Held(time.Hour)
	}
	enter(true) // the first, always
	enter(false)
	for range 200 {
		estimator.Held(time.Microsecond)
	}
	enter(true) // an hour is forgotten
}
