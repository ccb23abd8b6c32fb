// Package rest interrupts long work, so that requests do not wait for its end.
package rest

import (
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Rest interrupts one piece of work now and then. One goroutine uses it.
//
// runtime.Gosched is not enough when every processor of Go has such work. The scheduler then goes from one to the next
// without a look at the network: the runtime looks there only every 10 ms. So Take waits for a byte in a pipe, which the
// scheduler finds when it looks at the network, together with the requests that have come.
type Rest struct {
	reader, writer *os.File
	raw            syscall.RawConn // nil without a pipe
	next           time.Time       // no rest before
}

// New returns a Rest with a pipe. If no descriptor is free, it has none, and does not look at the network.
func New() *Rest {
	reader, writer, err := os.Pipe()
	if err != nil {
		return &Rest{}
	}
	r := &Rest{reader: reader, writer: writer}
	if raw, err := reader.SyscallConn(); err == nil {
		r.raw = raw
	}
	return r
}

// Close closes the pipe.
func (r *Rest) Close() {
	if r.reader != nil {
		_ = r.reader.Close()
		_ = r.writer.Close()
	}
}

// Take lets requests run that have come, and other programs too. It takes a few microseconds if there are none. After a rest
// the work goes on for four times as long, however often Take is called. Beside programs that never wait, each rest costs a
// slice of the kernel's, 3 ms or more, and a second of work took seven.
func (r *Rest) Take() {
	began := time.Now()
	if began.Before(r.next) {
		return
	}
	if r.raw != nil {
		r.lookAtNetwork()
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	runtime.Gosched()
	ended := time.Now()
	r.next = ended.Add(4 * ended.Sub(began))
}

// lookAtNetwork writes the byte only when the poller waits for it: an event from before would be lost.
func (r *Rest) lookAtNetwork() {
	var one [1]byte
	written := false
	_ = r.raw.Read(func(fd uintptr) bool {
		if !written {
			written = true
			_, err := r.writer.Write(one[:])
			return err != nil
		}
		n, err := unix.Read(int(fd), one[:])
		return n == 1 || err != unix.EAGAIN
	})
}
