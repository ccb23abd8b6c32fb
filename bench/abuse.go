package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The abuse of one client beside the requests of honest ones.
const (
	abuseCalm       = 12 * time.Second        // without an abuser, to compare with
	abuseTime       = 12 * time.Second        // with one
	abuseWarm       = 4 * time.Second         // of it, in which the abuser connects and the server gets to know it: not counted
	abuseConns      = 64                      // of one abuser
	slowConns       = 200                     // of the abuser that reads slowly
	slowRead        = 1 << 10                 // bytes that it reads a second
	crowdSize       = 10_000                  // addresses of the crowd, each with one request a second
	abuseWait       = 20 * time.Second        // for one answer
	abuseBar        = 3.0                     // honest p99 with an abuser, over that without
	abuseMemory     = 512 << 20               // bytes resident at the peak
	betweenAbuses   = 1500 * time.Millisecond // the last abuser's requests end
	abuserNumber    = 90                      // of the abuser among the callers; no honest one is the same
	firstHonestUser = 20
)

// An abuse is one way to use a server so that others must wait.
type abuse struct {
	name  string
	about string
	run   func(ctx context.Context, srv *server, counts *answers)
}

var abuses = []abuse{
	{"costly filters", fmt.Sprintf("one user, %d connections, a new filter over all rows each time", abuseConns), costlyFilters},
	{"unlimited expand", fmt.Sprintf("one user, %d connections, 100 users with their posts, their authors and those authors' posts", abuseConns), unlimitedExpand},
	{"slow reads", fmt.Sprintf("one address, %d connections, pages of 500 rows read at 1 kB/s", slowConns), slowReads},
	{"flood of writes", fmt.Sprintf("one user, %d connections that create rows", abuseConns), floodOfWrites},
	{"crowd", fmt.Sprintf("%d addresses with a connection and one get a second each", crowdSize), crowdOfAddresses},
}

// answers counts what an abuser got.
type answers struct{ ok, limited, refused, other, failed atomic.Int64 }

func (a *answers) note(status int, err error) {
	switch {
	case err != nil:
		a.failed.Add(1)
	case status < 300:
		a.ok.Add(1)
	case status == http.StatusTooManyRequests:
		a.limited.Add(1)
	case status == http.StatusServiceUnavailable:
		a.refused.Add(1)
	default:
		a.other.Add(1)
	}
}

func (a *answers) String() string {
	return fmt.Sprintf("%d, %d, %d, %d, %d", a.ok.Load(), a.limited.Load(), a.refused.Load(), a.other.Load(), a.failed.Load())
}

// dialFrom returns a dialer from one address of this machine. All of 127.0.0.0/8 is this machine.
func dialFrom(address ...byte) func(context.Context, string, string) (net.Conn, error) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IP(address)}, Timeout: abuseWait}
	return dialer.DialContext
}

func costlyFilters(ctx context.Context, srv *server, counts *answers) {
	hammer(ctx, srv, counts, func(r *rand.Rand) request {
		filter := fmt.Sprintf("body.contains(arg.a) && title.contains(arg.b) && views > %d && score < %d.5", r.IntN(1000), 50+r.IntN(50))
		query := url.Values{"filter": {filter}, "arg.a": {words(r, 8)}, "arg.b": {words(r, 8)}, "sort": {"body"}, "limit": {"100"}}
		return request{method: "GET", path: "/api/posts?" + query.Encode(), token: srv.tokens[abuserNumber]}
	})
}

func unlimitedExpand(ctx context.Context, srv *server, counts *answers) {
	hammer(ctx, srv, counts, func(r *rand.Rand) request {
		query := url.Values{"expand": {"posts.author.posts"}, "limit": {"100"}, "filter": {fmt.Sprintf("id > '%s'", uuidOf('a', r.IntN(userCount)))}}
		return request{method: "GET", path: "/api/users?" + query.Encode(), token: srv.tokens[abuserNumber]}
	})
}

func floodOfWrites(ctx context.Context, srv *server, counts *answers) {
	hammer(ctx, srv, counts, func(r *rand.Rand) request {
		article := articleOf("notes", r.IntN(1000))
		body, _ := json.Marshal(map[string]any{
			"title": article.title, "body": article.body, "status": article.status, "views": article.views, "score": article.score,
			"featured": article.featured, "author_id": userOf(abuserNumber).id,
		})
		return request{"POST", "/api/notes", srv.tokens[abuserNumber], string(body)}
	})
}

