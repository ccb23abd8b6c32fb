//go:build unix

package sqlite

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// logIndex is the header of SQLite's index of the log, the file beside the database whose name ends in -shm, in memory that
// all processes share. Every commit of any process changes it. SQLite itself compares it to find out whether a snapshot is
// the newest state (walIndexTryHdr), after system calls that a read of one row can do without.
type logIndex struct {
	path     string
	file     int // a descriptor that no finalizer closes
	memory   []byte
	database int // another one, of the database; 0: not open
}

// indexHeader is the first copy of the header. Two that are equal belong to the same state of the database.
type indexHeader [6]uint64

const (
	indexSuffix  = "-shm"
	indexVersion = 3007000 // first number of the header
	indexLength  = 136     // of the header: two copies of 48 bytes, and what checkpoints know
)

// openIndex maps the index of a database that a connection of this process has open. It returns nil if that cannot be done.
func openIndex(path string) *logIndex {
	path += indexSuffix
	file, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	index := &logIndex{path: path, file: file}
	index.memory, err = unix.Mmap(file, 0, indexLength, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil || binary.NativeEndian.Uint32(index.memory) != indexVersion {
		index.close()
		return nil
	}
	return index
}

// header returns the header as it is now. While another process writes it, parts of it may be of different states.
func (i *logIndex) header() (now indexHeader) {
	if i == nil {
		return now
	}
	for word := range now {
		now[word] = binary.NativeEndian.Uint64(i.memory[8*word:])
	}
	return now
}

// state returns the parts of the header that Stats needs. The positions come from WalIndexHdr and WalCkptInfo in SQLite's
// wal.c, which are part of the format of the file.
func (i *logIndex) state() (now logState) {
	if i == nil {
		return now
	}
	number := func(at int) int64 { return int64(binary.NativeEndian.Uint32(i.memory[at:])) }
	size := int64(binary.NativeEndian.Uint16(i.memory[14:]))
	if size == 1 {
		size = 1 << 16
	}
	return logState{pages: number(16), moved: number(96), salt: number(32), database: number(20) * size}
}

// syncDatabase waits until the disk has stored the pages of the database. One goroutine at a time calls it.
func (i *logIndex) syncDatabase() (err error) {
	if i.database == 0 {
		if i.database, err = unix.Open(strings.TrimSuffix(i.path, indexSuffix), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			i.database = 0
			return err
		}
	}
	return unix.Fsync(i.database)
}

// close ends the use of the index. Closing its file would drop every lock that SQLite holds on it in this process, and so would
// closing the database. So both stay open, unless the last connection of all processes has removed the index.
func (i *logIndex) close() {
	if i == nil {
		return
	}
	if i.memory != nil {
		_ = unix.Munmap(i.memory)
		i.memory = nil
	}
	if _, err := os.Stat(i.path); errors.Is(err, fs.ErrNotExist) {
		_ = unix.Close(i.file)
		if i.database != 0 {
			_ = unix.Close(i.database)
		}
	}
}
