package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/backup/target"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/migrate"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/sqlite"
	"github.com/ashlar-dev/ashlar/internal/test/effort"
	"github.com/ashlar-dev/ashlar/internal/test/modeltest"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const ledger = `
ashlar: 1
name: ledger
tables:
  credits: {key: int, fields: {amount: {type: int}, note: {type: text}}}
  debits:  {key: int, fields: {amount: {type: int}, note: {type: text}}}
`

// world is a data folder with a database that is open, as a server has it.
type world struct {
	db     store.DB
	folder string
	source Source
}

func newWorld(t testing.TB, rows int) *world {
	t.Helper()
	w := &world{folder: filepath.Join(t.TempDir(), "data")}
	if err := os.MkdirAll(filepath.Join(w.folder, laterKeys), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(w.folder, databaseFile)
	db, err := sqlite.Open(t.Context(), path, sqlite.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := migrate.Apply(t.Context(), db, modeltest.Compile(t, modeltest.Model(t, ledger)), migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	w.db = db
	w.write(t, 1, rows)
	for _, name := range []string{"signing-key.pem", secretKey, laterKeys + "/20261127T085200Z.pem"} {
		if err := os.WriteFile(filepath.Join(w.folder, name), []byte("key "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.source = Source{
		Engine: "sqlite", App: "ledger", Scratch: filepath.Join(w.folder, "scratch"), Keys: w.folder, Open: openForLooks,
		Copy: func(ctx context.Context, to string, _ Progress, rest func()) error {
			return sqlite.CopyPages(ctx, path, to, func(int64, int64) { rest() })
		},
	}
	return w
}

func openForLooks(path string) (Copy, error) { return sqlite.Inspect(path, false) }

// write adds rows with ids from first to last to both tables, in one transaction.
func (w *world) write(t testing.TB, first, last int) {
	t.Helper()
	err := w.db.Write(t.Context(), func(tx store.Tx) error {
		tx.MarkChanged("credits")
		tx.MarkChanged("debits")
		for id := first; id <= last; id++ {
			args := []value.Value{value.OfInt(int64(id)), value.OfText(strings.Repeat(fmt.Sprint("note ", id), 1+id%7))}
			for _, table := range []string{"credits", "debits"} {
				if _, err := tx.Exec(`INSERT INTO `+table+` (id, amount, note, created_at, updated_at, _rev) VALUES ($1, $1, $2, 0, 0, $1)`, args); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func into(path string) Destination {
	return Destination{App: "ledger", Folder: path, Open: openForLooks, Lock: func() (func() error, error) { return sqlite.Lock(path) }}
}

func folderTarget(t testing.TB) (target.Target, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backups")
	to, err := target.Open(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return to, path
}

func newIdentity(t testing.TB) (Identities, string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return Identities{identity}, identity.Recipient().String()
}

func take(t testing.TB, w *world, to target.Target, o Options) Manifest {
	t.Helper()
	m, err := Take(t.Context(), w.source, to, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// contents returns the files below a folder.
func contents(t testing.TB, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup restores to the rows that it was taken of. A locked one brings the keys of the server.
func TestThereAndBack(t *testing.T) {
	for _, locked := range []bool{false, true} {
		t.Run(fmt.Sprint("locked ", locked), func(t *testing.T) {
			w := newWorld(t, 3000)
			to, _ := folderTarget(t)
			keys, recipient := newIdentity(t)
			o := Options{Version: "v1"}
			if locked {
				o.LockWith = []string{recipient}
			}
			m := take(t, w, to, o)
			w.write(t, 3001, 3100) // the backup does not have them
			if m.Rows() < 6000 || len(m.Keys) != 3 || m.Revision == 0 || m.Generations["credits"] == 0 {
				t.Errorf("manifest %+v", m)
			}
			all, err := List(t.Context(), to)
			if err != nil || cmp.Diff([]Manifest{m}, all) != "" {
				t.Fatalf("List() = %+v, %v, want %+v", all, err, m)
			}
			if got, err := Verify(t.Context(), to, m.ID, keys, nil); err != nil || got.ID != m.ID {
				t.Fatalf("Verify() = %v", err)
			}
			if _, err := Verify(t.Context(), to, "", nil, nil); err != nil {
				t.Fatalf("Verify() without keys = %v", err)
			}
			data := filepath.Join(t.TempDir(), "new")
			if _, err := Restore(t.Context(), to, "", into(data), keys, nil); err != nil {
				t.Fatal(err)
			}
			got := contents(t, data)
			wantFiles := []string{databaseFile, "lock"}
			missing := 3
			if locked {
				wantFiles = append(wantFiles, secretKey, "signing-key.pem", "signing-keys/20261127T085200Z.pem")
				missing = 0
			}
			if files := slices.Sorted(maps.Keys(got)); !slices.Equal(files, wantFiles) {
				t.Errorf("restored %v, want %v", files, wantFiles)
			}
			if names := MissingKeys(data, m); len(names) != missing {
				t.Errorf("MissingKeys() = %v, want %d", names, missing)
			}
			db, err := sqlite.Open(t.Context(), filepath.Join(data, databaseFile), sqlite.Config{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			again := Manifest{}
			if err := describe(t.Context(), db, &again, nobody{}, &pace{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.Tables, again.Tables); diff != "" {
				t.Errorf("tables (-taken +restored):\n%s", diff)
			}
			if left, _ := os.ReadDir(w.source.Scratch); len(left) > 0 {
				t.Errorf("Take() left %v", left)
			}
			if err := Remove(t.Context(), to, m.ID); err != nil {
				t.Fatal(err)
			}
			if objects, err := to.List(t.Context(), ""); err != nil || len(objects) > 0 {
				t.Errorf("Remove() left %v, %v", objects, err)
			}
		})
	}
}

// Writers at work during a backup neither tear it nor wait for it. Each of their transactions adds a row to both tables.
func TestOneState(t *testing.T) {
	w := newWorld(t, 5000)
	to, _ := folderTarget(t)
	stop, done := make(chan struct{}), make(chan struct{})
	var written atomic.Int64
	go func() {
		defer close(done)
		for id := 5001; ; id++ {
			select {
			case <-stop:
				return
			default:
				w.write(t, id, id)
				written.Add(1)
			}
		}
	}()
	copyPages := w.source.Copy
	w.source.Copy = func(ctx context.Context, path string, p Progress, _ func()) error {
		before := written.Load()
		return copyPages(ctx, path, p, func() { // until the writer has committed within the snapshot
			for deadline := time.Now().Add(10 * time.Second); written.Load() < before+3; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Error("no write was committed during the copy")
					return
				}
			}
		})
	}
	var manifests []Manifest
	for range 3 {
		manifests = append(manifests, take(t, w, to, Options{}))
	}
	close(stop)
	<-done
	last := int64(0)
	for _, m := range manifests {
		var credits, debits Table
		for _, table := range m.Tables {
			switch table.Name {
			case "credits":
				credits = table
			case "debits":
				debits = table
			}
		}
		if credits.Rows != debits.Rows || credits.Checksum != debits.Checksum || credits.Rows <= last {
			t.Errorf("%+v and %+v, want one state with more than %d rows", credits, debits, last)
		}
		last = credits.Rows
		if _, err := Restore(t.Context(), to, m.ID, into(filepath.Join(t.TempDir(), "new")), nil, nil); err != nil {
			t.Error(err)
		}
	}
}

// Verify finds a flipped byte wherever it is, and Restore refuses the backup and leaves no database.
func TestFlips(t *testing.T) {
	effort.SkipRaced(t)
	w := newWorld(t, 20)
	keys, recipient := newIdentity(t)
	random := rand.New(rand.NewPCG(1, 63))
	for _, o := range []Options{{}, {LockWith: []string{recipient}}} {
		to, path := folderTarget(t)
		m := take(t, w, to, o)
		files := slices.Sorted(maps.Keys(contents(t, path)))
		if want := len(m.Parts) + 1; len(files) != want {
			t.Fatalf("the backup has %d files, want %d", len(files), want)
		}
		data := filepath.Join(t.TempDir(), "new")
		for i := range 500 {
			name := filepath.Join(path, files[i%len(files)])
			bytes, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			at, was := random.IntN(len(bytes)), byte(0)
			was, bytes[at] = bytes[at], bytes[at]^byte(1+random.IntN(255))
			overwrite(t, name, bytes)
			if _, err := Verify(t.Context(), to, m.ID, keys, nil); err == nil {
				t.Errorf("Verify() missed byte %d of %s", at, files[i%len(files)])
			}
			if _, err := Verify(t.Context(), to, m.ID, nil, nil); err == nil {
				t.Errorf("Verify() without keys missed byte %d of %s", at, files[i%len(files)])
			}
			if _, err := Restore(t.Context(), to, m.ID, into(data), keys, nil); errs.KindOf(err) != errs.Invalid {
				t.Errorf("Restore() with byte %d of %s flipped = %v", at, files[i%len(files)], err)
			}
			if found := contents(t, data); len(found) > 1 { // the lock
				t.Fatalf("Restore() left %v", slices.Sorted(maps.Keys(found)))
			}
			bytes[at] = was
			overwrite(t, name, bytes)
		}
		if _, err := Restore(t.Context(), to, m.ID, into(data), keys, nil); err != nil {
			t.Errorf("Restore() of the mended backup = %v", err)
		}
	}
}

func overwrite(t testing.TB, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Restore says what is wrong before it touches anything.
func TestRefusals(t *testing.T) {
	w := newWorld(t, 50)
	keys, recipient := newIdentity(t)
	wrong, _ := newIdentity(t)
	to, path := folderTarget(t)
	m := take(t, w, to, Options{LockWith: []string{recipient}})
	original := contents(t, path)
	rewrite := func(change func(*Manifest)) func(*testing.T, string) {
		return func(t *testing.T, _ string) {
			t.Helper()
			changed := m
			changed.Parts, changed.Tables, changed.Keys = slices.Clone(m.Parts), slices.Clone(m.Tables), slices.Clone(m.Keys)
			change(&changed)
			data, err := changed.encode()
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(path, m.ID, manifestName), data)
		}
	}
	place := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, data string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Dir(filepath.Join(data, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			overwrite(t, filepath.Join(data, name), []byte(text))
		}
	}
	part := filepath.Join(path, m.ID, m.Parts[0].Name)
	for _, tt := range []struct {
		name   string
		spoil  func(t *testing.T, data string)
		id     string
		keys   Identities
		app    string
		want   string
		unused bool // the data folder stays absent
	}{
		{name: "a used folder", spoil: place(databaseFile, "rows"), want: "is not empty: it holds ashlar.db"},
		{name: "a folder of something else", spoil: place("thesis.txt", "dear reader"), want: "is not empty: it holds thesis.txt"},
		{name: "another secret key", spoil: place(secretKey, "another"), want: "has another secret-key.pem"},
		{name: "a wrong key", keys: wrong, want: "the key is a wrong one", unused: true},
		{name: "no key", keys: Identities{}, want: "is locked: give the file with the secret key by --key", unused: true},
		{name: "another app", app: "careers", want: "is of the app ledger, not of careers", unused: true},
		{name: "no such backup", id: "20200101T000000Z-00000000", want: "there is no backup 20200101T000000Z-00000000", unused: true},
		{name: "a path as a name", id: "../" + m.ID, want: "names no backup", unused: true},
		{name: "another format", spoil: rewrite(func(m *Manifest) { m.Format = 2 }), want: "has format 2, and this release of Ashlar reads format 1", unused: true},
		{name: "a later layout", spoil: rewrite(func(m *Manifest) { m.Layout = store.Layout + 1 }), want: "is of a later release of Ashlar", unused: true},
		{name: "a part above the folder", spoil: rewrite(func(m *Manifest) { m.Parts[0].Name = "../../etc/passwd" }), want: `a part is called "../../etc/passwd"`, unused: true},
		{name: "a part named twice", spoil: rewrite(func(m *Manifest) { m.Parts[1].Name = m.Parts[0].Name }), want: "a part is called", unused: true},
		{name: "a key above the folder", spoil: rewrite(func(m *Manifest) { m.Keys[0].Name = "../.ssh/authorized_keys" }), want: "a key is called", unused: true},
		{name: "a huge part", spoil: rewrite(func(m *Manifest) { m.Parts[0].Bytes = 1 << 40 }), want: "has 1099511627776 bytes", unused: true},
		{name: "a missing part", spoil: func(t *testing.T, _ string) {
			t.Helper()
			if err := os.Remove(part); err != nil {
				t.Fatal(err)
			}
		}, want: "is not whole: 000.part is missing", unused: true},
		{name: "a link as a part", spoil: func(t *testing.T, _ string) {
			t.Helper()
			outside := filepath.Join(t.TempDir(), "part")
			if err := os.Rename(part, outside); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, part); err != nil {
				t.Fatal(err)
			}
		}, want: "is not whole: 000.part is missing", unused: true},
		{name: "another checksum of a table", spoil: rewrite(func(m *Manifest) { m.Tables[0].Checksum = strings.Repeat("0", 64) }), want: "differ from its manifest"},
		{name: "another row count", spoil: rewrite(func(m *Manifest) { m.Tables[len(m.Tables)-1].Rows++ }), want: "differ from its manifest"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "new")
			if tt.spoil != nil {
				tt.spoil(t, data)
			}
			before := contents(t, data)
			with, d := keys, into(data)
			if tt.keys != nil {
				with = tt.keys
			}
			if tt.app != "" {
				d.App = tt.app
			}
			_, err := Restore(t.Context(), to, tt.id, d, with, nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Restore() = %v, want %q", err, tt.want)
			}
			after := contents(t, data)
			if tt.spoil == nil || len(before) > 0 || tt.unused {
				if diff := cmp.Diff(before, after); diff != "" {
					t.Errorf("the folder has changed:\n%s", diff)
				}
			} else if delete(after, "lock"); len(after) > 0 {
				t.Errorf("the folder holds %v", slices.Sorted(maps.Keys(after)))
			}
			if _, err := os.Stat(data); tt.unused && err == nil {
				t.Error("the folder was made")
			}
			_ = os.Remove(part)
			for name, text := range original {
				overwrite(t, filepath.Join(path, name), []byte(text))
			}
		})
	}
}

// Keys that were brought before the restore stay.
func TestKeysBrought(t *testing.T) {
	w := newWorld(t, 5)
	to, _ := folderTarget(t)
	m := take(t, w, to, Options{})
	data := filepath.Join(t.TempDir(), "new")
	if err := os.CopyFS(filepath.Join(data, laterKeys), os.DirFS(filepath.Join(w.folder, laterKeys))); err != nil {
		t.Fatal(err)
	}
	overwrite(t, filepath.Join(data, secretKey), []byte("key "+secretKey))
	if _, err := Restore(t.Context(), to, "", into(data), nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := MissingKeys(data, m); !slices.Equal(got, []string{"signing-key.pem"}) {
		t.Errorf("MissingKeys() = %v", got)
	}
}

// The keys in a backup are files with the names of keys.
func TestUnpackKeys(t *testing.T) {
	good := []keyFile{{secretKey, []byte("key")}}
	var packed bytes.Buffer
	if err := packKeys(&packed, good); err != nil {
		t.Fatal(err)
	}
	m := Manifest{ID: "x", Keys: fingerprints(good)}
	if got, err := unpackKeys(m, bytes.NewReader(packed.Bytes())); err != nil || len(got) != 1 {
		t.Errorf("unpackKeys() = %v, %v", got, err)
	}
	for _, name := range []string{"../secret-key.pem", "/etc/secret-key.pem", "signing-keys/../../x.pem", "other"} {
		packed.Reset()
		if err := packKeys(&packed, []keyFile{{name, nil}}); err != nil {
			t.Fatal(err)
		}
		if _, err := unpackKeys(m, &packed); errs.KindOf(err) != errs.Invalid {
			t.Errorf("unpackKeys(%s) = %v, want a refusal", name, err)
		}
	}
}

// The parts of a backup that was never finished go after a day, and no backup lists them.
func TestLeftovers(t *testing.T) {
	w := newWorld(t, 5)
	to, path := folderTarget(t)
	young := newID(time.Now())
	for _, id := range []string{"20200101T000000Z-00000000", young} {
		if err := to.Put(t.Context(), id+"/000.part", strings.NewReader("half")); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(filepath.Join(path, "20200101T000000Z-00000000/000.part"), old, old); err != nil {
		t.Fatal(err)
	}
	m := take(t, w, to, Options{})
	all, err := List(t.Context(), to)
	if err != nil || len(all) != 1 || all[0].ID != m.ID {
		t.Errorf("List() = %v, %v", all, err)
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, want the backup and the young leftover", entries)
	}
}

// A recipient that is none is refused before the work.
func TestRecipients(t *testing.T) {
	w := newWorld(t, 1)
	to, _ := folderTarget(t)
	keys, _ := newIdentity(t)
	for _, text := range []string{"", "age1x", "ssh-ed25519 AAAA", keys[0].String()} {
		_, err := Take(t.Context(), w.source, to, Options{LockWith: []string{text}})
		if err == nil || strings.Contains(err.Error(), "AGE-SECRET-KEY-1") {
			t.Errorf("Take() with %.8q = %v", text, err)
		}
	}
}

// A manifest is JSON that other programs can read.
func TestManifestIsJSON(t *testing.T) {
	data, err := (Manifest{Format: Format, ID: "x"}).encode()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil || len(got["sha256"].(string)) != 64 {
		t.Errorf("%s: %v", data, err)
	}
}
