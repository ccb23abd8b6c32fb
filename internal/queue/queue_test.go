package queue

import (
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	var l Line
	enter := func(want bool) {
		t.Helper()
		if got := l.Enter(2, 100*time.Millisecond); got != want {
			t.Errorf("Enter with %d waiting = %v, want %v", l.waiting.Load(), got, want)
		}
	}
	for range 50 { // nothing is known: everyone may wait
		enter(true)
	}
	for range 50 {
		l.Leave()
	}
	if !l.Empty() {
		t.Error("the line is not empty when all have left")
	}
	for range 100 {
		l.Held(20 * time.Millisecond)
	}
	for range 10 { // the tenth waits for ten times 20 ms in two places
		enter(true)
	}
	enter(false)
	enter(false)
	l.Leave()
	enter(true)
	for range 10 {
		l.Leave()
	}
	for range 100 {
		l.Held(time.Hour)
	}
	enter(true) // the first, always
	enter(false)
	for range 200 {
		l.Held(time.Microsecond)
	}
	enter(true) // an hour is forgotten
}
