package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// An Inspection is a database that is open for looks only. Nothing of it changes: neither its file, nor the files beside it. Of
// store.DB it has Read, Readers, Dialect, EngineTables and Close; the other methods panic.
type Inspection struct {
	store.DB // nil

	Version string // of SQLite
	Bytes   int64  // size of the file
	LogSize int64  // size of its log, in bytes

	reader *reader
	remove func() error // removes a copy
}

// ErrUnclean is the error of Inspect for a database that was not closed and is too large to copy.
var ErrUnclean = errors.New("the last server did not close the database, and it is too large for a look at a copy")

// largestCopy bounds the copy that Inspect makes of a database that was not closed.
const largestCopy = 1 << 30

// Inspect opens the database at path to look at it. served says that a server has it open. If no server has and the last one did
// not close it, SQLite would have to write to read it. Inspect then looks at a copy.
func Inspect(path string, served bool) (_ *Inspection, err error) {
	found := &Inspection{Version: lite.Version, remove: func() error { return nil }}
	if path, err = filepath.Abs(path); err != nil { // a URI of a file has no relative path
		return nil, err
	}
	if found.Bytes, err = sizeOf(path); err != nil {
		return nil, err
	}
	if found.LogSize, err = sizeOf(path + "-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := checkFileSystem(filepath.Dir(path), slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	query := "mode=ro"
	switch {
	case served:
	case found.LogSize > 0:
		if found.Bytes+found.LogSize > largestCopy {
			return nil, ErrUnclean
		}
		if path, found.remove, err = copyAside(path); err != nil {
			return nil, err
		}
		query = "mode=rw"
	default:
		query = "immutable=1" // SQLite then makes no files beside it
	}
	if found.reader, err = openInspector(path, query); err != nil {
		return nil, errors.Join(describeOpenError(path, err), found.remove())
	}
	return found, nil
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func openInspector(path, query string) (*reader, error) {
	uri := url.URL{Scheme: "file", Path: path, RawQuery: query}
	flags := lite.OpenReadOnly
	if query == "mode=rw" {
		flags = lite.OpenReadWrite
	}
	raw, err := lite.OpenConn(uri.String(), flags, lite.OpenURI)
	if err != nil {
		return nil, err
	}
	if err := setUpInspector(raw); err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	c := &conn{raw: raw, statements: newStatements(raw), watch: newWatch(raw), version: unknownVersion}
	pin, _, err := raw.PrepareTransient(readHeader)
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return &reader{conn: c, commits: new(commits), pin: pin, others: &others{begun: time.Now()}}, nil
}

func setUpInspector(raw *lite.Conn) error {
	setLimits(raw)
	raw.SetBusyTimeout(time.Second)
	ours, err := checkHeader(raw)
	if err == nil && !ours {
		err = errors.New("it has no tables yet")
	}
	if err != nil {
		return err
	}
	for _, pragma := range append(commonPragmas(), "query_only = ON") {
		if _, err := pragmaText(raw, pragma); err != nil {
			return err
		}
	}
	return registerFunctions(raw, func(int) {})
}

// Read implements store.DB, without a deadline of its own.
func (i *Inspection) Read(ctx context.Context, f func(store.Reader) error) error {
	return i.reader.read(ctx, time.Now().Add(time.Hour), f)
}

// Readers implements store.DB.
func (*Inspection) Readers() (all, quick int) { return 1, 1 }

// Dialect implements store.DB.
func (*Inspection) Dialect() sqlgen.Dialect { return sqlgen.SQLite }

// EngineTables implements store.DB.
func (*Inspection) EngineTables() []string { return (*DB)(nil).EngineTables() }

// Close implements store.DB.
func (i *Inspection) Close() error { return errors.Join(i.reader.close(), i.remove()) }

// Numbers implements store.DB.
func (*Inspection) Numbers(reader store.Reader, counters []string) (store.Numbers, error) {
	return (*DB)(nil).Numbers(reader, counters)
}

// Both checks stop at the first ten faults. Only the second one compares indexes with their tables.
const (
	quickCheck = "PRAGMA quick_check(10)"
	fullCheck  = "PRAGMA integrity_check(10)"
)

// QuickCheck lets SQLite look for damage, until ctx ends. It returns what SQLite says, nothing for a sound database. done is
// false if ctx ended first.
func (i *Inspection) QuickCheck(ctx context.Context) (damage []string, done bool, err error) {
	return i.check(ctx, quickCheck)
}

// FullCheck is QuickCheck, and compares indexes with their tables too.
func (i *Inspection) FullCheck(ctx context.Context) (damage []string, done bool, err error) {
	return i.check(ctx, fullCheck)
}

func (i *Inspection) check(ctx context.Context, pragma string) (damage []string, done bool, err error) {
	raw := i.reader.raw
	former := raw.SetInterrupt(ctx.Done())
	defer raw.SetInterrupt(former)
	stmt, _, err := raw.PrepareTransient(pragma)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, stmt.Finalize()) }()
	for {
		more, err := stmt.Step()
		if ctx.Err() != nil {
			return damage, false, nil
		}
		if err != nil || !more {
			return damage, err == nil, err
		}
		if text := stmt.ColumnText(0); text != "ok" {
			damage = append(damage, text)
		}
	}
}

// copyAside copies a database and its log into a folder that remove removes.
func copyAside(path string) (copied string, remove func() error, err error) {
	dir, err := os.MkdirTemp("", "ashlar-doctor-*")
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	copied = filepath.Join(dir, filepath.Base(path))
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(path+suffix, copied+suffix); err != nil {
			return "", nil, errors.Join(err, remove())
		}
	}
	return copied, remove, nil
}
