// Package admit decides for each request whether it may proceed, must wait in a line where clients take turns, or is
// refused at once with an estimate of the wait.
package admit

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
)

// Origin says where work comes from: for which client it is done, and what it does.
type Origin struct {
	Client caller.Client
	Shape  Shape
}

// A Shape is a kind of work whose runs cost about the same.
type Shape struct{ Table, Operation string }

// originKey is the key of an Originator in a context.
type originKey struct{}

// An Originator knows where the work of its context comes from.
type Originator interface{ Origin() Origin }

// OriginKey returns the key under which a context has its Originator.
func OriginKey() any { return originKey{} }

// OriginOf returns where the work of a context comes from. ok is false if the context does not say it.
func OriginOf(ctx context.Context) (_ Origin, ok bool) {
	if o, ok := ctx.Value(originKey{}).(Originator); ok {
		return o.Origin(), true
	}
	return Origin{}, false
}

// WithOrigin returns a context whose work comes from an origin.
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return &originContext{ctx, origin}
}

// originContext is a context with an origin, in one allocation.
type originContext struct {
	context.Context
	origin Origin
}

// Origin implements Originator.
func (c *originContext) Origin() Origin { return c.origin }

// Value implements context.Context.
func (c *originContext) Value(key any) any {
	if key == (originKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// ErrHopeless is what every Refusal is, for errors.Is.
var ErrHopeless = errors.New("no turn is to be expected in time")

// A Refusal is the error of a caller that cannot expect its turn in time.
type Refusal struct{ Wait time.Duration } // how long the caller would probably have waited

// Error implements error.
func (*Refusal) Error() string { return ErrHopeless.Error() }

// Is reports whether target is ErrHopeless.
func (*Refusal) Is(target error) bool { return target == ErrHopeless }

// maxRetryAfter bounds RetryAfter. An estimate for a longer time is a guess.
const maxRetryAfter = 30 * time.Second

// RetryAfter returns when a refused client should try again, in whole seconds: after the wait that it was spared. err is
// the error of the refusal.
func RetryAfter(err error) time.Duration {
	var wait time.Duration
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		wait = refusal.Wait
	}
	return min(maxRetryAfter, max(time.Second, (wait+time.Second-1).Truncate(time.Second)))
}
