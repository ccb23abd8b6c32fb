package advise_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/advise"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// run runs a Runner until the function that it returns is called.
func run(t *testing.T, r *advise.Runner) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := background.Async("a runner", func() error { return r.Run(ctx) })
	return func() error {
		cancel()
		return <-ended
	}
}

func TestRunnerRunsOneTrialAndKeepsItsOutcome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "advice.json")
	want := &advise.Report{
		Calls: 12, Add: []advise.Addition{{
			Index: advise.Index{Table: "posts", Fields: []string{"author_id"}}, Line: "indexes: [[author]]", Rows: 100,
			Gains: []advise.Gain{{Shape: "list posts", Calls: 3, Before: store.Work{Steps: 900}, After: store.Work{Steps: 30}}},
		}},
	}
	synctest.Test(t, func(t *testing.T) {
		trials := 0
		r, err := advise.NewRunner(file, time.Now, func(_ context.Context, progress func(string)) (*advise.Report, error) {
			trials++
			progress("copying")
			time.Sleep(time.Minute)
			return want, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, r)
		r.Start()
		synctest.Wait()
		r.Start()
		if state := r.State(); state.Began.IsZero() || state.Step != "copying" || state.Last != nil {
			t.Errorf("in the trial: %+v", state)
		}
		time.Sleep(2 * time.Minute)
		if state := r.State(); trials != 1 || !state.Began.IsZero() || state.Last == nil || state.Last.Ended.Sub(state.Last.Began) != time.Minute {
			t.Errorf("after %d trials: %+v", trials, state)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	next, err := advise.NewRunner(file, time.Now, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := next.State().Last.Report
	if diff := cmp.Diff(want.Add[0].Gains, got.Add[0].Gains); diff != "" || got.Calls != 12 || got.Add[0].Line != want.Add[0].Line {
		t.Errorf("after a restart: %+v\n%s", got, diff)
	}
}

func TestRunnerTellsWhyATrialFailed(t *testing.T) {
	outcomes := []func() error{
		func() error { return errors.New("the disk has no room") },
		func() error { panic("lost") },
	}
	synctest.Test(t, func(t *testing.T) {
		for i, text := range []string{"the disk has no room", "a fault of the server"} {
			r, err := advise.NewRunner(filepath.Join(t.TempDir(), "advice.json"), time.Now, func(context.Context, func(string)) (*advise.Report, error) {
				return nil, outcomes[i]()
			})
			if err != nil {
				t.Fatal(err)
			}
			stop := run(t, r)
			r.Start()
			synctest.Wait()
			if state := r.State(); state.Last == nil || !strings.Contains(state.Last.Trouble, text) || !state.Began.IsZero() {
				t.Errorf("%+v", state)
			}
			if err := stop(); err == nil {
				t.Error("the log does not get the error")
			}
		}
	})
}

// A stop in the middle of a trial leaves the outcome before it.
func TestRunnerStopsInATrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := advise.NewRunner(filepath.Join(t.TempDir(), "advice.json"), time.Now, func(ctx context.Context, _ func(string)) (*advise.Report, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, r)
		r.Start()
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if state := r.State(); state.Last != nil || !state.Began.IsZero() {
			t.Errorf("%+v", state)
		}
	})
}
