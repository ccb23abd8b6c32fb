package gate

import (
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name  string
		took  time.Duration // 0: the query never ran
		class Class
		level int
		limit time.Duration
	}{
		{"never ran, assumed fast", 0, Class{Best: Own, AssumedFast: true}, Own, fast},
		{"never ran", 0, Class{Best: Short}, medium, fast},
		{"fast", 10 * ms, Class{Best: Short}, Short, fast},
		{"fast, as the model has it", 10 * ms, Class{Best: Own, AssumedFast: true}, Own, fast},
		{"medium", 200 * ms, Class{Best: Own, AssumedFast: true}, medium, 400 * ms},
		{"slow", 2000 * ms, Class{Best: Short}, medium, fast},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cost := &Cost{}
			cost.nanoseconds.Store(int64(tt.took))
			if level, limit := cost.start(tt.class); level != tt.level || limit != tt.limit {
				t.Errorf("start() = %d, %v, want %d, %v", level, limit, tt.level, tt.limit)
			}
		})
	}
}

func TestRestart(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name        string
		took, limit time.Duration
		level       int
		next        time.Duration
	}{
		{"cut off when fast", 10 * ms, fast, medium, 4 * fast},
		{"cut off at medium", 10 * ms, 4 * fast, long, 0},
		{"known as slow", 2000 * ms, fast, long, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cost := &Cost{}
			cost.nanoseconds.Store(int64(tt.took))
			if level, next := cost.restart(tt.limit); level != tt.level || next != tt.next {
				t.Errorf("restart(%v) = %d, %v, want %d, %v", tt.limit, level, next, tt.level, tt.next)
			}
		})
	}
}

func TestCostFallsAtOnceAndRisesByAnEighth(t *testing.T) {
	const ms = time.Millisecond
	cost := &Cost{}
	for _, tt := range []struct{ took, want time.Duration }{
		{800 * ms, 800 * ms}, // the first run counts whole
		{400 * ms, 400 * ms},
		{1200 * ms, 500 * ms},
		{10 * ms, 10 * ms},
		{20 * ms, 10 * ms}, // a rise that changes no level is not noted
		{2010 * ms, 260 * ms},
	} {
		cost.note(tt.took)
		if cost.known() != tt.want {
			t.Errorf("after a run of %v the cost is %v, want %v", tt.took, cost.known(), tt.want)
		}
		if got, want := cost.IsFast(), tt.want < fast; got != want {
			t.Errorf("after a run of %v, IsFast() = %v", tt.took, got)
		}
	}
}
