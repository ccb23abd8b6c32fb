package postgres

import (
	"errors"
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
		{"a read of one statement without rows", func(guarded bool) error {
			return db.Read(t.Context(), func(r store.Reader) error {
				if guarded {
					r.Guard(guard)
				}
				r.FinalStatement()
				return r.Query("SELECT id, n FROM notes WHERE id > $1 + 1000", one, row)
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

// A read of one statement and its guard share a packet. Whatever one of them does, the connection is good for the next read.
func TestGuardBesideTheStatement(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Readers: 1, Writers: 1, Groups: 1})
	t.Cleanup(func() { _ = db.Close() })
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY, n bigint)", "INSERT INTO notes (id, n) VALUES (1, 7), (2, 8)")
	const accepts, refuses, fails = 0, 1, 2
	one := []value.Value{value.OfInt(1)}
	stamped := func(want int64) func(value.Row) error {
		return func(row value.Row) error {
			if got := row.Int(0); got != want {
				return fmt.Errorf("the stamp is %d", got)
			}
			return nil
		}
	}
	guards := []struct {
		name, sql string
		row       func(value.Row) error
		does      int
	}{
		{"accepts", "SELECT n FROM notes WHERE id = $1", stamped(7), accepts},
		{"wants another stamp", "SELECT n FROM notes WHERE id = $1", stamped(6), refuses},
		{"finds no row", "SELECT n FROM notes WHERE id = $1 + 10", stamped(7), refuses},
		{"panics", "SELECT n FROM notes WHERE id = $1", func(value.Row) error { panic("a test") }, refuses},
		{"fails", "SELECT 1 / (n - 7) FROM notes WHERE id = $1", nil, fails},
		{"fails after a row", "SELECT 1 / (id - 2) FROM notes WHERE id >= $1 ORDER BY id", nil, fails},
		{"accepts two rows", "SELECT id FROM notes WHERE id >= $1", nil, accepts},
	}
	statements := []struct {
		name, sql string
		rows      int
		fails     bool
	}{
		{"rows in their order", "SELECT n, id FROM notes ORDER BY id DESC", 2, false},
		{"no rows", "SELECT n, id FROM notes WHERE id > 10", 0, false},
		{"rows of nulls", "SELECT nullif(n, n), nullif(id, id) FROM notes", 2, false},
		{"a setting", "SHOW search_path", 1, false},
		{"a failure after a row", "SELECT 1 / (2 - id), id FROM notes ORDER BY id", 1, true},
	}
	for _, g := range guards {
		for _, s := range statements {
			for range 3 { // the first time prepares them
				given := 0
				err := db.Read(t.Context(), func(r store.Reader) error {
					r.Guard(store.Step{Statement: store.Statement{SQL: g.sql, Args: one}, Row: g.row, Refused: errRefused})
					r.FinalStatement()
					return r.Query(s.sql, nil, func(row value.Row) error {
						given++
						if s.name == "rows in their order" && row.Int(1) != int64(3-given) {
							return fmt.Errorf("row %d is %d", given, row.Int(1))
						}
						return nil
					})
				})
				name := "a guard that " + g.name + ", " + s.name
				switch {
				case g.does == refuses && (!errors.Is(err, errRefused) || given > 0):
					t.Errorf("%s: %v after %d rows, want its refusal", name, err, given)
				case g.does == fails && (err == nil || errors.Is(err, errRefused) || given > 0):
					t.Errorf("%s: %v after %d rows, want its failure", name, err, given)
				case g.does == accepts && ((err != nil) != s.fails || given != s.rows):
					t.Errorf("%s: %v after %d rows, want %d", name, err, given, s.rows)
				}
			}
		}
	}
}

// A row that its caller does not want, or a panic of the caller, leaves the connection as it was.
func TestGuardBesideAnUnwantedRow(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Readers: 1, Writers: 1, Groups: 1})
	t.Cleanup(func() { _ = db.Close() })
	mustWrite(t, db, "CREATE TABLE notes (id bigint PRIMARY KEY)", "INSERT INTO notes (id) SELECT generate_series(1, 1000)")
	unwanted := errors.New("unwanted")
	var used []*conn
	readAs := func(id int64, each func(value.Row) error) error {
		return db.Read(t.Context(), func(r store.Reader) error {
			used = append(used, r.(*reader).c)
			r.Guard(store.Step{Statement: store.Statement{SQL: "SELECT id FROM notes WHERE id = $1", Args: []value.Value{value.OfInt(id)}}, Refused: errRefused})
			r.FinalStatement()
			return r.Query("SELECT id FROM notes ORDER BY id", nil, each)
		})
	}
	read := func(each func(value.Row) error) error { return readAs(1, each) }
	for range 3 {
		rows := 0
		if err := read(func(value.Row) error { rows++; return nil }); err != nil || rows != 1000 {
			t.Fatalf("%d rows, %v", rows, err)
		}
		if err := read(func(value.Row) error { return unwanted }); !errors.Is(err, unwanted) {
			t.Fatalf("%v, want the error of the row", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = read(func(value.Row) error { panic("a test") })
		}()
		if err := readAs(-1, func(value.Row) error { return unwanted }); !errors.Is(err, errRefused) {
			t.Fatalf("%v, want a refusal", err)
		}
	}
	for i, c := range used {
		if c != used[0] {
			t.Fatalf("read %d needed another connection", i)
		}
	}
}
