package profile

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"runtime/pprof"
	"slices"
	"sync"
	"time"

	format "github.com/google/pprof/profile"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// Config tunes a Recorder. Its zero value works.
type Config struct {
	Every  time.Duration    // mean time from profile to profile; 0 means a minute
	Sample time.Duration    // time of it in which samples are taken; 0 means 12 s
	Keep   int              // profiles kept in memory; 0 means 60
	Ended  func([]Usage)    // called when a profile ends, with the usage in it; nil means nobody
	Logger *slog.Logger     // nil means no log
	Now    func() time.Time // nil means time.Now
}

// maxBytes bounds the profiles in memory. One of a busy server has some 50 kB.
const maxBytes = 8 << 20

// A Recorder takes CPU profiles while it runs, and keeps the last ones. It implements background.Service.
type Recorder struct {
	cfg   Config
	start func(io.Writer) error
	stop  func()
	cpu   func() time.Duration
	vary  func(time.Duration) time.Duration

	turn    sync.Mutex // held to begin and to end a profile
	running bool       // Run runs
	lent    bool       // the profile under way is a caller's too
	current *recording // nil: none is under way

	reading sync.Mutex // held to read profiles, which takes memory: one reader at a time

	mu      sync.Mutex
	windows []*window // the oldest first
}

// recording is a profile under way, or one that has just ended.
type recording struct {
	from, to time.Time
	cpu      time.Duration // of the process: before the profile, and in it when it has ended
	data     bytes.Buffer
	complete bool // no more samples are taken
}

// New returns a Recorder. It records while Run runs.
func New(cfg Config) *Recorder {
	if cfg.Every == 0 {
		cfg.Every = time.Minute
	}
	if cfg.Sample == 0 {
		cfg.Sample = 12 * time.Second
	}
	if cfg.Keep == 0 {
		cfg.Keep = 60
	}
	if cfg.Ended == nil {
		cfg.Ended = func([]Usage) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Recorder{cfg: cfg, start: pprof.StartCPUProfile, stop: pprof.StopCPUProfile, cpu: ProcessTime, vary: vary}
}

// vary returns a random time, with a mean of d. So the samples do not always meet, or never meet, what happens each minute.
func vary(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2) }

// Run takes profiles until ctx ends. Samples are taken in a part of the time, and stand for all of it. A process can take one
// profile at a time. While others take one, Run takes none.
func (r *Recorder) Run(ctx context.Context) error {
	r.setRunning(true)
	defer r.setRunning(false)
	for {
		length := r.vary(r.cfg.Every)
		sampling := min(r.cfg.Sample, length)
		if !wait(ctx, sampling) {
			return nil
		}
		r.rest()
		if !wait(ctx, length-sampling) {
			return nil
		}
		r.next()
	}
}

// wait waits, and reports whether ctx still lasts.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// rest takes no more samples until the next profile begins.
func (r *Recorder) rest() {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.current != nil && !r.lent {
		r.complete()
	}
}

// complete ends the samples of the profile under way.
func (r *Recorder) complete() {
	if !r.current.complete {
		r.current.complete = true
		r.stop()
	}
}

func (r *Recorder) setRunning(running bool) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.running = running
	if !r.lent {
		r.goOn()
	}
}

// next ends the profile under way and begins the next one.
func (r *Recorder) next() {
	r.turn.Lock()
	defer r.turn.Unlock()
	if !r.lent {
		r.goOn()
	}
}

// goOn ends the profile under way. If Run runs, goOn begins the next one before it reads the last, so that the profiles show
// what profiles cost. It fails while somebody else in the process takes a profile: then the next turn tries again.
func (r *Recorder) goOn() {
	last := r.end()
	if r.running {
		if err := r.begin(io.Discard); err != nil {
			r.cfg.Logger.Debug("no profile is recorded", "error", err)
		}
	}
	r.read(last)
}

// StartCPUProfile is pprof.StartCPUProfile for a caller. The Recorder gives way, and counts the caller's profile as its own.
func (r *Recorder) StartCPUProfile(w io.Writer) error {
	r.turn.Lock()
	defer r.turn.Unlock()
	if r.lent {
		return errs.New(errs.Unavailable, "another profile is being recorded")
	}
	last := r.end()
	err := r.begin(w)
	r.lent = err == nil
	r.read(last)
	return err
}

