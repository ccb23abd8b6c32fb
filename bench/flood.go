package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// flood is the result of requests at a steady rate.
type flood struct {
	mu             sync.Mutex
	ok, turned     []time.Duration // from the intended start
	sent           int
	refused, other int
	failed         int
	took           time.Duration
	sending        time.Duration
}

// maxOpen bounds the unanswered requests of the generator, since each has a connection.
const maxOpen = 8000

// sendAt sends requests at a steady rate for a time. It does not wait for answers.
func sendAt(ctx context.Context, srv *server, next func(*rand.Rand) request, rate float64, length time.Duration) *flood {
	f := &flood{}
	random := rand.New(rand.NewPCG(3, 4))
	transport := &http.Transport{MaxIdleConns: maxOpen, MaxIdleConnsPerHost: maxOpen, DisableCompression: true}
	defer transport.CloseIdleConnections()
	sender := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	open := make(chan struct{}, maxOpen)
	var all sync.WaitGroup
	begun := time.Now()
	for n := 0; ; n++ {
		at := begun.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		if at.Sub(begun) > length || time.Since(begun) > 2*length || ctx.Err() != nil {
			break
		}
		time.Sleep(time.Until(at))
		call := next(random)
		f.sent++
		open <- struct{}{}
		all.Go(func() {
			f.one(ctx, sender, srv, call, at)
			<-open
		})
	}
	f.sending = time.Since(begun)
	all.Wait()
	f.took = time.Since(begun)
	return f
}

func (f *flood) one(ctx context.Context, sender *http.Client, srv *server, call request, at time.Time) {
	r, err := http.NewRequestWithContext(ctx, call.method, srv.url()+call.path, nil)
	if err != nil {
		return
	}
	answer, err := sender.Do(r)
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	took := time.Since(at)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err != nil:
		f.failed++
	case answer.StatusCode == http.StatusOK:
		f.ok = append(f.ok, took)
	case answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != "":
		f.refused++
		f.turned = append(f.turned, took)
	default:
		f.other++
	}
}

func (f *flood) sentRate() float64 { return float64(f.sent) / f.sending.Seconds() }
func (f *flood) okRate() float64   { return float64(len(f.ok)) / f.took.Seconds() }

func (f *flood) at(q float64) time.Duration        { return quantile(f.ok, q) }
func (f *flood) refusedAt(q float64) time.Duration { return quantile(f.turned, q) }

func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}
