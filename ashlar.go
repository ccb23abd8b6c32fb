// Package ashlar makes a Go program of your own a server of Ashlar, and gives its functions to jobs.
//
// A job of a model with `work: go` calls a function of the program that serves the model. [Main] is such a program: the whole
// command ashlar, with functions.
//
//	func main() { os.Exit(ashlar.Main(ashlar.Functions{"resize": resize})) }
//
// The page docs/embedding.md of the repository has a whole program. The page docs/jobs.md says what starts a job, when it is tried
// again, and how many run at once: the model decides that, as for every other job.
//
// # Stability
//
// Before version 1.0 a minor version may change this package. The changelog says how, and what to write instead.
package ashlar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	_ "golang.org/x/crypto/x509roots/fallback" // an image made from scratch has no authorities

	"github.com/ashlar-dev/ashlar/internal/cli"
	"github.com/ashlar-dev/ashlar/internal/job"
	"github.com/ashlar-dev/ashlar/internal/job/action"
)

// A Function does a job. The job is done when it returns nil. After an error the job is tried again later, unless that was its last
// attempt: see [Permanent] and [RetryAfter]. A panic is an error too, and its stack is in the log. But a panic of another goroutine
// ends the process.
//
// A job may run more than once: its server may die after the work and before that is noted. Its ID stays the same, so a function
// can tell.
//
// ctx ends after the time at_most of the job, and when another server may have the job. A function that goes on for longer than 10
// seconds after that is left behind, and the job starts anew.
type Function func(ctx context.Context, job *Job) error

// Functions are the functions of a program, by the names of their jobs in the model.
//
// The commands serve, check and doctor refuse a model that has a job with work: go and no function here, and a function without
// such a job.
type Functions map[string]Function

// Main runs the command ashlar with the arguments of the process, and returns its exit code. The program has all commands: serve,
// check, migrate and the others. Main is called once, by the function main.
//
// With nil it is the command ashlar itself, which has no functions.
func Main(functions Functions) int {
	var program cli.Program
	if functions != nil {
		program.Functions = map[string]action.Function{}
	}
	for name, do := range functions {
		program.Functions[name] = adapt(do)
	}
	return program.Run(os.Args[1:], os.Stdout, os.Stderr)
}

// adapt returns a function as the actions of jobs call it. nil stays nil, which is refused.
func adapt(do Function) action.Function {
	if do == nil {
		return nil
	}
	return func(ctx context.Context, run *job.Job, api http.RoundTripper) error {
		own := &Job{
			ID: run.ID, Name: run.Name, Args: slices.Clone(run.Args), Table: run.Table, Row: run.Row,
			Attempt: run.Attempt, Tries: run.Tries, API: api,
		}
		if err := do(ctx, own); err != nil {
			return err
		}
		if own.Result == nil {
			return nil
		}
		result, err := json.Marshal(own.Result)
		if err != nil {
			return Permanent(fmt.Errorf("the result of the function: %w", err))
		}
		run.SetResult(result)
		return nil
	}
}

// Permanent returns an error that ends a job: another attempt would end alike. The job is dead then. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return job.Permanent(err)
}

// RetryAfter returns an error after which the next attempt begins when the pause is over, at most 12 hours. The attempt counts. Without
// a pause the usual one applies, which grows with each attempt. If err is [Permanent], the job is dead nevertheless.
func RetryAfter(err error, pause time.Duration) error {
	if err == nil {
		err = errors.New("the function asks for another attempt")
	}
	return &job.RetryError{Err: err, After: pause}
}
