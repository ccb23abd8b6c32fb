package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// smallDisk mounts a file system of so many bytes. It skips the test if this user may not mount one.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", size)); err != nil {
		t.Skipf("SKIPPED: this test of a full disk needs the right to mount a tmpfs (root): %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// crowd fills a disk to the last byte, as another program may.
func crowd(t *testing.T, dir string) (room func()) {
	t.Helper()
	name := filepath.Join(dir, "of-another-program")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// TestFullDiskIsServed: a database on a full disk can be read, also after a restart. It takes writes as soon as there is
// room.
func TestFullDiskIsServed(t *testing.T) {
	dir := smallDisk(t, 8<<20)
	path := filepath.Join(dir, "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	for id := range int64(100) {
		if err := addRow(db, id); err != nil {
			t.Fatal(err)
		}
	}
	room := crowd(t, dir)
	wantFull(t, db, 200)
	if err := db.Close(); err != nil {
		t.Fatalf("Close on a full disk: %v", err)
	}
	for range 2 { // the second start finds what the first has left
		again := openTest(t, path, Config{})
		if got := countOf(t, again); got != 100 {
			t.Errorf("%d rows after a restart on a full disk, want 100", got)
		}
		wantFull(t, again, 300)
		if err := again.Close(); err != nil {
			t.Fatalf("Close on a full disk: %v", err)
		}
	}
	last := openTest(t, path, Config{})
	wantFull(t, last, 400)
	room()
	if err := addRow(last, 400); err != nil {
		t.Errorf("a write when there is room again: %v", err)
	}
	if err := last.Alter(t.Context(), func(s store.Session) error { _, err := s.Exec("CREATE TABLE more (id)", nil); return err }); err != nil {
		t.Errorf("a change of tables when there is room again: %v", err)
	}
	wantWritable(t, last)
	if err := last.Close(); err != nil {
		t.Error(err)
	}
	wantRows(t, path, []int64{0, 99, 400})
	wantCount(t, path, 101)
}

// TestFullDiskAtStart: the disk became full while no server ran. There is no room for a single file of SQLite's own.
func TestFullDiskAtStart(t *testing.T) {
	dir := smallDisk(t, 4<<20)
	path := filepath.Join(dir, "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	for id := range int64(100) {
		if err := addRow(db, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	room := crowd(t, dir)
	db = openTest(t, path, Config{})
	if err := db.CheckWrites(t.Context()); err == nil || db.Writable() == nil {
		t.Errorf("CheckWrites = %v, and Writable = %v, of a database that was opened without room", err, db.Writable())
	}
	if got := countOf(t, db); got != 100 {
		t.Errorf("%d rows, want 100", got)
	}
	wantFull(t, db, 200)
	room()
	if err := addRow(db, 200); err != nil {
		t.Errorf("a write when there is room again: %v", err)
	}
	if err := db.Alter(t.Context(), func(s store.Session) error { _, err := s.Exec("CREATE TABLE more (id)", nil); return err }); err != nil {
		t.Errorf("a change of tables when there is room again: %v", err)
	}
	if err := db.Copy(t.Context(), filepath.Join(dir, "copy.db")); err != nil {
		t.Errorf("a copy when there is room again: %v", err)
	}
	wantWritable(t, db)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wantRows(t, path, []int64{0, 99, 200})
	wantCount(t, path, 101)
	wantRows(t, filepath.Join(dir, "copy.db"), []int64{0, 99, 200})
}

// TestFirstStartOnAFullDisk: a first start on a full disk fails, and the error says what to do. With room the next start
// succeeds.
func TestFirstStartOnAFullDisk(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	path := filepath.Join(dir, "data.db")
	room := crowd(t, dir)
	db, err := Open(t.Context(), path, Config{Logger: discard()})
	if err == nil {
		_ = db.Close()
		t.Fatal("Open made a database on a full disk")
	}
	if !NoRoom(err) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "make some") {
		t.Errorf("Open on a full disk = %v, want that there is no room, the file, and what to do", err)
	}
	room()
	db = openTest(t, path, Config{})
	write(t, db, createRows)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// wantFull writes until the disk is really full. It checks that writes are refused and reads are not.
func wantFull(t *testing.T, db *DB, id int64) {
	t.Helper()
	refused := false
	for try := range int64(50) { // the log may have some room left
		err := db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(insertRow, []value.Value{value.OfInt(id + try), value.OfText(strings.Repeat("x", 2<<20))})
			return err
		})
		if err == nil {
			t.Fatal("2 MiB were written to a full disk")
		}
		if err := isRefusal(err); err != nil {
			t.Fatal(err)
		}
		refused = true
	}
	if !refused || db.Writable() == nil {
		t.Error("a database on a full disk counts as writable")
	}
	countOf(t, db)
}

func wantWritable(t *testing.T, db *DB) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); db.Writable() != nil; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is room again, and the database says %v", db.Writable())
		}
	}
}

