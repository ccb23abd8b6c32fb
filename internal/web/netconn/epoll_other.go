//go:build !linux

package netconn

import (
	"net"
	"syscall"
	"time"
)

// A poller is for Linux alone. Elsewhere no connection is parked.
type poller struct{}

func newPoller() *poller { return nil }

func (*poller) watch(syscall.RawConn, uint64, bool) error { return net.ErrClosed }
func (*poller) wait(time.Duration) ([]uint64, error)      { return nil, net.ErrClosed }
func (*poller) ring()                                     {}
func (*poller) close() error                              { return nil }

func (*conn) hasBytes() bool { return false }
