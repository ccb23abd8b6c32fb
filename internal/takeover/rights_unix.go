//go:build unix

package takeover

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// encodeRights returns the control message that passes files. Fd would make the sockets blocking in this process too.
func encodeRights(files []*os.File) ([]byte, error) {
	if len(files) == 0 {
		return nil, nil
	}
	var fds []int
	for _, file := range files {
		raw, err := file.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) }); err != nil {
			return nil, err
		}
	}
	return unix.UnixRights(fds...), nil
}

func rightsSpace(count int) int { return unix.CmsgSpace(4 * count) }

// decodeRights returns the descriptors in a control message.
func decodeRights(control []byte) (fds []int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		passed, err := unix.ParseUnixRights(&messages[i])
		if err == nil {
			fds = append(fds, passed...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

func isRefused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }

func isReset(err error) bool { return errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.EPIPE) }
