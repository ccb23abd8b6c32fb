package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/pgtest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func (p *pool) keptNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.cached)
}

func (db *DB) readOne(ctx context.Context) error {
	return db.Read(ctx, func(r store.Reader) error {
		r.FinalStatement()
		return r.Query("SELECT 1", nil, func(value.Row) error { return nil })
	})
}

// A cached connection must come back to pgxpool, because only pgxpool ends connections that are old, idle or dead.
func TestKeptConnectionsGoBack(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Readers: 4})
	defer db.Close()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 300 {
				if err := db.readOne(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := db.readers.raw.Stat().TotalConns(); n > 4 {
		t.Errorf("%d connections, want at most 4", n)
	}
	deadline := time.Now().Add(5 * time.Second)
	for db.readers.raw.Stat().AcquiredConns() > 0 || db.readers.keptNow() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are kept, %d taken, though nobody reads", db.readers.keptNow(), db.readers.raw.Stat().AcquiredConns())
		}
		time.Sleep(watchInterval)
	}
}

func TestKeptConnectionIsTakenAgain(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Readers: 4})
	defer db.Close()
	before := db.readers.raw.Stat().AcquireCount()
	const reads = 3 * maxUses
	for range reads {
		if err := db.readOne(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	// Every maxUses-th at least asks pgxpool; a slow machine lets some go back early.
	if n := db.readers.raw.Stat().AcquireCount() - before; n < 3 || n > reads/2 {
		t.Errorf("%d of %d reads asked pgxpool for a connection, want a few", n, reads)
	}
}

func TestCloseEndsKeptConnections(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{CloseTimeout: 5 * time.Second})
	if err := db.readOne(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // at once: the connection is still kept
		t.Fatal(err)
	}
	if n := db.readers.raw.Stat().TotalConns(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
}

// Who waits for a turn leaves when he is no longer wanted, though his context is looked at a little late.
func TestWaitingEndsWithTheContext(t *testing.T) {
	db := open(t, pgtest.URL(t), Config{Readers: 1, ReadTimeout: 10 * time.Second})
	defer db.Close()
	inside, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = db.Read(context.Background(), func(store.Reader) error {
			close(inside)
			<-leave
			return nil
		})
	}()
	<-inside
	defer close(leave)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, cancel)
	begun := time.Now()
	if err := db.readOne(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the read ended with %v, want that it was canceled", err)
	}
	if waited := time.Since(begun); waited > 5*time.Second {
		t.Errorf("it waited %v for a turn that nobody wanted", waited)
	}
}
