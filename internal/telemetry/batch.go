package telemetry

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// maxBatch bounds what waits to be written, in bytes. Who logs beyond it waits.
const maxBatch = 1 << 20

// gather is how long a line may wait for others before they are written.
const gather = time.Millisecond

// Batch writes lines to out from a goroutine of its own, with one call all that have come within a millisecond, or while
// the call before was under way. A request does not pay for the system call of its line, nor for waking who makes it. A
// process that is killed loses the lines that have not been written yet.
type Batch struct {
	out io.Writer

	mu      sync.Mutex
	room    sync.Cond // signalled when lines were taken, and when the goroutine ended
	lines   []byte
	closed  bool
	ended   bool
	problem error

	wake    chan struct{}
	stopped chan struct{}
}

// NewBatch returns a Batch; it is to be closed.
func NewBatch(out io.Writer) *Batch {
	b := &Batch{out: out, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	b.room.L = &b.mu
	go b.run()
	return b
}

// Write takes a copy of p. The error is that of an earlier line, since this one is not written yet.
func (b *Batch) Write(p []byte) (int, error) {
	b.mu.Lock()
	for len(b.lines) > 0 && len(b.lines)+len(p) > maxBatch && !b.closed && !b.ended {
		b.room.Wait()
	}
	if b.closed || b.ended { // late lines are rare, and not to be lost
		b.mu.Unlock()
		<-b.stopped // nobody else writes then
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.out.Write(p)
	}
	b.lines = append(b.lines, p...)
	err := b.problem
	b.mu.Unlock()
	b.signal()
	return len(p), err
}

// signal wakes the goroutine, or lets it look once more where it is awake. The channel is never closed: a signal may come late.
func (b *Batch) signal() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Close writes what waits. Lines that come after it are written one by one.
func (b *Batch) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.signal()
	<-b.stopped
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.problem
}

func (b *Batch) run() {
	defer close(b.stopped)
	defer b.end()
	var spare []byte
	for done := false; !done; {
		<-b.wake
		time.Sleep(gather)
		b.mu.Lock()
		done = b.closed // no line is added after that: the flush below is the last
		b.mu.Unlock()
		spare = b.flush(spare)
	}
}

// flush writes what waits, and returns the buffer that it took, for the next time.
func (b *Batch) flush(spare []byte) []byte {
	b.mu.Lock()
	lines := b.lines
	b.lines = spare[:0]
	b.room.Broadcast()
	b.mu.Unlock()
	if len(lines) == 0 {
		return lines
	}
	if _, err := b.out.Write(lines); err != nil {
		b.mu.Lock()
		b.problem = err
		b.mu.Unlock()
	}
	return lines
}

// end lets lines through one by one where the goroutine panicked.
func (b *Batch) end() {
	p := recover()
	b.mu.Lock()
	b.ended = true
	b.room.Broadcast()
	b.mu.Unlock()
	if p != nil {
		fmt.Fprintf(os.Stderr, "the log's writer panicked: %v\n%s", p, debug.Stack())
	}
}
