package netconn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// inPipe runs f in a bubble with a connection and its other end.
func inPipe(t *testing.T, f func(c *conn, far net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newConn(near, &Traffic{})
		defer far.Close()
		defer c.Close()
		f(c, far)
	})
}

// endOf returns the time from now until the end of a read or a write, and its error.
func endOf(f func() (int, error)) (time.Duration, error) {
	begun := time.Now()
	_, err := f()
	return time.Since(begun), err
}

func TestConnDeadlines(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []time.Duration // set one after the other; 0 takes it back
		want time.Duration
	}{
		{"one", []time.Duration{10 * time.Second}, 10 * time.Second},
		{"later", []time.Duration{10 * time.Second, 60 * time.Second}, 60 * time.Second},
		{"earlier", []time.Duration{120 * time.Second, 10 * time.Second}, 10 * time.Second},
		{"taken back and set", []time.Duration{10 * time.Second, 0, 30 * time.Second}, 30 * time.Second},
		{"as net/http does", []time.Duration{0, 120 * time.Second, 10 * time.Second, 60 * time.Second}, 60 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inPipe(t, func(c *conn, _ net.Conn) {
				for _, way := range []struct {
					name string
					set  func(time.Time) error
					do   func() (int, error)
				}{
					{"read", c.SetReadDeadline, func() (int, error) { return c.Read(make([]byte, 100)) }},
					{"read ahead", c.SetReadDeadline, func() (int, error) { return c.Read(make([]byte, 1)) }},
					{"write", c.SetWriteDeadline, func() (int, error) { return c.Write([]byte("x")) }}, // nobody reads
					{"read, both set", c.SetDeadline, func() (int, error) { return c.Read(make([]byte, 100)) }},
				} {
					for _, wait := range tt.in {
						at := time.Time{}
						if wait > 0 {
							at = time.Now().Add(wait)
						}
						if err := way.set(at); err != nil {
							t.Fatal(err)
						}
					}
					took, err := endOf(way.do)
					if took != tt.want || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("%s ended after %v with %v, want the deadline after %v", way.name, took, err, tt.want)
					}
					if took, err := endOf(way.do); took != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("the next %s ended after %v with %v, want the deadline at once", way.name, took, err)
					}
				}
			})
		})
	}
}

// A deadline set during a read counts for that read.
func TestConnDeadlineOfReadUnderWay(t *testing.T) {
	for _, size := range []int{1, 100} {
		inPipe(t, func(c *conn, _ net.Conn) {
			time.AfterFunc(time.Second, func() { _ = c.SetReadDeadline(time.Now().Add(time.Second)) })
			took, err := endOf(func() (int, error) { return c.Read(make([]byte, size)) })
			if took != 2*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("a read of %d ended after %v with %v, want the deadline after 2s", size, took, err)
			}
		})
	}
}

// net/http does this for each request: a cancelled read-ahead must lose nothing, after any time in the handler.
func TestConnReadAhead(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		for i, handler := range []time.Duration{0, readAheadDelay / 2, readAheadDelay, 5 * readAheadDelay, time.Minute, 0} {
			ended := make(chan error)
			go func() {
				_, err := c.Read(make([]byte, 1))
				ended <- err
			}()
			time.Sleep(handler)
			if err := c.SetReadDeadline(past()); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the read ahead of a handler of %v ended with %v, want the deadline", handler, err)
			}
			if err := c.SetReadDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = far.Write([]byte{'a' + byte(i), 'z'}) }()
			got := make([]byte, 100)
			if n, err := c.Read(got); err != nil || string(got[:n]) != string([]byte{'a' + byte(i), 'z'}) {
				t.Fatalf("after a handler of %v the connection read %q, %v", handler, got[:n], err)
			}
		}
	})
}

func TestConnNoticesThatClientLeaves(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		for range 3 { // the ticks are under way
			time.AfterFunc(readAheadDelay/3, func() { _ = c.SetReadDeadline(past()) })
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetReadDeadline(time.Time{})
		}
		far.Close()
		took, err := endOf(func() (int, error) { return c.Read(make([]byte, 1)) })
		if took > 2*readAheadDelay || !errors.Is(err, io.EOF) {
			t.Errorf("the read ahead ended after %v with %v, want the end of the connection within %v", took, err, 2*readAheadDelay)
		}
	})
}

