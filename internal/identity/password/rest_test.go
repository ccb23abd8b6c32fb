package password

import (
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// While hashes run on every processor, a message over the network is answered between their steps. Without rests it would be
// answered each 10 ms, about 30 times during these hashes.
func TestHashesLetTheNetworkRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has rests that look at the network")
	}
	h := NewHasher(Config{Passes: 20})
	done := make(chan error)
	for range background.Processors() {
		go func() {
			_, err := h.Hash(t.Context(), nobody, "correct horse")
			done <- err
		}()
	}
	client, server := connect(t)
	go func() { _, _ = io.Copy(server, server) }()
	turns := 0
	for ended := false; !ended; turns++ {
		if _, err := client.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			ended = true
		default:
		}
	}
	for range background.Processors() - 1 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if turns < 100 {
		t.Errorf("%d turns during the hashes, want at least 100", turns)
	}
}

// connect returns both ends of a connection of TCP.
func connect(t *testing.T) (client, server net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if client, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	return client, server
}
