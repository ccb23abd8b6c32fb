package netconn

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A poller waits for bytes on many connections at once, with one goroutine.
type poller struct {
	file   *os.File // of epoll; the runtime waits for it
	raw    syscall.RawConn
	fd     int
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
	return &poller{file: file, raw: raw, fd: fd}
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

// wait returns the numbers of connections with bytes. It fails when the poller is closed.
func (p *poller) wait() ([]uint64, error) {
	var count int
	var failed error
	err := p.raw.Read(func(fd uintptr) bool {
		count, failed = unix.EpollWait(int(fd), p.events[:], 0)
		if failed == unix.EINTR {
			failed = nil
		}
		return count > 0 || failed != nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return nil, err
	}
	for i, event := range p.events[:count] {
		p.found[i] = uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32
	}
	return p.found[:count], nil
}

func (p *poller) close() error { return p.file.Close() }
