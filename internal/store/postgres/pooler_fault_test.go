package postgres

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// TestPoolerFaultsAtRandom disturbs a pooler, and the server behind it, in every way, in random order.
func TestPoolerFaultsAtRandom(t *testing.T) {
	rounds := effort.Cases(1, 100)
	c := pgtest.StartCluster(t, "synchronous_commit=on")
	p := pgtest.StartPooler(t, c.URL("postgres"), "server_login_retry=1")
	db := open(t, p.URL("postgres"), Config{
		Direct: c.URL("postgres"), ReadTimeout: 500 * time.Millisecond, WriteTimeout: 500 * time.Millisecond, Serializable: true,
	})
	defer db.Close()
	l := newLedger(t, db, c.URL("postgres"))
	command := func(order string) {
		if err := p.Command(order); err != nil {
			t.Errorf("%s: %v", order, err)
		}
	}
	restart := func(server interface {
		Stop(signal string) error
		Start() error
	}, signal string) func() {
		return func() {
			stopped := server.Stop(signal)
			time.Sleep(rand.N(200 * time.Millisecond))
			if err := errors.Join(stopped, server.Start()); err != nil {
				t.Error(err)
			}
		}
	}
	between := func(first, last string) func() {
		return func() {
			command(first)
			time.Sleep(rand.N(900 * time.Millisecond)) // which is longer than some requests wait
			command(last)
		}
	}
	faults := []func(){
		restart(p, "KILL"), restart(p, "TERM"), restart(p, "INT"), restart(c, "INT"), restart(c, "QUIT"),
		between("PAUSE", "RESUME"), between("DISABLE postgres", "ENABLE postgres"), between("KILL postgres", "RESUME postgres"),
		func() { command("RECONNECT") },
		func() { command("RELOAD") },
	}
	l.during(func() {
		for range rounds {
			for _, i := range rand.Perm(len(faults)) {
				time.Sleep(rand.N(300 * time.Millisecond))
				faults[i]()
				l.back()
			}
		}
	})
	l.check()
}

// A read that waits in a paused pooler is refused at its deadline. The reads after it are not.
func TestPausedPooler(t *testing.T) {
	c := pgtest.StartCluster(t)
	p := pgtest.StartPooler(t, c.URL("postgres"))
	const patience = 300 * time.Millisecond
	db := open(t, p.URL("postgres"), Config{Direct: c.URL("postgres"), ReadTimeout: patience, Readers: 2})
	defer db.Close()
	if err := p.Command("PAUSE"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		start := time.Now()
		err := db.Read(t.Context(), func(r store.Reader) error { return r.Query("SELECT 1", nil, func(value.Row) error { return nil }) })
		if took := time.Since(start); errs.KindOf(err) != errs.Unavailable || took > patience+serverPatience+time.Second {
			t.Errorf("a read in a pause = %v after %v, want it unavailable after %v", err, took, patience)
		}
	}
	if err := p.Command("RESUME"); err != nil {
		t.Fatal(err)
	}
	if n := readNumber(t, db, "SELECT 1"); n != 1 {
		t.Errorf("a read after the pause gave %d", n)
	}
}
