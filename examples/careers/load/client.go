package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	attempts   = 8                // of one request, the first included
	requestCap = 30 * time.Second // for one attempt
	waitCap    = 30 * time.Second // between two attempts, whatever the server asks for
)

// client speaks with the guide's API.
type client struct {
	base    *url.URL
	token   string
	http    *http.Client
	wait    func(context.Context, time.Duration) error
	retries atomic.Int64
}

func newClient(base *url.URL, token string, workers int) *client {
	return &client{
		base:  base,
		token: token,
		http: &http.Client{
			Timeout:   requestCap,
			Transport: &http.Transport{MaxIdleConnsPerHost: workers, MaxConnsPerHost: workers, Proxy: http.ProxyFromEnvironment},
		},
		wait: sleep,
	}
}

func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// answer is a response whose body was read to its end, so that its connection is used again.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ready says whether a guide is served at all, before thousands of requests find out.
func (c *client) ready(ctx context.Context) error {
	a, err := c.once(ctx, http.MethodGet, c.base.JoinPath("api", "occupations").String()+"?limit=1&fields=id", nil)
	if err != nil {
		return fmt.Errorf("no guide is served at %s: start it with make run (%w)", c.base, err)
	}
	if a.status != http.StatusOK {
		return a.problem("GET /api/occupations")
	}
	return nil
}

// create makes a row, and says whether it did: a row of that id that is there already is left as it is.
func (c *client) create(ctx context.Context, table string, r row) (bool, error) {
	a, err := c.send(ctx, http.MethodPost, c.base.JoinPath("api", table).String(), r.body)
	if err != nil {
		return false, fmt.Errorf("%s %s: %w", table, r.id, err)
	}
	switch a.status {
	case http.StatusCreated:
		return true, nil
	case http.StatusConflict:
		// The id, or another value that must be unique: only the id makes it this row.
		there, err := c.send(ctx, http.MethodGet, c.base.JoinPath("api", table, url.PathEscape(r.id)).String()+"?fields=id", nil)
		if err != nil {
			return false, fmt.Errorf("%s %s: %w", table, r.id, err)
		}
		if there.status == http.StatusOK {
			return false, nil
		}
	}
	return false, a.problem(table + " " + r.id)
}

// total returns how many rows of a table pass a filter.
func (c *client) total(ctx context.Context, table, filter string) (int, error) {
	query := url.Values{"limit": {"1"}, "total": {"true"}, "fields": {"id"}}
	if filter != "" {
		query.Set("filter", filter)
	}
	a, err := c.send(ctx, http.MethodGet, c.base.JoinPath("api", table).String()+"?"+query.Encode(), nil)
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", table, err)
	}
	if a.status != http.StatusOK {
		return 0, a.problem("counting " + table)
	}
	var page struct{ Total *int }
	if err := json.Unmarshal(a.body, &page); err != nil || page.Total == nil {
		return 0, fmt.Errorf("counting %s: the answer has no total: %.200s", table, a.body)
	}
	return *page.Total, nil
}

// send tries a request until it is answered for good. To create a row again is safe, since it carries its id.
func (c *client) send(ctx context.Context, method, target string, body []byte) (answer, error) {
	for n := 1; ; n++ {
		a, err := c.once(ctx, method, target, body)
		again := err != nil || mayPass(a.status)
		if !again || n == attempts || ctx.Err() != nil {
			return a, err
		}
		c.retries.Add(1)
		if err := c.wait(ctx, pause(n, a.header)); err != nil {
			return answer{}, err
		}
	}
}

// mayPass says whether the same request may be answered otherwise later.
func mayPass(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause returns how long to wait after the n-th attempt: what Retry-After says, in seconds or as a date, or else twice as long each
// time. Up to half is added at random, so that the workers do not return all at once.
func pause(n int, header http.Header) time.Duration {
	wait := 100 * time.Millisecond << (n - 1)
	after := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(after, 10, 16); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(after); err == nil {
		wait = max(time.Until(at), 0)
	}
	wait = min(wait, waitCap)
	return wait + rand.N(wait/2+time.Millisecond)
}

func (c *client) once(ctx context.Context, method, target string, body []byte) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	read, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return answer{res.StatusCode, res.Header, read}, err
}
