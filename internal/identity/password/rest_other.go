//go:build !linux

package password

import "runtime"

// A rest interrupts a hash: see rest_linux.go.
type rest struct{}

func newRest() *rest { return &rest{} }
func (*rest) close() {}
func (*rest) take()  { runtime.Gosched() }
