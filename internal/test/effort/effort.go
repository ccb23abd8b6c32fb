// Package effort decides the number of cases in tests with generated cases: few under the race detector, more by default,
// and many with ASHLAR_NIGHTLY=1.
package effort

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Nightly returns true if ASHLAR_NIGHTLY is set, so the long forms of tests run.
func Nightly() bool { return os.Getenv("ASHLAR_NIGHTLY") != "" }

// Cases returns the number of cases to generate: nightly in the long forms of tests, otherwise usual. Under the race
// detector it returns a quarter of usual, and at least 1. Generated cases look for wrong answers, and the detector makes
// code about five times slower.
func Cases(usual, nightly int) int {
	switch {
	case Nightly():
		return nightly
	case Raced:
		return max(usual/4, 1)
	}
	return usual
}

// SkipRaced skips a test under the race detector. It is for tests that do one step after the other: they look at sizes, at
// many rows, at plans, or at commands. They have no race to find, and take minutes under the detector.
func SkipRaced(t testing.TB) {
	t.Helper()
	if Raced {
		t.Skip("nothing in it runs at the same time: it runs without the race detector")
	}
}

// Seeds returns a function that makes the source of random numbers for case i. The test logs the seed. To repeat a run, set
// ASHLAR_SEED to the logged number.
func Seeds(t testing.TB) func(i int) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("ASHLAR_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("ASHLAR_SEED is %q: write the number that a test logged", text)
		}
	}
	t.Logf("ASHLAR_SEED=%d", seed)
	return func(i int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i))) }
}
