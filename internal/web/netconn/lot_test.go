//go:build linux

package netconn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// lotServer is a server that parks idle connections. It echoes bodies, and answers a GET with its path.
type lotServer struct {
	t       testing.TB
	address string
	bounds  *Bounds
	lot     *Lot
	http    *http.Server
}

func newLotServer(t testing.TB, from int, idle time.Duration) *lotServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lotServer{t: t, address: ln.Addr().String(), bounds: NewBounds(4*900, nil)}
	s.lot = NewLot(LotConfig{From: from, Serve: func(ln net.Listener) { go s.http.Serve(ln) }})
	s.http = &http.Server{ConnState: NoteState, IdleTimeout: idle, ReadHeaderTimeout: 10 * time.Second}
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, r.URL.Path)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = w.Write(body)
	})
	Hook(s.http)
	go s.http.Serve(Listen(ln, &Traffic{}, s.bounds, s.lot))
	t.Cleanup(func() { _ = s.http.Close() })
	return s
}

func (s *lotServer) parked() int {
	s.lot.mu.Lock()
	defer s.lot.mu.Unlock()
	return len(s.lot.parked)
}

// await waits until so many connections are parked.
func (s *lotServer) await(want int) {
	s.t.Helper()
	waitFor(s.t, fmt.Sprintf("%d parked connections", want), func() bool { return s.parked() == want })
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there never were %s", what)
		}
	}
}

// lotClient is a connection to a lotServer.
type lotClient struct {
	t  testing.TB
	c  net.Conn
	in *bufio.Reader
}

func (s *lotServer) dial() *lotClient {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	return newLotClient(s.t, c)
}

func newLotClient(t testing.TB, c net.Conn) *lotClient { return &lotClient{t, c, bufio.NewReader(c)} }

func (c *lotClient) write(text string) {
	if _, err := io.WriteString(c.c, text); err != nil {
		c.t.Error(err)
	}
}

func (c *lotClient) wants(body string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Errorf("the answer to %.20q: %v", body, err)
		return
	}
	got, err := io.ReadAll(res.Body)
	if err != nil || string(got) != body {
		c.t.Errorf("the answer is %.20q, %d bytes, %v, want %.20q, %d bytes", got, len(got), err, body, len(body))
	}
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

func post(body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func TestLot_ParkedConnectionsAnswer(t *testing.T) {
	s := newLotServer(t, 1, time.Minute)
	c := s.dial()
	for i := range 5 {
		path := fmt.Sprint("/", i)
		c.write(get(path))
		c.wants(path)
		s.await(1)
	}
	c.write("G") // and the rest later
	waitFor(t, "connections that came back", func() bool { return s.parked() == 0 })
	c.write(get("/slow")[1:])
	c.wants("/slow")
	s.await(1)
	c.c.Close()
	s.await(0)
	waitFor(t, "no open connections", func() bool { return s.bounds.count.Load() == 0 })
}

func TestLot_FewConnectionsStay(t *testing.T) {
	s := newLotServer(t, 3, time.Minute)
	first, second := s.dial(), s.dial()
	for range 3 {
		first.write(get("/a"))
		first.wants("/a")
		second.write(get("/b"))
		second.wants("/b")
	}
	time.Sleep(20 * time.Millisecond)
	if n := s.parked(); n != 0 {
		t.Errorf("%d of 2 connections are parked, although the third would be the first", n)
	}
	third := s.dial()
	third.write(get("/c"))
	third.wants("/c")
	s.await(1)
}

func TestLot_ParkedConnectionsEnd(t *testing.T) {
	t.Run("at the idle timeout", func(t *testing.T) {
		s := newLotServer(t, 1, 200*time.Millisecond)
		c := s.dial()
		c.write(get("/"))
		c.wants("/")
		s.await(1)
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Errorf("an idle connection reads %v, want its end", err)
		}
		s.await(0)
	})
	for name, end := range map[string]func(*lotServer){
		"for other connections": func(s *lotServer) { s.bounds.closeIdle(&conn{shared: true}) },
		"at a quiet stop":       func(s *lotServer) { s.bounds.BeginStop(); time.Sleep(time.Millisecond); s.bounds.CloseQuiet(0) },
		"at a shutdown":         func(s *lotServer) { _ = s.http.Shutdown(context.Background()) },
		"at the server's end":   func(s *lotServer) { _ = s.http.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			s := newLotServer(t, 1, time.Minute)
			c := s.dial()
			c.write(get("/"))
			c.wants("/")
			s.await(1)
			if strings.HasPrefix(name, "for") {
				fill(s.bounds)
			}
			end(s)
			if _, err := c.in.ReadByte(); err != io.EOF {
				t.Errorf("a parked connection reads %v, want its end", err)
			}
			s.await(0)
		})
	}
}

