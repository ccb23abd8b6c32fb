package admit

import "testing"

func TestBudget(t *testing.T) {
	const large = 1 << 20
	budget := NewBudget(3*large, large)
	if !budget.Take(2 * large) {
		t.Fatal("Take of two thirds of an untouched budget = false, want true")
	}
	if budget.Take(2 * large) {
		t.Error("Take beyond the budget = true, want false")
	}
	if !budget.Take(large - 1) {
		t.Error("Take of something small = false, want true")
	}
	budget.Release(large - 1)
	budget.Release(2 * large)
	if !budget.Take(3 * large) {
		t.Error("Take of everything after Release = false, want true")
	}
	budget.Release(3 * large)
	if budget.free != 3*large {
		t.Errorf("%d bytes are free in the end, want %d", budget.free, 3*large)
	}
}
