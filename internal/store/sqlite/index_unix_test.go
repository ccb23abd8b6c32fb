//go:build linux || darwin

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// endings is how many rows childEnds deletes, one by one.
const endings = 1000

// childEnds deletes rows, and reports the id of each after its commit.
func childEnds(path string) error {
	db, err := Open(context.Background(), path, Config{})
	if err != nil {
		return err
	}
	for id := range int64(endings) {
		err := db.Write(context.Background(), func(tx store.Tx) error {
			_, err := tx.Exec(`DELETE FROM rows WHERE id = ?1`, []value.Value{value.OfInt(id)})
			return err
		})
		if err != nil {
			return err
		}
		fmt.Println(id)
	}
	return db.Close()
}

// What another process has committed, each read that begins afterwards has, and each guard: with the index of the log, and
// a guard also without. Other reads leave snapshots behind all the time.
func TestGuardSeesOtherProcesses(t *testing.T) {
	for _, indexed := range []bool{true, false} {
		t.Run(fmt.Sprint("index ", indexed), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "data.db")
			db := openTest(t, path, Config{Readers: 3})
			write(t, db, createRows)
			for id := range int64(endings) {
				if err := addRow(db, id); err != nil {
					t.Fatal(err)
				}
			}
			if db.index == nil {
				t.Fatal("the index of the log cannot be read")
			}
			if !indexed {
				for _, r := range db.readers.idle {
					r.index = nil
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			wg.Go(func() {
				for ctx.Err() == nil {
					_ = db.Read(ctx, func(r store.Reader) error { return r.Query(`SELECT 1`, nil, func(value.Row) error { return nil }) })
				}
			})
			ends := startChild(t, "ends", path)
			for range endings {
				id, err := strconv.ParseInt(strings.TrimSpace(ends.line(t)), 10, 64)
				if err != nil {
					t.Fatal(err)
				}
				const find, ended = `SELECT 1 FROM rows WHERE id = ?1`, "it has ended"
				args := []value.Value{value.OfInt(id)}
				refused := errors.New(ended)
				err = db.Read(t.Context(), func(r store.Reader) error {
					r.Guard(store.Step{Statement: store.Statement{SQL: find, Args: args}, Refused: refused})
					return nil
				})
				if !errors.Is(err, refused) {
					t.Fatalf("the guard of %d, which another process has deleted: %v", id, err)
				}
				err = db.Read(t.Context(), func(r store.Reader) error {
					return r.Query(find, args, func(value.Row) error { return refused })
				})
				if indexed && err != nil {
					t.Fatalf("a read of %d, which another process has deleted: %v", id, err)
				}
			}
			ends.wait(t)
		})
	}
}

// The last handle of a database leaves no descriptor of the index behind. An earlier one does not close its own, since that
// would drop the locks of the other.
func TestIndexIsClosed(t *testing.T) {
	const folder = "/proc/self/fd"
	path := filepath.Join(t.TempDir(), "data.db")
	opened := func() (n int) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Skip("no " + folder)
		}
		for _, entry := range entries {
			if target, err := os.Readlink(filepath.Join(folder, entry.Name())); err == nil && strings.HasPrefix(target, path+indexSuffix) {
				n++
			}
		}
		return n
	}
	for _, tt := range []struct{ handles, left int }{{1, 0}, {2, 1}} {
		var all []*DB
		for range tt.handles {
			all = append(all, openTest(t, path, Config{}))
		}
		for _, db := range all {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n := opened(); n != tt.left {
			t.Errorf("%d descriptors after %d handles, want %d", n, tt.handles, tt.left)
		}
	}
}
