package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// ledger writes rows, by functions and by scripts, while the database is disturbed. It remembers the answer to each.
type ledger struct {
	t     *testing.T
	db    *DB
	url   string // where the rows are counted at the end
	next  atomic.Int64
	reads atomic.Int64

	scripts atomic.Int64 // that were acknowledged as such

	mu      sync.Mutex
	done    map[int64]bool // what Write said: done, or not
	unknown map[int64]bool
	latest  time.Time     // of the last that was done
	longest time.Duration // from the end of a fault to a write that was done
}

func newLedger(t *testing.T, db *DB, url string) *ledger {
	t.Helper()
	mustWrite(t, db, "CREATE TABLE entries (id bigint NOT NULL, twin bigint NOT NULL)", // no key: what is done twice is there twice
		"CREATE INDEX entries_id ON entries (id)")
	return &ledger{t: t, db: db, url: url, done: map[int64]bool{}, unknown: map[int64]bool{}}
}

func (l *ledger) write() (id int64) {
	id = l.next.Add(1)
	const insert = "INSERT INTO entries (id, twin) VALUES ($1, $2)"
	args := func(twin int64) []value.Value { return []value.Value{value.OfInt(id), value.OfInt(twin)} }
	function := func(tx store.Tx) error {
		tx.MarkChanged("entries")
		for twin := range int64(2) {
			if _, err := tx.Exec(insert, args(twin)); err != nil {
				return err
			}
		}
		if id%20 == 0 {
			return errRule
		}
		return nil
	}
	var err error
	if id%3 == 0 {
		err = l.db.Write(context.Background(), function)
	} else {
		second := store.Step{Statement: store.Statement{SQL: insert + " RETURNING id", Args: args(1)}, Row: func(value.Row) error {
			if id%20 == 0 {
				return errRule
			}
			return nil
		}}
		s := &store.Script{Tables: []string{"entries"}, Steps: []store.Step{{Statement: store.Statement{SQL: insert, Args: args(0)}}, second}}
		asFunction := false
		err = store.Run(context.Background(), l.db, func(int64) (*store.Script, error) { return s, nil }, func(tx store.Tx) error {
			asFunction = true
			return function(tx)
		})
		if err == nil && !asFunction {
			l.scripts.Add(1)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.done[id], l.latest = true, time.Now()
	case id%20 == 0 && errors.Is(err, errRule):
		l.done[id] = false
	case errs.KindOf(err) != errs.Unavailable:
		l.t.Errorf("write %d: %v, want it done or unavailable", id, err)
	case strings.Contains(err.Error(), "outcome of the write is unknown"):
		l.unknown[id] = true
	default:
		l.done[id] = false
	}
	return id
}

// during writes and reads from several goroutines while disturb runs.
func (l *ledger) during(disturb func()) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				l.write()
				l.reads.Add(1)
				err := l.db.Read(context.Background(), func(r store.Reader) error {
					return r.Query("SELECT count(*) FROM entries WHERE id = 1", nil, func(row value.Row) error {
						if n := row.Int(0); n%2 != 0 {
							l.t.Errorf("%d rows of a transaction of two", n)
						}
						return nil
					})
				})
				if err != nil && errs.KindOf(err) != errs.Unavailable {
					l.t.Errorf("read: %v, want rows or unavailable", err)
				}
				if !effort.Nightly() {
					time.Sleep(10 * time.Millisecond) // tests of other packages run beside this one
				}
			}
		})
	}
	disturb()
	close(stop)
	wg.Wait()
}

