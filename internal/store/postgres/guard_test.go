package postgres

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// turnProxy stands between a client and the server, and counts the turns of the client: how often it has sent something
// since the server sent last.
type turnProxy struct {
	turns    atomic.Int64
	answered atomic.Bool
}

// start listens, and returns the address of a database behind the proxy.
func (p *turnProxy) start(t *testing.T, url string) string {
	t.Helper()
	server, err := pgconn.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.carry(t, client, server) })
		}
	})
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", server.User, server.Password, listener.Addr(), server.Database)
}

func (p *turnProxy) carry(t *testing.T, client net.Conn, server *pgconn.Config) {
	defer client.Close()
	network, address := pgconn.NetworkAddress(server.Host, server.Port)
	back, err := net.Dial(network, address)
	if err != nil {
		t.Error(err)
		return
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer client.Close()
		_, _ = io.Copy(client, &observed{back, func() { p.answered.Store(true) }})
	})
	_, _ = io.Copy(back, &observed{client, func() {
		if p.answered.Swap(false) {
			p.turns.Add(1)
		}
	}})
	_ = back.Close()
}

// observed is a reader that tells of each read.
type observed struct {
	io.Reader
	tell func()
}

func (o *observed) Read(b []byte) (int, error) {
	n, err := o.Reader.Read(b)
	if n > 0 {
		o.tell()
	}
	return n, err
}

// A guard costs no round trip: not in a read of one statement, nor of several, nor in a function, nor in a script.
func TestGuardCostsNoRoundTrip(t *testing.T) {
	proxy := &turnProxy{}
	db := open(t, proxy.start(t, pgtest.URL(t)), Config{Readers: 1, Writers: 1, Groups: 1})
	t.Cleanup(func() { _ = db.Close() })
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY, n bigint)", "INSERT INTO notes (id, n) VALUES (1, 7), (2, 8)")
	one := []value.Value{value.OfInt(1)}
	row := func(value.Row) error { return nil }
	guard := store.Step{Statement: store.Statement{SQL: "SELECT n FROM notes WHERE id = $1", Args: one}, Row: row, Refused: errRefused}
	ask := func(r store.Reader) error { return r.Query("SELECT id, n FROM notes WHERE id > $1 - 1", one, row) }
	for _, tt := range []struct {
		name string
		run  func(guarded bool) error
	}{
		{"a read of one statement", func(guarded bool) error {
			return db.Read(t.Context(), func(r store.Reader) error {
				if guarded {
					r.Guard(guard)
				}
				r.FinalStatement()
				return ask(r)
			})
		}},
		{"a read of two statements", func(guarded bool) error {
			return db.Read(t.Context(), func(r store.Reader) error {
				if guarded {
					r.Guard(guard)
				}
				if err := ask(r); err != nil {
					return err
				}
				r.FinalStatement()
				return ask(r)
			})
		}},
		{"a function", func(guarded bool) error {
			return db.Write(t.Context(), func(tx store.Tx) error {
				if guarded {
					tx.Guard(guard)
				}
				_, err := tx.Exec("UPDATE notes SET n = n + 1 WHERE id = $1", one)
				return err
			})
		}},
		{"a script", func(guarded bool) error {
			done, err := db.Script(t.Context(), func(int64) (*store.Script, error) {
				script := &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: "UPDATE notes SET n = n + 1 WHERE id = $1", Args: one}}}}
				if guarded {
					script.Steps = append([]store.Step{guard}, script.Steps...)
				}
				return script, nil
			})
			if err == nil && !done {
				err = errRefused
			}
			return err
		}},
	} {
		count := func(guarded bool) int64 {
			least := int64(1 << 30)
			for range 20 { // the first ones prepare statements, and a deadline may ask something in between
				before := proxy.turns.Load()
				if err := tt.run(guarded); err != nil {
					t.Fatalf("%s, guarded %t: %v", tt.name, guarded, err)
				}
				least = min(least, proxy.turns.Load()-before)
			}
			return least
		}
		without, with := count(false), count(true)
		t.Logf("%s: %d turns without a guard, %d with one", tt.name, without, with)
		if with != without || without < 1 {
			t.Errorf("%s: %d turns without a guard, %d with one", tt.name, without, with)
		}
	}
}
