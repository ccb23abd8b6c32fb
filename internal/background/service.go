package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/pprof"
	"slices"
	"time"
)

// A Service works until its context ends. Run blocks until the work has stopped.
type Service interface {
	Run(ctx context.Context) error
}

// The pauses before a service is started again. A pause doubles with each failure, up to the longest. A service that ran
// for as long as steadyTime begins again with the first pause.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	steadyTime   = time.Minute
)

// Services runs services. They start in the order of Start and stop in reverse.
type Services struct {
	log     *slog.Logger
	running []*running
}

type running struct {
	name   string
	cancel context.CancelFunc
	done   chan struct{} // closed when the service has stopped
}

// NewServices returns no running service. Failures of services are logged at error.
func NewServices(log *slog.Logger) *Services { return &Services{log: log} }

// Start starts a service. If its Run panics or returns before Stop, it is started again after a pause of 100 ms to 30 s. In
// profiles its goroutine has the label job with the name, and so has the work that an engine does for its context.
func (s *Services) Start(name string, service Service) {
	ctx, cancel := context.WithCancel(labelled(context.Background(), name))
	r := &running{name: name, cancel: cancel, done: make(chan struct{})}
	s.running = append(s.running, r)
	loop := func() error {
		s.keepRunning(ctx, name, service)
		return nil
	}
	Go("service "+name, loop, func(err error) {
		defer close(r.done)
		Report(s.log)(err)
	})
}

// Stop stops the services, the last one first. It waits for each until ctx ends. The error names the services still
// running.
func (s *Services) Stop(ctx context.Context) (err error) {
	for _, r := range slices.Backward(s.running) {
		r.cancel()
		select {
		case <-r.done:
		case <-ctx.Done():
			err = errors.Join(err, fmt.Errorf("service %s still runs: %w", r.name, context.Cause(ctx)))
		}
	}
	s.running = nil
	return err
}

func (s *Services) keepRunning(ctx context.Context, name string, service Service) {
	pause := firstPause
	pprof.SetGoroutineLabels(ctx)
	for ctx.Err() == nil {
		began := time.Now()
		err := Guard("service "+name, func() error { return service.Run(ctx) })
		if ctx.Err() != nil {
			if err != nil && !errors.Is(err, context.Canceled) {
				report(s.log, "service failed while it stopped", err, "service", name)
			}
			return
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		if time.Since(began) >= steadyTime {
			pause = firstPause
		}
		wait := jittered(pause)
		report(s.log, "service failed and is started again", err, "service", name, "pause", wait)
		pause = min(2*pause, longestPause)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// jittered returns a random duration between three quarters of wait and five quarters. So services of several nodes
// that failed together do not come back together.
func jittered(wait time.Duration) time.Duration {
	return wait*3/4 + rand.N(wait/2)
}
