//go:build !unix

package profile

import "time"

// ProcessTime returns 0: the CPU time of the process is not known here. Then the time of the samples counts.
func ProcessTime() time.Duration { return 0 }
