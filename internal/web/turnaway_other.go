//go:build !linux

package web

import "net"

// turnAway cannot turn connections away on this system: one that comes while the listener is closed may be reset.
func turnAway(net.Listener) {}
