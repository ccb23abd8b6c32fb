package ashlar

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// A Job is one attempt at a job. Its fields can be set, so that a test of a function can make one.
type Job struct {
	ID      string          // stays the same over the attempts
	Name    string          // in the model
	Args    json.RawMessage // arguments of the request that started the job, {"op":"create"} of a write, or {"due":"…"} of a clock; may be nil
	Table   string          // of the row that the job is about; "" if it is about none
	Row     string          // id of that row
	Attempt int             // counts from 1
	Tries   int             // attempts that the job has

	// API sends requests to the API of the server, as the caller that the key as of the job names, within the process. The rules
	// and checks of the model bind that caller, and a record of each request goes to the log, the metrics and the trace of the
	// job. Limits of rates do not apply. Without the key as, every request is an error.
	//
	// It knows the rows under /api/, POST /jobs/NAME and GET /jobs/ID, at the address http://ashlar. It ends with the attempt.
	// [Job.Call] is the short way to use it. Another is a client that was generated from /openapi.json:
	//
	//	client := &http.Client{Transport: job.API}
	API http.RoundTripper

	// Result is what the function leaves for the caller who started the job: GET /jobs/ID shows it, as JSON of at most 64 kB. It is
	// kept if the function returns nil.
	Result any
}

// Decode decodes the arguments of the job, as [json.Unmarshal] does. Its error is [Permanent], since arguments never change.
func (j *Job) Decode(args any) error {
	if len(j.Args) == 0 {
		return nil
	}
	if err := json.Unmarshal(j.Args, args); err != nil {
		return Permanent(fmt.Errorf("the arguments of the job %s: %w", j.Name, err))
	}
	return nil
}

// RowPath returns the path of the row that the job is about, such as /api/photos/42.
func (j *Job) RowPath() string { return "/api/" + j.Table + "/" + url.PathEscape(j.Row) }

// Call makes a request with [Job.API]. in is the body and becomes JSON, unless it is nil. The body of the answer is decoded into
// out, unless that is nil or the answer has none. An answer that refuses the request is a *[Problem].
//
//	err := job.Call(ctx, "PATCH", job.RowPath(), map[string]any{"width": 640}, nil)
func (j *Job) Call(ctx context.Context, method, path string, in, out any) error {
	answer, err := j.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", method, path, err)
	case answer.StatusCode >= http.StatusMultipleChoices:
		return problemOf(answer.StatusCode, body)
	case out == nil || len(body) == 0:
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer of %s %s: %w", method, path, err)
	}
	return nil
}

func (j *Job) send(ctx context.Context, method, path string, in any) (*http.Response, error) {
	switch {
	case j.API == nil:
		return nil, errors.New("the job has no API: a test must set it")
	case !strings.HasPrefix(path, "/"):
		return nil, fmt.Errorf("the path %q does not begin with a slash", path)
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("the body of %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://ashlar"+path, body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return j.API.RoundTrip(request)
}

// A Problem is an answer that refuses a request: a problem document (RFC 9457).
type Problem struct {
	Status    int     // of HTTP, such as 404
	Type      string  // such as /problems/not_found
	Title     string  // the same for each problem of a type
	Detail    string  // about this one; may be empty
	Errors    []Fault // faults of the body; usually empty
	RequestID string  `json:"request_id"` // of the lines in the log
}

// A Fault is one fault of a body.
type Fault struct {
	Pointer string // to the value (RFC 6901); "" is the whole body
	Code    string // for programs, such as required
	Detail  string // for people
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("%d %s", p.Status, p.Title)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	for _, fault := range p.Errors {
		text += fmt.Sprintf("; %s: %s", fault.Pointer, fault.Detail)
	}
	return text
}

// problemOf returns the problem in an answer. An answer of another form has its status at least.
func problemOf(status int, body []byte) *Problem {
	problem := &Problem{}
	if json.Unmarshal(body, problem) != nil || problem.Title == "" {
		problem = &Problem{Title: http.StatusText(status)}
	}
	problem.Status = status
	return problem
}
