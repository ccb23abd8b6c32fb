package cli

import "testing"

// What the heap may grow by stays below 128 MB, or below the live data if that is more.
func TestHeadroomOfTheHeap(t *testing.T) {
	for live := uint64(1 << 20); live < 1<<30; live += 1 << 20 {
		headroom := live * uint64(gcPercent(live)) / 100
		if headroom > max(128<<20, live) {
			t.Errorf("%d MB of live data have a headroom of %d MB", live>>20, headroom>>20)
		}
		if live < 64<<20 && headroom != 2*live {
			t.Errorf("%d MB of live data have a headroom of %d MB: collections cost requests too much", live>>20, headroom>>20)
		}
	}
}
