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
	attempts   = 8                // most attempts of one request
	requestCap = 30 * time.Second // longest attempt
	waitCap    = 30 * time.Second // longest wait between two attempts, even if the server asks for more
)

// A client sends requests to the guide's API.
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

// ready returns an error if no guide is served at the address, or if it refuses a simple request.
func (c *client) ready(ctx context.Context) error {
	got, err := c.once(ctx, http.MethodGet, c.base.JoinPath("api", "occupations").String()+"?limit=1&fields=id", nil)
	if err != nil {
		return fmt.Errorf("no guide is served at %s: start it with make run (%w)", c.base, err)
	}
	if got.status != http.StatusOK {
		return got.problem("GET /api/occupations")
	}
	return nil
}

// create creates a row and returns true. If there is already a row with its id, create does not change it and returns
// false.
func (c *client) create(ctx context.Context, table string, row row) (created bool, err error) {
	got, err := c.send(ctx, http.MethodPost, c.base.JoinPath("api", table).String(), row.body)
	if err != nil {
		return false, fmt.Errorf("%s %s: %w", table, row.id, err)
	}
	switch got.status {
	case http.StatusCreated:
		return true, nil
	case http.StatusConflict:
		// Another row may have another unique value of this row. Only the same id makes it the same row.
		existing, err := c.send(ctx, http.MethodGet, c.base.JoinPath("api", table, url.PathEscape(row.id)).String()+"?fields=id", nil)
		if err != nil {
			return false, fmt.Errorf("%s %s: %w", table, row.id, err)
		}
		if existing.status == http.StatusOK {
			return false, nil
		}
	}
	return false, got.problem(table + " " + row.id)
}

// total returns the number of rows of a table that pass a filter.
func (c *client) total(ctx context.Context, table, filter string) (int, error) {
	query := url.Values{"limit": {"1"}, "total": {"true"}, "fields": {"id"}}
	if filter != "" {
		query.Set("filter", filter)
	}
	got, err := c.send(ctx, http.MethodGet, c.base.JoinPath("api", table).String()+"?"+query.Encode(), nil)
	if err != nil {
		return 0, fmt.Errorf("counting %s: %w", table, err)
	}
	if got.status != http.StatusOK {
		return 0, got.problem("counting " + table)
	}
	var page struct{ Total *int }
	if err := json.Unmarshal(got.body, &page); err != nil || page.Total == nil {
		return 0, fmt.Errorf("counting %s: the answer has no total: %.200s", table, got.body)
	}
	return *page.Total, nil
}

// send repeats a request until it gets a final answer, up to the limit of attempts. Each row carries its id, so repeating
// its creation is safe.
func (c *client) send(ctx context.Context, method, target string, body []byte) (answer, error) {
	for n := 1; ; n++ {
		got, err := c.once(ctx, method, target, body)
		again := err != nil || isTemporary(got.status)
		if !again || n == attempts || ctx.Err() != nil {
			return got, err
		}
		c.retries.Add(1)
		if err := c.wait(ctx, pause(n, got.header)); err != nil {
			return answer{}, err
		}
	}
}

// isTemporary returns true if a later attempt may succeed.
func isTemporary(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// pause returns the wait after the n-th attempt. It follows Retry-After, in seconds or as a date. Without it, the wait
// doubles each time. It adds up to a half at random, so the workers do not all come back at the same time.
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
