package admit

import "time"

// An Estimator estimates waits from the times for which turns lasted. The last eight count most. The zero value is ready,
// and expects no wait.
type Estimator struct{ mean time.Duration }

// Note records how long one turn lasted.
func (e *Estimator) Note(lasted time.Duration) { e.mean += (lasted - e.mean) / 8 }

// Wait returns how long a caller waits for one of the slots, if so many turns come before its own.
func (e *Estimator) Wait(before, slots int) time.Duration {
	return time.Duration(before) * e.mean / time.Duration(max(1, slots))
}
