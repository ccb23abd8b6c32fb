package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress shows the progress of a long command: a bar on a terminal, elsewhere a line every 10 s. It is safe for
// concurrent use.
type progress struct {
	out      io.Writer
	unit     string // of the counts
	terminal bool
	now      func() time.Time

	mu          sync.Mutex
	bar         *progressbar.ProgressBar // nil without a terminal
	name        string
	bytes       bool // the step counts bytes, not rows
	done, total int64
	began, said time.Time
}

// lineEvery is the time between two lines without a terminal.
const lineEvery = 10 * time.Second

// barEvery is the shortest time between two drawings of a bar.
const barEvery = 100 * time.Millisecond

func newProgress(out io.Writer) *progress {
	return &progress{out: out, unit: "rows", terminal: isTerminal(out), now: time.Now}
}

// isTerminal reports whether w is a terminal. Other devices, such as /dev/null, are none.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	return term.IsTerminal(int(file.Fd()))
}

// Step ends the last step and begins one of total rows; 0 if it counts none.
func (p *progress) Step(name string, total int64) { p.step(name, total, false) }

// Bytes ends the last step and begins one of total bytes.
func (p *progress) Bytes(name string, total int64) { p.step(name, total, true) }

func (p *progress) step(name string, total int64, bytes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.name, p.bytes, p.done, p.total, p.began = name, bytes, 0, total, p.now()
	p.said = p.began
	if !p.terminal {
		return
	}
	if total <= 0 {
		fmt.Fprintln(p.out, name)
		return
	}
	if bytes {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(name),
			progressbar.OptionSetWidth(24), progressbar.OptionThrottle(barEvery), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
		return
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(name),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(barEvery), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString(p.unit), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

// Add counts n more rows or bytes of the step as done.
func (p *progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar != nil {
		_ = p.bar.Add64(n) // fails only beyond total
		return
	}
	if now := p.now(); now.Sub(p.said) >= lineEvery {
		p.said = now
		fmt.Fprintln(p.out, p.line(now.Sub(p.began)))
	}
}

// Done ends the last step.
func (p *progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// clear removes the bar.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // decoration only
		p.bar = nil
	}
}

// line describes the step for outputs other than terminals.
func (p *progress) line(took time.Duration) string {
	rate := float64(p.done) / took.Seconds()
	if p.bytes {
		return fmt.Sprintf("%s: %d of %d MB, %.0f MB/s", p.name, p.done/1e6, p.total/1e6, rate/1e6)
	}
	if p.total <= 0 {
		return fmt.Sprintf("%s: %d %s, %.0f %s/s", p.name, p.done, p.unit, rate, p.unit)
	}
	left := time.Duration(float64(max(p.total-p.done, 0)) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s: %d of %d %s (%d %%), %.0f %s/s, %v left", p.name, p.done, p.total, p.unit, 100*p.done/p.total, rate, p.unit, left)
}
