//go:build unix

package systemd

import "syscall"

// accepts reports whether a socket listens. A connected one, and one that is only bound, look like listeners to package net.
func accepts(fd int) bool {
	on, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	return err == nil && on != 0
}
