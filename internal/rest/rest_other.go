//go:build !linux

package rest

import "runtime"

// A Rest interrupts one piece of work now and then: see rest_linux.go.
type Rest struct{}

// New returns a Rest.
func New() *Rest { return &Rest{} }

// Close does nothing.
func (*Rest) Close() {}

// Take lets other goroutines run.
func (*Rest) Take() { runtime.Gosched() }
