package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The requests during a change. Each client sends at a steady rate without waiting for answers (open model). The rate
// suits two cores that also carry the database, the change and the clients.
const (
	onlineReaders = 24
	onlineWriters = 8
	readEvery     = 150 * time.Millisecond // of one client
	writeEvery    = 200 * time.Millisecond

	onlineAfter = time.Second // effects of a change last this long after its end
)

// sample is one request: its due time, and the delay of the answer after it.
type sample struct {
	write  bool
	due    time.Time
	took   time.Duration
	failed string
}

// traffic is the clients at work.
type traffic struct {
	srv  *server
	rows int
	end  context.CancelFunc
	all  sync.WaitGroup

	mu      sync.Mutex
	samples []sample
}

func startTraffic(ctx context.Context, srv *server, rows int) *traffic {
	ctx, end := context.WithCancel(ctx)
	t := &traffic{srv: srv, rows: rows, end: end}
	transport := &http.Transport{MaxIdleConnsPerHost: onlineReaders + onlineWriters, DisableCompression: true}
	sender := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	for n := range onlineReaders {
		t.all.Go(func() { t.client(ctx, sender, n, false, readEvery, time.Duration(n)*readEvery/onlineReaders) })
	}
	for n := range onlineWriters {
		t.all.Go(func() { t.client(ctx, sender, n, true, writeEvery, time.Duration(n)*writeEvery/onlineWriters) })
	}
	return t
}

func (t *traffic) stop() {
	t.end()
	t.all.Wait()
}

func (t *traffic) client(ctx context.Context, sender *http.Client, n int, write bool, every, offset time.Duration) {
	random := rand.New(rand.NewPCG(uint64(n), uint64(every)))
	begun := time.Now().Add(offset)
	for i := 0; ctx.Err() == nil; i++ {
		due := begun.Add(time.Duration(i) * every)
		call := t.request(random, write, i)
		time.Sleep(time.Until(due))
		failed := attempt(ctx, sender, t.srv, call)
		if ctx.Err() != nil {
			return
		}
		s := sample{write, due, time.Since(due), failed}
		t.mu.Lock()
		t.samples = append(t.samples, s)
		t.mu.Unlock()
	}
}

func (t *traffic) request(random *rand.Rand, write bool, i int) request {
	switch {
	case !write && i%8 == 7:
		return expandPosts(t.srv, random, t.rows)
	case !write && i%8 == 3:
		return listPosts(t.srv, random, t.rows)
	case !write:
		return getPost(t.srv, random, t.rows)
	case i%2 == 0:
		return patchPost(t.srv, random, t.rows)
	}
	article := owned(random, "posts", t.rows)
	body, _ := json.Marshal(map[string]any{
		"title": article.title, "body": article.body, "status": article.status, "views": article.views, "score": article.score, "featured": article.featured,
		"author_id": userOf(article.author).id, "editor_id": userOf(article.author).id,
	})
	return request{"POST", "/api/posts", t.srv.tokens[article.author], string(body)}
}

// attempt returns the fault of an answer, "" for none.
func attempt(ctx context.Context, sender *http.Client, srv *server, call request) string {
	r, err := http.NewRequestWithContext(ctx, call.method, srv.url()+call.path, strings.NewReader(call.body))
	if err != nil {
		return err.Error()
	}
	if call.token != "" {
		r.Header.Set("Authorization", call.token)
	}
	if call.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := sender.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err.Error()
	case answer.StatusCode >= 300:
		return fmt.Sprintf("%d %s", answer.StatusCode, body)
	}
	return ""
}

// window has the results of requests of one kind during a change, and for as long before it.
type window struct {
	requests      int
	failed        []string
	longest, p99  time.Duration
	before, b99   time.Duration
	beforeSeconds float64
}

// window looks at the requests without an answer at some time between start and its end, and at the requests of an
// equal time before, at most the calm time.
func (t *traffic) window(write bool, start time.Time, length time.Duration) window {
	t.mu.Lock()
	defer t.mu.Unlock()
	calm := min(length, onlineCalm)
	w := window{beforeSeconds: calm.Seconds()}
	var before, during []time.Duration
	for _, s := range t.samples {
		answered := s.due.Add(s.took)
		switch {
		case s.write != write:
		case answered.After(start) && s.due.Before(start.Add(length)):
			during = append(during, s.took)
			if s.failed != "" {
				w.failed = append(w.failed, s.failed)
			}
		case s.due.Before(start) && s.due.After(start.Add(-calm)):
			before = append(before, s.took)
		}
	}
	w.requests = len(during)
	w.longest, w.p99, w.before, w.b99 = longest(during), quantile(during, 0.99), longest(before), quantile(before, 0.99)
	return w
}

func longest(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}

func (w window) String() string {
	text := fmt.Sprintf("%d, %d failed, longest %s (before %s), p99 %s (%s)", w.requests, len(w.failed), millis(w.longest), millis(w.before), millis(w.p99), millis(w.b99))
	if len(w.failed) > 0 {
		text += "; the first: " + w.failed[0]
	}
	return text
}
