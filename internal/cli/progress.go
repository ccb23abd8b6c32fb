package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far the steps of a long command are: a bar on a terminal, elsewhere a line now and then. It is safe
// for concurrent use.
type progress struct {
	out      io.Writer
	terminal bool
	now      func() time.Time

	mu          sync.Mutex
	bar         *progressbar.ProgressBar // of the step under way, on a terminal
	name        string
	done, total int64
	began, said time.Time
}

// lineEvery is how long nothing is said where there is no terminal.
const lineEvery = 10 * time.Second

// barEvery is how often a bar is drawn at most.
const barEvery = 100 * time.Millisecond

func newProgress(out io.Writer) *progress {
	return &progress{out: out, terminal: isTerminal(out), now: time.Now}
}

// isTerminal says whether people read what is written there.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Step begins a step of total rows, 0 where there is nothing to count, and ends the one before.
func (p *progress) Step(name string, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.name, p.done, p.total, p.began = name, 0, total, p.now()
	p.said = p.began
	if !p.terminal {
		return
	}
	if total <= 0 {
		fmt.Fprintln(p.out, name)
		return
	}
	p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.out), progressbar.OptionSetDescription(name),
		progressbar.OptionSetWidth(24), progressbar.OptionThrottle(barEvery), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("rows"), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

// Add says that n more rows of the step are done.
func (p *progress) Add(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar != nil {
		_ = p.bar.Add64(n) // more rows than were counted; nothing to say about it
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

// clear takes the bar away.
func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear() // it is decoration
		p.bar = nil
	}
}

// line is what is said without a terminal.
func (p *progress) line(took time.Duration) string {
	rate := float64(p.done) / took.Seconds()
	if p.total <= 0 {
		return fmt.Sprintf("%s: %d rows, %.0f rows/s", p.name, p.done, rate)
	}
	left := time.Duration(float64(max(p.total-p.done, 0)) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s: %d of %d rows (%d %%), %.0f rows/s, %v left", p.name, p.done, p.total, 100*p.done/p.total, rate, left)
}
