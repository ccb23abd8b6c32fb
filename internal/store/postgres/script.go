package postgres

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
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

// Script implements store.Scripter.
func (db *DB) Script(ctx context.Context, write func(revision int64) (*store.Script, error)) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	revision, ok := db.revisions.take()
	if !ok { // as when the node has just started; from then on groups draw them
		err := db.Write(ctx, func(tx store.Tx) (err error) {
			revision, err = tx.Revision()
			return err
		})
		if err != nil {
			return false, err
		}
	}
	s, err := write(revision)
	if s == nil || err != nil {
		db.revisions.back(revision)
		return false, err
	}
	if s.Apart || db.cfg.Serializable || !db.groups.worthwhile() {
		return db.apart(ctx, s)
	}
	return db.groups.run(ctx, s)
}

// apart runs a script in a transaction of its own, on a connection for functions.
func (db *DB) apart(ctx context.Context, s *store.Script) (done bool, err error) {
	p := db.writers
	if err := p.enter(); err != nil {
		return false, err
	}
	defer p.leave()
	if err := p.wait(ctx); err != nil {
		return false, err
	}
	defer p.done()
	m := &member{script: s}
	done, err = db.together(p, time.Now().Add(p.patience/groupShare), []*member{m})
	return done && !m.refused, err
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
	timer := g.timer(min(shortWait, patience))
	defer g.timers.Put(timer)
	defer timer.Stop()
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
	defer func() {
		if p := recover(); p != nil { // ours: whatever was sent, nobody may be left waiting
			tell(all, turn{err: internal(fmt.Errorf("panic in a group of scripts: %v\n%s", p, debug.Stack()))})
		}
	}()
	g.runAll(all)
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
	slices.SortStableFunc(all, func(a, b *member) int { return strings.Compare(a.script.Order, b.script.Order) })
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

// together runs scripts once in one transaction, and says whether it was committed; an error beside that says that it may
// not have been. What was not is undone, and those who were the reason are marked as refused.
func (db *DB) together(p *pool, deadline time.Time, all []*member) (done bool, err error) {
	c, err := p.take(context.Background(), deadline)
	if err != nil {
		return false, nil // the functions will say it
	}
	t := &tx{db: db, s: newSession(c, true)}
	ended := false
	defer func() {
		t.s.end()
		if !ended { // a panic
			discard(c)
		}
		p.give(c)
	}()
	done, err = t.group(all)
	ended = true
	return done, err
}

// group runs scripts and commits.
func (t *tx) group(all []*member) (done bool, err error) {
	err = t.runScripts(all)
	if err != nil {
		t.broken = err
		t.giveUp()
		return false, nil
	}
	for _, m := range all {
		if m.refused && m.changed {
			t.rollback()
			return false, nil
		}
	}
	t.touched = nil // their generations have moved
	if end := t.commit(); end.next == finished {
		return true, end.err
	}
	return false, nil // another transaction was in the way
}

// runScripts runs the statements of all scripts, in one packet. An error is one after which the transaction cannot go on;
// where a constraint was the reason, the script is marked as refused.
func (t *tx) runScripts(all []*member) error {
	for _, m := range all {
		m.refused, m.changed = false, false
		t.Touch(m.script.Tables...)
	}
	before := t.opening()
	before, err := t.prepareScripts(all, before)
	if err != nil {
		return err
	}
	move, moveArgs, before, err := t.prepareMove(before)
	if err != nil {
		return err
	}
	var draw *statement
	if t.db.revisions.draws() {
		defer t.db.revisions.drawn()
		if draw, before, err = t.s.prepare(nextRevisions, before); err != nil {
			return err
		}
	}
	t.s.send(before...)
	for _, m := range all {
		for i, step := range m.script.Steps {
			if err := t.s.bindAndSend(m.statements[i], step.Args); err != nil {
				return err
			}
		}
	}
	if move != nil {
		if err := t.s.bindAndSend(move, moveArgs); err != nil {
			return err
		}
	}
	if draw != nil {
		if err := t.s.bindAndSend(draw, nil); err != nil {
			return err
		}
	}
	if err := t.s.push(); err != nil {
		return t.s.fail(err)
	}
	if err := t.s.skip(len(before)); err != nil {
		return err
	}
	for _, m := range all {
		if err := t.s.receiveScript(m); err != nil {
			return err
		}
	}
	if move != nil {
		if err := t.s.skip(1); err != nil {
			return err
		}
	}
	if draw != nil {
		_, _, err := t.s.rows(draw, func(row value.Row) error {
			t.db.revisions.put(row.Int(0), row.Int(0))
			return nil
		})
		if err != nil {
			return err
		}
	}
	return t.s.settle()
}

// prepareScripts prepares what is not yet prepared, one by one, and returns what is still to be sent before.
func (t *tx) prepareScripts(all []*member, before []string) ([]string, error) {
	for _, m := range all {
		m.statements = m.statements[:0]
		for _, step := range m.script.Steps {
			st, left, err := t.s.prepare(step.SQL, before)
			if err != nil {
				return nil, err
			}
			m.statements, before = append(m.statements, st), left
		}
	}
	return before, nil
}

// receiveScript reads the results of a script.
func (s *session) receiveScript(m *member) error {
	for i, step := range m.script.Steps {
		var no error
		rows, changed, err := s.rows(m.statements[i], func(row value.Row) error {
			if step.Row != nil && no == nil {
				no = guardedRow(step.Row, row)
			}
			return nil
		})
		if err != nil {
			m.refused = s.failed == nil && fateOf(err) == constraint
			return err
		}
		m.changed = m.changed || changed > 0
		m.refused = m.refused || no != nil || step.Row != nil && rows == 0
	}
	return nil
}

func guardedRow(f func(value.Row) error, row value.Row) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a row of a script: %v\n%s", p, debug.Stack())
		}
	}()
	return f(row)
}

// rows reads one result of several, and gives each row to each.
func (s *session) rows(st *statement, each func(value.Row) error) (rows int, changed int64, err error) {
	rr, err := s.next()
	if err != nil {
		return 0, 0, err
	}
	r := &s.c.row
	r.types = st.results
	if st.unnamed() {
		r.types = typesOf(rr.FieldDescriptions())
	}
	for rr.NextRow() {
		rows++
		r.values, r.scratch = rr.Values(), r.scratch[:0]
		if err := each(r); err != nil {
			return rows, 0, err
		}
	}
	tag, err := rr.Close()
	if err != nil {
		return rows, 0, s.fail(err)
	}
	if tag.Insert() || tag.Update() || tag.Delete() {
		changed = tag.RowsAffected()
	}
	return rows, changed, nil
}

// size is about how many bytes the values of a script have.
func size(s *store.Script) int {
	n := 0
	for _, step := range s.Steps {
		for _, v := range step.Args {
			n += 16 + len(v.Text)
		}
	}
	return n
}
