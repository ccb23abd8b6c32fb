package cli

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Without a terminal a step prints a line every ten seconds, and a quick step none.
func TestProgressLines(t *testing.T) {
	var out strings.Builder
	at := time.Unix(0, 0)
	p := newProgress(&out)
	p.now = func() time.Time { return at }
	pass := func(wait time.Duration, rows int64) {
		at = at.Add(wait)
		p.Add(rows)
	}
	p.Step("quick", 100)
	pass(9*time.Second, 100)
	p.Step("posts", 400)
	pass(5*time.Second, 50)
	pass(5*time.Second, 50)
	pass(9*time.Second, 100)
	pass(time.Second, 100)
	p.Step("uncounted", 0)
	pass(20*time.Second, 10)
	p.Done()
	want := "posts: 100 of 400 rows (25 %), 10 rows/s, 30s left\n" +
		"posts: 300 of 400 rows (75 %), 15 rows/s, 7s left\n" +
		"uncounted: 10 rows, 0 rows/s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// On a terminal each step has a bar with its name, the count and the rate. It disappears at the end.
func TestProgressBar(t *testing.T) {
	var out strings.Builder
	p := newProgress(&out)
	p.terminal = true
	p.Step("posts", 400)
	p.Add(100)
	time.Sleep(2 * barEvery)
	p.Add(100)
	p.Step("indexes", 0)
	p.Done()
	for _, want := range []string{"posts", "50%", "200/400", "rows/s", "indexes\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the terminal shows %q, without %q", out.String(), want)
		}
	}
}

// A log that goes to /dev/null is for machines, though that is a device as a terminal is.
func TestDevicesAreNoTerminals(t *testing.T) {
	file, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if isTerminal(file) {
		t.Errorf("%s is a terminal", os.DevNull)
	}
	if got := (&serveFlags{logFormat: oneOf("auto")}).format(file); got != "json" {
		t.Errorf("the format for %s is %s", os.DevNull, got)
	}
}
