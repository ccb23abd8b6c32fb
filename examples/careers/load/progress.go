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

// progress shows how far the load is: one line that changes on a terminal, and one line for each finished table.
type progress struct {
	out      io.Writer
	terminal bool

	created, there atomic.Int64 // rows of the table under way
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// add counts a row that was created, or was there already.
func (p *progress) add(created bool) {
	if created {
		p.created.Add(1)
	} else {
		p.there.Add(1)
	}
}

// start begins a table of so many rows. The function that it returns ends it.
func (p *progress) start(ctx context.Context, table string, size int) func() {
	p.created.Store(0)
	p.there.Store(0)
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
	created, there := int(p.created.Load()), int(p.there.Load())
	text := fmt.Sprintf("%-20s %7s of %7s rows  %6.1f s  %7s rows/s", table, thousands(created+there), thousands(size),
		took.Seconds(), thousands(int(float64(created+there)/max(took.Seconds(), 0.001))))
	if there > 0 {
		text += fmt.Sprintf("  (%s were there)", thousands(there))
	}
	return text
}

// thousands writes a number with its thousands apart: 61,530.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
