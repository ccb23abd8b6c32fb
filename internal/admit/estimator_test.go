package admit

import (
	"testing"
	"time"
)

func TestEstimator(t *testing.T) {
	var e Estimator
	enter := func(want bool) {
		t.Helper()
		if got := e.Enter(2, 100*time.Millisecond); got != want {
			t.Errorf("Enter with %d waiting = %v, want %v", e.waiting.Load(), got, want)
		}
	}
	for range 50 { // nothing is known: everyone may wait
		enter(true)
	}
	for range 50 {
		e.Leave()
	}
	if !e.Empty() {
		t.Error("somebody waits after all have left")
	}
	for range 100 {
		e.Held(20 * time.Millisecond)
	}
	for range 10 { // the tenth waits for ten times 20 ms in two slots
		enter(true)
	}
	enter(false)
	enter(false)
	e.Leave()
	enter(true)
	for range 10 {
		e.Leave()
	}
	for range 100 {
		e.Held(time.Hour)
	}
	enter(true) // the first, always
	enter(false)
	for range 200 {
		e.Held(time.Microsecond)
	}
	enter(true) // an hour is forgotten
}
