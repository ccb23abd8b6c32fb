package record

import (
	"context"
	"runtime"
	"time"
)

// lane keeps the queries whose cost is unknown, or was large, from taking every connection: a client may write a filter
// that runs until the deadline, and another one each time. A query that was fast when it ran last goes by the lane.
type lane struct {
	places chan struct{}
}

// fast is what a query may take, all of it, to be let by the next time.
const fast = 50 * time.Millisecond

func newLane(places int) lane {
	if places <= 0 {
		places = max(1, min(3, runtime.NumCPU()-1))
	}
	return lane{make(chan struct{}, places)}
}

// run runs a query of a shape, which returns how long it worked: waiting for a connection says nothing about its cost, and
// is longest when the server is busy with others. What it returns is 0 where it never began. proven says whether it was
// fast before: one that never was, and is cut short by the deadline, may be to blame for it.
func (l lane) run(ctx context.Context, s *shape, query func() (time.Duration, error)) (proven bool, err error) {
	proven = s.proven.Load()
	if !proven {
		select {
		case l.places <- struct{}{}:
			if proven = s.proven.Load(); proven { // meanwhile, by another
				<-l.places
			} else {
				defer func() { <-l.places }()
			}
		case <-ctx.Done():
			return proven, ctx.Err()
		}
	}
	worked, err := query()
	if worked > 0 {
		s.proven.Store(worked < fast)
	}
	return proven, err
}
