package api

import (
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestBudget(t *testing.T) {
	b := budget{free: 3 * largeAnswer}
	first, err := b.take(2 * largeAnswer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.take(2 * largeAnswer); errs.KindOf(err) != errs.Unavailable {
		t.Errorf("beyond the budget: %v, want unavailable", err)
	}
	if _, err := b.take(largeAnswer - 1); err != nil {
		t.Errorf("a small answer: %v", err)
	}
	first()
	again, err := b.take(3 * largeAnswer)
	if err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	again()
	if b.free != 3*largeAnswer {
		t.Errorf("%d bytes free in the end, want %d", b.free, 3*largeAnswer)
	}
}