// fill takes all places of bounds.
func fill(b *Bounds) {
	for !b.shares.Full() {
		if _, ok := b.shares.TakeShared(1); !ok {
			return
		}
	}
}

// Clients send whole and cut requests, some at once, and wait between them. No byte is lost, whatever net/http has read already.
func TestLot_LosesNoBytes(t *testing.T) {
	s := newLotServer(t, 1, time.Minute)
	const clients, rounds = 24, 60
	var all sync.WaitGroup
	for n := range clients {
		c := s.dial()
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 3))
			for range rounds {
				var text strings.Builder
				var bodies []string
				for range 1 + random.IntN(4) {
					if random.IntN(2) == 0 {
						body := fmt.Sprint("/", random.IntN(1000))
						bodies = append(bodies, body)
						text.WriteString(get(body))
						continue
					}
					body := strings.Repeat(fmt.Sprint(random.IntN(1000), " "), 1+random.IntN(bufferSize/2))
					bodies = append(bodies, body)
					text.WriteString(post(body))
				}
				c.writeInParts(random, text.String())
				for _, body := range bodies {
					c.wants(body)
				}
				time.Sleep(time.Duration(random.IntN(3)) * time.Millisecond)
			}
		})
	}
	all.Wait()
	s.await(clients)
}

// writeInParts writes a text in up to three parts, half of the time with waits between them.
func (c *lotClient) writeInParts(random *rand.Rand, text string) {
	for range random.IntN(3) {
		part := random.IntN(len(text))
		if random.IntN(4) == 0 {
			part = min(len(text), bufferSize) - random.IntN(5) // near the end of the buffer of net/http
		}
		part = max(0, min(part, len(text)))
		c.write(text[:part])
		text = text[part:]
		if text == "" {
			return
		}
		if random.IntN(2) == 0 {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
	}
	c.write(text)
}

// BenchmarkLot measures a request on a connection that net/http keeps, and on one that is parked after each answer.
func BenchmarkLot(b *testing.B) {
	for _, tt := range []struct {
		name string
		from int
	}{{"kept", 1 << 20}, {"parked", 1}} {
		b.Run(tt.name, func(b *testing.B) {
			s := newLotServer(b, tt.from, time.Minute)
			c := s.dial()
			b.ReportAllocs()
			for b.Loop() {
				c.write(get("/"))
				c.wants("/")
			}
		})
	}
}

// BenchmarkIdleConnections measures the memory of an idle connection, with about 500 bytes of its client.
func BenchmarkIdleConnections(b *testing.B) {
	for _, tt := range []struct {
		name string
		from int
	}{{"kept", 1 << 20}, {"parked", 1}} {
		b.Run(tt.name, func(b *testing.B) {
			const count = 900
			s := newLotServer(b, tt.from, time.Minute)
			before := memory()
			answer := make([]byte, 1000)
			for b.Loop() {
				for range count {
					c, err := net.Dial("tcp", s.address)
					if err != nil {
						b.Fatal(err)
					}
					defer c.Close()
					_, _ = io.WriteString(c, get("/"))
					_, _ = c.Read(answer)
				}
				if tt.from == 1 {
					s.await(count)
				}
				after := memory()
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/count, "heap-B/connection")
				b.ReportMetric(float64(after.StackInuse-before.StackInuse)/count, "stack-B/connection")
			}
		})
	}
}

func memory() (stats runtime.MemStats) {
	for range 3 { // pools keep what is free for two collections
		runtime.GC()
	}
	runtime.ReadMemStats(&stats)
	return stats
}
