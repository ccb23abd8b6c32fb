//go:build !linux

package takeover

import "net"

// checkPeer relies on the mode of the socket and of the data folder: other users cannot connect.
func checkPeer(*net.UnixConn) error { return nil }
