package telemetry

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// maxBatch bounds the lines that wait to be written, in bytes. A Write beyond it waits.
const maxBatch = 1 << 20

// gather is the wait of a line for others.
const gather = 5 * time.Millisecond

// An AsyncWriter writes lines from a goroutine of its own. One call writes all lines that came within five milliseconds, or
// during the previous call. So a request pays neither for a system call nor for waking the goroutine. A killed process
// loses the lines that are not written yet.
type AsyncWriter struct {
	out io.Writer

	mu      sync.Mutex
	room    sync.Cond // wakes writers when lines were taken, and when the goroutine ends
	lines   []byte
	closed  bool
	ended   bool
	problem error

	wake    chan struct{}
	stopped chan struct{}
}

// NewAsyncWriter returns an AsyncWriter. The caller must close it.
func NewAsyncWriter(out io.Writer) *AsyncWriter {
	a := &AsyncWriter{out: out, wake: make(chan struct{}, 1), stopped: make(chan struct{})}
	a.room.L = &a.mu
	background.Go("the log's writer", a.run, a.end)
	return a
}

// Write copies p. Its error is about an earlier line, since this one is not written yet.
func (a *AsyncWriter) Write(p []byte) (int, error) {
	a.mu.Lock()
	for len(a.lines) > 0 && len(a.lines)+len(p) > maxBatch && !a.closed && !a.ended {
		a.room.Wait()
	}
	if a.closed || a.ended { // late lines are rare, and must not be lost
		a.mu.Unlock()
		<-a.stopped // from then on nobody else writes
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.out.Write(p)
	}
	a.lines = append(a.lines, p...)
	err := a.problem
	a.mu.Unlock()
	a.signal()
	return len(p), err
}

// signal wakes the goroutine, or makes it look once more if it is awake. Nobody closes the channel, since a signal may come
// late.
func (a *AsyncWriter) signal() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Close writes the lines that wait. Write then writes later lines itself, one by one.
func (a *AsyncWriter) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.signal()
	<-a.stopped
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.problem
}

func (a *AsyncWriter) run() error {
	var spare []byte
	for done := false; !done; {
		<-a.wake
		time.Sleep(gather)
		a.mu.Lock()
		done = a.closed // from then on no line is added, so this flush is the last
		a.mu.Unlock()
		spare = a.flush(spare)
	}
	return nil
}

// flush writes the lines that wait. It returns their buffer for the next flush.
func (a *AsyncWriter) flush(spare []byte) []byte {
	a.mu.Lock()
	lines := a.lines
	a.lines = spare[:0]
	a.room.Broadcast()
	a.mu.Unlock()
	if len(lines) == 0 {
		return lines
	}
	if _, err := a.out.Write(lines); err != nil {
		a.mu.Lock()
		a.problem = err
		a.mu.Unlock()
	}
	return lines
}

// end makes Write write lines itself, after the goroutine has ended or panicked.
func (a *AsyncWriter) end(err error) {
	defer close(a.stopped)
	a.mu.Lock()
	a.ended = true
	a.room.Broadcast()
	a.mu.Unlock()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}
