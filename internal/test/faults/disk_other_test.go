//go:build !linux

package faults

import "testing"

func smallDisk(t *testing.T) (folder string, crowd func() (room func())) {
	t.Skip("SKIPPED: a full disk needs Linux")
	return "", nil
}
