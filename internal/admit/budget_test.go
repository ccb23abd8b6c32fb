package admit

import "testing"

func TestBudget(t *testing.T) {
	const large = 1 << 20
	b := NewBudget(3*large, large)
	if !b.Take(2 * large) {
		t.Fatal("Take of two thirds of an untouched budget = false, want true")
	}
	if b.Take(2 * large) {
		t.Error("Take beyond the budget = true, want false")
	}
	if !b.Take(large - 1) {
		t.Error("Take of something small = false, want true")
	}
	b.Release(large - 1)
	b.Release(2 * large)
	if !b.Take(3 * large) {
		t.Error("Take of everything after Release = false, want true")
	}
	b.Release(3 * large)
	if b.free != 3*large {
		t.Errorf("%d bytes are free in the end, want %d", b.free, 3*large)
	}
}
