package background_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

func TestGuard(t *testing.T) {
	failure := errors.New("no")
	for _, tt := range []struct {
		name string
		f    func() error
		want string // the beginning of the error's text; "": no error
	}{
		{"success", func() error { return nil }, ""},
		{"error", func() error { return failure }, "no"},
		{"panic", func() error { panic("lost") }, "panic in a test: lost\n"},
		{"panic with an error", func() error { panic(failure) }, "panic in a test: no\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := background.Guard("a test", tt.f)
			if text := fmt.Sprint(err); (tt.want == "" && err != nil) || !strings.HasPrefix(text, tt.want) {
				t.Errorf("Guard = %v, want %q", err, tt.want)
			}
			cause, ok := errors.AsType[*background.PanicError](err)
			if ok && !bytes.Contains(cause.Stack, []byte("background_test.go")) {
				t.Errorf("the stack does not name this file:\n%s", cause.Stack)
			}
		})
	}
}

func TestAsync(t *testing.T) {
	if err := <-background.Async("a test", func() error { return nil }); err != nil {
		t.Errorf("success = %v", err)
	}
	err := <-background.Async("a test", func() error { panic("lost") })
	if _, ok := errors.AsType[*background.PanicError](err); !ok {
		t.Errorf("a panic = %v", err)
	}
	err = <-background.Async("a test", func() error {
		runtime.Goexit()
		return nil
	})
	if !errors.Is(err, background.ErrExited) {
		t.Errorf("Goexit = %v", err)
	}
}

// scripted is a service with one function for each Run. The last one repeats.
type scripted struct {
	runs []func(context.Context) error
	at   []time.Time // of each Run
}

func (s *scripted) Run(ctx context.Context) error {
	s.at = append(s.at, time.Now())
	return s.runs[min(len(s.at), len(s.runs))-1](ctx)
}

func untilStopped(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestServiceIsStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := background.NewServices(slog.New(slog.NewTextHandler(&log, nil)))
		fails := func(context.Context) error { return errors.New("out of reach") }
		service := &scripted{runs: []func(context.Context) error{
			fails, func(context.Context) error { panic("lost") }, func(context.Context) error { return nil }, untilStopped,
		}}
		s.Start("feed", service)
		time.Sleep(10 * time.Second)
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("Stop = %v", err)
		}
		if len(service.at) != 4 {
			t.Fatalf("Run was called %d times, want 4\n%s", len(service.at), &log)
		}
		for i, pause := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
			got := service.at[i+1].Sub(service.at[i])
			if got < pause*3/4 || got > pause*5/4 {
				t.Errorf("pause %d = %v, want about %v", i, got, pause)
			}
		}
		for _, want := range []string{"out of reach", "panic=lost", "it ended by itself", "service=feed"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not say %q:\n%s", want, &log)
			}
		}
	})
}

func TestPausesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := background.NewServices(slog.New(slog.DiscardHandler))
		service := &scripted{runs: []func(context.Context) error{func(context.Context) error { return errors.New("no") }}}
		s.Start("feed", service)
		time.Sleep(time.Hour)
		_ = s.Stop(t.Context())
		if n := len(service.at); n < 95 || n > 170 {
			t.Errorf("%d runs in an hour of failures", n)
		}
	})
}

func TestSteadyServiceBeginsWithAShortPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := background.NewServices(slog.New(slog.DiscardHandler))
		service := &scripted{runs: []func(context.Context) error{func(context.Context) error {
			time.Sleep(2 * time.Minute)
			return errors.New("no")
		}}}
		s.Start("feed", service)
		time.Sleep(time.Hour)
		_ = s.Stop(t.Context())
		for i := 1; i < len(service.at)-1; i++ {
			if got := service.at[i].Sub(service.at[i-1]); got > 2*time.Minute+200*time.Millisecond {
				t.Errorf("run %d began after %v", i, got)
			}
		}
	})
}

func TestStopGoesBackward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := background.NewServices(slog.New(slog.DiscardHandler))
		var stopped []string
		for _, name := range []string{"first", "second", "third"} {
			s.Start(name, &scripted{runs: []func(context.Context) error{func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second)
				stopped = append(stopped, name)
				return nil
			}}})
		}
		synctest.Wait()
		if err := s.Stop(t.Context()); err != nil {
			t.Errorf("Stop = %v", err)
		}
		if got := strings.Join(stopped, " "); got != "third second first" {
			t.Errorf("stopped %s", got)
		}
	})
}

func TestStopGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := background.NewServices(slog.New(slog.DiscardHandler))
		release := make(chan struct{})
		s.Start("stuck", &scripted{runs: []func(context.Context) error{func(context.Context) error {
			<-release
			return nil
		}}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		synctest.Wait()
		err := s.Stop(ctx)
		if err == nil || !strings.Contains(err.Error(), "service stuck still runs") {
			t.Errorf("Stop = %v", err)
		}
		close(release)
	})
}

func ExampleGuard() {
	err := background.Guard("the import", func() error { panic("no such file") })
	first, _, _ := strings.Cut(err.Error(), "\n")
	fmt.Println(first)
	// Output: panic in the import: no such file
}

// labelsHere returns the part of a goroutine profile about the goroutine that calls it.
func labelsHere() string {
	var text strings.Builder
	_ = pprof.Lookup("goroutine").WriteTo(&text, 1)
	for part := range strings.SplitSeq(text.String(), "\n\n") {
		if strings.Contains(part, "labelsHere") {
			return part
		}
	}
	return ""
}

func TestGoroutinesAreLabelledWithTheirJob(t *testing.T) {
	err := <-background.Async("a job", func() error {
		if got := labelsHere(); !strings.Contains(got, `"job":"a job"`) {
			t.Errorf("a goroutine has the labels\n%s", got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	s := background.NewServices(slog.New(slog.DiscardHandler))
	looked := make(chan struct{})
	s.Start("feed", &scripted{runs: []func(context.Context) error{func(ctx context.Context) error {
		if got := labelsHere(); !strings.Contains(got, `"job":"feed"`) {
			t.Errorf("a service has the labels\n%s", got)
		}
		if got, _ := pprof.Label(ctx, "job"); got != "feed" {
			t.Errorf("the context of a service has the job %q", got)
		}
		close(looked)
		return untilStopped(ctx)
	}}})
	<-looked
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}
