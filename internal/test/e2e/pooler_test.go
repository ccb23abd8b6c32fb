package e2e

import (
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// TestPoolerRestarts ends a pgbouncer under load in every way, pauses it, and replaces its connections. Both sides of
// pgbouncer use TLS and a SCRAM password.
func TestPoolerRestarts(t *testing.T) {
	authority := pgtest.NewAuthority(t)
	primary := pgtest.StartSecureCluster(t, authority, "synchronous_commit=on")
	pooler := pgtest.StartSecurePooler(t, primary, authority, "server_login_retry=1")
	verified := []string{"sslmode", "verify-full", "sslrootcert", authority.Root}
	load := startLoad(t, serveFailover(t, app.Config{
		Database: pooler.SecureURL("postgres", verified...),
		Direct:   primary.SecureURL("postgres", verified...),
	}))
	load.phase("before", 201, 20*time.Second)
	for _, signal := range []string{"KILL", "TERM", "INT"} {
		if err := pooler.Stop(signal); err != nil {
			t.Fatal(err)
		}
		load.phase("after "+signal, 503, 20*time.Second)
		if err := pooler.Start(); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		load.phase("after "+signal+" and a start", 201, 5*time.Second)
		t.Logf("created again %v after a start that followed %s", time.Since(started).Round(time.Millisecond), signal)
	}
	time.Sleep(time.Second) // pgbouncer opens all connections that it needs
	load.phase("before a pause", 201, 5*time.Second)
	before := load.refused()
	load.command(pooler, "PAUSE")
	time.Sleep(time.Second)
	load.command(pooler, "RESUME")
	load.phase("after a pause", 201, 5*time.Second)
	if refused := load.refused() - before; refused > 0 {
		t.Errorf("%d creations were refused in a pause of a second, want them to wait", refused)
	}
	for range 3 { // a RECONNECT while pgbouncer opens connections looks to it like a failed login
		load.command(pooler, "RECONNECT")
		load.phase("after connections were replaced", 201, 5*time.Second)
	}
	load.check()
}
