package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/web"
	"github.com/ashlar-dev/ashlar/internal/web/health"
)

// probed is the answer to a probe.
type probed struct {
	Status any // text, or the number in a problem document
	Detail string
	Checks []struct {
		Name, Status, Reason string
		Figures              map[string]float64
	}
}

func readyz(t *testing.T, routes []web.Route) (int, http.Header, probed) {
	t.Helper()
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	receiver.Handler(web.NewMux(routes...)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
	var got probed
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	return w.Code, w.Header(), got
}

func check(name string, err error) health.Check {
	return health.Check{
		Name: name, Func: func(context.Context) error { return err },
		Figures: func() []health.Figure { return []health.Figure{{Name: "age_seconds", Value: 3}} },
	}
}

func TestReadinessListsAllChecksWithReasons(t *testing.T) {
	failed := errs.Wrapf(errors.New("secret cause"), errs.Unavailable, "Writes fail.")
	for _, tt := range []struct {
		name   string
		checks []health.Check
		status int
		detail string
		want   []string // status and reason of each check
	}{
		{"all well", []health.Check{check("a", nil), check("b", nil)}, 200, "", []string{"ok ", "ok "}},
		{"a warning", []health.Check{check("a", nil), check("b", health.Warning("Look."))}, 200, "", []string{"ok ", "warning Look."}},
		{"the first failure is the detail", []health.Check{check("a", nil), check("b", failed), check("c", errs.New(errs.Unavailable, "Third.")), check("d", nil)}, 503, "Writes fail.", []string{"ok ", "failed Writes fail.", "failed Third.", "ok "}},
		{"an unexpected error shows nothing", []health.Check{check("a", errors.New("secret cause"))}, 503, "The check failed: the log says why.", []string{"failed The check failed: the log says why."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, got := readyz(t, health.Routes(tt.checks...))
			var have []string
			for _, one := range got.Checks {
				have = append(have, one.Status+" "+one.Reason)
				if one.Figures != nil {
					t.Errorf("everybody sees the figures %v", one.Figures)
				}
			}
			if status != tt.status || got.Detail != tt.detail || cmp.Diff(tt.want, have) != "" {
				t.Errorf("/readyz = %d %+v", status, got)
			}
			if (status == 503) != (header.Get("Retry-After") != "") {
				t.Errorf("Retry-After = %q", header.Get("Retry-After"))
			}
			_, _, got = readyz(t, health.OperatorRoutes(tt.checks...))
			if got.Checks[0].Figures["age_seconds"] != 3 {
				t.Errorf("an operator sees %+v, want figures", got.Checks[0])
			}
		})
	}
}

// database is a database that takes writes as the test says.
type database struct {
	store.DB
	write atomic.Value // func(context.Context) error
}

func (d *database) TryWrite(ctx context.Context) error {
	return d.write.Load().(func(context.Context) error)(ctx)
}

func TestWriteProbeTellsOfWritesThatFailOrHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := new(database)
		db.write.Store(func(context.Context) error { return nil })
		probe := health.NewWriteProbe(db)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- probe.Run(ctx) }()
		reason := func(after time.Duration) string {
			time.Sleep(after)
			synctest.Wait()
			if err := probe.Check().Func(ctx); err != nil {
				return err.Error()
			}
			return ""
		}
		if got := reason(time.Hour); got != "" {
			t.Errorf("an idle server is not ready: %s", got)
		}
		if age := probe.Check().Figures()[0].Value; age > 15 {
			t.Errorf("the last probe is %v s old", age)
		}
		db.write.Store(func(context.Context) error { return errors.New("25006: read-only transaction") })
		if got := reason(15 * time.Second); !strings.Contains(got, "refuses writes") {
			t.Errorf("after a failed probe: %q", got)
		}
		db.write.Store(func(context.Context) error { return nil })
		if got := reason(2 * time.Second); got != "" {
			t.Errorf("after writes go on: %q", got)
		}
		db.write.Store(func(context.Context) error { <-ctx.Done(); return ctx.Err() }) // ignores its deadline
		if got := reason(76 * time.Second); !strings.Contains(got, "more than a minute old") {
			t.Errorf("while a probe hangs: %q", got)
		}
		stop()
		<-ended
	})
}

func TestTablesAreComparedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		check := health.Tables(func(context.Context) error { asked++; return errors.New("other tables") })
		for range 100 {
			if check.Func(t.Context()) == nil {
				t.Fatal("the result is forgotten")
			}
			time.Sleep(time.Second)
		}
		if asked != 10 {
			t.Errorf("compared %d times in 100 s, want 10", asked)
		}
	})
}

func TestDiskThatIsNotThereIsAWarning(t *testing.T) {
	err := health.Disk(filepath.Join(t.TempDir(), "none"), true).Func(t.Context())
	if _, ok := errors.AsType[health.Warning](err); !ok {
		t.Errorf("the check of a missing folder = %v", err)
	}
	own := health.Disk(t.TempDir(), true)
	err = own.Func(t.Context())
	if _, low := errors.AsType[health.Warning](err); err != nil && !low {
		t.Errorf("the check of this disk = %v", err)
	}
	if own.Figures()[0].Value <= 0 {
		t.Error("the free space is not told")
	}
}
