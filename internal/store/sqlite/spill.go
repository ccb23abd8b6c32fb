package sqlite

import (
	"sync"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// spill is how many bytes of pages a savepoint keeps in memory before it writes them to a file. SQLite's own bound is 64 KiB,
// which are 16 pages. A script of a row and its job changes about as many, in a group with others: then SQLite copied each page to
// a temporary file with two calls of the system.
const spill = 1 << 20

// setSpill sets the bound for the process, and returns the result. SQLite refuses it once any connection was open; then its own
// bound stays.
var setSpill = sync.OnceValue(func() (result int32) {
	tls := libc.NewTLS()
	defer tls.Close()
	bound := libc.NewVaList(int32(spill))
	defer libc.Xfree(tls, bound)
	return lib.Xsqlite3_config(tls, lib.SQLITE_CONFIG_STMTJRNL_SPILL, bound)
})
