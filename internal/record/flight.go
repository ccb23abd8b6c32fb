package record

import (
	"context"
	"sync"
	"time"
)

// flights are results under way, so that requests for the same result share one computation. The zero value is ready.
type flights struct {
	mu   sync.Mutex
	byID map[string]*flight
}

// A flight is one result that other requests wait for.
type flight struct {
	done   chan struct{} // closed when result is set
	result *kept         // nil: the computation failed, or panicked
}

// join returns the flight of a name. If there was none, own is true and the caller must compute the result and end the
// flight, whatever happens.
func (f *flights) join(name string) (_ *flight, own bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.byID[name]; known != nil {
		return known, false
	}
	if f.byID == nil {
		f.byID = map[string]*flight{}
	}
	made := &flight{done: make(chan struct{})}
	f.byID[name] = made
	return made, true
}

// end wakes the requests that wait for a flight.
func (f *flights) end(name string, ended *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.byID, name)
	close(ended.done)
}

// waitStep is how often a waiting read checks that it may go on.
const waitStep = 5 * time.Millisecond

// wait waits for the result. The wait holds a connection, so it ends when the gate would cut off a statement. The gate tells
// that only by ctx.Err, so wait polls.
func (f *flight) wait(ctx context.Context) error {
	tick := time.NewTicker(waitStep)
	defer tick.Stop()
	for {
		select {
		case <-f.done:
			return nil
		case <-tick.C:
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
}
