package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errFull = errors.New("the disk is full")

// testOutage returns an Outage whose probe fails while full is true, and its log.
func testOutage() (o *Outage, full *atomic.Bool, lines *bytes.Buffer) {
	full, lines = new(atomic.Bool), new(bytes.Buffer)
	o = NewOutage(slog.New(slog.NewTextHandler(lines, nil)), func(context.Context) error {
		if full.Load() {
			o.Failed(errFull)
			return errFull
		}
		o.Succeeded()
		return nil
	}, "make room", "folder", "/data")
	return o, full, lines
}

func TestOutageEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, full, lines := testOutage()
		full.Store(true)
		for range 1000 {
			o.Failed(errFull)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		if !errors.Is(o.Err(), errFull) {
			t.Errorf("Err() = %v while the disk is full", o.Err())
		}
		full.Store(false)
		time.Sleep(2 * outageProbe)
		if o.Err() != nil {
			t.Errorf("Err() = %v when there is room again", o.Err())
		}
		o.Close()
		text := lines.String()
		if n := strings.Count(text, "\n"); n != 2 {
			t.Errorf("%d lines, want one for the outage and one for its end:\n%s", n, text)
		}
		for _, part := range []string{"level=ERROR", "folder=/data", "make room", "the disk is full", "failures=1005"} {
			if !strings.Contains(text, part) {
				t.Errorf("the log does not hold %q:\n%s", part, text)
			}
		}
	})
}

// A disk that small writes still fit on, and large ones do not, neither counts as writable in turns nor floods the log.
func TestOutageDoesNotFlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, lines := testOutage()
		for range 3000 { // five minutes
			o.Failed(errFull)
			o.Succeeded()
			if o.Err() == nil {
				t.Fatal("a write that failed is forgotten at once")
			}
			time.Sleep(100 * time.Millisecond)
		}
		o.Close()
		if n := strings.Count(lines.String(), "\n"); n < 5 || n > 6 {
			t.Errorf("%d lines in five minutes, want one each minute:\n%s", n, lines)
		}
		lines.Reset()
	})
	synctest.Test(t, func(t *testing.T) {
		o, _, lines := testOutage()
		for range 60 { // ten minutes of outages that end
			o.Failed(errFull)
			time.Sleep(10 * time.Second)
		}
		o.Close()
		if n := strings.Count(lines.String(), "\n"); n > 21 {
			t.Errorf("%d lines in ten minutes, want at most two each minute:\n%s", n, lines)
		}
	})
}

func TestOutageClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, full, _ := testOutage()
		full.Store(true)
		o.Failed(errFull)
		o.Close()
		o.Close()
		o.Failed(errFull) // starts no probe any more
		o.Succeeded()
	})
}
