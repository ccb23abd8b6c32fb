package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Streams of watched lists. A process of its own is all clients and the writer, so that one clock measures both. The clients come
// from many addresses of this machine, because a client may have 20 streams.
const (
	watchRows    = 450 // a watched list has at most 500
	watchWarm    = 3 * time.Second
	watchTime    = 15 * time.Second
	streamsEach  = 16  // of one address
	watchSampled = 200 // streams whose events are timed
)

// A watchOrder says what the clients do.
type watchOrder struct {
	Server  string
	Streams int
	Writes  int // a second
	Lists   int // different ones: 1, or one for each of so many authors
}

// A watchReport is what they saw.
type watchReport struct {
	P50, P99, Max time.Duration // from the sending of a write until a stream has its event
	Expected      int           // events of sampled streams
	Arrived       int
	Written       int
	Failed        int
	Connecting    time.Duration
}

const watchIntro = `# Streams of watched lists

Written by ` + "`make bench`" + `. %s

The clients and the writer are one process on the same machine. Latencies are from the sending of a write until a stream has its
event, over %v. "Came" is the share of the events: a row that changes twice before its list is read is one event. "Quiet" is the
memory of the server when all streams are open, and "at most" its peak from then on. CPU is in cores. Load average at the begin: %s.

`

func runWatch(ctx context.Context, opts settings, folder string) (err error) {
	opts.rows = watchRows
	if opts.servers == "" {
		opts.servers = nameAshlar + "," + namePocketBase
	}
	all, err := setUp(ctx, opts, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopAll(all)) }()
	var text strings.Builder
	fmt.Fprintf(&text, watchIntro, host(), watchTime, systemLoad())
	text.WriteString("| server | streams | lists | writes/s | events/s | p50 | p99 | longest | came | quiet | at most | CPU | of clients |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, run := range []watchOrder{{Streams: 200, Writes: 50, Lists: 1}, {Streams: 1000, Writes: 100, Lists: 1}, {Streams: 10_000, Writes: 1, Lists: 1}, {Streams: 10_000, Writes: 100, Lists: 100}, {Streams: 10_000, Writes: 100, Lists: 1}} {
		name := fmt.Sprintf("%d-%d-%d", run.Streams, run.Lists, run.Writes)
		if !wanted(opts.only, name) {
			continue
		}
		for _, srv := range all {
			if srv.name == namePBNoLog {
				continue
			}
			line, err := watchOnce(ctx, srv, run)
			if err != nil {
				say("%s: %v", srv.name, err)
				line = fmt.Sprintf("| %s | %d | %d | %d | | failed | | | | | | | |\n", srv.name, run.Streams, run.Lists, run.Writes)
			}
			say("%s", strings.TrimSpace(line))
			text.WriteString(line)
		}
	}
	return publish(opts, text.String())
}

