package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/app"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
)

// TestPoolerRestarts does with a pgbouncer under load what is done with one: it is ended in every way, and paused while its
// connections are replaced. TLS and a SCRAM password are on both sides of it.
func TestPoolerRestarts(t *testing.T) {
	authority := pgtest.NewAuthority(t)
	c := pgtest.StartSecureCluster(t, authority, "synchronous_commit=on")
	p := pgtest.StartSecurePooler(t, c, authority, "server_login_retry=1")
	verified := []string{"sslmode", "verify-full", "sslrootcert", authority.Root}
	l := startLoad(t, serveFailover(t, app.Config{
		Database: p.SecureURL("postgres", verified...),
		Direct:   c.SecureURL("postgres", verified...),
	}))
	l.phase("before", 201, 20*time.Second)
	for _, signal := range []string{"KILL", "TERM", "INT"} {
		if err := p.Stop(signal); err != nil {
			t.Fatal(err)
		}
		l.phase("after "+signal, 503, 20*time.Second)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		l.phase("after "+signal+" and a start", 201, 5*time.Second)
		t.Logf("created again %v after a start that followed %s", time.Since(started).Round(time.Millisecond), signal)
	}
	time.Sleep(time.Second) // until it has all the connections that it needs
	l.phase("before a pause", 201, 5*time.Second)
	before := l.refused()
	l.command(p, "PAUSE")
	time.Sleep(time.Second)
	l.command(p, "RESUME")
	l.phase("after a pause", 201, 5*time.Second)
	if refused := l.refused() - before; refused > 0 {
		t.Errorf("%d creations were refused in a pause of a second, want them to wait", refused)
	}
	for range 3 { // while it makes connections, pgbouncer takes this for a server that lets nobody in
		l.command(p, "RECONNECT")
		l.phase("after connections were replaced", 201, 5*time.Second)
	}
	l.check()
}

func (l *load) command(p *pgtest.Pooler, order string) {
	l.t.Helper()
	if err := p.Command(order); err != nil {
		l.t.Errorf("%s: %v", order, err)
	}
}

// refused counts the creations that were.
func (l *load) refused() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.answers {
		if of.status != http.StatusCreated {
			n++
		}
	}
	return n
}
