package postgres

import (
	"cmp"
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/background"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/store/engine"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Script implements store.DB.
func (db *DB) Script(ctx context.Context, write func(revision int64) (*store.Script, error)) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	revision, ok := db.revisions.Take()
	if !ok { // the node has just started; later, groups draw revisions
		err := db.Write(ctx, func(tx store.Tx) (err error) {
			revision, err = tx.Revision()
			return err
		})
		if err != nil {
			return false, err
		}
	}
	script, err := write(revision)
	if script == nil || err != nil {
		db.revisions.PutBack(revision)
		return false, err
	}
	turn := admit.TurnOf(ctx) // to compute
	turn.Pause()
	defer turn.Resume()
	if script.NoGroup || db.cfg.Serializable || !db.groups.groupingPays() {
		return db.commitAlone(ctx, script)
	}
	return db.groups.run(ctx, script)
}

// commitAlone runs a script in a transaction of its own, on a connection for functions.
func (db *DB) commitAlone(ctx context.Context, script *store.Script) (done bool, err error) {
	pool := db.writers
	if err := pool.enter(); err != nil {
		return false, err
	}
	defer pool.leave()
	began := time.Now()
	turn, err := pool.wait(ctx)
	if err != nil {
		return false, err
	}
	defer pool.done(turn)
	db.tally.Began(time.Since(began))
	m := &waiter{script: script}
	m.notes.For(ctx)
	done, err = db.commitScripts(pool, time.Now().Add(pool.patience/groupShare), []*waiter{m})
	m.notes.Report(time.Time{}, done && err == nil && !m.refused)
	return done && !m.refused, cmp.Or(m.final, err)
}

