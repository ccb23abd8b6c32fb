package job

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	mostSettled = 500  // attempts that one transaction settles
	mostUnsaid  = 1000 // settlements that wait; a worker waits with its own after that
)

// An ending is a settlement and its attempt.
type ending struct {
	attempt *attempt
	settlement
}

// A settler settles the attempts of a node, many in one transaction.
type settler struct {
	*runner
	in     chan ending
	closed chan struct{}
	stop   context.CancelFunc // ends the context of run
	rest   []ending           // not settled yet when a transaction failed
}

func newSettler(r *runner, stop context.CancelFunc) *settler {
	return &settler{runner: r, in: make(chan ending, mostUnsaid), closed: make(chan struct{}), stop: stop}
}

// put hands over a settlement. It waits while too many wait already, as they do when the database is away.
func (s *settler) put(a *attempt, outcome settlement) { s.in <- ending{a, outcome} }

// close lets the settler end once nothing waits, and at the latest after a time.
func (s *settler) close(most time.Duration) {
	close(s.closed)
	time.AfterFunc(most, s.stop)
}

// run settles until ctx ends, or the settler is closed and nothing waits. A failed transaction is repeated.
func (s *settler) run(ctx context.Context) error {
	for {
		if len(s.rest) == 0 && !s.next(ctx) {
			s.stop()
			return nil
		}
		s.fill()
		if err := s.settleRest(ctx); err != nil {
			return err
		}
	}
}

// next waits for a settlement. It returns false when there will be no more.
func (s *settler) next(ctx context.Context) bool {
	select {
	case e := <-s.in:
		s.rest = append(s.rest, e)
		return true
	case <-ctx.Done():
		return false
	case <-s.closed:
	}
	s.fill()
	return len(s.rest) > 0
}

// fill takes what waits.
func (s *settler) fill() {
	for len(s.rest) < mostSettled {
		select {
		case e := <-s.in:
			s.rest = append(s.rest, e)
		default:
			return
		}
	}
}

func (s *settler) settleRest(ctx context.Context) error {
	all := make([]settlement, len(s.rest))
	for i := range s.rest {
		all[i] = s.rest[i].settlement
	}
	settled, err := s.settle(ctx, all)
	if errs.KindOf(err) == errs.Internal { // of one row, which must not hold up the others
		settled, err = s.settleEach(ctx, all)
	}
	if err != nil {
		return err
	}
	again := map[string]bool{}
	for _, e := range s.rest {
		s.drop(e.attempt)
		if !settled[e.id] {
			s.tallyOf(e.attempt.job.Queue).lost.Add(1)
		}
		if c := s.queues[e.attempt.job.Queue]; e.state == waiting || (c != nil && c.Each != nil) {
			again[e.attempt.job.Queue] = true // a key has room again
		}
	}
	clear(s.rest)
	s.rest = s.rest[:0]
	s.arrivals.wake(again)
	return nil
}

// settleEach settles attempts one by one. It leaves the ones that the database refuses to their leases.
func (s *settler) settleEach(ctx context.Context, all []settlement) (settled map[string]bool, err error) {
	settled = map[string]bool{}
	for i := range all {
		one, err := s.settle(ctx, all[i:i+1])
		switch {
		case errs.KindOf(err) == errs.Internal:
			s.cfg.Logger.Error("the end of a job could not be stored: it is done again", "job", all[i].id, "error", err)
		case err != nil:
			return settled, err
		case one[all[i].id]:
			settled[all[i].id] = true
		}
	}
	return settled, nil
}
