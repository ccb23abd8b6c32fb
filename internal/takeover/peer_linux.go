package takeover

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// checkPeer refuses a process of another user, unless that is root.
func checkPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return allow(peer.Uid, peer.Pid, os.Geteuid())
}

// allow decides about a process of a user for a server of the user own.
func allow(user uint32, pid int32, own int) error {
	if user != 0 && int(user) != own {
		return fmt.Errorf("process %d of user %d asked for the sockets: only user %d and root may", pid, user, own)
	}
	return nil
}