func TestConnReadAheadFindsPipelinedRequest(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		go func() { _, _ = far.Write([]byte("x")) }()
		out := make([]byte, 1)
		took, err := endOf(func() (int, error) { return c.Read(out) })
		if took > 2*readAheadDelay || err != nil || out[0] != 'x' {
			t.Errorf("the read ahead ended after %v with %q, %v, want x within %v", took, out, err, 2*readAheadDelay)
		}
	})
}

func TestConnCloseEndsReads(t *testing.T) {
	for _, size := range []int{1, 100} {
		inPipe(t, func(c *conn, _ net.Conn) {
			time.AfterFunc(readAheadDelay/2, func() { _ = c.Close() })
			took, err := endOf(func() (int, error) { return c.Read(make([]byte, size)) })
			if took != readAheadDelay/2 || !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("a read of %d ended after %v with %v, want that it is closed after %v", size, took, err, readAheadDelay/2)
			}
		})
	}
}

// The point of the package: timers rarely move.
func TestConnMovesItsTimerSeldom(t *testing.T) {
	inPipe(t, func(c *conn, _ net.Conn) {
		moved, last := 0, time.Time{}
		for range 1000 { // requests, a tenth of a second each
			now := time.Now()
			for _, wait := range []time.Duration{120 * time.Second, 10 * time.Second, 60 * time.Second} {
				_ = c.SetReadDeadline(now.Add(wait))
				_ = c.SetWriteDeadline(now.Add(60 * time.Second))
				c.mu.Lock()
				if c.next != last {
					moved, last = moved+1, c.next
				}
				c.mu.Unlock()
			}
			time.Sleep(100 * time.Millisecond)
		}
		if moved > 40 {
			t.Errorf("the timer was moved %d times in 1000 requests", moved)
		}
	})
}

// BenchmarkServer sends short requests over one connection, with the connections of net and with this package's.
func BenchmarkServer(b *testing.B) {
	for _, bb := range []struct {
		name string
		wrap func(net.Listener) net.Listener
	}{
		{"net", func(ln net.Listener) net.Listener { return ln }},
		{"netconn", func(ln net.Listener) net.Listener { return Listen(ln, &Traffic{}, nil, nil) }},
	} {
		b.Run(bb.name, func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			answer := make([]byte, 500)
			srv := &http.Server{
				Handler:           http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }),
				ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: time.Minute,
			}
			go srv.Serve(bb.wrap(ln))
			defer srv.Close()
			request(b, ln.Addr().String())
		})
	}
}

// BenchmarkJoin sends requests with answers of 12 kB, in two writes and in one.
func BenchmarkJoin(b *testing.B) {
	answer := make([]byte, 12_000)
	for _, bb := range []struct {
		name string
		join func(context.Context)
	}{
		{"two writes", func(context.Context) {}},
		{"one write", Join},
	} {
		b.Run(bb.name, func(b *testing.B) {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
				bb.join(r.Context())
				_, _ = w.Write(answer)
			})}
			Hook(srv)
			go srv.Serve(Listen(ln, &Traffic{}, nil, nil))
			defer srv.Close()
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			reader := bufio.NewReaderSize(c, 64<<10)
			for b.Loop() {
				if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
					b.Fatal(err)
				}
				res, err := http.ReadResponse(reader, nil)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); err != nil || n != int64(len(answer)) {
					b.Fatal(n, err)
				}
			}
		})
	}
}

func request(b *testing.B, address string) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 4096)
	for b.Loop() {
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTrafficCountsBytes(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		ended := make(chan error, 1)
		go func() {
			_, err := io.ReadFull(far, make([]byte, 5))
			if err == nil {
				_, err = far.Write([]byte("abc"))
			}
			ended <- err
		}()
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 3)); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if in, out := c.traffic.Bytes(); in != 3 || out != 5 {
			t.Errorf("Bytes = %d, %d, want 3, 5", in, out)
		}
	})
}
