package postgres

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
)

// Scripts that wait are committed together: their statements go out in one packet, with what moves the generations, and
// COMMIT in a second one when all their rows have been looked at. Groups form by themselves, of those who came while all
// connections for groups were busy; whoever comes while one is free waits for nobody.
//
// Neither a savepoint nor a deadlock between groups is paid for: a group of which one script is refused is undone and run
// again without it, scripts lock rows in one order, and those that might wait for others go apart, as do all where
// transactions are SERIALIZABLE: the larger one is, the more others it is in the way of.

// grouping is the role of their connections.
func (c Config) grouping() role {
	r := c.writing()
	r.size = c.Groups
	r.lockTimeout = groupLockTimeout
	return r
}

const (
	// groupLockTimeout is how long a group waits for a lock, before its scripts are run one by one, as functions.
	groupLockTimeout = 250 * time.Millisecond

	// groupShare is the part of the time for a write that it may wait for a group, or be in one. The rest is left for it as
	// a function.
	groupShare = 4

	maxGroup      = 64        // scripts
	maxGroupBytes = 256 << 10 // of their values, unless it is one
	maxGroupSteps = 128       // so that none of their statements is dropped for another (see maxStatements)
	maxGroupTries = 3         // each but the first without those who were refused before
)

// groups are the scripts that wait, and who runs them: one of their own goroutines for each group.
type groups struct {
	db *DB
	*pool

	mu      sync.Mutex
	waiting []*member
	running int // groups
	most    int // scripts in a group: fewer where groups had to be undone of late
}

// member is a script in the line or in a group.
type member struct {
	ctx    context.Context
	script *store.Script
	bytes  int
	turn   chan turn // of two, so that nobody waits to tell it something

	statements []*statement // by step
	refused    bool
	changed    bool // rows, by a statement of it
}

// turn is what a member is told.
type turn struct {
	lead bool // the next group is its own to run
	done bool
	err  error
}

// worthwhile says whether a script is better in a group: where groups have become so small that all of them do no more at
// a time than there are connections for functions, it would wait longer for one than for such a connection.
func (g *groups) worthwhile() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running < g.size || g.most*g.size > g.db.writers.size
}

// run runs a script in a group.
func (g *groups) run(ctx context.Context, s *store.Script) (done bool, err error) {
	if err := g.enter(); err != nil {
		return false, err
	}
	defer g.leave()
	m := &member{ctx: ctx, script: s, bytes: size(s), turn: make(chan turn, 2)}
	if !g.join(m) {
		return g.wait(m)
	}
	g.lead(m)
	t := <-m.turn // it has been told
	return t.done, t.err
}

// join adds a member to the line, or says that it can lead a group at once.
func (g *groups) join(m *member) (leads bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running < g.size {
		g.running++
		return true
	}
	g.waiting = append(g.waiting, m)
	return false
}

// wait waits for the end of the script, and leads a group where it is told to.
func (g *groups) wait(m *member) (done bool, err error) {
	patience := g.patience / groupShare
	timer := g.timers.Start(min(engine.ShortWait, patience))
	defer g.timers.Stop(timer)
	var ended <-chan struct{} // of its context, at which nobody looks before he has waited a little
	for short := true; ; {
		select {
		case t := <-m.turn:
			if !t.lead {
				return t.done, t.err
			}
			g.lead(m)
		case <-ended:
			if g.withdraw(m) {
				return false, m.ctx.Err()
			}
			ended = nil // it is in a group, which nothing cuts short
		case <-timer.C:
			if short {
				short, ended = false, m.ctx.Done()
				timer.Reset(patience)
			} else if g.withdraw(m) {
				return false, nil
			}
		}
	}
}

// withdraw takes a member out of the line, if it is still there.
func (g *groups) withdraw(m *member) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, m)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// lead runs a group of the member and of those who wait, then lets the next one lead.
func (g *groups) lead(m *member) {
	all := g.gather(m)
	defer g.next()
	err := background.Guard("a group of scripts", func() error {
		g.runAll(all)
		return nil
	})
	if err != nil { // a panic of ours: whatever was sent, nobody may be left waiting
		tell(all, turn{err: err})
	}
}

// gather takes those who go with a member out of the line.
func (g *groups) gather(m *member) []*member {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, bytes, steps := []*member{m}, m.bytes, len(m.script.Steps)
	for _, w := range g.waiting {
		bytes += w.bytes
		steps += len(w.script.Steps)
		if len(all) >= g.most || bytes > maxGroupBytes || steps > maxGroupSteps {
			break
		}
		all = append(all, w)
	}
	g.waiting = slices.Delete(g.waiting, 0, len(all)-1)
	return all
}

// next hands the place of a group over to the first in the line, or gives it up.
func (g *groups) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running--
		return
	}
	g.waiting[0].turn <- turn{lead: true}
	g.waiting = slices.Delete(g.waiting, 0, 1)
}

// learn makes groups larger with each that was committed, and smaller with each that was not: where many scripts are
// refused, what is undone with them is little.
func (g *groups) learn(done bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if done {
		g.most = min(maxGroup, g.most+1)
	} else {
		g.most = max(1, g.most/2)
	}
}

func tell(all []*member, t turn) {
	for _, m := range all {
		m.turn <- t
	}
}

// runAll runs a group until what is left of it is committed, and tells each how it went.
func (g *groups) runAll(all []*member) {
	all = slices.DeleteFunc(slices.Clone(all), func(m *member) bool {
		err := m.ctx.Err()
		if err != nil {
			m.turn <- turn{err: err}
		}
		return err != nil
	})
	slices.SortStableFunc(all, func(a, b *member) int { return strings.Compare(a.script.LockOrder, b.script.LockOrder) })
	deadline := time.Now().Add(g.patience / groupShare)
	for try := 1; len(all) > 0 && try <= maxGroupTries; try++ {
		done, err := g.db.together(g.pool, deadline, all)
		g.learn(done)
		left := slices.DeleteFunc(slices.Clone(all), func(m *member) bool { return m.refused })
		for _, m := range all {
			if m.refused {
				m.turn <- turn{}
			}
		}
		if done {
			tell(left, turn{done: true, err: err})
			return
		}
		nobody := len(left) == len(all)
		all = left
		if nobody {
			break // no script was to blame
		}
	}
	tell(all, turn{})
}
