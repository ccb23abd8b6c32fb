package job

import (
	"time"
)

// A Rate bounds how many jobs of a queue start, in all nodes together: at most Count within any Window. Starts are spread over
// the window. One in fifty may come at once, and a queue that always has jobs starts 98 % of Count.
type Rate struct {
	Count  int
	Window time.Duration
}

const burstShare = 50

// A pace is a Rate as GCRA counts it: a start takes one interval, and burst of them may come at once. A burst and what follows
// it are Count starts within one window, not twice as many.
func (r *Rate) pace() (interval time.Duration, burst int) {
	burst = max(1, r.Count/burstShare)
	steps := time.Duration(r.Count - burst + 1)
	return ((r.Window+steps-1)/steps + time.Microsecond - 1).Truncate(time.Microsecond), burst // the row has microseconds
}

// starts returns how many jobs may start now, at most most. next is the time of the next start, as the row of the queue has it.
func (r *Rate) starts(now, next time.Time, most int) int {
	interval, burst := r.pace()
	room := time.Duration(burst)*interval - max(0, next.Sub(now))
	return max(0, min(most, int(room/interval)))
}

// after returns the time of the next start once n jobs have started now.
func (r *Rate) after(now, next time.Time, n int) time.Time {
	interval, _ := r.pace()
	if next.Before(now) {
		next = now
	}
	return next.Add(time.Duration(n) * interval)
}

// wait returns how long nothing may start after now.
func (r *Rate) wait(now, next time.Time) time.Duration {
	interval, burst := r.pace()
	return max(0, next.Sub(now)-time.Duration(burst-1)*interval)
}
