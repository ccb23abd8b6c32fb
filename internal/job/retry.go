package job

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

const (
	longestPause = 12 * time.Hour
	maxError     = 1000 // characters of one error
	keptErrors   = 10   // errors that a job keeps
)

// A PermanentError ends a job at once: another attempt would end alike.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent makes an error permanent.
func Permanent(err error) error { return &PermanentError{err} }

// ErrMore says that an attempt has done a part of the work. The job waits again, and the attempt does not count.
var ErrMore = errors.New("the job has more to do")

// A RetryError says when to try again. The attempt counts.
type RetryError struct {
	Err   error
	After time.Duration
}

func (e *RetryError) Error() string { return e.Err.Error() }
func (e *RetryError) Unwrap() error { return e.Err }

// pauseAfter returns the time until the next attempt: the fourth power of the attempt in seconds, and up to a tenth more.
func pauseAfter(attempt int) time.Duration {
	seconds := float64(attempt) * float64(attempt) * float64(attempt) * float64(attempt)
	pause := time.Duration(min(seconds, longestPause.Seconds()) * float64(time.Second))
	return min(pause+rand.N(pause/10+1), longestPause)
}

// pauseFor returns the time until the next attempt after an error, which may say so itself.
func pauseFor(err error, attempt int) time.Duration {
	if e, ok := errors.AsType[*RetryError](err); ok && e.After > 0 {
		return min(e.After, longestPause)
	}
	if e, ok := errors.AsType[*errs.Error](err); ok && e.RetryAfter > 0 {
		return min(e.RetryAfter, longestPause)
	}
	return pauseAfter(attempt)
}

// A Failure is the error of an attempt.
type Failure struct {
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Error   string    `json:"error"`
}

// withFailure returns the errors of a job with one more, in JSON.
func withFailure(former []byte, f Failure) string {
	all := append(failuresOf(former), f)
	all = all[max(0, len(all)-keptErrors):]
	text, err := json.Marshal(all, jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return ""
	}
	return string(text)
}

// failuresOf returns the errors of a job from its row.
func failuresOf(text []byte) (all []Failure) {
	_ = json.Unmarshal(text, &all) // what cannot be read is dropped
	return all
}

// describe returns an error as a row keeps it: one line, clipped, without the stack of a panic.
func describe(err error) string {
	text := err.Error()
	if p, ok := errors.AsType[*background.PanicError](err); ok {
		text = fmt.Sprintf("panic: %v", p.Value)
	}
	text = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", " "), "?")), " ")
	return errs.Clip(text, maxError)
}

func isPermanent(err error) bool {
	_, ok := errors.AsType[*PermanentError](err)
	return ok
}
