package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	lite "zombiezen.com/go/sqlite"
)

// file is the open file with its connections.
type file struct {
	writer  *lite.Conn
	readers chan *lite.Conn // idle connections
	opened  int             // readers
	info    os.FileInfo     // of the file that was opened
	release func() error    // lets another process open it
	limits  limits
	process int64 // row of this process
	stop    context.CancelFunc
	stopped context.Context // ends reads when the file is left
}

// readConns is how many reads run at once.
const readConns = 2

// moved says that a file was moved aside.
type moved struct {
	to  string
	why error
}

// openFile opens the file, or makes it. A file that cannot be used is moved aside, and another one is made.
func openFile(path string, size int64) (f *file, aside *moved, err error) {
	release, err := lock(path + lockSuffix)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, release())
		}
	}()
	f, err = openLocked(path, size)
	if why := unusable(err); why != nil {
		to, moveErr := moveAside(path)
		if moveErr != nil {
			return nil, nil, errors.Join(err, moveErr)
		}
		aside = &moved{to, why}
		f, err = openLocked(path, size)
	}
	if err != nil {
		return nil, aside, fmt.Errorf("open %s: %w", path, err)
	}
	f.release = release
	return f, aside, nil
}

// layoutError is the error of a file that another version of this program wrote.
type layoutError struct{ found int64 }

func (e layoutError) Error() string {
	return fmt.Sprintf("its layout has the number %d, and this program reads %d", e.found, layout)
}

// unusable returns why a file cannot be used and never will, or nil.
func unusable(err error) error {
	if err == nil {
		return nil
	}
	switch lite.ErrCode(err).ToPrimary() {
	case lite.ResultCorrupt, lite.ResultNotADB:
		return err
	}
	if old, ok := errors.AsType[layoutError](err); ok {
		return old
	}
	return nil
}

func openLocked(path string, size int64) (_ *file, err error) {
	if err := prepare(path); err != nil {
		return nil, err
	}
	f := newFile(size)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if f.writer, err = openConn(path); err != nil {
		return nil, err
	}
	if err := f.setUp(); err != nil {
		return nil, err
	}
	if err := f.openReaders(path); err != nil {
		return nil, err
	}
	f.info, err = os.Stat(path)
	return f, err
}

// newFile returns a file without connections.
func newFile(size int64) *file {
	f := &file{readers: make(chan *lite.Conn, readConns), limits: limitsOf(size)}
	f.stopped, f.stop = context.WithCancel(context.Background())
	return f
}

// openReaders opens the connections for reads.
func (f *file) openReaders(path string) error {
	for range readConns {
		conn, err := openConn(path)
		if err != nil {
			return err
		}
		f.readers <- conn
		f.opened++
		if err := script(conn, "PRAGMA query_only = ON;"); err != nil {
			return err
		}
		version, err := numberOf(conn, "PRAGMA user_version")
		if err != nil {
			return err
		}
		if version != layout {
			return layoutError{version}
		}
	}
	return nil
}

// prepare makes sure that only this user reads the file.
func prepare(path string) error {
	created, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		return created.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	return nil
}

// busyTime is the wait for another program, such as the shell of SQLite, that writes to the file.
const busyTime = time.Second

// openConn opens a connection. There is no memory map, as in store/sqlite.
func openConn(path string) (*lite.Conn, error) {
	conn, err := lite.OpenConn(path, lite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTime)
	conn.Limit(lite.LimitLength, 32<<20)
	conn.Limit(lite.LimitAttached, 0)
	if err := script(conn, "PRAGMA mmap_size = 0; PRAGMA cache_size = -1024; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// setUp makes the tables of a new file, and checks the layout of another.
func (f *file) setUp() error {
	conn := f.writer
	version, err := numberOf(conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := numberOf(conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	if version != layout && (version != 0 || tables != 0) {
		return layoutError{version}
	}
	if tables == 0 {
		if err := script(conn, filePragmas); err != nil {
			return err
		}
	}
	// A power cut may take the last seconds of the log, and never the file: with NORMAL, SQLite syncs at checkpoints. With OFF
	// a power cut may damage the file, and the time before the cut is what somebody wants to see.
	if err := script(conn, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"); err != nil {
		return err
	}
	if err := f.limits.apply(conn); err != nil {
		return err
	}
	if tables != 0 {
		return nil
	}
	return f.write(func(tx *transaction) error {
		return script(tx.conn, schema+fmt.Sprintf("PRAGMA user_version = %d;", layout))
	})
}

// write runs work in a transaction. A panic of work takes the transaction back.
func (f *file) write(work func(*transaction) error) (err error) {
	tx := &transaction{conn: f.writer}
	if err := tx.run("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if done {
			return
		}
		for _, undone := range tx.undone {
			undone()
		}
		if !f.writer.AutocommitEnabled() {
			err = errors.Join(err, tx.run("ROLLBACK"))
		}
	}()
	if err := work(tx); err != nil {
		return err
	}
	if err := tx.run("COMMIT"); err != nil {
		return err
	}
	done = true
	for _, committed := range tx.committed {
		committed()
	}
	return nil
}

// close closes the connections. It waits for reads, which it interrupts.
func (f *file) close() (err error) {
	f.stop()
	for range f.opened {
		select {
		case conn := <-f.readers:
			err = errors.Join(err, conn.Close())
		case <-time.After(5 * time.Second): // an interrupted read ends within milliseconds
			err = errors.Join(err, errors.New("a read of the telemetry database does not end"))
		}
	}
	if f.writer != nil {
		err = errors.Join(err, f.writer.Close())
	}
	if f.release != nil {
		err = errors.Join(err, f.release())
	}
	return err
}

// suffixes are the ends of the names of a database's files.
var suffixes = [...]string{"", "-wal", "-shm"}

// moveAside gives a file another name. Only the last one is kept, so that many damaged files do not fill the disk.
func moveAside(path string) (to string, err error) {
	to = path + ".aside"
	for _, suffix := range suffixes {
		if err := os.Remove(to + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return to, err
		}
	}
	for _, suffix := range suffixes {
		if err := os.Rename(path+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return to, err
		}
	}
	return to, nil
}

// sizeOnDisk returns the bytes of the file and its log.
func sizeOnDisk(path string) (total int64) {
	for _, suffix := range suffixes {
		total += sizeOf(path + suffix)
	}
	return total
}

func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}

// FileName is the name of the file in a data folder.
const FileName = "telemetry.db"

const lockSuffix = ".lock"

// folderOf returns the folder of the file.
func folderOf(path string) string { return filepath.Dir(path) }
