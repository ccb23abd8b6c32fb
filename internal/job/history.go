package job

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
)

// A History remembers how the queues did in the last minutes. It is a background.Service and safe for concurrent use.
type History struct {
	queue *Queue

	mu      sync.Mutex
	samples []Sample // the oldest first
	last    []Depth
}

// A Sample is how the queues were at a time.
type Sample struct {
	At      time.Time
	Waiting map[string]int64 // by queue; nil: nobody has counted
	Stats   map[string]Stats // of this process, by queue
}

const (
	// HistorySpan is how far a History looks back.
	HistorySpan = 5 * time.Minute
	samplePause = 5 * time.Second
	sampleShare = 100 // a sample takes at most this part of the time
)

// NewHistory returns a history that begins now, and counts when it runs.
func NewHistory(q *Queue) *History {
	h := &History{queue: q}
	h.samples = append(h.samples, h.attempts())
	return h
}

// attempts returns a sample without depths.
func (h *History) attempts() Sample {
	s := Sample{At: h.queue.cfg.Now(), Stats: map[string]Stats{}}
	for name := range h.queue.queues {
		s.Stats[name] = h.queue.StatsOf(name)
	}
	return s
}

// Run samples until ctx ends.
func (h *History) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		began := time.Now()
		err := background.Guard("depths of queues", func() error { return h.sample(ctx) })
		if err != nil && ctx.Err() == nil {
			h.queue.cfg.Logger.Debug("the jobs were not counted", "error", err)
		}
		sleep(ctx, max(samplePause, sampleShare*time.Since(began)))
	}
	return ctx.Err()
}

func (h *History) sample(ctx context.Context) error {
	depths, err := h.queue.Depths(ctx)
	if err != nil {
		return err
	}
	s := h.attempts()
	s.Waiting = map[string]int64{}
	for _, d := range depths {
		if d.State == waiting {
			s.Waiting[d.Queue] = d.Jobs
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = depths
	h.samples = append(h.samples, s)
	for len(h.samples) > 1 && s.At.Sub(h.samples[0].At) > HistorySpan {
		h.samples = h.samples[1:]
	}
	return nil
}

// Samples returns the samples of the last minutes, the oldest first.
func (h *History) Samples() []Sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Sample{}, h.samples...)
}

// Depths returns the depths of the last sample, for metrics.
func (h *History) Depths() []Depth {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Configured returns the configuration of each queue by its name.
func (q *Queue) Configured() map[string]QueueConfig {
	all := map[string]QueueConfig{}
	for name, c := range maps.All(q.queues) {
		all[name] = *c
	}
	return all
}
