package archive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// join is how tests add up sums: one letter for each.
func join(sum, more []byte) []byte { return append(sum, more...) }

// TestSumsCoverATimeExactly: whatever span somebody asks for, each minute in it is there once.
func TestSumsCoverATimeExactly(t *testing.T) {
	r := openTest(t, Config{})
	for range 60 * 30 {
		r.AddSum(r.clock.Now(), []byte("x"), join)
		r.clock.pass(time.Minute)
		if r.clock.Now().Minute() == 0 {
			r.flush()
		}
	}
	r.flush()
	for _, tt := range []struct{ from, to, begin, end time.Duration }{
		{0, 30 * time.Hour, 0, 30 * time.Hour},
		{7 * time.Minute, 29*time.Hour + 3*time.Minute, 5 * time.Minute, 29*time.Hour + 5*time.Minute},
		{12 * time.Hour, 36 * time.Hour, 12 * time.Hour, 30 * time.Hour},
		{3 * time.Hour, 3*time.Hour + time.Second, 3 * time.Hour, 3*time.Hour + 5*time.Minute},
		{-1000 * 24 * time.Hour, 1000 * time.Hour, 0, 30 * time.Hour},
		{5 * time.Hour, 4 * time.Hour, 0, 0},
	} {
		t.Run(fmt.Sprint(tt.from, " to ", tt.to), func(t *testing.T) {
			sums, err := r.Sums(t.Context(), noon.Add(tt.from), noon.Add(tt.to))
			if err != nil {
				t.Fatal(err)
			}
			minutes := 0
			for _, sum := range sums {
				minutes += len(sum.Body)
			}
			if want := int((tt.end - tt.begin).Minutes()); minutes != want {
				t.Errorf("%d minutes in %d sums, want %d minutes", minutes, len(sums), want)
			}
			if len(sums) > 60 {
				t.Errorf("%d sums were read", len(sums))
			}
		})
	}
}

func TestOldSumsHaveLongSteps(t *testing.T) {
	r := openTest(t, Config{})
	r.AddSum(noon, []byte("a"), join)
	r.AddSum(noon.Add(10*time.Minute), []byte("b"), join)
	r.flush()
	var got []string
	for _, age := range []time.Duration{time.Hour, 3 * 24 * time.Hour, 41 * 24 * time.Hour, 402 * 24 * time.Hour} {
		r.clock.pass(noon.Add(age).Sub(r.clock.Now()))
		r.upkeep()
		sums, err := r.Sums(t.Context(), noon, noon.Add(20*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, sum := range sums {
			texts = append(texts, fmt.Sprint(sum.Length, " ", string(sum.Body)))
		}
		got = append(got, strings.Join(texts, ", "))
	}
	if diff := cmp.Diff([]string{"5m0s a, 5m0s b", "1h0m0s ab", "24h0m0s ab", ""}, got); diff != "" {
		t.Errorf("after an hour, 3 days, 41 days and 402 days (-want +got):\n%s", diff)
	}
}

func TestSumsAreBounded(t *testing.T) {
	r := openTest(t, Config{})
	r.AddSum(noon, make([]byte, maxSum+1), join)
	r.flush()
	sums, err := r.Sums(t.Context(), noon, noon.Add(time.Hour))
	if err != nil || len(sums) != 0 || r.Dropped() != 1 {
		t.Errorf("Sums = %d sums, %v; %d dropped", len(sums), err, r.Dropped())
	}
}
