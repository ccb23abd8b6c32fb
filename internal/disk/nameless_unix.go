//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

// nameless reports whether no name leads to a file any more.
func nameless(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink == 0
}
