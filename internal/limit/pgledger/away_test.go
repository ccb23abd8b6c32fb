package pgledger

import (
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/limit"
	"github.com/ashlar-dev/ashlar/internal/limit/ledgertest"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/store/postgres"
	"github.com/ashlar-dev/ashlar/internal/system"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
)

// wire forwards connections to the socket of a server. It can hold everything back, as a server does that was stopped, and
// cut all connections.
type wire struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	held  sync.Mutex // locked: nothing is forwarded
	conns []net.Conn
	down  bool
}

func newWire(t *testing.T, target string) *wire {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, target: target}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			w.connect(client)
		}
	}()
	return w
}

func (w *wire) connect(client net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	server, err := net.Dial("unix", w.target)
	if err != nil || w.down {
		_ = client.Close()
		return
	}
	w.conns = append(w.conns, client, server)
	go w.forward(client, server)
	go w.forward(server, client)
}

func (w *wire) forward(from, to net.Conn) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		w.waitUntilFree()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) waitUntilFree() {
	w.held.Lock()
	defer w.held.Unlock()
}

// cut closes all connections, and refuses new ones until down is false.
func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// throughWire opens a node whose connections go through a wire, and a node without one.
func throughWire(t *testing.T) (w *wire, node, other store.DB) {
	direct := pgtest.URL(t)
	u, err := url.Parse(direct)
	if err != nil || u.Query().Get("host") == "" {
		t.Skip("the test server is not private")
	}
	w = newWire(t, filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port")))
	host, port, _ := net.SplitHostPort(w.ln.Addr().String())
	query := url.Values{"host": {host}, "port": {port}, "user": {u.Query().Get("user")}, "sslmode": {"disable"}}
	open := func(address string) store.DB {
		db, err := postgres.Open(t.Context(), address, postgres.Config{Readers: 2, Writers: 2, Groups: 1, CloseTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	other = open(direct)
	rules := modeltest.Rules(t, "ashlar: 1\nname: app\n")
	if _, err := migrate.Apply(t.Context(), other, rules, migrate.Options{System: []system.Fragment{Tables}}); err != nil {
		t.Fatal(err)
	}
	return w, open("postgres:///" + u.Path[1:] + "?" + query.Encode()), other
}

// slowest is several times what a request may wait for the database. A busy machine adds to it.
const slowest = 250 * time.Millisecond

// While the database hangs or is away, requests go on, and wait for a moment at most. Once it is back, the nodes share their
// counts again.
func TestDatabaseIsAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		away func(*wire)
		back func(*wire)
	}{
		{"hangs", func(w *wire) { w.held.Lock() }, func(w *wire) { w.held.Unlock() }},
		{"cut off", func(w *wire) { w.cut(true) }, func(w *wire) { w.cut(false) }},
		{"restarted", func(w *wire) { w.cut(false) }, func(*wire) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, db, other := throughWire(t)
			rule := model.Limit{Name: "address", Per: model.PerAddress, Rates: []model.Rate{{Count: 5000, Window: 24 * time.Hour}}}
			a, b := ledgertest.Node(New(db), 0, rule), ledgertest.Node(New(other), time.Minute, rule)
			for range 200 {
				ledgertest.Pass(a, 1)
			}
			for deadline := time.Now().Add(time.Minute); a.Stats().Asks == 0; time.Sleep(time.Millisecond) { // the answer may be late
				if time.Now().After(deadline) {
					t.Fatal("the node asked nothing")
				}
			}
			tt.away(w)
			slow, sent := 0, 0
			for began := time.Now(); time.Since(began) < 2*time.Second; sent++ {
				before := time.Now()
				if !ledgertest.Pass(a, 1) && sent < 4000 {
					t.Fatalf("request %d is refused: %+v", sent, a.Stats())
				}
				if time.Since(before) > slowest {
					slow++
				}
				time.Sleep(time.Millisecond)
			}
			tt.back(w)
			t.Logf("%d requests, of which %d took more than %v; %s", sent, slow, slowest, ledgertest.Format(a.Stats()))
			if slow > sent/5 {
				t.Errorf("%d of %d requests took more than %v", slow, sent, slowest)
			}
			began := a.Stats()
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
				before := a.Stats()
				ledgertest.Pass(a, 1)
				after := a.Stats()
				if after.Alone == before.Alone && after.Asks-after.Failures > began.Asks-began.Failures+1 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the node does not ask again: %s", ledgertest.Format(after))
				}
			}
			passed := 0
			for range 5000 {
				if ledgertest.Pass(b, 1) {
					passed++
				}
			}
			if passed > 5000-200-sent/2 {
				t.Errorf("%d requests passed on another node after %d on this one, of 5000", passed, sent+200)
			}
		})
	}
}

// Rows of buckets that are full again are deleted, the others stay.
func TestSweep(t *testing.T) {
	ledger := New(openNodes(t, postgres.Config{})())
	var wants []limit.Want
	for i := range uint64(2500) {
		window := time.Second
		if i >= 2300 {
			window = time.Hour
		}
		wants = append(wants, limit.Want{Bucket: i, Rate: model.Rate{Count: 1000, Window: window}, Need: 1})
	}
	if _, err := ledger.Reserve(t.Context(), wants); err != nil {
		t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond)
	deleted, err := ledger.sweep(t.Context())
	if err != nil || deleted != 2300 {
		t.Errorf("sweep deleted %d rows, %v; want 2300", deleted, err)
	}
}
