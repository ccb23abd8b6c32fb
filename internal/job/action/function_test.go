package action

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// ofUser is a job that acts as the user of an argument.
var ofUser = &model.Job{Name: "draw", Func: true, As: &model.JobCaller{User: "of_id"}}

// askOnce makes a request with the API of an attempt at ofUser, which has a record.
func askOnce(t *testing.T, r *http.Request, user func(ctx context.Context) error) (answered *http.Request) {
	t.Helper()
	a := &Actor{cfg: Config{
		User: func(ctx context.Context, id string) (caller.Caller, error) {
			return caller.User(caller.Identity{ID: id}), user(ctx)
		},
		API: func(r *http.Request, _ caller.Caller) (*http.Response, error) {
			answered = r
			return &http.Response{Body: http.NoBody}, nil
		},
	}}
	record := &telemetry.Record{}
	record.Join(telemetry.TraceContext{})
	attempt := telemetry.WithRecord(t.Context(), record)
	answer, err := a.apiOf(attempt, ofUser, &job.Job{Args: []byte(`{"of_id":"ann"}`)}).RoundTrip(r.WithContext(attempt))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answered
}

func row() *url.URL { return &url.URL{Scheme: "http", Host: "ashlar", Path: "/api/photos/1"} }

// Requests that run at the same time must not share the record of their attempt.
func TestTheCallerOfAFunctionIsLookedUpWithoutARecord(t *testing.T) {
	looked := false
	askOnce(t, &http.Request{URL: row(), Header: http.Header{}}, func(ctx context.Context) error {
		looked = true
		if telemetry.RecordOf(ctx) != nil {
			t.Error("the user is looked up with the record of the attempt")
		}
		return nil
	})
	if !looked {
		t.Error("the user was not looked up")
	}
}

// A request without a header is one with an empty header.
func TestARequestWithoutAHeader(t *testing.T) {
	answered := askOnce(t, &http.Request{URL: row()}, func(context.Context) error { return nil })
	if answered.Header.Get("Traceparent") == "" {
		t.Errorf("the header is %v", answered.Header)
	}
}
