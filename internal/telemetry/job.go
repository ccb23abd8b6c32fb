package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Jobs make the records of background work. A nil *Jobs makes none.
type Jobs struct {
	take   func(*Record)
	sample func(TraceID) bool

	mu    sync.Mutex
	names []string
}

// NewJobs returns Jobs that hand each record to take. sample decides whether a trace may be exported; nil means all of them.
func NewJobs(take func(*Record), sample func(TraceID) bool) *Jobs {
	return &Jobs{take: take, sample: sample}
}

// A Job is a kind of background work. A nil *Job works without a record.
type Job struct {
	jobs *Jobs
	name string
}

// Job returns the job with a name. Metrics have series for each name, so names are constants of the program.
func (j *Jobs) Job(name string) *Job {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Contains(j.names, name) {
		j.names = append(j.names, name)
	}
	return &Job{jobs: j, name: name}
}

// Names returns the names of all jobs, sorted.
func (j *Jobs) Names() []string {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Sorted(slices.Values(j.names))
}

// Do works once and makes the record of it. The context of work has the record. A panic of work is returned as a
// *background.PanicError.
func (j *Job) Do(ctx context.Context, work func(ctx context.Context) error) error {
	return j.run(ctx, work, false)
}

// Look is Do for work that looks whether there is something to do. Unless work calls Found on its record, takes long or
// fails, the record counts as idle.
func (j *Job) Look(ctx context.Context, work func(ctx context.Context) error) error {
	return j.run(ctx, work, true)
}

func (j *Job) run(ctx context.Context, work func(ctx context.Context) error, looks bool) error {
	if j == nil {
		return work(ctx)
	}
	by := caller.System(j.name)
	r := &Record{
		Work: WorkJob, Job: j.name, ID: rand.Text(), Start: time.Now(), Weight: 1,
		Caller: by.String(), CallerKind: by.Kind().String(),
	}
	r.Join(TraceContext{})
	r.Sampled = j.jobs.sample == nil || j.jobs.sample(r.Trace)
	var err error
	pprof.Do(ctx, pprof.Labels("job", j.name), func(ctx context.Context) { // profiles have the name too
		err = background.Guard("job "+j.name, func() error { return work(WithRecord(ctx, r)) })
	})
	r.Duration = time.Since(r.Start)
	if err != nil && !(ctx.Err() != nil && errors.Is(err, ctx.Err())) { // the end of the server is no failure
		r.Err, r.Problem = err, errs.KindOf(err)
		if p, ok := errors.AsType[*background.PanicError](err); ok {
			r.Stack = string(p.Stack)
		}
	}
	r.Idle = looks && r.Rows == 0 && r.Err == nil && r.Duration < DefaultSlow
	j.jobs.take(r)
	return err
}

// Does notes what kind of work a job does: the kind of a mail, the key of an alert. A nil record notes nothing.
func (r *Record) Does(operation string) {
	if r != nil {
		r.Operation = operation
	}
}

// Found notes that a job found something to do, and on how many rows. A nil record notes nothing.
func (r *Record) Found(rows int) {
	if r != nil {
		r.Rows += rows
	}
}