// hammer sends requests over some connections, each as soon as the last one is answered.
func hammer(ctx context.Context, srv *server, counts *answers, next func(*rand.Rand) request) {
	var all sync.WaitGroup
	for n := range abuseConns {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 11))
			conn := &rawConn{srv: srv, from: net.IPv4(127, 0, 2, 1)}
			defer conn.close()
			for ctx.Err() == nil {
				status, err := conn.ask(ctx, next(random))
				counts.note(status, err)
				if err != nil || status >= 400 {
					time.Sleep(5 * time.Millisecond) // so that the abuser's own work does not take the processor from the server
				}
			}
		})
	}
	all.Wait()
}

func slowReads(ctx context.Context, srv *server, counts *answers) {
	var all sync.WaitGroup
	for n := range slowConns {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 13))
			for ctx.Err() == nil {
				counts.note(readSlowly(ctx, srv, statuses[random.IntN(len(statuses))]))
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

// readSlowly reads one long page at 1 kB/s. The status is 0 if ctx ended first.
func readSlowly(ctx context.Context, srv *server, status string) (int, error) {
	conn := &rawConn{srv: srv, from: net.IPv4(127, 0, 2, 1), buffer: 4 << 10}
	defer conn.close()
	if err := conn.send(ctx, request{method: "GET", path: strings.ReplaceAll(listPath(srv, status), "limit=30", "limit=500")}); err != nil {
		return 0, err
	}
	got, left, err := conn.head()
	for ; err == nil && left > 0 && ctx.Err() == nil; left -= slowRead / 10 {
		_, err = io.CopyN(io.Discard, conn.in, int64(min(left, slowRead/10)))
		time.Sleep(time.Second / 10)
	}
	return got, err
}

func listPath(srv *server, status string) string { return srv.dialect.list(status) }

func crowdOfAddresses(ctx context.Context, srv *server, counts *answers) {
	var all sync.WaitGroup
	begun := time.Now()
	for n := range crowdSize {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 17))
			conn := &rawConn{srv: srv, from: net.IPv4(127, 1, byte(n>>8), byte(n)), buffer: 4 << 10}
			defer conn.close()
			due := begun.Add(time.Duration(n) * time.Second / crowdSize)
			for ctx.Err() == nil {
				for late := time.Since(due); late > time.Second; late -= time.Second { // one a second, even after a slow one
					due = due.Add(time.Second)
				}
				if !sleepUntil(ctx, due) {
					return
				}
				due = due.Add(time.Second)
				counts.note(conn.ask(ctx, getPost(srv, random, 1000)))
			}
		})
	}
	all.Wait()
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A rawConn is a connection from one address. It spends as little of the processor as it can, since the server has only
// what is left.
type rawConn struct {
	srv    *server
	from   net.IP
	buffer int // bytes that the kernel keeps of an answer; 0: its default
	conn   net.Conn
	in     *bufio.Reader
}

func (c *rawConn) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask sends a request and reads the answer.
func (c *rawConn) ask(ctx context.Context, call request) (status int, err error) {
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if err := c.send(ctx, call); err != nil {
		return 0, err
	}
	status, size, err := c.head()
	if err != nil {
		return 0, err
	}
	_, err = io.CopyN(io.Discard, c.in, int64(size))
	return status, err
}

func (c *rawConn) send(ctx context.Context, call request) error {
	if c.conn == nil {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: c.from}, Timeout: abuseWait}
		conn, err := dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", c.srv.port))
		if err != nil {
			return err
		}
		if tcp, ok := conn.(*net.TCPConn); ok && c.buffer > 0 {
			_ = tcp.SetReadBuffer(c.buffer)
		}
		c.conn, c.in = conn, bufio.NewReaderSize(conn, 4<<10)
	}
	_ = c.conn.SetDeadline(time.Now().Add(abuseWait))
	text := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n", call.method, call.path)
	if call.token != "" {
		text += "Authorization: " + call.token + "\r\n"
	}
	if call.body != "" {
		text += fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n", len(call.body))
	}
	_, err := io.WriteString(c.conn, text+"\r\n"+call.body)
	return err
}

// head reads the head of an answer, and returns its status and the size of its body.
func (c *rawConn) head() (status, size int, err error) {
	size = -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		switch {
		case first:
			if _, err := fmt.Sscanf(text, "HTTP/1.1 %d", &status); err != nil {
				return 0, 0, err
			}
		case text == "":
			if size < 0 {
				return status, 0, errors.New("an answer without Content-Length")
			}
			return status, size, nil
		case strings.HasPrefix(text, "Content-Length: "):
			if _, err := fmt.Sscanf(text, "Content-Length: %d", &size); err != nil {
				return 0, 0, err
			}
		}
	}
}
