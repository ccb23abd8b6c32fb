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
	honestCallers   = 24                      // half of them with a token, half anonymous with an address of their own
	honestEvery     = 60 * time.Millisecond   // between two requests of one honest caller
	abuseCalm       = 6 * time.Second         // without an abuser, to compare with
	abuseTime       = 10 * time.Second        // with one
	abuseWarm       = 2 * time.Second         // of it, in which the server gets to know the abuser: not counted
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

// runAbuses measures each abuse of only, or all, beside honest callers, and appends a table to text.
func runAbuses(ctx context.Context, srv *server, rows int, only string, text *strings.Builder) error {
	fmt.Fprintf(text, "\n## Abusers beside honest callers\n\n%d honest callers, half of them users and half anonymous addresses, send %.0f requests a second: gets, lists, lists of own rows, creates. Each wait counts from the moment the request was due. The bar is %.0f × the honest p99 without an abuser, in the same run.\n\n", honestCallers, honestCallers/honestEvery.Seconds(), abuseBar)
	text.WriteString("| abuser | honest p50 | honest p99 | × without | honest refused or failed | resident, peak | abuser's answers: 2xx, 429, 503, others, failed |\n|---|---|---|---|---|---|---|\n")
	for _, a := range abuses {
		if !wanted(only, a.name) {
			continue
		}
		if err := srv.forgetPeak(); err != nil {
			return err
		}
		calm := beHonest(ctx, srv, rows, abuseCalm, 0)
		abuser, err := startGenerator(ctx, order{Abuse: a.name, Port: srv.port, Tokens: srv.tokens})
		if err != nil {
			return err
		}
		beside := beHonest(ctx, srv, rows, abuseTime, abuseWarm)
		abuser.end()
		var counts string
		if err := abuser.report(&counts); err != nil {
			return err
		}
		time.Sleep(betweenAbuses)
		ratio := float64(beside.at(0.99)) / float64(max(1, calm.at(0.99)))
		say("%s: honest p99 %s, without %s; abuser %s", a.name, millis(beside.at(0.99)), millis(calm.at(0.99)), counts)
		verdict := ""
		if ratio > abuseBar {
			verdict = " **over**"
		}
		fmt.Fprintf(text, "| **%s**: %s | %s (%s) | %s (%s) | %.1f%s | %d of %d (%d of %d) | %.0f MB | %s |\n", a.name, a.about,
			millis(beside.at(0.5)), millis(calm.at(0.5)), millis(beside.at(0.99)), millis(calm.at(0.99)), ratio, verdict,
			beside.refused+beside.other+beside.failed, beside.sent, calm.refused+calm.other+calm.failed, calm.sent, megabytes(srv.memory("VmHWM")), counts)
	}
	fmt.Fprintf(text, "\nIn brackets: without the abuser.\n")
	return nil
}

// beHonest sends the requests of honest callers for a time. The answers of the first part, warm, do not count.
func beHonest(ctx context.Context, srv *server, rows int, length, warm time.Duration) *flood {
	f := &flood{}
	begun := time.Now()
	var all sync.WaitGroup
	for n := range honestCallers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 7))
			transport := &http.Transport{DialContext: dialFrom(127, 0, 1, byte(n+1)), MaxIdleConnsPerHost: 4, DisableCompression: true}
			defer transport.CloseIdleConnections()
			sender := &http.Client{Transport: transport, Timeout: abuseWait}
			var own sync.WaitGroup
			defer own.Wait()
			offset := time.Duration(n) * honestEvery / honestCallers
			for i := 0; ctx.Err() == nil; i++ {
				due := begun.Add(offset + time.Duration(i)*honestEvery)
				if due.Sub(begun) > length {
					return
				}
				call := honestRequest(srv, random, rows, n)
				time.Sleep(time.Until(due))
				own.Go(func() { f.honest(ctx, sender, srv, call, due, due.Sub(begun) >= warm) })
			}
		})
	}
	all.Wait()
	return f
}

// honestRequest returns a request of the honest caller n.
func honestRequest(srv *server, random *rand.Rand, rows, n int) request {
	var call request
	number := firstHonestUser + n
	switch i := random.IntN(10); {
	case n%2 == 0 && i == 0:
		call = listNotes(srv, random, rows)
	case n%2 == 0 && i == 1:
		article := articleOf("notes", random.IntN(rows))
		body, _ := json.Marshal(map[string]any{
			"title": article.title, "body": article.body, "status": article.status, "views": article.views, "score": article.score,
			"featured": article.featured, "author_id": userOf(number).id,
		})
		call = request{method: "POST", path: "/api/notes", body: string(body)}
	case i < 4:
		call = listPosts(srv, random, rows)
	default:
		call = getPost(srv, random, rows)
	}
	if call.token = ""; n%2 == 0 {
		call.token = srv.tokens[number]
	}
	return call
}

// honest sends one request and notes the answer, if counted.
func (f *flood) honest(ctx context.Context, sender *http.Client, srv *server, call request, due time.Time, counted bool) {
	r, err := http.NewRequestWithContext(ctx, call.method, srv.url()+call.path, strings.NewReader(call.body))
	if err != nil {
		return
	}
	if call.token != "" {
		r.Header.Set("Authorization", call.token)
	}
	if call.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	status := 0
	answer, err := sender.Do(r)
	if err == nil {
		status = answer.StatusCode
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	took := time.Since(due)
	if !counted || ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent++
	switch {
	case err != nil:
		f.failed++
	case status < 300:
		f.ok = append(f.ok, took)
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		f.refused++
	default:
		f.other++
	}
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
			for i := 0; ctx.Err() == nil; i++ {
				due := begun.Add(time.Duration(n)*time.Second/crowdSize + time.Duration(i)*time.Second)
				if !sleepUntil(ctx, due) {
					return
				}
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
