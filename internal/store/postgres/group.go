package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// Scripts that wait are committed together. Their statements go out in one packet, with the one that moves the generations.
// COMMIT follows in a second packet, when all their rows have been judged. A script that comes while a connection for
// groups is free goes by itself at once. Scripts that come while all are busy form the next group.
//
// Groups need no savepoints: if a script is refused, the group is undone and run again without it. Groups do not deadlock:
// scripts lock rows in one order, and scripts that may wait for others run alone. Where transactions are SERIALIZABLE all
// scripts run alone, because a larger transaction conflicts with more others.

// grouping is the kind of the pool for groups.
func (c Config) grouping() poolKind {
	r := c.writing()
	r.size = c.Groups
	r.lockTimeout = groupLockTimeout
	return r
}

const (
	// groupLockTimeout is how long a group waits for a lock. After that its scripts run one by one, as functions.
	groupLockTimeout = 250 * time.Millisecond

	// groupShare divides the time for a write: a script may spend a quarter of it waiting for a group and in one. The rest
	// is left for its function.
	groupShare = 4

	maxGroup      = 64        // scripts in a group
	maxGroupBytes = 256 << 10 // of values in a group of several
	maxGroupSteps = 128       // fewer than maxStatements, so that none is dropped for another
	maxGroupTries = 3         // tries of a group, without the scripts refused before
)

// groups holds the scripts that wait, whose clients take turns. Each group runs on the goroutine of one of its scripts.
type groups struct {
	db *DB
	*pool

	mu      sync.Mutex
	line    admit.Line[caller.Client, *waiter]
	running int // groups under way
	maxSize int // scripts in a group: see adaptSize
}

// waiter is a script that waits for a group or is in one.
type waiter struct {
	ctx     context.Context
	script  *store.Script
	bytes   int
	since   time.Time // when it came
	entry   *admit.Entry[caller.Client, *waiter]
	signals chan signal // of two elements, so that no sender waits
	notes   engine.Notes

	statements []*statement // of the steps
	refused    bool
	final      error // Step.Refused of the step that refused
	changed    bool  // a statement has changed rows
}

// signal tells a waiter to lead a group, or how its script ended.
type signal struct {
	leads bool // the waiter runs the next group
	done  bool // the script has committed, or failed with err; otherwise its function is to run
	err   error
}

// groupingPays reports whether a script is better off in a group. Refusals may have made groups so small that all of them
// together run fewer scripts than there are connections for functions. Then a script would wait longer for a group.
func (g *groups) groupingPays() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running < g.size || g.maxSize*g.size > g.db.writers.size
}

// run runs a script in a group.
func (g *groups) run(ctx context.Context, script *store.Script) (done bool, err error) {
	if err := g.enter(); err != nil {
		return false, err
	}
	defer g.leave()
	item := &waiter{ctx: ctx, script: script, bytes: size(script), since: time.Now(), signals: make(chan signal, 2)}
	item.notes.For(ctx)
	if g.join(item) {
		g.lead(item)
		t := <-item.signals // lead has sent it
		done, err = t.done, t.err
	} else {
		done, err = g.wait(item)
	}
	if errors.Is(err, store.ErrBusy) {
		telemetry.RecordOf(ctx).Refuse(g.limit())
	}
	item.notes.Report(item.since, done && err == nil)
	return done, err
}

// join adds a waiter to the line, or reports that it can lead a group at once.
func (g *groups) join(item *waiter) (leads bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running < g.size {
		g.running++
		return true
	}
	origin, _ := admit.OriginOf(item.ctx)
	if g.line.Len() >= g.queue {
		last := g.line.Crowd(origin.Client)
		if last == nil {
			item.signals <- signal{err: g.refuse()}
			return false
		}
		g.line.Remove(last)
		last.Item.signals <- signal{err: g.refuse()}
	}
	item.entry = g.line.Add(origin.Client, origin.Shape, item, item.since)
	return false
}

// refuse returns the error of a script that finds no room in the line.
func (g *groups) refuse() error {
	return g.busy(&admit.Refusal{Wait: g.line.Wait(g.line.Len(), g.size)})
}