// childCrowded writes to a full disk until it is killed. It reports each row as acknowledged (+) or refused (-).
func childCrowded(path string) error {
	db, err := Open(context.Background(), path, Config{Logger: discard()})
	if err != nil {
		return err
	}
	for id := int64(1); ; id++ {
		err := db.Write(context.Background(), func(tx store.Tx) error {
			_, err := tx.Exec(insertRow, []value.Value{value.OfInt(id), value.OfText(strings.Repeat("y", int(id*7919%60_000)))})
			return err
		})
		sign := "+"
		if err != nil {
			if err := isRefusal(err); err != nil {
				return err
			}
			sign = "-"
		}
		fmt.Printf("%s%d\n", sign, id)
	}
}

// TestKillOnAFullDisk: what was acknowledged is there after a kill, and what was refused is not: no frame of a refused
// transaction comes back by the recovery of the log.
func TestKillOnAFullDisk(t *testing.T) {
	for round := range 6 {
		dir := smallDisk(t, 4<<20)
		path := filepath.Join(dir, "data.db")
		db := openTest(t, path, Config{})
		write(t, db, createRows)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		c := startChild(t, "crowded", path)
		var acknowledged []int64
		refused := 0
		for refused < 10+7*round {
			var sign rune
			var id int64
			line := c.line(t)
			if _, err := fmt.Sscanf(line, "%c%d\n", &sign, &id); err != nil {
				t.Fatalf("the child reported %q: %v", line, err)
			}
			if sign == '+' {
				acknowledged = append(acknowledged, id)
			} else {
				refused++
			}
		}
		_ = c.cmd.Process.Kill()
		rest := c.rest(t)
		_ = c.cmd.Wait() // it was killed
		for _, line := range rest {
			if id, ok := strings.CutPrefix(line, "+"); ok {
				acknowledged = append(acknowledged, parseIDs(t, []string{id})...)
			}
		}
		wantRows(t, path, acknowledged)
		again := openTest(t, path, Config{})
		if got := countOf(t, again); got > len(acknowledged)+1 { // the last may have been done, and not reported
			t.Errorf("round %d: %d rows are there, want the %d that were acknowledged", round, got, len(acknowledged))
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFailedCopyLeavesNothing: a copy without room leaves nothing behind, and neither does an interrupted one.
func TestFailedCopyLeavesNothing(t *testing.T) {
	dir := smallDisk(t, 3<<20)
	db := openTest(t, filepath.Join(dir, "data.db"), Config{})
	write(t, db, createRows)
	err := db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(insertRow, []value.Value{value.OfInt(1), value.OfText(strings.Repeat("x", 600<<10))})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	copies := filepath.Join(dir, "copies")
	if err := os.Mkdir(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	room := crowd(t, dir)
	if err := db.Copy(t.Context(), filepath.Join(copies, "a.db")); !NoRoom(err) {
		t.Errorf("Copy on a full disk = %v, want that there is no room", err)
	}
	wantFiles(t, copies)
	room()
	for _, name := range []string{"b.db.unfinished", "b.db.unfinished-journal", "c.db.unfinished-journal", "d.db"} {
		if err := os.WriteFile(filepath.Join(copies, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveUnfinished(copies); err != nil {
		t.Error(err)
	}
	wantFiles(t, copies, "d.db")
	if err := RemoveUnfinished(filepath.Join(dir, "missing")); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("in the folder are %v, want %v", got, want)
	}
}

// TestFailedSync: after a failed sync the frames of the transaction may be in the log. A later transaction overwrites them.
// The outcome is unknown only if that fails too.
func TestFailedSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createRows)
	w := db.writer
	for _, code := range []lite.ResultCode{lite.ResultIOErrFsync, lite.ResultIOErrSHMSize, lite.ResultIOErr} {
		before := w.conn
		if !w.undone(code.ToError()) {
			t.Errorf("undone(%v) = false with a disk that is well again", code)
		}
		if w.conn == before {
			t.Errorf("the connection went on after %v", code)
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	if w.undone(lite.ResultIOErrFsync.ToError()) {
		t.Error("undone = true where nothing can be written")
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	if err := addRow(db, 1); err != nil {
		t.Errorf("a write after that: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	wantRows(t, path, []int64{1})
}
