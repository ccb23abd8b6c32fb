package sqlite

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/value"
)

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, path string)
		want    string
	}{
		{"text", func(t *testing.T, path string) { writeFile(t, path, strings.Repeat("no database. ", 1000)) }, "is not a database"},
		{"newer format", func(t *testing.T, path string) { makeOurs(t, path); patch(t, path, 18, 9, 9) }, "newer SQLite"},
		{"newer layout", func(t *testing.T, path string) { makeOurs(t, path); run(t, path, "PRAGMA user_version = 99") }, "later release of Ashlar (layout 99; this one knows 1 to 3): run that release or a later one"},
		{"newer layout with a name", func(t *testing.T, path string) {
			makeOurs(t, path)
			run(t, path, "CREATE TABLE ashlar_meta (id TEXT, value TEXT)")
			run(t, path, "INSERT INTO ashlar_meta VALUES ('release', 'ada@box, ashlar v7.0.0')")
			run(t, path, "PRAGMA user_version = 99")
		}, "layout 99, last changed by ada@box, ashlar v7.0.0; this one"},
		{"too old a layout", func(t *testing.T, path string) { makeOurs(t, path); run(t, path, "PRAGMA user_version = 0") }, "older than this release of Ashlar can upgrade (layout 0; this one knows 1 to 3): upgrade it first"},
		{"another program's", func(t *testing.T, path string) { run(t, path, "CREATE TABLE users (id)") }, "belongs to another program"},
		{"damaged", func(t *testing.T, path string) { makeOurs(t, path); patch(t, path, 100, 77, 77, 77) }, "is damaged"},
		{"folder", func(t *testing.T, path string) { mkdir(t, path) }, "is not a file"},
		{"no folder", func(t *testing.T, path string) { _ = os.RemoveAll(filepath.Dir(path)) }, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "inside", "data.db")
			mkdir(t, filepath.Dir(path))
			tt.prepare(t, path)
			db, err := Open(t.Context(), path, Config{})
			if err == nil {
				_ = db.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), filepath.Dir(path)) {
				t.Errorf("Open() = %v, want an error with %q and the path", err, tt.want)
			}
		})
	}
}

func makeOurs(t *testing.T, path string) {
	t.Helper()
	if err := openTest(t, path, Config{}).Close(); err != nil {
		t.Fatal(err)
	}
}

// run runs a statement as another program would.
func run(t *testing.T, path, sql string) {
	t.Helper()
	raw, err := lite.OpenConn(path, lite.OpenReadWrite|lite.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	stmt, _, err := raw.PrepareTransient(sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stmt.Step(); err != nil {
		t.Fatal(err)
	}
	if err := stmt.Finalize(); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// patch overwrites bytes of a closed database.
func patch(t *testing.T, path string, offset int64, bytes ...byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes, offset); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "data.db")
	makeOurs(t, path)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, openTest(t, path, Config{}), "CREATE TABLE t (id INTEGER)")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("%d files beside the open database, want it, its log and its index", len(entries))
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has permissions %o, want 600", entry.Name(), info.Mode().Perm())
		}
	}
}

func TestCloseLeavesOneFile(t *testing.T) {
	dir := t.TempDir()
	db := openTest(t, filepath.Join(dir, "data.db"), Config{})
	write(t, db, "CREATE TABLE t (id INTEGER)")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files after Close, %v; want the database alone, the log moved into it", len(entries), err)
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct {
		cfg         Config
		synchronous string
	}{
		{Config{}, "2"},
		{Config{Durability: Normal}, "1"},
	} {
		db := openTest(t, filepath.Join(t.TempDir(), "data.db"), tt.cfg)
		want := map[string]string{
			"synchronous": tt.synchronous, "journal_mode": "wal", "foreign_keys": "1", "trusted_schema": "0", "cell_size_check": "1", "query_only": "0",
		}
		check := func(r store.Reader) error {
			for pragma, text := range want {
				err := r.Query("PRAGMA "+pragma, nil, func(row value.Row) error {
					if got := string(row.Bytes(0)); got != text {
						t.Errorf("PRAGMA %s = %s, want %s", pragma, got, text)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := db.Write(t.Context(), func(tx store.Tx) error { return check(tx) }); err != nil {
			t.Error(err)
		}
		delete(want, "synchronous") // a reader writes nothing
		want["query_only"] = "1"
		if err := db.Read(t.Context(), check); err != nil {
			t.Error(err)
		}
	}
}

func TestVersion(t *testing.T) {
	if err := checkVersion(lite.VersionNumber); err != nil {
		t.Errorf("checkVersion(%d) = %v", lite.VersionNumber, err)
	}
	if checkVersion(3_051_002) == nil {
		t.Error("checkVersion(3.51.2) accepts a SQLite that can corrupt databases")
	}
}

// TestLongExpression: sqlgen relies on a depth of 1,000.
func TestLongExpression(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "data.db"), Config{})
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query("SELECT "+strings.Repeat("(1+", 490)+"1"+strings.Repeat(")", 490), nil, func(row value.Row) error {
			if row.Int(0) != 491 {
				t.Errorf("the sum is %d", row.Int(0))
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Several processes that make a database at once all find it theirs.
func TestOpenTogether(t *testing.T) {
	for range effort.Cases(40, 400) {
		path := filepath.Join(t.TempDir(), "data.db")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := Open(t.Context(), path, Config{Readers: 1, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Error(err)
					return
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
