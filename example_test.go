package ashlar_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/ashlar-dev/ashlar"
)

// A program with the whole command: `photos serve DIR`, `photos check DIR`, `photos migrate DIR` and so on.
func ExampleMain() {
	resize := func(ctx context.Context, job *ashlar.Job) error {
		var photo struct{ Title string }
		if err := job.Call(ctx, "GET", job.RowPath(), nil, &photo); err != nil {
			return err
		}
		return job.Call(ctx, "PATCH", job.RowPath(), map[string]any{"width": 640}, nil)
	}
	os.Exit(ashlar.Main(ashlar.Functions{"resize": resize}))
}

// fake is the API in a test of a function: it answers all requests alike.
type fake struct {
	status int
	body   string
}

func (f fake) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Println(r.Method, r.URL)
	if r.Body != nil {
		sent, _ := io.ReadAll(r.Body)
		fmt.Printf("%s\n", sent)
	}
	return &http.Response{StatusCode: f.status, Body: io.NopCloser(bytes.NewReader([]byte(f.body)))}, nil
}

// A test of a function needs no server: it sets the fields of a Job.
func ExampleJob() {
	rename := func(ctx context.Context, job *ashlar.Job) error {
		return job.Call(ctx, "PATCH", job.RowPath(), map[string]string{"title": "A"}, nil)
	}
	job := &ashlar.Job{Table: "photos", Row: "42", API: fake{http.StatusOK, `{"id":42}`}}
	fmt.Println(rename(context.Background(), job))
	// Output:
	// PATCH http://ashlar/api/photos/42
	// {"title":"A"}
	// <nil>
}

func ExampleJob_Decode() {
	job := &ashlar.Job{Args: []byte(`{"width": 640}`)}
	var args struct{ Width int }
	fmt.Println(job.Decode(&args), args.Width)
	// Output: <nil> 640
}

// An answer that refuses the request is a *Problem.
func ExampleJob_Call() {
	job := &ashlar.Job{Table: "photos", Row: "42", API: fake{http.StatusNotFound, `{"title": "Not found", "detail": "nothing is here"}`}}
	var photo struct{ Title string }
	err := job.Call(context.Background(), "GET", job.RowPath(), nil, &photo)
	if problem, ok := errors.AsType[*ashlar.Problem](err); ok && problem.Status == http.StatusNotFound {
		fmt.Println("the row is gone:", problem)
	}
	// Output:
	// GET http://ashlar/api/photos/42
	// the row is gone: 404 Not found: nothing is here
}

// Another attempt would end alike, so there is none.
func ExamplePermanent() {
	_ = func(_ context.Context, job *ashlar.Job) error {
		var args struct{ Width int }
		if err := job.Decode(&args); err != nil {
			return err // permanent already
		}
		if args.Width > 4096 {
			return ashlar.Permanent(fmt.Errorf("a width of %d is too much", args.Width))
		}
		return nil
	}
}

// A service says when it is back.
func ExampleRetryAfter() {
	_ = func(ctx context.Context, job *ashlar.Job) error {
		return ashlar.RetryAfter(errors.New("the service is down until noon"), time.Hour)
	}
}
