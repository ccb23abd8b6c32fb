package record

import (
	"context"
	"runtime"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/queue"
)

// lane keeps the queries whose cost is unknown, or was large, from taking every connection: a client may write a filter
// that runs until the deadline, and another one each time. A query that was fast when it ran last goes by the lane.
type lane struct {
	places chan struct{}
	line   queue.Line
}

const (
	fast       = 50 * time.Millisecond  // what a query may take, all of it, to be let by the next time
	patience   = 500 * time.Millisecond // of those who wait for a place where others wait before them
	retryAfter = time.Second            // what is advised to those who are not let wait
)

func newLane(places int) *lane {
	if places <= 0 {
		places = max(1, min(3, runtime.NumCPU()-1))
	}
	return &lane{places: make(chan struct{}, places)}
}

// run runs a query of a shape, which returns how long it worked: waiting for a connection says nothing about its cost, and
// is longest when the server is busy with others. What it returns is 0 where it never began. proven says whether it was
// fast before: one that never was, and is cut short by the deadline, may be to blame for it.
func (l *lane) run(ctx context.Context, s *shape, query func() (time.Duration, error)) (proven bool, err error) {
	proven, err = l.enter(ctx, s)
	if err != nil {
		return proven, err
	}
	if !proven {
		defer l.leave(time.Now())
	}
	worked, err := query()
	if worked > 0 {
		s.proven.Store(worked < fast)
	}
	return proven, err
}

// enter takes a place, which is to be left, unless the query of the shape is proven to be fast, maybe meanwhile.
func (l *lane) enter(ctx context.Context, s *shape) (proven bool, err error) {
	if s.proven.Load() {
		return true, nil
	}
	select {
	case l.places <- struct{}{}:
		return false, nil
	default:
	}
	if !l.line.Enter(cap(l.places), patience) {
		return false, &errs.Error{Kind: errs.Unavailable, Message: "too many queries wait that may take long", RetryAfter: retryAfter}
	}
	defer l.line.Leave()
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if s.proven.Load() { // by another
		<-l.places
		return true, nil
	}
	return false, nil
}

// leave gives back a place that was taken at that time.
func (l *lane) leave(taken time.Time) {
	l.line.Held(time.Since(taken))
	<-l.places
}