// check compares the rows with the answers.
func (l *ledger) check() {
	l.t.Helper()
	rows := map[int64]int{}
	patient := open(l.t, l.url, Config{ReadTimeout: 5 * time.Minute})
	defer patient.Close()
	err := patient.Read(context.Background(), func(r store.Reader) error {
		return r.Query("SELECT id, count(*) FROM entries GROUP BY id", nil, func(row value.Row) error {
			rows[row.Int(0)] = int(row.Int(1))
			return nil
		})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	acknowledged := 0
	for id := range l.next.Load() {
		id++
		n := rows[id]
		switch {
		case l.unknown[id] && (n == 0 || n == 2):
		case l.done[id] && n == 2:
			acknowledged++
		case !l.done[id] && n == 0:
		default:
			l.t.Errorf("write %d: said done %t, unknown %t; it has %d rows of 2", id, l.done[id], l.unknown[id], n)
		}
	}
	l.t.Logf("%d writes and %d reads: %d writes acknowledged, %d of them scripts, %d of unknown outcome, the rest refused; written to again after %v at most",
		l.next.Load(), l.reads.Load(), acknowledged, l.scripts.Load(), len(l.unknown), l.longest.Round(time.Millisecond))
	if acknowledged == 0 || l.scripts.Load() == 0 {
		l.t.Error("no write was done, or none as a script")
	}
}

// back fails the test if the database takes no writes within 5 s.
func (l *ledger) back() {
	l.t.Helper()
	start := time.Now()
	for time.Since(start) < 5*time.Second {
		l.write()
		l.mu.Lock()
		again := l.latest.After(start)
		l.mu.Unlock()
		if again {
			l.mu.Lock()
			l.longest = max(l.longest, time.Since(start))
			l.mu.Unlock()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	l.t.Error("5 s after the database was back, nothing can be written")
}

func TestTerminatedConnections(t *testing.T) {
	t.Parallel()
	t.Run("direct", func(t *testing.T) {
		url := pgtest.URL(t)
		terminated(t, url, open(t, url, Config{}))
	})
	t.Run("pooled", func(t *testing.T) {
		pooled, direct := pgtest.Pooled(t)
		terminated(t, direct, open(t, pooled, Config{Direct: direct, Serializable: true}))
	})
}

func terminated(t *testing.T, url string, db *DB) {
	defer db.Close()
	l := newLedger(t, db, url)
	l.during(func() {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		for range 30 {
			time.Sleep(rand.N(60 * time.Millisecond))
			const all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
			if _, err := conn.Exec(t.Context(), all); err != nil {
				t.Error(err)
			}
		}
	})
	l.back()
	l.check()
}

func TestServerRestarts(t *testing.T) {
	c := pgtest.StartCluster(t, "synchronous_commit=on")
	db := open(t, c.URL("postgres"), Config{})
	defer db.Close()
	l := newLedger(t, db, c.URL("postgres"))
	l.during(func() {
		for _, signal := range []string{"INT", "QUIT"} {
			time.Sleep(300 * time.Millisecond)
			stopped := c.Stop(signal)
			time.Sleep(200 * time.Millisecond)
			if err := errors.Join(stopped, c.Start()); err != nil {
				t.Error(err)
			}
			l.back()
		}
	})
	l.check()
}

// A server that has become a standby takes no writes: 25006.
func TestStandby(t *testing.T) {
	c := pgtest.StartCluster(t)
	db := open(t, c.URL("postgres"), Config{})
	defer db.Close()
	l := newLedger(t, db, c.URL("postgres"))
	set := func(to string) {
		admin(t, c, "ALTER SYSTEM SET default_transaction_read_only = "+to, "SELECT pg_reload_conf()")
		time.Sleep(100 * time.Millisecond)
	}
	l.during(func() {
		time.Sleep(100 * time.Millisecond)
		set("on")
		l.write()
		l.mu.Lock()
		refused := !l.done[l.next.Load()]
		l.mu.Unlock()
		if !refused {
			t.Log("the write was done before the server took none")
		}
		time.Sleep(200 * time.Millisecond)
		set("off")
		l.back()
	})
	l.check()
}

// An address that leads to a standby for a while, as one that is moved does: its connections outlive that, and take no
// writes (25006). They must not be kept.
func TestAddressOfStandby(t *testing.T) {
	primary := pgtest.StartCluster(t, "synchronous_commit=on")
	standby := primary.StartStandby(t)
	n := newNetwork(t, primary.Socket())
	db := open(t, n.url(), Config{})
	defer db.Close()
	l := newLedger(t, db, primary.URL("postgres"))
	l.during(func() {
		time.Sleep(100 * time.Millisecond)
		n.lead(standby.Socket())
		n.cut()
		time.Sleep(300 * time.Millisecond)
		id := l.write()
		l.mu.Lock()
		done, told := l.done[id]
		l.mu.Unlock()
		if done || !told {
			t.Error("a write that leads to a standby was not refused")
		}
		n.lead(primary.Socket())
		l.back()
	})
	l.check()
}

// network stands between the engine and the server, and can fail.
type network struct {
	ln      net.Listener
	stalled atomic.Bool

	mu     sync.Mutex
	socket string
	conns  []net.Conn

	cutAt  []byte // when the engine sends this, the network fails
	passes bool   // after it has passed that on
}

// lead leads later connections to another server.
func (n *network) lead(socket string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.socket = socket
}

func newNetwork(t *testing.T, socket string) *network {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &network{ln: ln, socket: socket}
	go n.serve()
	t.Cleanup(func() {
		ln.Close()
		n.cut()
	})
	return n
}

func (n *network) url() string {
	return fmt.Sprintf("postgres://ashlar@%s/postgres?sslmode=disable", n.ln.Addr())
}

func (n *network) serve() {
	for {
		client, err := n.ln.Accept()
		if err != nil {
			return
		}
		n.mu.Lock()
		socket := n.socket
		n.mu.Unlock()
		server, err := net.Dial("unix", socket)
		if err != nil {
			client.Close()
			continue
		}
		n.mu.Lock()
		n.conns = append(n.conns, client, server)
		n.mu.Unlock()
		go n.copy(server, client)
		go n.copy(client, server)
	}
}

// copy passes bytes on, and none while the network is stalled.
func (n *network) copy(to, from net.Conn) {
	defer to.Close()
	buf := make([]byte, 32<<10)
	for {
		size, err := from.Read(buf)
		for n.stalled.Load() {
			time.Sleep(time.Millisecond)
		}
		fails := n.cutAt != nil && bytes.Contains(buf[:size], n.cutAt)
		if fails && !n.passes {
			n.cut()
			return
		}
		if fails {
			n.stalled.Store(true) // the answer does not come through
		}
		if size > 0 {
			if _, err := to.Write(buf[:size]); err != nil {
				return
			}
		}
		if fails {
			time.Sleep(200 * time.Millisecond) // the server does what it was told
			n.cut()
			n.stalled.Store(false)
			return
		}
		if err != nil {
			return
		}
	}
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns {
		c.Close()
	}
	n.conns = nil
}

// A connection that is lost at COMMIT leaves open whether it was done. That is said, and nothing is run again, whether
// the order to commit arrived or not.
func TestLostAtCommit(t *testing.T) {
	t.Parallel()
	c := pgtest.StartCluster(t)
	mustWrite(t, open(t, c.URL("postgres"), Config{}), "CREATE TABLE notes (id bigint NOT NULL)")
	for rows, passes := range []bool{false, true} {
		n := newNetwork(t, c.Socket())
		n.cutAt, n.passes = []byte("\x00c1\x00"), passes // the name of the second of the statements of prepareControl
		db := open(t, n.url(), Config{})
		runs := 0
		function := func(tx store.Tx) error {
			runs++
			_, err := tx.Exec("INSERT INTO notes (id) VALUES (1)", nil)
			return err
		}
		err := db.Write(t.Context(), function)
		if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "outcome of the write is unknown") || runs != 1 {
			t.Errorf("order passed on: %t: Write() = %v after %d runs, want an unknown outcome after one", passes, err, runs)
		}
		db.revisions.Add(spanOf(1_000_000, 1_000_000)) // the network lets none be drawn
		runs = 0
		err = store.Run(t.Context(), db, func(int64) (*store.Script, error) {
			return &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: "INSERT INTO notes (id) VALUES (2)"}}}}, nil
		}, function)
		if errs.KindOf(err) != errs.Unavailable || !strings.Contains(err.Error(), "outcome of the write is unknown") || runs != 0 {
			t.Errorf("order passed on: %t: a script = %v after %d functions, want an unknown outcome after none", passes, err, runs)
		}
		if got := readNumber(t, db, "SELECT count(*) FROM notes"); got != 2*int64(rows) {
			t.Errorf("order passed on: %t: %d rows, want %d", passes, got, 2*rows)
		}
		_ = db.Close()
	}
}