// wait waits for the end of the script, and leads a group when told to.
func (g *groups) wait(item *waiter) (done bool, err error) {
	patience := g.patience / groupShare
	timer := g.timers.Start(min(engine.ShortWait, patience))
	defer g.timers.Stop(timer)
	var ended <-chan struct{} // nil during ShortWait: see there
	for short := true; ; {
		select {
		case t := <-item.signals:
			if !t.leads {
				return t.done, t.err
			}
			g.lead(item)
		case <-ended:
			if g.withdraw(item) {
				return false, item.ctx.Err()
			}
			ended = nil // the script is in a group, which nothing cuts short
		case <-timer.C:
			if short {
				short, ended = false, item.ctx.Done()
				timer.Reset(patience)
			} else if g.withdraw(item) {
				return false, nil
			}
		}
	}
}

// withdraw takes a waiter out of the line, and reports whether it was still there.
func (g *groups) withdraw(item *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.line.Remove(item.entry)
}

// lead runs a group of this waiter and the line, then lets the next one lead.
func (g *groups) lead(item *waiter) {
	all, began := g.takeWaiters(item), time.Now()
	defer func() { g.next(time.Since(began) / time.Duration(len(all))) }()
	err := background.Guard("a group of scripts", func() error {
		g.runAll(all)
		return nil
	})
	if err != nil { // a defect of ours: nobody may be left waiting
		notify(all, signal{err: err})
	}
}

// takeWaiters takes the waiters of the next group out of the line.
func (g *groups) takeWaiters(item *waiter) []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, bytes, steps := []*waiter{item}, item.bytes, len(item.script.Steps)
	now := time.Now()
	for w, ok := g.line.Peek(); ok; w, ok = g.line.Peek() {
		bytes += w.bytes
		steps += len(w.script.Steps)
		if len(all) >= g.maxSize || bytes > maxGroupBytes || steps > maxGroupSteps {
			break
		}
		g.line.Next(now)
		all = append(all, w)
	}
	return all
}

// next lets the first in the line lead a group, or notes that one group less is running. A script of the last group took
// so long.
func (g *groups) next(took time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.line.Note(took)
	first, _, ok := g.line.Next(time.Now())
	if !ok {
		g.running--
		return
	}
	first.signals <- signal{leads: true}
}

// adaptSize makes groups larger after each commit, and smaller after each group that was undone. If many scripts are
// refused, little is undone with them.
func (g *groups) adaptSize(done bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if done {
		g.maxSize = min(maxGroup, g.maxSize+1)
	} else {
		g.maxSize = max(1, g.maxSize/2)
	}
}

func notify(all []*waiter, t signal) {
	for _, m := range all {
		m.signals <- t
	}
}

// runAll runs a group until what is left of it is committed, and tells each waiter how its script ended.
func (g *groups) runAll(all []*waiter) {
	all = slices.DeleteFunc(slices.Clone(all), func(item *waiter) bool {
		err := item.ctx.Err()
		if err != nil {
			item.signals <- signal{err: err}
		}
		return err != nil
	})
	slices.SortStableFunc(all, func(a, b *waiter) int { return strings.Compare(a.script.LockOrder, b.script.LockOrder) })
	now := time.Now()
	for _, item := range all {
		g.db.tally.Began(now.Sub(item.since))
	}
	deadline := now.Add(g.patience / groupShare)
	for try := 1; len(all) > 0 && try <= maxGroupTries; try++ {
		done, err := g.db.commitScripts(g.pool, deadline, all)
		g.adaptSize(done)
		left := slices.DeleteFunc(slices.Clone(all), func(m *waiter) bool { return m.refused })
		for _, m := range all {
			if m.refused {
				m.signals <- signal{err: m.final}
			}
		}
		if done {
			notify(left, signal{done: true, err: err})
			return
		}
		nobody := len(left) == len(all)
		all = left
		if nobody {
			break // no script was to blame
		}
	}
	notify(all, signal{})
}
