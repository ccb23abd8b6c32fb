// Package background runs goroutines and services that survive a panic. Nothing else in Ashlar starts a goroutine.
package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"runtime/pprof"
)

// ErrExited is the error of a function that ended its goroutine with runtime.Goexit, for example by t.FailNow.
var ErrExited = errors.New("the function ended its goroutine")

// A PanicError is a panic as an error.
type PanicError struct {
	What  string // what panicked: "a transaction"
	Value any    // of the panic
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("panic in %s: %v\n%s", e.What, e.Value, e.Stack)
}

// Guard runs f and returns its error. A panic of f becomes a *PanicError.
func Guard(what string, run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &PanicError{What: what, Value: cause, Stack: debug.Stack()}
		}
	}()
	return run()
}

// Go runs a function on a goroutine of its own. Then it calls ended there, with the error of the function, a
// *PanicError, or ErrExited. A caller that must know the end of the goroutine waits for ended. In profiles the goroutine has
// the label job with what.
func Go(what string, run func() error, ended func(error)) {
	go func() {
		pprof.SetGoroutineLabels(labelled(context.Background(), what))
		err := ErrExited
		defer func() { ended(err) }()
		err = Guard(what, run)
	}()
}

// Async runs a function on a goroutine of its own. The channel receives the error for ended: see Go.
func Async(what string, run func() error) <-chan error {
	result := make(chan error, 1)
	Go(what, run, func(err error) { result <- err })
	return result
}

// labelled returns a context with the label of a job, which profiles show.
func labelled(ctx context.Context, job string) context.Context {
	return pprof.WithLabels(ctx, pprof.Labels("job", job))
}

// Report returns a function for Go that logs an error with the stack of a panic.
func Report(log *slog.Logger) func(error) {
	return func(err error) {
		if err != nil {
			report(log, "background work failed", err)
		}
	}
}

func report(log *slog.Logger, message string, err error, args ...any) {
	if cause, ok := errors.AsType[*PanicError](err); ok {
		args = append(args, "what", cause.What, "panic", fmt.Sprint(cause.Value), "stack", string(cause.Stack))
	} else {
		args = append(args, "error", err.Error())
	}
	log.Error(message, args...)
}
