package web

import (
	"context"
	"net/http"
	"time"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Stream is an answer that may take longer than requests usually may. Its context and the deadline of its connection end
// when there was no progress for the time of one request. Each write is progress. One goroutine may use a Stream.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	begun   bool
}

// NewStream begins a Stream. The caller must call End.
func NewStream(w http.ResponseWriter, r *http.Request) *Stream {
	parent, idle := r.Context(), defaultTimeout
	if x := exchangeOf(r); x != nil {
		parent, idle = x.client, x.timeout // without the deadline of the request
	}
	s := &Stream{w: w, control: http.NewResponseController(w), idle: idle}
	s.ctx, s.cancel = context.WithCancelCause(parent)
	s.timer = time.AfterFunc(idle, func() { s.cancel(context.DeadlineExceeded) })
	s.Progress()
	return s
}

// Context ends when the client goes away, at End, or without progress.
func (s *Stream) Context() context.Context { return s.ctx }

// Progress moves all deadlines. A stream that has come to its end stays there.
func (s *Stream) Progress() {
	if s.ctx.Err() != nil {
		return
	}
	s.timer.Reset(s.idle)
	// The context ends first, so that there is time for an error page. The call fails in tests without a connection.
	_ = s.control.SetWriteDeadline(time.Now().Add(2 * s.idle))
}

// Write sends a part of the answer.
func (s *Stream) Write(part []byte) (int, error) {
	s.Progress()
	s.begun = true
	return s.w.Write(part)
}

// Begun reports whether a part of the answer is written. Before that, an error can still be answered.
func (s *Stream) Begun() bool { return s.begun }

// Flush sends what net/http still holds.
func (s *Stream) Flush() { _ = s.control.Flush() } // fails with the connection, as the next Write does

// Err returns an error of the work as a client may see it: one that came from the end of the context by lack of progress is
// errs.Unavailable.
func (s *Stream) Err(err error) error {
	if err != nil && context.Cause(s.ctx) == context.DeadlineExceeded {
		return errs.Wrapf(err, errs.Unavailable, "the request took too long")
	}
	return err
}

// End releases what the Stream holds.
func (s *Stream) End() {
	s.timer.Stop()
	s.cancel(context.Canceled)
}

// Leave gives up the places of a request among those at work. A handler calls it before it waits for long. Its own bounds then
// hold for the request. The time until the function that it returns is called counts as held, not as work.
func Leave(r *http.Request) (back func()) {
	x := exchangeOf(r)
	if x == nil {
		return func() {}
	}
	x.place.Give()
	x.turn.Leave()
	if x.limiter != nil {
		x.limiter.Done(&x.limits)
	}
	left := time.Now()
	return func() { x.record.Held += time.Since(left) }
}
