package background

import (
	"os"
	"runtime"
)

var processors = runtime.GOMAXPROCS(0)

// Processors returns how many goroutines can compute at once: one for each core that the process may use.
func Processors() int { return processors }

// AddProcessor lets the runtime run one goroutine more than there are cores, unless the environment or a limit of the CPU time
// says how many. A program whose goroutines compute for long calls it once, at its start. While such goroutines have all cores,
// the runtime looks for work of the network every 10 ms only. With one more thread the kernel shares the cores, and it does so
// in less than a millisecond.
func AddProcessor() {
	if os.Getenv("GOMAXPROCS") == "" && processors == runtime.NumCPU() {
		runtime.GOMAXPROCS(processors + 1)
	}
}
