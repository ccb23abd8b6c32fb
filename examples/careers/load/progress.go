package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A progress reports the progress of a load: one changing line on a terminal, and one line for each finished table.
type progress struct {
	out      io.Writer
	terminal bool

	created, skipped atomic.Int64 // rows of the current table
}

func newProgress(out io.Writer) *progress {
	progress := &progress{out: out}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		progress.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return progress
}

// add counts a row, created or skipped.
func (p *progress) add(created bool) {
	if created {
		p.created.Add(1)
	} else {
		p.skipped.Add(1)
	}
}

// start begins a table of size rows. done ends it.
func (p *progress) start(ctx context.Context, table string, size int) (done func()) {
	p.created.Store(0)
	p.skipped.Store(0)
	begin := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	if p.terminal {
		wg.Go(func() { p.refresh(ctx, table, size, begin) })
	}
	return func() {
		cancel()
		wg.Wait()
		fmt.Fprintln(p.out, p.line(table, size, time.Since(begin)))
	}
}

func (p *progress) refresh(ctx context.Context, table string, size int, begin time.Time) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(p.out, "\r\x1b[K")
			return
		case <-tick.C:
			fmt.Fprint(p.out, "\r\x1b[K"+p.line(table, size, time.Since(begin)))
		}
	}
}

func (p *progress) line(table string, size int, took time.Duration) string {
	created, skipped := int(p.created.Load()), int(p.skipped.Load())
	text := fmt.Sprintf("%-20s %7s of %7s rows  %6.1f s  %7s rows/s", table, thousands(created+skipped), thousands(size),
		took.Seconds(), thousands(int(float64(created+skipped)/max(took.Seconds(), 0.001))))
	if skipped > 0 {
		text += fmt.Sprintf("  (%s were there)", thousands(skipped))
	}
	return text
}

// thousands formats a number with commas between thousands, such as 61,530.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
