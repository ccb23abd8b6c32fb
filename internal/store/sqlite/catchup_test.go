package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A log that grew beside a reader is moved into the database without a commit of the writer, and the next commits go on as usual.
func TestCatchUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	if db.index == nil {
		t.Skip("SKIPPED: the index of the log is not known here")
	}
	write(t, db, createTestRows)
	text, id := value.OfText(strings.Repeat("x", 400_000)), int64(0)
	writeOne := func() { // about 100 pages
		t.Helper()
		id++
		if err := db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (id, body) VALUES (?1, ?2)`, []value.Value{value.OfInt(id), text})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	await := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, *db.Stats().Log)
			}
		}
	}
	lags := func() bool {
		db.writer.using.Lock()
		defer db.writer.using.Unlock()
		return db.writer.lag.caughtUp != nil
	}
	for range 2 {
		err := db.Read(t.Context(), func(r store.Reader) error {
			if _, err := r.Generation("rows"); err != nil { // takes the snapshot
				return err
			}
			for db.Stats().Log.Pending < lagPages {
				writeOne()
			}
			await("another connection moves the log", lags)
			writeOne() // without a move
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		moves := db.Stats().Log.Checkpoints
		await("the log is moved", func() bool { return db.Stats().Log.Pending < caughtPages && !lags() })
		if after := db.Stats().Log.Checkpoints; after != moves {
			t.Errorf("the writer moved the log %d times", after-moves)
		}
		for range 30 { // the log begins anew, and the writer moves it again
			writeOne()
		}
		if state := *db.Stats().Log; state.Checkpoints == moves || state.Pages > lagPages {
			t.Errorf("after more commits the log is %+v", state)
		}
	}
}

// A database whose log lags when it is closed, because another connection still reads, is whole when it is opened again.
func TestCloseWhileTheLogLags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{BusyTimeout: 100 * time.Millisecond}) // the last move waits so long for the reader
	write(t, db, createTestRows)
	other, err := openConn(path, Config{}.withDefaults(), "query_only = ON")
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	pin, _, err := other.raw.PrepareTransient("SELECT count(*) FROM rows UNION ALL SELECT 1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pin.Step(); err != nil {
		t.Fatal(err)
	}
	text := value.OfText(strings.Repeat("x", 4_000_000))
	const rows = 8
	for id := range int64(rows) {
		if err := db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (id, body) VALUES (?1, ?2)`, []value.Value{value.OfInt(id), text})
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := pin.Finalize(); err != nil {
		t.Fatal(err)
	}
	again := openTest(t, path, Config{})
	err = again.Read(t.Context(), func(r store.Reader) error {
		return r.Query("SELECT count(*) FROM rows", nil, func(row value.Row) error {
			if n := row.Int(0); n != rows {
				t.Errorf("%d rows are there, want %d", n, rows)
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}