func TestNetworkFails(t *testing.T) {
	t.Parallel()
	c := pgtest.StartCluster(t)
	n := newNetwork(t, c.Socket())
	const patience = 500 * time.Millisecond
	db := open(t, n.url(), Config{ReadTimeout: patience, WriteTimeout: patience})
	defer db.Close()
	l := newLedger(t, db, c.URL("postgres"))
	l.during(func() {
		for range 3 {
			time.Sleep(100 * time.Millisecond)
			n.stalled.Store(true)
			start := time.Now()
			err := db.Read(t.Context(), func(r store.Reader) error {
				return r.Query("SELECT 1", nil, func(value.Row) error { return nil })
			})
			if took := time.Since(start); errs.KindOf(err) != errs.Unavailable || took > patience+cancelPatience+2*time.Second {
				t.Errorf("a read on a stalled network = %v after %v, want it unavailable", err, took)
			}
			n.stalled.Store(false)
			l.back()
			n.cut()
			l.back()
		}
	})
	l.check()
}

// TestFaultsAtRandom mixes all of them. ASHLAR_NIGHTLY=1 goes on for two million requests in all.
func TestFaultsAtRandom(t *testing.T) {
	t.Parallel()
	requests, pause := int64(4000), 300*time.Millisecond
	if effort.Nightly() {
		requests, pause = 1_000_000, 2*time.Second
	}
	t.Run("in groups", func(t *testing.T) { t.Parallel(); faultsAtRandom(t, Config{Groups: 2}, requests, pause) })
	t.Run("serializable", func(t *testing.T) { t.Parallel(); faultsAtRandom(t, Config{Serializable: true}, requests, pause) })
}

