package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A log that grew beside a reader gets shorter again, a few megabytes at a time.
func TestShrinkLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	db := openTest(t, path, Config{})
	write(t, db, createTestRows)
	text := value.OfText(strings.Repeat("x", 2<<20))
	id := int64(0)
	writeOne := func() int64 {
		t.Helper()
		id++
		if err := db.Write(t.Context(), func(tx store.Tx) error {
			_, err := tx.Exec(`INSERT INTO rows (id, body) VALUES (?1, ?2)`, []value.Value{value.OfInt(id), text})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return db.Stats().Log.Bytes
	}
	var largest int64
	err := db.Read(t.Context(), func(r store.Reader) error {
		if _, err := r.Generation("rows"); err != nil { // takes the snapshot
			return err
		}
		for largest < keptLog+4*cutLog {
			largest = writeOne()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	for before := largest; before > keptLog; {
		if id > 1000 {
			t.Fatalf("the log has %d bytes after %d writes", before, id)
		}
		after := writeOne()
		if before-after > cutLog {
			t.Fatalf("a commit cut %d bytes off the log", before-after)
		}
		if after < before {
			cuts++
		}
		before = after
	}
	if cuts < 4 {
		t.Errorf("%d cuts made %d bytes of %d", cuts, keptLog, largest)
	}
}
