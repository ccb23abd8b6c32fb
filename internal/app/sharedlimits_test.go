package app

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const sharedApp = `-- ashlar.yaml --
ashlar: 1
name: notes
limits:
  all: {per: all, rate: 100/1h}
tables:
  notes:
    key: int
    fields: {text: {type: text, max: 80}}
    access: {read: true, create: true}
`

// Three servers on one database get 10,000 requests at once, over HTTP. The limit of 100 holds for all of them together, but
// for three requests. A fourth server that starts later knows of it.
func TestServersShareLimits(t *testing.T) {
	if !pgtest.Available() {
		t.Skip("no PostgreSQL")
	}
	database, dir := pgtest.URL(t), app(t, sharedApp)
	data := t.TempDir() // with the keys that the servers share
	open := func(port string) *running {
		cfg := onNode(t, database, port)
		cfg.Data, cfg.Readers, cfg.limitPatience = data, 2, time.Minute
		server := opened(t, dir, cfg)
		t.Cleanup(func() {
			if s := server.limiter.Stats(); s.Failures > 0 || s.Alone > 0 {
				t.Errorf("a server decided by itself: %+v", s)
			}
		})
		return start(t, server)
	}
	var passed, refused atomic.Int64
	var wait sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
	begin := make(chan struct{})
	for _, port := range []string{"8081", "8082", "8083"} {
		run := open(port)
		for range 32 {
			wait.Go(func() {
				<-begin
				for range 105 {
					res, err := client.Get(run.base + "/api/notes")
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, res.Body)
					_ = res.Body.Close()
					switch res.StatusCode {
					case http.StatusOK:
						passed.Add(1)
					case http.StatusTooManyRequests:
						refused.Add(1)
					default:
						t.Errorf("status %d", res.StatusCode)
					}
				}
			})
		}
	}
	close(begin)
	wait.Wait()
	// A server may still hold what it reserved for requests that were all answered before.
	if n := passed.Load(); n < 95 || n > 103 {
		t.Errorf("%d requests passed, want 95 to 103", n)
	}
	t.Logf("%d of %d requests passed", passed.Load(), passed.Load()+refused.Load())
	late := open("8084")
	passed.Store(0)
	for range 10 {
		if get(t, late.base+"/api/notes").status == http.StatusOK {
			passed.Add(1)
		}
	}
	if passed.Load() > 1 {
		t.Errorf("%d requests to a server that started later passed, want at most one", passed.Load())
	}
}