// watchOnce measures one server.
func watchOnce(ctx context.Context, srv *server, run watchOrder) (line string, err error) {
	if err := srv.start(ctx, srv.dialect.get("posts", uuidOf('p', 1))); err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	run.Server = srv.name
	g, err := startWatching(ctx, srv, run)
	if err != nil {
		return "", err
	}
	ended := make(chan error, 1)
	var r watchReport
	go func() { ended <- g.report(&r) }()
	for !g.quiet.Load() {
		select {
		case err := <-ended:
			return "", errors.Join(errors.New("the clients gave up"), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	quiet := srv.memory("VmRSS")
	_ = srv.forgetPeak()
	cpu, ofClients, begun := srv.cpu(), cpuOf(g.cmd.Process.Pid), time.Now()
	if err := <-ended; err != nil {
		return "", err
	}
	took := float64(time.Since(begun))
	ofClients = g.cmd.ProcessState.UserTime() + g.cmd.ProcessState.SystemTime() - ofClients
	return fmt.Sprintf("| %s | %d | %d | %d | %d | %s | %s | %s | %.1f %% | %.0f MB | %.0f MB | %.2f | %.2f |\n", srv.name, run.Streams, run.Lists, run.Writes, run.Streams/run.Lists*run.Writes,
		tenths(r.P50), tenths(r.P99), tenths(r.Max), 100*float64(r.Arrived)/float64(max(1, r.Expected)), megabytes(quiet), megabytes(srv.memory("VmHWM")), float64(srv.cpu()-cpu)/took, float64(ofClients)/took), nil
}

func tenths(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// watching is the process of the clients.
type watching struct {
	*generator
	quiet atomic.Bool // all streams are open, and nothing is written yet
}

func startWatching(ctx context.Context, srv *server, run watchOrder) (*watching, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order{Port: srv.port, Tokens: srv.tokens, Watch: &run})
	if err != nil {
		return nil, err
	}
	w := &watching{generator: &generator{cmd: exec.CommandContext(ctx, self, "-generator")}}
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	w.cmd.WaitDelay = time.Second
	w.cmd.Stdout = &w.out
	w.cmd.Stderr = signalWriter{&w.quiet, &w.failure}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	_, err = w.in.Write(text)
	return w, err
}

// signalWriter notes that the process has said that its streams are open.
type signalWriter struct {
	quiet *atomic.Bool
	rest  io.Writer
}

func (s signalWriter) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(watchQuiet)) {
		s.quiet.Store(true)
	}
	return s.rest.Write(p)
}

const watchQuiet = "all streams are open"

// watch is the work of the process.
func (o *watchOrder) watch(ctx context.Context, srv *server) (r watchReport, err error) {
	if o.Server == namePocketBase {
		srv.dialect = pocketbaseDialect{}
	}
	var posts []article // of the authors whose lists are watched
	authors := map[int]int{}
	for n := range watchRows {
		if a := articleOf("posts", n); a.author < callers {
			posts = append(posts, a)
			if _, known := authors[a.author]; !known {
				authors[a.author] = len(authors)
			}
		}
	}
	lists := make([]int, len(authors))
	for author, i := range authors {
		lists[i] = author
	}
	if o.Lists == 1 {
		lists = []int{-1}
	}
	const first = 1_000_000 // number of the first write, in views
	sent := make([]atomic.Int64, int((watchWarm+watchTime)/time.Second)*o.Writes+1)
	var mu sync.Mutex
	var all []time.Duration
	counts := make([]int, len(lists)) // sampled streams of each list
	begun := time.Now()
	clock := func() int64 { return int64(time.Since(begun)) }
	connect := make(chan int)
	drained := &drain{}
	defer drained.close()
	go drained.run()
	var open sync.WaitGroup
	var failure atomic.Pointer[error]
	warm := int(watchWarm/time.Second) * o.Writes
	for range 32 {
		open.Go(func() {
			for i := range connect {
				if failure.Load() != nil {
					continue
				}
				conn, in, err := o.open(ctx, srv, i, lists[i%len(lists)])
				if err != nil {
					failure.Store(&err)
					continue
				}
				sampled := i%max(1, o.Streams/watchSampled) == 0
				if sampled {
					mu.Lock()
					counts[i%len(lists)]++
					mu.Unlock()
				}
				if !sampled {
					if err := drained.add(conn); err != nil {
						failure.Store(&err)
					}
					continue
				}
				go func() {
					defer conn.Close()
					for {
						line, err := in.ReadSlice('\n')
						if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
							return
						}
						_, after, found := bytes.Cut(line, []byte(`"views":`))
						if !found {
							continue
						}
						end := bytes.IndexAny(after, ",}")
						n, err := strconv.Atoi(string(after[:max(0, end)]))
						if n -= first; err == nil && n >= warm && n < len(sent) && sent[n].Load() > 0 {
							took := time.Duration(clock() - sent[n].Load())
							mu.Lock()
							all = append(all, took)
							mu.Unlock()
						}
					}
				}()
			}
		})
	}
	for i := range o.Streams {
		if failure.Load() != nil || ctx.Err() != nil {
			break
		}
		connect <- i
	}
	close(connect)
	open.Wait()
	if failed := failure.Load(); failed != nil {
		return r, *failed
	}
	r.Connecting = time.Since(begun)
	time.Sleep(2 * time.Second)
	fmt.Fprintln(os.Stderr, watchQuiet)
	time.Sleep(time.Second)
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	start := time.Now()
	var writing sync.WaitGroup
	var failed, expected atomic.Int64
	for n := range len(sent) - 1 {
		time.Sleep(time.Until(start.Add(time.Duration(n) * time.Second / time.Duration(o.Writes))))
		post := posts[rand.IntN(len(posts))]
		writing.Go(func() {
			r, _ := http.NewRequestWithContext(ctx, http.MethodPatch, srv.url()+srv.dialect.patch("posts", post.id), strings.NewReader(fmt.Sprintf(`{"views": %d}`, first+n)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", srv.tokens[post.author])
			sent[n].Store(clock())
			res, err := client.Do(r)
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
			if err != nil || res.StatusCode != http.StatusOK {
				failed.Add(1)
			} else if n >= warm {
				list := 0
				if o.Lists > 1 {
					list = authors[post.author]
				}
				mu.Lock()
				expected.Add(int64(counts[list]))
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	time.Sleep(3 * time.Second)
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(all)
	r.Written, r.Failed, r.Arrived, r.Expected = len(sent)-1, int(failed.Load()), len(all), int(expected.Load())
	if len(all) > 0 {
		r.P50, r.P99, r.Max = all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
	}
	return r, nil
}

// A drain reads connections a few times a second, and does not look at what it reads. The clients that are not timed would
// else take most of the processor from the server. The kernel keeps what comes in between.
type drain struct {
	mu    sync.Mutex
	files []*os.File
	ended bool
}

// add takes a connection over. A duplicate of its descriptor wakes nobody.
func (d *drain) add(conn net.Conn) error {
	file, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.files = append(d.files, file)
	d.mu.Unlock()
	return conn.Close()
}

func (d *drain) run() {
	buffer := make([]byte, 1<<20)
	for {
		time.Sleep(300 * time.Millisecond)
		d.mu.Lock()
		files, ended := d.files, d.ended
		d.mu.Unlock()
		if ended {
			return
		}
		for i, file := range files {
			_, _, _ = syscall.Recvfrom(int(file.Fd()), buffer, syscall.MSG_DONTWAIT)
			if i%100 == 99 {
				time.Sleep(time.Millisecond)
			}
		}
	}
}

func (d *drain) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	for _, file := range d.files {
		_ = file.Close()
	}
}

// open opens a stream of all posts, or of an author's, and reads it until it is told of changes.
func (o *watchOrder) open(ctx context.Context, srv *server, i, author int) (conn net.Conn, in *bufio.Reader, err error) {
	client := i / streamsEach
	from := &net.TCPAddr{IP: net.IPv4(127, 1, byte(client/200), byte(1+client%200))}
	dialer := net.Dialer{LocalAddr: from, Timeout: 10 * time.Second}
	if conn, err = dialer.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", srv.port)); err != nil {
		return nil, nil, err
	}
	in = bufio.NewReaderSize(conn, 4096)
	until := func(text string) (string, error) {
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		for {
			line, err := in.ReadString('\n')
			if strings.HasPrefix(line, "HTTP/1.1 ") && !strings.HasPrefix(line, "HTTP/1.1 200") {
				err = errors.New(strings.TrimSpace(line))
			}
			if err != nil || strings.Contains(line, text) {
				_ = conn.SetReadDeadline(time.Time{})
				return line, err
			}
		}
	}
	if o.Server != namePocketBase {
		query := "fields=views"
		if author >= 0 {
			query += "&filter=author_id%20%3D%3D%20arg.a&arg.a=" + userOf(author).id
		}
		fmt.Fprintf(conn, "GET /api/posts:watch?%s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", query)
		_, err = until("event: ready")
		return conn, in, err
	}
	fmt.Fprintf(conn, "GET /api/realtime HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	line, err := until("clientId")
	if err != nil {
		return nil, nil, err
	}
	_, line, _ = strings.Cut(line, "data:")
	var hello struct{ ClientID string }
	if err := json.Unmarshal([]byte(line), &hello); err != nil {
		return nil, nil, err
	}
	query := map[string]any{"fields": "id,views"}
	if author >= 0 {
		query["filter"] = "author_id='" + shortOf(userOf(author).id) + "'"
	}
	options, _ := json.Marshal(map[string]any{"query": query})
	body, _ := json.Marshal(map[string]any{"clientId": hello.ClientID, "subscriptions": []string{"posts/*?options=" + url.QueryEscape(string(options))}})
	same := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}} // PocketBase wants the same address
	res, err := same.Post(srv.url()+"/api/realtime", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusNoContent {
		return nil, nil, fmt.Errorf("subscribe: %d %s", res.StatusCode, text)
	}
	return conn, in, nil
}
