package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestJobsMakeRecords(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	stop()
	broken := errs.New(errs.Unavailable, "the mail server is away")
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		looks  bool
		work   func(ctx context.Context) error
		want   Record
		failed bool
	}{
		{name: "work that goes well", work: func(ctx context.Context) error {
			RecordOf(ctx).Does("alert")
			RecordOf(ctx).Add("SELECT 1", time.Now(), time.Millisecond, 1)
			return nil
		}, want: Record{Operation: "alert", Statements: Statements{Count: 1}}},
		{name: "a look that finds nothing", looks: true, work: func(context.Context) error { return nil }, want: Record{Idle: true}},
		{name: "a look that finds something", looks: true, work: func(ctx context.Context) error {
			RecordOf(ctx).Found(2)
			return nil
		}, want: Record{Rows: 2}},
		{name: "a look that fails", looks: true, work: func(context.Context) error { return broken },
			want: Record{Problem: errs.Unavailable, Err: broken}, failed: true},
		{name: "work that the end of the server ends", ctx: stopped, work: func(ctx context.Context) error { return ctx.Err() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got *Record
			job := NewJobs(func(r *Record) { got = r }, nil).Job("mail")
			do := job.Do
			if tt.looks {
				do = job.Look
			}
			ctx := tt.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			_ = do(ctx, tt.work) // the record has the error
			if got.Work != WorkJob || got.Job != "mail" || got.Caller != "system:mail" || got.CallerKind != "system" || got.ID == "" ||
				got.Trace == (TraceID{}) || !got.Sampled || got.Start.IsZero() || got.Failed() != tt.failed {
				t.Errorf("the record is %+v", got)
			}
			if got.Operation != tt.want.Operation || got.Statements.Count != tt.want.Statements.Count || got.Rows != tt.want.Rows ||
				got.Idle != tt.want.Idle || got.Problem != tt.want.Problem || !errors.Is(got.Err, tt.want.Err) {
				t.Errorf("the record is %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestJobsSurviveAPanic(t *testing.T) {
	var got *Record
	job := NewJobs(func(r *Record) { got = r }, nil).Job("mail")
	err := job.Do(t.Context(), func(context.Context) error { panic("boom") })
	if err == nil || !got.Failed() || !strings.Contains(got.Stack, "job_test.go") || got.Problem != errs.Internal {
		t.Errorf("Do = %v, and the record is %+v", err, got)
	}
}

func TestNoJobsMakeNoRecord(t *testing.T) {
	var none *Jobs
	err := none.Job("mail").Do(t.Context(), func(ctx context.Context) error {
		RecordOf(ctx).Does("x")
		RecordOf(ctx).Found(1)
		return errors.New("as it was")
	})
	if err == nil || err.Error() != "as it was" || none.Names() != nil {
		t.Errorf("Do = %v", err)
	}
}

func TestJobNamesAreKnownOnce(t *testing.T) {
	jobs := NewJobs(func(*Record) {}, nil)
	jobs.Job("mail")
	jobs.Job("alert")
	jobs.Job("mail")
	if diff := cmp.Diff([]string{"alert", "mail"}, jobs.Names()); diff != "" {
		t.Error(diff)
	}
}

func TestIdleJobsHaveNoLine(t *testing.T) {
	var out strings.Builder
	log := NewLogger(&out, "text", slog.LevelDebug)
	r := Record{Work: WorkJob, Job: "mail queue", ID: "R1", Caller: "system:mail queue", Duration: time.Millisecond, Idle: true}
	r.Log(log)
	if out.Len() > 0 {
		t.Errorf("the log has %s", out.String())
	}
	r.Idle, r.Rows = false, 2
	r.Log(log)
	if _, line, _ := strings.Cut(out.String(), "level="); line != "INFO msg=job id=R1 duration_ms=1 caller=\"system:mail queue\" rows=2 job=\"mail queue\"\n" {
		t.Errorf("the line is %s", line)
	}
}
