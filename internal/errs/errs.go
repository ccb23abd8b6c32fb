// Package errs is the closed list of ways in which an operation can fail: a kind for the program, a message for
// the client, a cause for the operator.
package errs

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what went wrong in terms that a client can act on. Package web alone maps kinds to status codes.
type Kind string

const (
	Malformed        Kind = "malformed"          // the request cannot be read: bad JSON, parameter, filter
	Unauthenticated  Kind = "unauthenticated"    // the caller must say who it is
	Forbidden        Kind = "forbidden"          // a rule said no to this caller
	NotFound         Kind = "not_found"          // no such thing, or none that this caller may see
	MethodNotAllowed Kind = "method_not_allowed" // the path exists, the method does not
	Conflict         Kind = "conflict"           // a unique value or a reference is in the way
	Stale            Kind = "stale"              // If-Match names a former revision
	TooLarge         Kind = "too_large"          // the body is larger than accepted
	Unsupported      Kind = "unsupported"        // the body's media type is not accepted
	Invalid          Kind = "invalid"            // the body can be read, its values are not acceptable
	Limited          Kind = "limited"            // the caller asks too often
	Unavailable      Kind = "unavailable"        // try again later
	Internal         Kind = "internal"           // our fault; the client learns nothing more
)

// Fault is one thing wrong with a request body.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901 pointer into the body, "" for the whole
	Code    string `json:"code"`    // stable word for programs: required, type, min, max, pattern, unknown, …
	Detail  string `json:"detail"`  // one sentence for people
}

// Error is a failure with its public and its private half.
type Error struct {
	Kind       Kind
	Message    string        // for the client; never holds a cause or a value that the client did not send
	Faults     []Fault       // for Invalid: every fault found; for Conflict, Forbidden and Unauthenticated: the fields
	Allow      []string      // for MethodNotAllowed: the methods that exist
	RetryAfter time.Duration // for Limited and Unavailable; 0 means one second
	Cause      error         // for the operator; may be nil
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return string(e.Kind) + ": " + e.Message + ": " + e.Cause.Error()
	}
	return string(e.Kind) + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of a kind with a message for the client.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Because is New with the private cause, which reaches the log and never the client.
func Because(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf returns the kind of err: Internal for an error that is none of ours, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Wrap adds the operation's name to *errp, for the log. It is deferred at the top of a function:
//
//	defer errs.Wrap(&err, "record.Get(%s)", t.Name)
func Wrap(errp *error, format string, args ...any) {
	if *errp != nil {
		*errp = &operation{fmt.Sprintf(format, args...), *errp}
	}
}

// operation is an error and what was being done, in the words of whoever reads our code.
type operation struct {
	name string
	err  error
}

func (o *operation) Error() string { return o.name + ": " + o.err.Error() }

func (o *operation) Unwrap() error { return o.err }

// Plain is the text of err for people at a terminal: with causes, since they run the program, but without the names of
// operations and kinds, which say something to the log's readers alone.
func Plain(err error) string {
	switch e := err.(type) { // this one, not one inside: those are looked at in their turn
	case *operation:
		return Plain(e.err)
	case *Error:
		return e.plain()
	}
	text := err.Error()
	for _, part := range parts(err) {
		text = strings.Replace(text, part.Error(), Plain(part), 1)
	}
	return text
}

func (e *Error) plain() string {
	switch {
	case e.Cause == nil:
		return e.Message
	case e.Kind == Internal: // a message that nobody was meant to see
		return Plain(e.Cause)
	}
	return e.Message + ": " + Plain(e.Cause)
}

// parts are the errors that err is made of.
func parts(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return []error{inner}
		}
	}
	return nil
}