// commitScripts runs scripts once in one transaction and reports whether it was committed. With done, an error means that
// the outcome is unknown. Without, all scripts are undone, and the ones that caused it are marked as refused.
func (db *DB) commitScripts(p *pool, deadline time.Time, all []*waiter) (done bool, err error) {
	c, err := p.take(context.Background(), deadline)
	if err != nil {
		return false, nil // the functions will report it
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
	db.tally.Ended(done && err == nil)
	return done, err
}

// group runs scripts and commits.
func (t *tx) group(all []*waiter) (done bool, err error) {
	err = t.runScripts(all)
	if err != nil {
		t.txErr = err
		t.giveUp()
		return false, nil
	}
	some := false
	for _, item := range all {
		if item.refused && item.changed {
			t.rollback()
			return false, nil
		}
		some = some || !item.refused
	}
	if !some { // nothing has changed, so no generation moves
		t.rollback()
		return true, nil
	}
	touched := t.touched
	t.touched = nil // runScripts has moved their generations
	end := t.commit()
	t.db.written.Add(touched)
	if end.action == finished {
		return true, t.db.wrote(end.err)
	}
	return false, nil // another transaction was in the way
}

// trailing is a statement that goes out after the scripts.
type trailing struct {
	st    *statement
	args  []value.Value
	row   func(value.Row) // nil if it has no rows
	chunk *engine.Chunk   // nil if it is no statement of a batch
}

// runScripts runs the statements of all scripts, in one packet. After an error the transaction cannot go on. If a
// constraint was the reason, the script is marked as refused.
func (t *tx) runScripts(all []*waiter) error {
	for _, m := range all {
		m.refused, m.changed, m.final = false, false, nil
		t.MarkChanged(m.script.Tables...)
	}
	before, err := t.prepareScripts(all, t.opening())
	if err != nil {
		return err
	}
	draws := t.db.revisions.StartRefill(fewRevisions)
	if draws {
		defer t.db.revisions.EndRefill()
	}
	behind, before, err := t.prepareTrailing(before, all, draws)
	if err != nil {
		return err
	}
	t.s.send(before...)
	for _, item := range all {
		for i, step := range item.script.Steps {
			if step.Batch != nil {
				continue
			}
			if err := t.s.bindAndSend(item.statements[i], step.Args); err != nil {
				return err
			}
		}
	}
	for _, q := range behind {
		if err := t.s.bindAndSend(q.st, q.args); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := t.s.push(); err != nil {
		return t.s.fail(err)
	}
	if err := t.s.skip(len(before)); err != nil {
		return err
	}
	for _, m := range all {
		if err := t.s.receiveScript(m, began); err != nil {
			return err
		}
	}
	for _, q := range behind {
		began := time.Now()
		if _, _, err := t.s.rows(q.st, q.row); err != nil {
			return err
		}
		if q.chunk != nil {
			q.chunk.Note(began)
		}
	}
	return t.s.settle()
}

// prepareTrailing prepares the statements that go out after the scripts. They run the batches of the scripts, move the
// generations and draw revisions.
func (t *tx) prepareTrailing(before []string, all []*waiter, draws bool) (behind []trailing, _ []string, err error) {
	var batches engine.Batches
	for _, item := range all {
		batches.Add(item.script, &item.notes)
	}
	chunks := batches.Chunks()
	for i := range chunks {
		st, left, err := t.s.prepare(chunks[i].SQL, before)
		if err != nil {
			return nil, nil, err
		}
		before = left
		behind = append(behind, trailing{st: st, args: chunks[i].Args, chunk: &chunks[i]})
	}
	move, args, before, err := t.prepareMove(before)
	if err != nil {
		return nil, nil, err
	}
	if move != nil {
		behind = append(behind, trailing{st: move, args: args})
	}
	if draws {
		draw, left, err := t.s.prepare(nextRevisions, before)
		if err != nil {
			return nil, nil, err
		}
		before = left
		behind = append(behind, trailing{st: draw, row: func(row value.Row) { t.db.revisions.Add(spanOf(row.Int(0), row.Int(0))) }})
	}
	return behind, before, nil
}

// prepareScripts prepares the statements that are not prepared yet. It returns the statements that must still be sent
// before.
func (t *tx) prepareScripts(all []*waiter, before []string) ([]string, error) {
	for _, item := range all {
		item.statements = item.statements[:0]
		for _, step := range item.script.Steps {
			if step.Batch != nil { // see prepareTrailing
				item.statements = append(item.statements, nil)
				continue
			}
			st, left, err := t.s.prepare(step.SQL, before)
			if err != nil {
				return nil, err
			}
			item.statements, before = append(item.statements, st), left
		}
	}
	return before, nil
}

// receiveScript reads the results of a script in a packet that was sent at a time.
func (s *session) receiveScript(item *waiter, sent time.Time) error {
	s.c.notes = item.notes.Begin(sent)
	defer func() {
		s.c.notes = nil
		item.notes.End()
	}()
	began := s.c.clock()
	for i, step := range item.script.Steps {
		if step.Batch != nil { // its row goes in behind the scripts, even if this one is refused
			item.changed = true
			continue
		}
		var no error
		rows, changed, err := s.rows(item.statements[i], func(row value.Row) {
			if step.Row != nil && no == nil {
				no = guardedRow(step.Row, row)
			}
		})
		if err != nil {
			item.refused = s.failed == nil && classOf(err) == constraint
			return err
		}
		began = s.c.note(step.SQL, began, max(rows, int(changed)))
		item.changed = item.changed || changed > 0
		if no != nil || (rows == 0 && step.NeedsRow()) {
			item.refused, item.final = true, cmp.Or(item.final, step.Refused)
		}
	}
	return nil
}

func guardedRow(f func(value.Row) error, row value.Row) error {
	return background.Guard("a row of a script", func() error { return f(row) })
}

// rows reads one result and gives each row to each.
func (s *session) rows(st *statement, each func(value.Row)) (rows int, changed int64, err error) {
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
		if each != nil {
			each(r)
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
func size(script *store.Script) int {
	n := 0
	for _, step := range script.Steps {
		for _, v := range step.Args {
			n += 16 + len(v.Text)
		}
	}
	return n
}
