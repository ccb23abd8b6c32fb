package alert

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

const (
	attemptTime  = 10 * time.Second
	mailTime     = 40 * time.Second
	firstPause   = time.Second // after a failed attempt; it doubles up to longestPause
	longestPause = time.Minute
	keepTrying   = 24 * time.Hour
)

// A target is one address with its waiting alerts. It is a background service.
type target struct {
	name    string
	deliver func(ctx context.Context, a Alert) error
	timeout time.Duration
	repeats bool // wants a firing alert again and again
	job     *telemetry.Job
	log     *slog.Logger
	now     func() time.Time

	mu    sync.Mutex
	queue []Alert // the oldest first
	wake  chan struct{}
}

func newTarget(declared *model.AlertTarget, cfg Config) *target {
	t := &target{name: declared.String(), timeout: attemptTime, log: cfg.Logger, now: cfg.Now, wake: make(chan struct{}, 1)}
	switch {
	case declared.Mail != "":
		t.timeout, t.job = mailTime, cfg.Jobs.Job("alert mail")
		t.deliver = func(ctx context.Context, a Alert) error {
			if cfg.Mail == nil {
				return &permanentError{errors.New("there is no mail")}
			}
			return cfg.Mail(ctx, declared.Mail, a)
		}
	case declared.Webhook.Given():
		t.deliver, t.job = newReceiver(declared, cfg).deliver, cfg.Jobs.Job("alert webhook")
	default:
		t.repeats = true
		t.deliver, t.job = newAlertmanager(declared, cfg).deliver, cfg.Jobs.Job("alert alertmanager")
	}
	return t
}

// push queues an alert. It replaces a waiting one with the same news. When the queue is full, the oldest alert is lost.
func (t *target) push(a Alert) {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
	for i := len(t.queue) - 1; i >= 0; i-- {
		if waiting := &t.queue[i]; waiting.Key == a.Key {
			if waiting.Firing == a.Firing {
				*waiting = a
				return
			}
			break
		}
	}
	if len(t.queue) == maxWaiting {
		t.log.Error("an alert is lost: too many wait for its target", "target", t.name, "alert", t.queue[0].Key, "firing", t.queue[0].Firing)
		t.queue = t.queue[1:]
	}
	t.queue = append(t.queue, a)
}

// next takes the oldest alert.
func (t *target) next() (Alert, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return Alert{}, false
	}
	a := t.queue[0]
	t.queue = t.queue[1:]
	return a, true
}

// Run delivers alerts in their order until ctx ends.
func (t *target) Run(ctx context.Context) error {
	for {
		a, ok := t.next()
		if ok {
			t.send(ctx, a)
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.wake:
		}
	}
}

// send tries until the target has the alert, refuses it, or a day has passed.
func (t *target) send(ctx context.Context, a Alert) {
	pause := firstPause
	for attempts := 1; ; attempts++ {
		err := t.attempt(ctx, a)
		if err == nil {
			t.log.Info("alert sent", "target", t.name, "alert", a.Key, "firing", a.Firing, "attempts", attempts)
			return
		}
		_, final := errors.AsType[*permanentError](err)
		if final || t.now().Sub(a.At) > keepTrying {
			t.log.Error("alert not sent", "target", t.name, "alert", a.Key, "firing", a.Firing, "attempts", attempts, "error", err)
			return
		}
		t.log.Warn("alert not sent yet", "target", t.name, "alert", a.Key, "firing", a.Firing, "attempts", attempts, "again_in", pause, "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause*3/4 + rand.N(pause/2)):
		}
		pause = min(2*pause, longestPause)
	}
}

func (t *target) attempt(ctx context.Context, a Alert) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	return t.job.Do(ctx, func(ctx context.Context) error {
		telemetry.RecordOf(ctx).Does(a.Key)
		return t.deliver(ctx, a)
	})
}
