package password

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A rest interrupts a hash, so that requests do not wait for its end.
//
// runtime.Gosched is not enough when every processor of Go makes a hash. The scheduler then goes from one hash to the next
// without a look at the network: the runtime looks there only every 10 ms. So take waits for a byte in a pipe, which the
// scheduler finds when it looks at the network, together with the requests that have come.
type rest struct {
	reader, writer *os.File
	raw            syscall.RawConn // nil without a pipe
}

func newRest() *rest {
	reader, writer, err := os.Pipe()
	if err != nil { // no descriptor is free
		return &rest{}
	}
	r := &rest{reader: reader, writer: writer}
	if raw, err := reader.SyscallConn(); err == nil {
		r.raw = raw
	}
	return r
}

func (r *rest) close() {
	if r.reader != nil {
		_ = r.reader.Close()
		_ = r.writer.Close()
	}
}

// take lets requests run that have come, and other programs too. It takes a few microseconds if there are none.
func (r *rest) take() {
	if r.raw != nil {
		r.lookAtNetwork()
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	runtime.Gosched()
}

// lookAtNetwork writes the byte only when the poller waits for it: an event from before would be lost.
func (r *rest) lookAtNetwork() {
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
