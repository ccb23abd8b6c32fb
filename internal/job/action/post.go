package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/outbound"
	"github.com/ashlar-dev/ashlar/internal/webhook"
)

// post sends a signed request. Any status but 2xx is a failure and tried again, as Standard Webhooks says, except 410: its
// receiver wants no more.
func (a *Actor) post(ctx context.Context, j *model.Job, run *job.Job) error {
	data, err := a.data(ctx, j, run, j.Post.Send)
	if errors.Is(err, errGone) {
		run.SetResult([]byte(`{"sent":false,"why":"the row is gone"}`))
		return nil
	}
	if err != nil {
		return err
	}
	body, err := webhook.Event{Type: eventOf(j, run), At: run.EnqueuedAt, Data: data}.Body()
	if err != nil {
		return job.Permanent(err)
	}
	target := a.cfg.Targets[j.Name]
	request, err := a.request(ctx, target, run.ID, body)
	if err != nil {
		return err
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return fmt.Errorf("no answer: %s: %w", outbound.FailureOf(err), outbound.Cause(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection can be used again; its bytes are bounded
	return a.judge(run, answer)
}

// request returns the signed request of an attempt. Its id is the one of the job, so that a receiver can drop a repetition.
func (a *Actor) request(ctx context.Context, target *model.Target, id string, body []byte) (*http.Request, error) {
	keys := []webhook.SigningKey{a.cfg.Key}
	if len(target.Secret.Value) > 0 {
		own, err := webhook.ParseSigningKey(string(target.Secret.Value))
		if err != nil {
			return nil, job.Permanent(err)
		}
		keys = []webhook.SigningKey{own, a.cfg.Key}
	}
	header, err := webhook.Header(keys, id, a.cfg.Now(), body)
	if err != nil {
		return nil, job.Permanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, string(target.URL.Value), bytes.NewReader(body))
	if err != nil {
		return nil, job.Permanent(errors.New("the address of the job is no URL")) // the error may hold a token
	}
	for _, more := range target.Headers {
		request.Header.Set(more.Name, string(more.Value.Value))
	}
	for name, values := range header {
		request.Header[name] = values
	}
	return request, nil
}

// judge returns what an answer means.
func (a *Actor) judge(run *job.Job, answer *http.Response) error {
	err := fmt.Errorf("the receiver answered %d", answer.StatusCode)
	switch webhook.Judge(answer.StatusCode) {
	case webhook.Delivered:
		run.SetResult(fmt.Appendf(nil, `{"status":%d}`, answer.StatusCode))
		return nil
	case webhook.Gone:
		return job.Permanent(err)
	}
	if pause, ok := webhook.RetryAfter(answer.Header, a.cfg.Now()); ok {
		return &job.RetryError{Err: err, After: pause}
	}
	return err
}

// eventOf returns the type of the event that a job tells: the write that started it, or the job itself.
func eventOf(j *model.Job, run *job.Job) string {
	if op := operation(run); op != "" && j.AboutRow() {
		return run.Table + "." + op
	}
	return "job." + j.Name
}
