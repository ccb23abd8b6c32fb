// Package gate decides when a read may use a connection of the engine.
//
// Each read has a level. A read starts at the level that its query earned by its cost, and rises when it works longer than
// its level allows. See docs/decisions/0014-gate.md.
package gate

import (
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/admit"
	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// patience is the longest wait that a read is admitted to. See admit.Gate.
const patience = 2 * time.Second

// A Gate admits the reads of one engine. It is safe for concurrent use.
type Gate struct {
	db    store.DB
	slots *admit.Gate[caller.Client]
}

// New returns the gate of an engine.
func New(db store.DB) *Gate {
	return &Gate{db, admit.NewGate[caller.Client](db.Readers())}
}

// Stats returns counts of the gate.
func (g *Gate) Stats() admit.Stats { return g.slots.Stats() }

// Read runs a read through the gate. It may run the read more than once. The passage must not be in use.
func (g *Gate) Read(ctx context.Context, p *Passage, client caller.Client, class Class, cost *Cost, read func(store.Reader) error) error {
	p.ran = false
	level, limit := cost.start(class)
	for {
		if err := ctx.Err(); err != nil { // nobody waits for the answer
			return err
		}
		if !g.slots.TryEnter(level, client) {
			if err := g.wait(ctx, level, client); err != nil {
				return err
			}
		}
		p.begin(ctx, g.slots, client, level, limit, read)
		err := g.run(p, client, cost)
		if !errors.Is(err, errCut) {
			return err
		}
		level, limit = cost.restart(p.limit)
	}
}

// wait waits for a slot.
func (g *Gate) wait(ctx context.Context, level int, client caller.Client) error {
	began := time.Now()
	err := g.slots.Enter(ctx, level, client, patience)
	record := telemetry.RecordOf(ctx)
	record.Waited(began)
	if errors.Is(err, admit.ErrHopeless) {
		record.Refuse("reads")
		return &errs.Error{Kind: errs.Unavailable, Message: "too many queries wait for the database", RetryAfter: admit.RetryAfter(err)}
	}
	return err
}

// run runs a read that has a slot, notes its cost and gives the slot back, after a panic too.
func (g *Gate) run(p *Passage, client caller.Client, cost *Cost) error {
	done := false
	defer func() {
		level, worked := p.end()
		g.slots.Leave(level, client, worked)
		if worked > 0 && (done || worked > cost.known()) { // a read that failed would have taken longer
			cost.note(worked)
		}
	}()
	err := g.db.Read(p, p.work)
	done = err == nil
	return err
}
