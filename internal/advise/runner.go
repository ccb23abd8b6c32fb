package advise

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Trial makes a report. It returns nil if there is nothing to try.
type Trial func(ctx context.Context, progress func(step string)) (*Report, error)

// A Runner runs a trial when somebody asks for it, one at a time, and keeps the last outcome in a file. It is a
// background.Service, and safe for concurrent use.
type Runner struct {
	trial Trial
	file  string
	now   func() time.Time
	asked chan struct{} // holds one

	mu    sync.Mutex
	state State
}

// A State says what a Runner does.
type State struct {
	Began time.Time // of the trial that runs; zero if none does
	Step  string    // of that trial
	Last  *Outcome  // nil before the first trial has ended
}

// An Outcome is how a trial ended.
type Outcome struct {
	Began, Ended time.Time
	Report       *Report // nil if nothing was recorded, or after a failure
	Trouble      string  // why the trial failed
}

// NewRunner returns a Runner that begins with the outcome in a file, if there is one. A file that cannot be read is as none,
// and its error is returned too.
func NewRunner(file string, now func() time.Time, trial Trial) (*Runner, error) {
	r := &Runner{trial: trial, file: file, now: now, asked: make(chan struct{}, 1)}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	var last Outcome
	if err := json.Unmarshal(text, &last); err != nil {
		return r, err
	}
	r.state.Last = &last
	return r, nil
}

// Start asks for a trial. It does nothing while one runs.
func (r *Runner) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.state.Began.IsZero() {
		return
	}
	r.state.Began, r.state.Step = r.now(), "waiting"
	r.asked <- struct{}{} // the channel is empty while no trial runs
}

// State returns what the Runner does now.
func (r *Runner) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Run implements background.Service: it runs the trials that somebody asks for.
func (r *Runner) Run(ctx context.Context) (err error) {
	defer errs.Wrap(&err, "advise.Runner.Run")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.asked:
			if err := r.runOne(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// runOne runs a trial. A trial that the end of the server cuts short leaves the last outcome as it is.
func (r *Runner) runOne(ctx context.Context) error {
	var report *Report
	err := background.Guard("a trial of indexes", func() (err error) {
		report, err = r.trial(ctx, r.step)
		return err
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	last := &Outcome{Began: r.state.Began, Ended: r.now(), Report: report}
	r.state.Began, r.state.Step = time.Time{}, ""
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		last.Report, last.Trouble = nil, troubleOf(err)
	}
	r.state.Last = last
	return errors.Join(err, r.keep(last))
}

func (r *Runner) step(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Step = text
}

// troubleOf returns what people see of a failure. The log has the stack of a panic.
func troubleOf(err error) string {
	if _, ok := errors.AsType[*background.PanicError](err); ok {
		return "the trial failed by a fault of the server: the log has more"
	}
	return errs.Clip(errs.ForTerminal(err), maxText)
}

// keep replaces the file at once. Only this user may read it.
func (r *Runner) keep(last *Outcome) error {
	text, err := json.Marshal(last)
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.file+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(r.file+".tmp", r.file)
}
