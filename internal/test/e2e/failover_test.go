package e2e

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

const failoverApp = `
ashlar: 1
name: failover
tables:
  notes:
    fields: {text: {type: text, max: 80}}
    access: {read: true, create: true}
`

// TestFailover crashes the primary of a server under load, and promotes its standby.
func TestFailover(t *testing.T) {
	primary := pgtest.StartCluster(t, "synchronous_commit=on")
	standby := primary.StartStandby(t)
	load := startLoad(t, serveFailover(t, app.Config{Database: pgtest.URLs("postgres", primary, standby)}))
	load.phase("before", 201, 20*time.Second)
	time.Sleep(time.Second)
	if err := primary.Stop("QUIT"); err != nil {
		t.Fatal(err)
	}
	load.phase("while there is no primary", 503, 20*time.Second)
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	load.phase("after the promotion", 201, 5*time.Second)
	t.Logf("created again %v after the promotion", time.Since(promoted).Round(time.Millisecond))
	time.Sleep(500 * time.Millisecond)
	load.check()
}

func serveFailover(t *testing.T, cfg app.Config) (base string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ashlar.yaml"), []byte(failoverApp), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server, err := loadAndOpen(ctx, dir, cfg)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(errors.Join(err, server.Close()))
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}
