package postgres

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// as returns a context whose work is done for a client, identified by a number.
func as(client int) context.Context {
	who := caller.Caller{}.From(fmt.Sprintf("192.0.2.%d:4000", client))
	return admit.WithOrigin(context.Background(), admit.Origin{Client: who.Client(), Shape: admit.Shape{Table: "counters", Operation: "update"}})
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 20 s it is not so: %s", what)
		}
	}
}

// checkOrder checks that none of the other clients waited for more than one turn of each client.
func checkOrder(t *testing.T, order []int, flood, others int) {
	t.Helper()
	last := 0
	for client := range others {
		last = max(last, slices.Index(order, client+1))
	}
	if len(order) != flood+others || last > others {
		t.Errorf("of %d, the last of %d other clients had its turn at place %d, want %d at most", len(order), others, last, others)
	}
}

// Functions and reads: a client that has many waiting delays another by a turn.
func TestFloodOfOneClient(t *testing.T) {
	const flood, others = 60, 5
	for _, tt := range []struct {
		name string
		run  func(*DB, context.Context, func()) error
		pool func(*DB) *pool
	}{
		{"writes", func(db *DB, ctx context.Context, f func()) error {
			return db.Write(ctx, func(store.Tx) error { f(); return nil })
		}, func(db *DB) *pool { return db.writers }},
		{"reads", func(db *DB, ctx context.Context, f func()) error {
			return db.Read(ctx, func(store.Reader) error { f(); return nil })
		}, func(db *DB) *pool { return db.readers }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := open(t, pgtest.URL(t), Config{Readers: 1, Writers: 1})
			defer db.Close()
			tt.pool(db).patience = 5 * time.Minute // on a busy machine a slow start makes the expected waits long
			var group sync.WaitGroup
			entered, leave := make(chan bool), make(chan bool)
			run := func(client int, f func()) {
				group.Go(func() {
					if err := tt.run(db, as(client), f); err != nil {
						t.Error(err)
					}
				})
			}
			run(99, func() { entered <- true; <-leave })
			<-entered
			var mu sync.Mutex
			var order []int
			waiting := 0
			add := func(client int) {
				run(client, func() {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, client)
				})
				waiting++
				until(t, "one more waits", func() bool { return tt.pool(db).gate.Stats().Waiting == waiting })
			}
			for range flood {
				add(0)
			}
			for client := range others {
				add(client + 1)
			}
			close(leave)
			group.Wait()
			checkOrder(t, order, flood, others)
		})
	}
}

// Scripts that wait for a group: a client with many of them does not keep another out of the next group.
func TestFloodOfScripts(t *testing.T) {
	const flood, others, queue = 40, 5, 45
	g := &groups{pool: &pool{poolKind: poolKind{size: 1, queue: queue}}, maxSize: 8, running: 1}
	come := func(client int) *waiter {
		item := &waiter{ctx: as(client), script: &store.Script{}, bytes: client, since: time.Now(), signals: make(chan signal, 2)}
		if g.join(item) {
			t.Fatal("a script leads a group beside another")
		}
		return item
	}
	var last *waiter
	for range flood {
		last = come(0)
	}
	for client := range others {
		come(client + 1)
	}
	come(9) // finds the line full
	if s := <-last.signals; s.err == nil || g.line.Len() != queue {
		t.Errorf("the last of the flood gets %+v, and %d wait", s, g.line.Len())
	}
	if s := <-come(0).signals; errs.KindOf(s.err) != errs.Unavailable {
		t.Errorf("one more of the flood gets %+v", s)
	}
	var order []int
	for _, item := range g.takeWaiters(&waiter{script: &store.Script{}})[1:] {
		order = append(order, item.bytes)
	}
	if want := []int{0, 1, 2, 3, 4, 5, 9}; !slices.Equal(order, want) {
		t.Errorf("the next group has scripts of the clients %v, want %v", order, want)
	}
}

// A client whose writes take long has them on a quarter of the connections.
func TestLongWritesOfOneClient(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Writers: 4})
	defer db.Close()
	long := as(1)
	origin, _ := admit.OriginOf(long)
	if !db.writers.gate.TryEnter(0, caller.Client{}) {
		t.Fatal("no connection is free")
	}
	db.writers.gate.LeaveAfter(0, origin.Client, origin.Shape, 10*time.Second)
	var group sync.WaitGroup
	entered, leave := make(chan bool, 10), make(chan bool)
	for range 10 {
		group.Go(func() {
			if err := db.Write(long, func(store.Tx) error { entered <- true; <-leave; return nil }); err != nil && errs.KindOf(err) != errs.Unavailable {
				t.Error(err)
			}
		})
	}
	<-entered
	until(t, "the others wait, or are refused", func() bool {
		stats := db.writers.gate.Stats()
		return int64(stats.Waiting)+stats.Refused == 9
	})
	if stats := db.writers.gate.Stats(); stats.Taken != 1 {
		t.Errorf("long writes have %d of 4 connections, want 1", stats.Taken)
	}
	if err := db.Write(as(2), func(store.Tx) error { return nil }); err != nil {
		t.Errorf("a short write beside them: %v", err)
	}
	close(leave)
	group.Wait()
}

// turnContext is a context with a turn of a request.
type turnContext struct {
	context.Context
	turn *admit.Turn
}

// Value implements context.Context.
func (c turnContext) Value(key any) any {
	if key == admit.TurnKey() {
		return c.turn
	}
	return c.Context.Value(key)
}

// A request that waits for PostgreSQL computes nothing: another one of its client has its turn meanwhile.
func TestWaitsPauseTurns(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{})
	defer db.Close()
	turns := admit.NewTurnstile(1)
	abuser, _ := admit.OriginOf(as(1))
	other, _ := admit.OriginOf(as(2))
	for range 2 { // from then on turns are counted
		turn := new(admit.Turn)
		turns.Enter(turn, other.Client)
		defer turn.Leave()
	}
	var turn admit.Turn
	turns.Enter(&turn, abuser.Client)
	defer turn.Leave()
	ctx := turnContext{as(1), &turn}
	check := func(what string) {
		var second admit.Turn
		turns.Enter(&second, abuser.Client)
		if second.Waited() > 0 {
			t.Errorf("another request waited for %v for one that is in %s", second.Waited(), what)
		}
		second.Leave()
	}
	if err := db.Read(ctx, func(store.Reader) error { check("a read"); return nil }); err != nil {
		t.Error(err)
	}
	if err := db.Write(ctx, func(store.Tx) error { check("a write"); return nil }); err != nil {
		t.Error(err)
	}
	scripts := 0
	done, err := db.Script(ctx, func(int64) (*store.Script, error) {
		row := func(value.Row) error { check("a script"); scripts++; return nil }
		return &store.Script{Steps: []store.Step{{Statement: store.Statement{SQL: "SELECT 1"}, Row: row}}}, nil
	})
	if err != nil || !done || scripts != 1 {
		t.Errorf("a script ran %d times: %v, %v", scripts, done, err)
	}
	var second admit.Turn
	turns.Enter(&second, abuser.Client)
	if second.Waited() == 0 {
		t.Error("another request did not wait for one that computes again")
	}
	second.Leave()
}
