package action

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A Function does a job of the program that embeds Ashlar. api makes requests to the API as the caller that the model names with
// as. It ends with the attempt, as ctx does.
type Function func(ctx context.Context, run *job.Job, api http.RoundTripper) error

// An API answers requests as a caller, see web.Inside.
type API func(r *http.Request, who caller.Caller) (*http.Response, error)

// function returns what does the jobs of j, or nil if the program gives no function.
func (a *Actor) function(j *model.Job) Func {
	call := a.cfg.Functions[j.Name]
	if call == nil {
		return nil
	}
	return func(ctx context.Context, run *job.Job) error {
		ctx, end := context.WithCancelCause(ctx)
		defer end(errOver)
		return call(ctx, run, a.apiOf(ctx, j, run))
	}
}

// A tripper is an http.RoundTripper.
type tripper func(*http.Request) (*http.Response, error)

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

var errOver = errors.New("the attempt of the job is over")

// apiOf returns the API for one attempt. The caller is asked for again with each request: a user may be suspended meanwhile.
func (a *Actor) apiOf(attempt context.Context, j *model.Job, run *job.Job) http.RoundTripper {
	parent := ""
	if own := telemetry.RecordOf(attempt); own != nil {
		parent = telemetry.TraceContext{Trace: own.Trace, Span: own.Span, Sampled: own.Sampled}.Traceparent()
	}
	return tripper(func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			defer r.Body.Close()
		}
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		defer context.AfterFunc(attempt, func() { cancel(context.Cause(attempt)) })()
		if attempt.Err() != nil {
			return nil, context.Cause(attempt)
		}
		// Requests may run at the same time, and the record of the attempt is for the goroutine of the attempt only.
		who, err := a.callerOf(telemetry.WithRecord(ctx, nil), j, run)
		if err != nil {
			return nil, err
		}
		asked := r.Clone(ctx)
		if asked.Header == nil {
			asked.Header = http.Header{}
		}
		if parent != "" && len(asked.Header["Traceparent"]) == 0 {
			asked.Header.Set("Traceparent", parent)
		}
		answer, err := a.cfg.API(asked, who)
		if err == nil {
			answer.Request = r
		}
		return answer, err
	})
}

// callerOf returns as whom the function of a job makes requests. Nothing is implicit: without as there is nobody.
func (a *Actor) callerOf(ctx context.Context, j *model.Job, run *job.Job) (caller.Caller, error) {
	switch {
	case j.As == nil:
		return caller.Caller{}, job.Permanent(fmt.Errorf(
			"the job %s has no as, so its function can make no requests: add as: system, roles or a user to the job in the model", j.Name))
	case a.cfg.API == nil:
		return caller.Caller{}, errors.New("there is no API in this process")
	}
	who, err := a.Caller(ctx, j, run)
	if errors.Is(err, errGone) {
		err = job.Permanent(fmt.Errorf("the row of the job is gone, so its %s names no user to act as", j.As.User))
	}
	return who, err
}
