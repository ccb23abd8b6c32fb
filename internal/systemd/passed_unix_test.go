//go:build unix

package systemd_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/systemd"
)

// TestChildTakesSockets is no test of its own: TestPassedSockets runs it in a process that gets sockets.
func TestChildTakesSockets(t *testing.T) {
	if os.Getenv("LISTEN_FDS") == "" {
		return
	}
	env := map[string]string{"LISTEN_PID": fmt.Sprint(os.Getpid()), "LISTEN_FDS": os.Getenv("LISTEN_FDS"), "LISTEN_FDNAMES": os.Getenv("LISTEN_FDNAMES")}
	found, err := systemd.Sockets(environ(env), os.Getpid())
	fmt.Printf("child: %d sockets, %v\n", len(found), err)
	for name, ln := range found {
		fmt.Printf("child: %s\n", name)
		_ = ln.Close()
	}
}

// A child process takes what is passed to it, or says what is wrong with it and what to do.
func TestPassedSockets(t *testing.T) {
	dir := t.TempDir()
	type filer interface{ File() (*os.File, error) }
	file := func(open func() (any, error)) *os.File {
		t.Helper()
		socket, err := open()
		if err != nil {
			t.Fatal(err)
		}
		f, err := socket.(filer).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	listener := func() *os.File { return file(func() (any, error) { return net.Listen("tcp", "127.0.0.1:0") }) }
	main := listener()
	connected := file(func() (any, error) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = ln.Close() })
		return net.Dial("tcp", ln.Addr().String())
	})
	plain, err := os.Create(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, tt := range []struct {
		name, count, names string
		files              []*os.File
		want               string
	}{
		{"a listener", "1", "web", []*os.File{main}, "1 sockets, <nil>"},
		{"two with names", "2", "web:other", []*os.File{main, listener()}, "2 sockets, <nil>"},
		{"fewer names than sockets", "1", "", []*os.File{main}, "unknown"},
		{"two without names", "2", "", []*os.File{main, listener()}, `two sockets with the name "unknown": give each socket unit its own FileDescriptorName`},
		{"two with one name", "2", "web:web", []*os.File{main, listener()}, `two sockets with the name "web"`},
		{"more than are there", "2", "web:other", []*os.File{main}, `the socket "other" that the service manager passes is not a listener: use ListenStream`},
		{"a plain file", "1", "web", []*os.File{plain}, `the socket "web" that the service manager passes is not a listener: use ListenStream`},
		{"datagrams", "1", "web", []*os.File{file(func() (any, error) { return net.ListenPacket("udp", "127.0.0.1:0") })}, "is not a listener: use ListenStream"},
		{"a socket of a path", "1", "web", []*os.File{file(func() (any, error) { return net.Listen("unix", filepath.Join(dir, "s")) })}, "which is not a port: use ListenStream=8080"},
		{"a connection", "1", "web", []*os.File{connected}, "takes no connections: use ListenStream in the socket unit, with Accept=no"},
		{"no number", "one", "", nil, `LISTEN_FDS is "one": the service manager sets it to a number from 0 to 64`},
		{"too large", "65", "", nil, `LISTEN_FDS is "65"`},
		{"negative", "-1", "", nil, `LISTEN_FDS is "-1"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildTakesSockets$", "-test.v")
			child.Env = append(os.Environ(), "LISTEN_FDS="+tt.count, "LISTEN_FDNAMES="+tt.names)
			child.ExtraFiles = tt.files
			out, err := child.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("the child says %v\n%s\nwant %q", err, out, tt.want)
			}
		})
	}
}
