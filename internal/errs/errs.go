// Package errs defines the errors of Ashlar: each has a kind for the program, a message for the client and a cause for the
// operator. The list of kinds is closed.
package errs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Kind says what went wrong in terms that a client can act on. Only package web maps kinds to status codes.
type Kind string

const (
	Malformed        Kind = "malformed"          // the request cannot be read: bad JSON, parameter, filter
	Unauthenticated  Kind = "unauthenticated"    // the caller must authenticate
	Forbidden        Kind = "forbidden"          // a rule said no to this caller
	NotFound         Kind = "not_found"          // no such thing, or none that this caller may see
	MethodNotAllowed Kind = "method_not_allowed" // the path exists, the method does not
	NotAcceptable    Kind = "not_acceptable"     // the answer has no form that the client accepts
	Conflict         Kind = "conflict"           // a unique value or a reference is in the way
	Stale            Kind = "stale"              // If-Match names a former revision
	TooLarge         Kind = "too_large"          // the body is larger than accepted
	Unsupported      Kind = "unsupported"        // the media type of the body is not accepted
	Invalid          Kind = "invalid"            // the body can be read, its values are not acceptable
	Limited          Kind = "limited"            // the caller sends too many requests
	Unavailable      Kind = "unavailable"        // try again later
	Internal         Kind = "internal"           // our fault; the client learns nothing more
)

// A Fault is one thing wrong with a request body.
type Fault struct {
	Pointer string `json:"pointer"` // RFC 6901 pointer into the body; "" means the whole body
	Code    string `json:"code"`    // stable word for programs: required, type, min, max, pattern, unknown, …
	Detail  string `json:"detail"`  // one sentence for people
}

// An Error is a failure. Kind, Message and the fields up to Checks are public; Cause is not.
type Error struct {
	Kind       Kind
	Message    string        // for the client; never holds a cause or a value that the client did not send
	Faults     []Fault       // all faults for Invalid; the fields for Conflict, Forbidden and Unauthenticated
	Allow      []string      // the methods of the path, for MethodNotAllowed
	RetryAfter time.Duration // for Limited and Unavailable; 0 means one second
	Limit      string        // for Limited: the rule of the model that refuses; "": another limit
	StepUp     *StepUp       // for Unauthenticated: what a caller who signed in must prove; usually nil
	Checks     any           // for Unavailable: the checks of a server that is not ready, as they appear in JSON; usually nil
	Cause      error         // for the operator; may be nil
}

// A StepUp is what a signed-in caller must prove for a request to be allowed (RFC 9470).
type StepUp struct {
	MaxAge time.Duration // the last proof may be so old; 0 means not known
	MFA    bool          // with a second factor
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

// Wrapf returns an error of a kind with a message for the client and a private cause. The cause reaches the log and never
// the client.
func Wrapf(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf returns the kind of err. Errors of other packages are Internal, and nil has the kind "".
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// Wrap adds the name of an operation to *errp, for the log. Functions defer it in their first line:
//
//	defer errs.Wrap(&err, "record.Get(%s)", t.Name)
func Wrap(errp *error, format string, args ...any) {
	if *errp != nil {
		*errp = &operation{fmt.Sprintf(format, args...), *errp}
	}
}

// operation is an error with the name of the function that failed.
type operation struct {
	name string
	err  error
}

func (o *operation) Error() string { return o.name + ": " + o.err.Error() }

func (o *operation) Unwrap() error { return o.err }

// ForTerminal returns the text of err for a person at a terminal. It has the causes, since that person runs the program.
// It leaves out the names of operations and kinds, which only help readers of the log.
func ForTerminal(err error) string {
	switch e := err.(type) { // only err itself: its causes get their own turn
	case *operation:
		return ForTerminal(e.err)
	case *Error:
		return e.forTerminal()
	}
	// fmt.Errorf and errors.Join put the texts of causes into their own, in order and mostly at the end. So the search for
	// them runs backwards, and earlier words that happen to equal a cause stay.
	head, tail := err.Error(), ""
	for _, cause := range slices.Backward(causes(err)) {
		text := cause.Error()
		at := strings.LastIndex(head, text)
		if at < 0 {
			continue // the wrapper has words of its own for it
		}
		tail = ForTerminal(cause) + head[at+len(text):] + tail
		head = head[:at]
	}
	return head + tail
}

func (e *Error) forTerminal() string {
	switch {
	case e.Cause == nil:
		return e.Message
	case e.Kind == Internal: // the message says nothing to a person
		return ForTerminal(e.Cause)
	}
	return e.Message + ": " + ForTerminal(e.Cause)
}

// causes returns the errors that err wraps.
func causes(err error) []error {
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
