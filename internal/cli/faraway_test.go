package cli

import (
	"net"
	"testing"
	"time"
)

// farAway listens for clients of address, and passes on each byte after a time of delay. A client far away notices late that the
// server closes its connection.
func farAway(t *testing.T, address string, delay time.Duration) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", address)
			if err != nil {
				_ = near.Close()
				continue
			}
			go passOn(near, far, delay)
			go passOn(far, near, delay)
		}
	}()
	return ln.Addr().String()
}

// chunk is bytes on their way. Without bytes it is the end of the connection.
type chunk struct {
	bytes []byte
	due   time.Time
}

// passOn passes on what comes from one connection, then its end.
func passOn(from, to net.Conn, delay time.Duration) {
	under := make(chan chunk, 1000)
	go func() {
		for c := range under {
			time.Sleep(time.Until(c.due))
			if len(c.bytes) == 0 {
				_ = to.Close()
				continue
			}
			_, _ = to.Write(c.bytes) // after an error the other direction sees the end
		}
	}()
	defer close(under)
	for {
		bytes := make([]byte, 16<<10)
		n, err := from.Read(bytes)
		if n > 0 {
			under <- chunk{bytes[:n], time.Now().Add(delay)}
		}
		if err != nil {
			under <- chunk{nil, time.Now().Add(delay)}
			return
		}
	}
}