// StopCPUProfile ends the profile of StartCPUProfile.
func (r *Recorder) StopCPUProfile() {
	r.turn.Lock()
	defer r.turn.Unlock()
	if !r.lent {
		return
	}
	r.lent = false
	r.goOn()
}

// begin begins a profile, which w gets too.
func (r *Recorder) begin(w io.Writer) error {
	current := &recording{from: r.cfg.Now(), cpu: r.cpu()}
	if err := r.start(io.MultiWriter(&current.data, &guest{w})); err != nil {
		return err
	}
	r.current = current
	return nil
}

// guest writes until a write fails, and hides that from others who get the same.
type guest struct{ io.Writer }

// Write implements io.Writer.
func (g *guest) Write(p []byte) (int, error) {
	if g.Writer != nil {
		if _, err := g.Writer.Write(p); err != nil {
			g.Writer = nil
		}
	}
	return len(p), nil
}

// end ends the profile under way and returns it, or nil if there is none.
func (r *Recorder) end() *recording {
	last := r.current
	if last != nil {
		r.complete()
		r.current = nil
		last.to, last.cpu = r.cfg.Now(), r.cpu()-last.cpu
	}
	return last
}

// read reads a profile that has ended, and keeps it.
func (r *Recorder) read(last *recording) {
	if last == nil {
		return
	}
	w, err := newWindow(last.from, last.to, last.data.Bytes(), last.cpu)
	if err != nil {
		r.cfg.Logger.Warn("a profile could not be read", "error", err)
		return
	}
	r.keep(w)
	r.cfg.Ended(w.usage)
}

func (r *Recorder) keep(w *window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.windows = append(r.windows, w)
	size := 0
	for _, kept := range r.windows {
		size += len(kept.bytes)
	}
	drop := max(0, len(r.windows)-r.cfg.Keep)
	for i := 0; i < len(r.windows)-1 && (i < drop || size > maxBytes); i++ {
		size -= len(r.windows[i].bytes)
		drop = max(drop, i+1)
	}
	r.windows = slices.Delete(r.windows, 0, drop)
}

// between returns the windows that have a part between two times.
func (r *Recorder) between(from, to time.Time) (list []*window) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.windows {
		if w.share(from, to) > 0 {
			list = append(list, w)
		}
	}
	return list
}

// Span returns the begin of the oldest kept profile and the end of the newest. Both are zero without profiles.
func (r *Recorder) Span() (from, to time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.windows) == 0 {
		return time.Time{}, time.Time{}
	}
	return r.windows[0].from, r.windows[len(r.windows)-1].to
}

// Usage returns the CPU time between two times by labels, the largest first. Its sum is the CPU time of the process while
// profiles were taken. A profile that is half in the span counts half. Nothing is known after the end of Span.
func (r *Recorder) Usage(from, to time.Time) []Usage {
	sums := map[Labels]time.Duration{}
	for _, w := range r.between(from, to) {
		share := w.share(from, to)
		for _, u := range w.usage {
			sums[u.Labels] += scaled(u.CPU, share)
		}
	}
	return ranked(sums)
}

// Flame returns the calls between two times as a tree, of the work that filter chooses. Its root has all CPU time.
func (r *Recorder) Flame(from, to time.Time, filter Filter) *Frame {
	r.reading.Lock()
	defer r.reading.Unlock()
	root := &node{}
	for _, w := range r.between(from, to) {
		if p, err := format.ParseData(w.bytes); err == nil { // it could be read before
			root.add(p, filter, w.scale*w.share(from, to))
		}
	}
	return root.frame("all", root.cpu*leastShare)
}

// Profile returns the profiles that have a part between two times as one file in pprof's format. Without profiles it returns
// nil.
func (r *Recorder) Profile(from, to time.Time) ([]byte, error) {
	r.reading.Lock()
	defer r.reading.Unlock()
	var all []*format.Profile
	for _, w := range r.between(from, to) {
		p, err := format.ParseData(w.bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, nil
	}
	merged, err := format.Merge(all)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	err = merged.Write(&file)
	return file.Bytes(), err
}
