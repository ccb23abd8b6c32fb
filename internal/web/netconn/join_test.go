package netconn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// joined makes the next write on a connection wait.
func joined(c *conn) { Join(context.WithValue(context.Background(), connKey{}, c)) }

func TestJoinedWritesAreOne(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		first, second := make([]byte, Large), []byte("the rest")
		first[0], first[Large-1] = 'a', 'z'
		joined(c)
		if n, err := c.Write(first); n != Large || err != nil { // nobody reads yet
			t.Fatalf("the first write: %d, %v", n, err)
		}
		first[0] = 'x' // net/http uses its buffer again
		got := make(chan string, 1)
		go func() {
			buf := make([]byte, Large+len(second))
			_, _ = io.ReadFull(far, buf)
			got <- string(buf[0]) + string(buf[Large-1:])
		}()
		if n, err := c.Write(second); n != len(second) || err != nil {
			t.Fatalf("the second write: %d, %v", n, err)
		}
		if text := <-got; text != "azthe rest" {
			t.Errorf("the client reads %q", text)
		}
		if out := c.traffic.out.Load(); out != int64(Large+len(second)) {
			t.Errorf("%d bytes are counted", out)
		}
	})
}

// A write that is not a full buffer goes out at once, since nothing may follow. So does the one after two that were joined.
func TestOtherWritesDoNotWait(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		var received atomic.Int64
		go func() {
			for buf := make([]byte, Large); ; {
				n, err := far.Read(buf)
				if err != nil {
					return
				}
				received.Add(int64(n))
			}
		}()
		total := int64(0)
		write := func(size int) {
			t.Helper()
			if n, err := c.Write(make([]byte, size)); n != size || err != nil {
				t.Fatalf("a write of %d: %d, %v", size, n, err)
			}
			total += int64(size)
		}
		want := func() {
			t.Helper()
			synctest.Wait()
			if got := received.Load(); got != total {
				t.Errorf("%d bytes of %d have arrived", got, total)
			}
		}
		joined(c)
		write(100)
		want()
		write(Large) // Join holds for one write only
		joined(c)
		write(Large)
		write(10)
		write(Large)
		write(1)
		want()
	})
}

// A connection that is lost while a write waits gives the error to the second write.
func TestJoinedWriteFails(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		joined(c)
		if _, err := c.Write(make([]byte, Large)); err != nil {
			t.Fatal(err)
		}
		_ = far.Close()
		if n, err := c.Write([]byte("rest")); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the second write: %d, %v", n, err)
		}
		if c.held != nil {
			t.Error("the memory is still held")
		}
	})
}

// net/http writes as Join expects: a full buffer, then the rest. Of the smallest body that may be joined, the rest is still in the
// buffer of net/http when the handler ends.
func TestJoinSuitsTheServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var held atomic.Bool
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(Large))
		Join(r.Context())
		_, _ = w.Write(make([]byte, Large))
		held.Store(r.Context().Value(connKey{}).(*conn).held != nil)
	})}
	Hook(srv)
	go srv.Serve(Listen(ln, &Traffic{}, nil, nil))
	defer srv.Close()
	res, err := http.Get("http://" + ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || len(body) != Large || !held.Load() {
		t.Errorf("%d bytes, %v, the first write waited: %t", len(body), err, held.Load())
	}
}
