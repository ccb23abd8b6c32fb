package web

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// turnAway makes the kernel drop requests for new connections of a listener. Their clients ask again after a second, and are
// refused when the listener is closed.
//
// Some sandboxes have no such filters: then a connection that comes while the listener is closed may be reset.
func turnAway(ln net.Listener) {
	known, ok := ln.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := known.SyscallConn()
	if err != nil {
		return
	}
	// The program sees a packet from its TCP header on. It drops one with the flag SYN.
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}
