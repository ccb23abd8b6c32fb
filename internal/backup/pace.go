package backup

import "time"

// pace keeps a goroutine from taking more than a share of a processor's time.
type pace struct {
	work, rest int // rest/work of the time is for others; rest 0: none
	since      time.Time
}

// The paces of a gentle backup. While it copies pages, SQLite's log grows, so the copy takes half of the time. The rest of
// the work takes a twenty-fourth.
func newPace(gentle bool) (copying, packing *pace) {
	if !gentle {
		return &pace{}, &pace{}
	}
	return &pace{work: 1, rest: 1}, &pace{work: 1, rest: 23}
}

// slice is the longest piece of work without a rest.
const slice = 2 * time.Millisecond

// begin starts the clock.
func (p *pace) begin() { p.since = time.Now() }

// pause sleeps if a slice of work is done.
func (p *pace) pause() {
	if p.rest == 0 {
		return
	}
	worked := time.Since(p.since)
	if worked < slice {
		return
	}
	time.Sleep(min(worked, time.Second) * time.Duration(p.rest) / time.Duration(p.work))
	p.since = time.Now()
}
