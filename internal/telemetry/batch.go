package telemetry

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// maxBatch bounds what waits to be written, in bytes. Who logs beyond it waits.
const maxBatch = 1 << 20

// Batch writes lines to out from a goroutine of its own: at once while it has nothing to do, and all that have come
// meanwhile with one call where it has. A request does not pay for the system call of its line, and under load many
// lines share one. A process that is killed loses the lines that have not been written yet.
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
	if b.closed || b.ended {
		defer b.mu.Unlock()
		return b.out.Write(p) // late lines are rare, and not to be lost
	}
	b.lines = append(b.lines, p...)
	err := b.problem
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return len(p), err
}

// Close writes what waits. Lines that come after it are written one by one.
func (b *Batch) Close() error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.wake)
	}
	b.mu.Unlock()
	<-b.stopped
	return b.problem
}

func (b *Batch) run() {
	defer close(b.stopped)
	defer b.end()
	var spare []byte
	for open := true; open; {
		_, open = <-b.wake
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
