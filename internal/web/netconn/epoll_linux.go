package netconn

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller waits for bytes on many connections at once, with one goroutine.
type poller struct {
	file   *os.File // of epoll; the runtime waits for it
	raw    syscall.RawConn
	fd     int
	bell   *os.File // an eventfd
	timed  bool     // there is a deadline
	events [256]unix.EpollEvent
	found  [256]uint64
}

// newPoller returns nil if the system has no descriptor left.
func newPoller() *poller {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime can wait for it
		_ = unix.Close(fd)
		return nil
	}
	file := os.NewFile(uintptr(fd), "epoll")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = file.Close()
		return nil
	}
	p := &poller{file: file, raw: raw, fd: fd, bell: os.NewFile(uintptr(bell), "eventfd")}
	if err := unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, bell, &unix.EpollEvent{Events: unix.EPOLLIN}); err != nil { // its number is 0
		_ = p.close()
		return nil
	}
	return p
}

// watch waits once for bytes, or the end, of a connection. known says that it was watched before.
func (p *poller) watch(c syscall.RawConn, number uint64, known bool) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(uint32(number)), Pad: int32(uint32(number >> 32))}
	how := unix.EPOLL_CTL_ADD
	if known {
		how = unix.EPOLL_CTL_MOD
	}
	var failed error
	err := c.Control(func(fd uintptr) { failed = unix.EpollCtl(p.fd, how, int(fd), &event) })
	if err != nil {
		return err
	}
	return failed
}

// wait waits for a time, and returns the numbers of connections with bytes. A ring ends the wait. It fails when the poller is closed.
func (p *poller) wait(most time.Duration) ([]uint64, error) {
	var count int
	var failed error
	look := func(fd uintptr) bool {
		count, failed = unix.EpollWait(int(fd), p.events[:], 0)
		if failed == unix.EINTR {
			failed = nil
		}
		return count > 0 || failed != nil || most == 0
	}
	if err := p.until(most); err != nil {
		return nil, err
	}
	err := p.raw.Read(look)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case err == nil:
		err = failed
	}
	if err != nil {
		return nil, err
	}
	found := p.found[:0]
	for _, event := range p.events[:count] {
		number := uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32
		if number == 0 {
			p.hush()
			continue
		}
		found = append(found, number)
	}
	return found, nil
}

// until sets the deadline of the next wait.
func (p *poller) until(most time.Duration) error {
	switch {
	case most > 0:
		p.timed = true
		return p.file.SetReadDeadline(time.Now().Add(most))
	case p.timed:
		p.timed = false
		return p.file.SetReadDeadline(time.Time{})
	}
	return nil
}

// ring ends a wait, the next one if there is none now. The goroutine that waits runs once the runtime has looked at the network.
func (p *poller) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = p.bell.Write(one[:]) // fails only when the poller is closed
}

// hush makes a bell quiet that was rung.
func (p *poller) hush() {
	var count [8]byte
	_, _ = p.bell.Read(count[:])
}

func (p *poller) close() error { return errors.Join(p.file.Close(), p.bell.Close()) }

// hasBytes reports whether a connection that can be parked has received bytes that nobody has read.
func (c *conn) hasBytes() bool {
	if c.raw == nil {
		return false
	}
	count := 0
	_ = c.raw.Control(func(fd uintptr) {
		var one [1]byte
		count, _, _ = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	})
	return count > 0
}
