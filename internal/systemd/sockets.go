package systemd

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// firstSocket is the number of the first descriptor that the manager passes (SD_LISTEN_FDS_START).
const firstSocket = 3

// mostSockets bounds what is believed of LISTEN_FDS.
const mostSockets = 64

// Sockets returns the listeners that the service manager passed to this process, which has the id pid, under their names
// (LISTEN_FDNAMES; "unknown" without one). There are none if the environment says nothing about this process. The manager keeps
// the sockets open while the service restarts, so that clients wait and none is refused.
func Sockets(getenv func(string) string, pid int) (map[string]net.Listener, error) {
	if getenv("LISTEN_PID") != strconv.Itoa(pid) || getenv("LISTEN_FDS") == "" {
		return nil, nil
	}
	count, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || count < 0 || count > mostSockets {
		return nil, fmt.Errorf("LISTEN_FDS is %q: the service manager sets it to a number from 0 to %d", getenv("LISTEN_FDS"), mostSockets)
	}
	var names []string
	if list := getenv("LISTEN_FDNAMES"); list != "" {
		names = strings.Split(list, ":")
	}
	found := map[string]net.Listener{}
	for i := range count {
		name := "unknown"
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		ln, err := socket(firstSocket+i, name)
		if err != nil {
			closeAll(found)
			return nil, err
		}
		if found[name] != nil {
			_ = ln.Close()
			closeAll(found)
			return nil, fmt.Errorf("the service manager passes two sockets with the name %q: give each socket unit its own FileDescriptorName", name)
		}
		found[name] = ln
	}
	return found, nil
}

// socket returns the listener of a descriptor, and closes the descriptor: the listener has its own.
func socket(fd int, name string) (net.Listener, error) {
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	ln, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("the socket %q that the service manager passes is not a listener: use ListenStream in the socket unit: %w", name, err)
	}
	if !accepts(fd) {
		_ = ln.Close()
		return nil, fmt.Errorf("the socket %q that the service manager passes takes no connections: use ListenStream in the socket unit, with Accept=no", name)
	}
	if ln.Addr().Network() != "tcp" {
		_ = ln.Close()
		return nil, fmt.Errorf("the socket %q that the service manager passes is at %s, which is not a port: use ListenStream=8080 in the socket unit", name, ln.Addr())
	}
	return ln, nil
}

func closeAll(listeners map[string]net.Listener) {
	for _, ln := range listeners {
		_ = ln.Close()
	}
}
