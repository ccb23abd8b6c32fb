//go:build !unix

package sqlite

import (
	"fmt"
	"runtime"
)

// Lock fails on this system, where a data folder cannot be locked. Two servers on one folder would damage each other's work
// unnoticed.
func Lock(dir string) (release func() error, err error) {
	return nil, fmt.Errorf("the data folder %s cannot be locked: serving is supported on Linux, macOS and the BSDs, not on %s", dir, runtime.GOOS)
}

// Server names nobody: no server runs on this system.
func Server(string) (by string, err error) { return "", nil }

func isNoSpace(error) bool { return false }
