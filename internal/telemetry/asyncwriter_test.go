package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// slow is a writer that a test can hold up.
type slow struct {
	mu    sync.Mutex
	gate  chan struct{}
	text  bytes.Buffer
	calls int
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	return s.text.Write(p)
}

func TestAsyncWriterKeepsEveryLineWhole(t *testing.T) {
	out := &slow{gate: make(chan struct{})}
	b := NewAsyncWriter(out)
	var wg sync.WaitGroup
	const writers, each = 16, 200
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, err := fmt.Fprintf(b, "writer %d line %d\n", w, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait() // nobody waited for the writer, which is held up
	close(out.gate)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.text.String(), "\n"), "\n")
	next := map[string]int{}
	for _, line := range lines {
		var w string
		var i int
		if _, err := fmt.Sscanf(line, "writer %s line %d", &w, &i); err != nil || i != next[w] {
			t.Fatalf("line %q: %v, want line %d", line, err, next[w])
		}
		next[w]++
	}
	if len(lines) != writers*each || out.calls > 3 {
		t.Errorf("%d lines in %d calls, want %d in few", len(lines), out.calls, writers*each)
	}
	fmt.Fprintln(b, "late")
	if !strings.HasSuffix(out.text.String(), "late\n") {
		t.Error("a line after Close is lost")
	}
}

func TestAsyncWriterIsBounded(t *testing.T) {
	out := &slow{gate: make(chan struct{})}
	b := NewAsyncWriter(out)
	line := bytes.Repeat([]byte("x"), maxBatch/2)
	written := make(chan struct{})
	go func() {
		defer close(written)
		for range 8 {
			_, _ = b.Write(line)
		}
	}()
	for range 100 {
		b.mu.Lock()
		waiting := len(b.lines)
		b.mu.Unlock()
		if waiting > maxBatch {
			t.Fatalf("%d bytes wait", waiting)
		}
	}
	close(out.gate)
	<-written
	_ = b.Close()
	if out.text.Len() != 8*len(line) {
		t.Errorf("%d bytes written, want %d", out.text.Len(), 8*len(line))
	}
}

// Lines written during Close are written all the same.
func TestAsyncWriterClosesUnderWriters(t *testing.T) {
	for range 50 {
		out := &slow{gate: make(chan struct{})}
		close(out.gate)
		b := NewAsyncWriter(out)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 20 {
					_, _ = b.Write([]byte("x\n"))
				}
			})
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if got := strings.Count(out.text.String(), "x\n"); got != 80 {
			t.Fatalf("%d lines, want 80", got)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestAsyncWriterTellsOfErrors(t *testing.T) {
	b := NewAsyncWriter(broken{})
	_, _ = b.Write([]byte("a\n"))
	if err := b.Close(); err == nil {
		t.Error("the error of the writer is lost")
	}
}

type panics struct{}

func (panics) Write([]byte) (int, error) { panic("of the writer") }

func TestAsyncWriterSurvivesItsWriter(t *testing.T) {
	b := NewAsyncWriter(panics{})
	_, _ = b.Write([]byte("a\n"))
	_ = b.Close() // returns
}
