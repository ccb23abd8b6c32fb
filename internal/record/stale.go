package record

import (
	"context"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A moment is a time, with the number of writes of this process to the tables of a page until then.
type moment struct {
	at      time.Duration // since the DB was made
	written int64
}

// staleness says how long answers may be reused without asking the database whether rows changed.
type staleness struct {
	byTable map[string]time.Duration // of tables with cache.stale
	elapsed func() time.Duration
}

func newStaleness(tables []*model.Table) (s staleness) {
	began := time.Now()
	s.elapsed = func() time.Duration { return time.Since(began) }
	s.byTable = map[string]time.Duration{}
	for _, table := range tables {
		if table.Cache.Stale > 0 {
			s.byTable[table.Name] = table.Cache.Stale
		}
	}
	return s
}

// staleFor returns how long the answer of the page may be reused: the least time of all tables that its statements read. A
// view with a time of its own speaks for the tables of its query.
func (p *page) staleFor() time.Duration {
	d, table := p.req.db, p.shape.Table
	least := d.stale.byTable[table.Name]
	if least == 0 {
		return 0
	}
	for _, name := range p.deps.Tables {
		if table.View != nil && slices.ContainsFunc(table.View.Reads, func(r model.Read) bool { return r.Table.Name == name }) {
			continue
		}
		least = min(least, d.stale.byTable[name])
	}
	return least
}

// now returns the present moment for the tables of the page.
func (p *page) now() *moment {
	d := p.req.db
	m := &moment{at: d.stale.elapsed()}
	for _, table := range p.deps.Tables {
		m.written += d.store.Written(table)
	}
	return m
}

// reuse returns a kept answer that is young enough, if this process has not written to its tables since. The guard of the
// caller runs as for any read.
func (p *page) reuse(ctx context.Context) (*kept, error) {
	if p.stale = p.staleFor(); p.stale == 0 {
		return nil, nil
	}
	p.begun = p.now()
	d := p.req.db
	found, ok := d.kept.Get(p.answerKey.key)
	if !ok {
		return nil, nil
	}
	last := found.checked.Load()
	if last == nil || last.written != p.begun.written || p.begun.at-last.at > p.stale {
		return nil, nil
	}
	if !p.req.guard.on {
		return found, nil
	}
	return found, p.req.pass(ctx, lookups, &d.lookups, func(store.Reader) error { return nil })
}
