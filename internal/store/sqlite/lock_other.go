//go:build !unix

package sqlite

import (
	"fmt"
	"runtime"
)

// Lock fails: a data folder cannot be locked here, and two servers on one folder must not happen unnoticed.
func Lock(dir string) (release func() error, err error) {
	return nil, fmt.Errorf("the data folder %s cannot be locked: serving is supported on Linux, macOS and the BSDs, not on %s", dir, runtime.GOOS)
}

func isNoSpace(error) bool { return false }
