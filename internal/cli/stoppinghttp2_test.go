package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/pebbletest"
)

// A multiplexer is a client that sends many requests at once over one connection of HTTP/2. It sends a request again only if it
// knows that the server has not taken it, as Go's client does.
type multiplexer struct {
	client *http.Client
	dials  atomic.Int64
	last   atomic.Int64 // restarts before the request of its last answer; -1: it has had none
}

func newMultiplexer(pool *x509.CertPool) *multiplexer {
	m := &multiplexer{}
	m.last.Store(-1)
	var dialer net.Dialer
	m.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			m.dials.Add(1)
			return dialer.DialContext(ctx, network, address)
		},
	}}
	return m
}

// create sends one request, and returns the status of its answer.
func (m *multiplexer) create(base string, n int) (status int, err error) {
	res, err := m.client.Post(base+"/api/entries", "application/json", strings.NewReader(fmt.Sprintf(`{"round": 0, "n": %d}`, n)))
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	if res.ProtoMajor != 2 {
		return 0, fmt.Errorf("the answer came over %s", res.Proto)
	}
	return res.StatusCode, nil
}

// multiplexedLoad is the writes of multiplexers over restarts.
type multiplexedLoad struct {
	writers
	clients  []*multiplexer
	restarts atomic.Int64
}

// startMultiplexed starts 3 clients that send 16 requests at once without a pause, and 24 clients far away that pause after each
// request. A stop finds connections of the second kind idle, with a request on its way.
func startMultiplexed(base, distant string, pool *x509.CertPool) *multiplexedLoad {
	const busy, streams, sparse = 3, 16, 24
	load := &multiplexedLoad{writers: writers{written: map[int]bool{}}}
	var taken atomic.Int64
	run := func(m *multiplexer, base string, pause func() time.Duration) {
		load.wg.Go(func() {
			for !load.stopped.Load() {
				load.write(m, base, int(taken.Add(1)))
				time.Sleep(pause())
			}
		})
	}
	for range busy {
		m := newMultiplexer(pool)
		load.clients = append(load.clients, m)
		for range streams {
			run(m, base, func() time.Duration { return 0 })
		}
	}
	for range sparse {
		m := newMultiplexer(pool)
		load.clients = append(load.clients, m)
		run(m, distant, func() time.Duration { return rand.N(400 * time.Millisecond) })
	}
	return load
}

func (load *multiplexedLoad) write(m *multiplexer, base string, n int) {
	start := time.Now()
	restarts := load.restarts.Load()
	status, err := m.create(base, n)
	took := time.Since(start)
	load.mu.Lock()
	defer load.mu.Unlock()
	load.longest = max(load.longest, took)
	if err != nil || status != http.StatusCreated {
		load.failed = append(load.failed, fmt.Sprintf("entry %d: status %d, %v", n, status, err))
		return
	}
	load.written[n] = true
	m.last.Store(restarts)
}

// awaitAll waits until each client has had an answer to a request that it began after the last restart.
func (load *multiplexedLoad) awaitAll(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		waiting := 0
		for _, m := range load.clients {
			if m.last.Load() < load.restarts.Load() {
				waiting++
			}
		}
		if waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d clients got no answer after a restart", waiting)
		}
	}
}

// Clients with many requests at once over one HTTP/2 connection lose none over restarts. The server answers the ones that it
// took, and GOAWAY makes the clients send the others again.
func TestRestartOverHTTP2LosesNoRequest(t *testing.T) {
	socket, address := newSocket(t)
	dir, keys := writeApp(t, ledger), t.TempDir()
	cert, key := filepath.Join(keys, "cert.pem"), filepath.Join(keys, "key.pem")
	pool := pebbletest.WritePair(t, cert, key, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	start := func() *process { return startOnSocket(t, socket, dir, "--tls-cert", cert, "--tls-key", key) }
	p := start()
	load := startMultiplexed(p.url, "https://"+farAway(t, address, 50*time.Millisecond), pool)
	const restarts = 3
	writes := effort.Cases(1000, 10_000) // before each
	for range restarts {
		load.mu.Lock()
		count := len(load.written) + writes
		load.mu.Unlock()
		load.await(t, count)
		load.awaitAll(t)
		if _, err := p.stop(); err != nil {
			t.Error(err)
		}
		p = start()
		load.restarts.Add(1)
	}
	load.awaitAll(t)
	load.stopped.Store(true)
	load.wg.Wait()
	load.check(t, storedBy(t, load.clients[0].client, p.url, 0))
	dials := int64(0)
	for _, m := range load.clients {
		dials += m.dials.Load()
		if n := m.dials.Load(); n <= restarts {
			t.Errorf("a client made %d connections, so a restart kept one", n)
		}
	}
	t.Logf("%d writes over %d connections; the longest took %v", len(load.written), dials, load.longest)
	if _, err := p.stop(); err != nil {
		t.Error(err)
	}
}