func faultsAtRandom(t *testing.T, cfg Config, requests int64, pause time.Duration) {
	c := pgtest.StartCluster(t, "synchronous_commit=on")
	n := newNetwork(t, c.Socket())
	cfg.ReadTimeout, cfg.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	db := open(t, n.url(), cfg)
	defer db.Close()
	l := newLedger(t, db, c.URL("postgres"))
	faults := []func(){
		func() {
			admin(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IS NOT NULL")
		},
		func() { n.stalled.Store(true); time.Sleep(rand.N(900 * time.Millisecond)); n.stalled.Store(false) },
		n.cut,
		func() {
			admin(t, c, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
			time.Sleep(rand.N(300 * time.Millisecond))
			admin(t, c, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
		},
		func() {
			if err := errors.Join(c.Stop([]string{"INT", "QUIT"}[rand.N(2)]), c.Start()); err != nil {
				t.Error(err)
			}
		},
	}
	l.during(func() {
		start := time.Now()
		n := 0
		for ; l.next.Load()+l.reads.Load() < requests && !t.Failed(); n++ {
			time.Sleep(rand.N(pause))
			faults[rand.N(len(faults))]()
			l.back()
		}
		t.Logf("%d faults in %v", n, time.Since(start).Round(time.Second))
	})
	l.check()
}

func admin(t *testing.T, c *pgtest.Cluster, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), c.URL("postgres"))
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(context.Background())
	for _, sql := range statements {
		if _, err := conn.Exec(context.Background(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Callers beyond the bound are refused at once, and told when to come again.
func TestFullPool(t *testing.T) {
	t.Parallel()
	db := openNew(t, Config{Readers: 1, Writers: 1, Queue: 1, ReadTimeout: time.Second})
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Read(context.Background(), func(store.Reader) error {
			close(inside)
			<-leave
			return nil
		})
	})
	<-inside
	wg.Go(func() {
		err := db.Read(context.Background(), func(store.Reader) error { return nil })
		if e, ok := errors.AsType[*errs.Error](err); !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("a read that waited in vain = %v, want unavailable with a time to come again", err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	err := db.Read(t.Context(), func(store.Reader) error { return nil })
	if e, ok := errors.AsType[*errs.Error](err); !ok || e.Kind != errs.Unavailable || e.RetryAfter <= 0 || time.Since(start) > 100*time.Millisecond {
		t.Errorf("one read too many = %v after %v, want unavailable at once", err, time.Since(start))
	}
	time.Sleep(1200 * time.Millisecond)
	close(leave)
	wg.Wait()
}
