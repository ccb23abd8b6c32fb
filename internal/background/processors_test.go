package background

import (
	"runtime"
	"testing"
)

func TestAddProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, tt := range []struct {
		name, variable string
		processors     int // as if the process had begun with so many
		want           int
	}{
		{"all cores", "", runtime.NumCPU(), runtime.NumCPU() + 1},
		{"the environment says how many", "7", runtime.NumCPU(), before},
		{"a limit of the CPU time", "", runtime.NumCPU() + 1, before},
	} {
		t.Run(tt.name, func(t *testing.T) {
			runtime.GOMAXPROCS(before)
			saved := processors
			defer func() { processors = saved }()
			processors = tt.processors
			t.Setenv("GOMAXPROCS", tt.variable)
			AddProcessor()
			if got := runtime.GOMAXPROCS(0); got != tt.want {
				t.Errorf("GOMAXPROCS is %d, want %d", got, tt.want)
			}
			if Processors() != tt.processors {
				t.Errorf("Processors() = %d, want %d as before", Processors(), tt.processors)
			}
		})
	}
}
