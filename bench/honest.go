package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	honestCallers = 24                    // half of them with a token, half anonymous with an address of their own
	honestEvery   = 60 * time.Millisecond // between two requests of one honest caller
)

// An honestRun is the requests of honest callers in one stretch of time.
type honestRun struct {
	flood
	name   string
	sentAt map[string]time.Time // of the counted requests, by their X-Request-Id
	served []time.Duration      // from the moment when a request is sent to the end of the server's record of it
}

// honestRuns numbers the runs, so that no two requests have the same id.
var honestRuns atomic.Int64

// beHonest sends the requests of honest callers for a time. The answers of the first part, warm, do not count.
func beHonest(ctx context.Context, srv *server, rows int, length, warm time.Duration) (*honestRun, error) {
	run := &honestRun{name: fmt.Sprintf("honest-%d-", honestRuns.Add(1)), sentAt: map[string]time.Time{}}
	logged, err := logSize(srv)
	if err != nil {
		return nil, err
	}
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
				id := fmt.Sprintf("%s%d-%d", run.name, n, i)
				time.Sleep(time.Until(due))
				own.Go(func() { run.send(ctx, sender, srv, call, id, due, due.Sub(begun) >= warm) })
			}
		})
	}
	all.Wait()
	time.Sleep(betweenAbuses / 5) // the server logs in batches
	return run, run.readLog(srv, logged)
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

// send sends one request and notes the answer, if counted.
func (run *honestRun) send(ctx context.Context, sender *http.Client, srv *server, call request, id string, due time.Time, counted bool) {
	r, err := http.NewRequestWithContext(ctx, call.method, srv.url()+call.path, strings.NewReader(call.body))
	if err != nil {
		return
	}
	r.Header.Set("X-Request-Id", id)
	if call.token != "" {
		r.Header.Set("Authorization", call.token)
	}
	if call.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	var sent atomic.Int64 // a new connection is part of the wait, so the time before it counts
	r = r.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { sent.Store(time.Now().UnixNano()) },
		GotConn: func(got httptrace.GotConnInfo) {
			if got.Reused {
				sent.Store(time.Now().UnixNano())
			}
		},
	}))
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
	run.mu.Lock()
	defer run.mu.Unlock()
	run.sent++
	switch {
	case err != nil:
		run.failed++
	case status < 300:
		run.ok = append(run.ok, took)
		run.sentAt[id] = time.Unix(0, sent.Load())
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		run.refused++
	default:
		run.other++
	}
}

func logSize(srv *server) (int64, error) {
	info, err := os.Stat(srv.log)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readLog reads the server's records of the requests. Its lines have the time of their end.
func (run *honestRun) readLog(srv *server, from int64) error {
	file, err := os.Open(srv.log)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(from, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if !bytes.Contains(lines.Bytes(), []byte(run.name)) {
			continue
		}
		var line struct {
			Time time.Time `json:"time"`
			ID   string    `json:"client_id"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("a line of the server's log: %w", err)
		}
		if sent, ok := run.sentAt[line.ID]; ok {
			run.served = append(run.served, max(0, line.Time.Sub(sent)))
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(run.served) < len(run.ok)*99/100 {
		return fmt.Errorf("the server's log has %d of %d honest requests", len(run.served), len(run.ok))
	}
	return nil
}

// servedAt returns a quantile of the time in the server.
func (run *honestRun) servedAt(q float64) time.Duration { return quantile(run.served, q) }

// lost counts the requests that were not served.
func (run *honestRun) lost() int { return run.refused + run.other + run.failed }
