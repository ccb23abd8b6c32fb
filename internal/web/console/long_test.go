package console

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ashlar-dev/ashlar/internal/audit"
	"github.com/ashlar-dev/ashlar/internal/web"
)

// slowLog is an audit log whose work takes pieces of a time. The whole takes longer than a request may.
type slowLog struct {
	Log
	pieces int
	pause  time.Duration // of each piece

	exported *audit.Filter // of the last export, if not nil
}

// wait waits for the next piece.
func (l slowLog) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(l.pause):
		return nil
	}
}

func (l slowLog) Export(ctx context.Context, w io.Writer, filter audit.Filter) (n int64, err error) {
	if l.exported != nil {
		*l.exported = filter
	}
	for range l.pieces {
		if err := l.wait(ctx); err != nil {
			return n, err
		}
		if _, err := fmt.Fprintln(w, `{"id":1}`); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (l slowLog) Verify(ctx context.Context, _ string, progress func(int64)) (audit.Result, error) {
	for i := range l.pieces {
		if err := l.wait(ctx); err != nil {
			return audit.Result{}, err
		}
		progress(int64(i+1) * 1000)
	}
	return audit.Result{Rows: int64(l.pieces) * 1000}, nil
}

// slow returns a viewer of a console with a slow log. The time is the one of a bubble.
func slow(t *testing.T, pieces int, pause time.Duration) *visitor {
	t.Helper()
	w := newWorld(t, source)
	w.console = New(Config{App: "notes", Accounts: w.Service, Audit: slowLog{Log: w.console.audit, pieces: pieces, pause: pause}, Keys: w.TokenKeys, Now: time.Now})
	receiver, err := web.NewReceiver(web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w.handler = receiver.Handler(web.NewMux(w.console.Routes()...))
	return w.operator("viewer")
}

func TestLongLogsAreExportedAndVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := slow(t, 10, 20*time.Second) // a request may take 30 s
		a := v.get("/console/audit/export")
		if lines := strings.Count(a.body, "\n"); a.Code != 200 || lines != 10 {
			t.Errorf("the export is %d with %d lines", a.Code, lines)
		}
		a = v.post("/console/audit/verify")
		v.shows(a, 200, "3,000 rows so far", "The log is whole", "10,000 rows", "</body></html>", "To the audit log")
		if a.Header().Get("Content-Security-Policy") != policy {
			t.Error("the page that grows has no policy")
		}
		v.shows(v.get("/console/audit"), 200, "The log is whole", "10,000 rows")
	})
}

func TestLogsThatDoNotAnswerEndARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := slow(t, 2, 40*time.Second)
		start := time.Now()
		a := v.get("/console/audit/export")
		v.shows(a, 503, "took too long")
		if a.Header().Get("Content-Disposition") != "" {
			t.Error("a browser would keep the page of the error as a file")
		}
		v.shows(v.post("/console/audit/verify"), 503, "took too long")
		if took := time.Since(start); took != time.Minute {
			t.Errorf("both took %v, want 30 s each", took)
		}
		v.shows(v.post("/console/audit/verify"), 503, "took too long") // not: under way
	})
}

func TestShortVerificationsNeedNoPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := slow(t, 10, 100*time.Millisecond)
		v.leads(v.post("/console/audit/verify"), "/console/audit")
	})
}

func TestHeadOfAnExportExportsNothing(t *testing.T) {
	w := newWorld(t, source)
	v := w.operator("viewer")
	if a := v.send("HEAD", "/console/audit/export", nil); a.Code != 200 || a.body != "" || a.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("HEAD = %d %v %q", a.Code, a.Header(), a.body)
	}
	if newest := w.entries()[0]; newest.Action == "audit.exported" {
		t.Error("a HEAD is in the log as an export")
	}
}

// An export that a client reads slowly ends all the same: rows of later times are no part of it.
func TestExportsHoldWhatWasThereWhenTheyBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := slow(t, 1, time.Second)
		var exported audit.Filter
		log := v.w.console.audit.(slowLog)
		log.exported = &exported
		v.w.console.audit = log
		latest := time.Now().Add(exportSlack)
		for query, want := range map[string]time.Time{
			"":                  latest,
			"?until=2999-01-01": latest,
			"?until=1999-01-01": time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			if a := v.get("/console/audit/export" + query); a.Code != 200 {
				t.Fatalf("%q is %d", query, a.Code)
			}
			if got := exported.Until; got.Before(want) || got.After(want.Add(time.Minute)) {
				t.Errorf("%q exports until %v, want %v", query, got, want)
			}
		}
	})
}
