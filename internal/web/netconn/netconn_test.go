package web

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// inPipe runs f in a bubble with a connection and its other end.
func inPipe(t *testing.T, f func(c *conn, far net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := newConn(near)
		defer far.Close()
		defer c.Close()
		f(c, far)
	})
}

// endOf is when a read or a write ended, from now on, and how.
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
					for _, d := range tt.in {
						at := time.Time{}
						if d > 0 {
							at = time.Now().Add(d)
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

// A deadline that is set while a read is under way counts for that read.
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

// What net/http does for each request: a read ahead that is called off must lose nothing, however long the handler ran.
func TestConnReadAhead(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		for i, handler := range []time.Duration{0, headStart / 2, headStart, 5 * headStart, time.Minute, 0} {
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
			time.AfterFunc(headStart/3, func() { _ = c.SetReadDeadline(past()) })
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetReadDeadline(time.Time{})
		}
		far.Close()
		took, err := endOf(func() (int, error) { return c.Read(make([]byte, 1)) })
		if took > 2*headStart || !errors.Is(err, io.EOF) {
			t.Errorf("the read ahead ended after %v with %v, want the end of the connection within %v", took, err, 2*headStart)
		}
	})
}

func TestConnReadAheadFindsPipelinedRequest(t *testing.T) {
	inPipe(t, func(c *conn, far net.Conn) {
		go func() { _, _ = far.Write([]byte("x")) }()
		b := make([]byte, 1)
		took, err := endOf(func() (int, error) { return c.Read(b) })
		if took > 2*headStart || err != nil || b[0] != 'x' {
			t.Errorf("the read ahead ended after %v with %q, %v, want x within %v", took, b, err, 2*headStart)
		}
	})
}

func TestConnCloseEndsReads(t *testing.T) {
	for _, size := range []int{1, 100} {
		inPipe(t, func(c *conn, _ net.Conn) {
			time.AfterFunc(headStart/2, func() { _ = c.Close() })
			took, err := endOf(func() (int, error) { return c.Read(make([]byte, size)) })
			if took != headStart/2 || !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("a read of %d ended after %v with %v, want that it is closed after %v", size, took, err, headStart/2)
			}
		})
	}
}

// Timers that nobody moves are the point of it all.
func TestConnMovesItsTimerSeldom(t *testing.T) {
	inPipe(t, func(c *conn, _ net.Conn) {
		moved, last := 0, time.Time{}
		for range 1000 { // requests, a tenth of a second each
			now := time.Now()
			for _, d := range []time.Duration{120 * time.Second, 10 * time.Second, 60 * time.Second} {
				_ = c.SetReadDeadline(now.Add(d))
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
