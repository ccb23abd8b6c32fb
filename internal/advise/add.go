package advise

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// tryAll tries indexes on each table that slow shapes read.
func (t *trial) tryAll(ctx context.Context) error {
	for _, table := range t.tables() {
		if err := t.tryTable(ctx, table); err != nil {
			return err
		}
	}
	slices.SortStableFunc(t.report.Add, func(a, b Addition) int { return cmp.Compare(b.weight, a.weight) })
	return nil
}

// tables returns the names of the tables with shapes that an index could help. The table with the most work comes first.
func (t *trial) tables() (names []string) {
	work := map[string]float64{}
	for _, p := range t.plays {
		for _, c := range p.columns {
			if p.now.Steps >= leastSaved && c.Table.View == nil {
				work[c.Table.Name] += p.shape.Calls * float64(p.now.Steps)
			}
		}
	}
	for name := range work {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(work[b], work[a]), strings.Compare(a, b)) })
	return names
}

// tryTable adds the best index of a table to the bench, then the next, until none is worth it.
func (t *trial) tryTable(ctx context.Context, table string) error {
	for range maxRounds {
		best, err := t.bestOf(ctx, table)
		if err != nil || best == nil {
			return err
		}
		if err := t.keep(ctx, best); err != nil {
			return err
		}
		t.report.Add = append(t.report.Add, *best)
	}
	return nil
}

// bestOf tries the candidates of a table. It returns nil if none is worth it.
func (t *trial) bestOf(ctx context.Context, table string) (best *Addition, err error) {
	for _, candidate := range t.candidates(table) {
		if time.Now().After(t.deadline) {
			t.report.TimedOut = true
			return best, nil
		}
		t.step("trying an index on %s (%s)", table, strings.Join(candidate.Fields, ", "))
		tried, err := t.try(ctx, candidate)
		if err != nil {
			return nil, err
		}
		if tried != nil && (best == nil || better(tried, best)) {
			best = tried
		}
	}
	return best, nil
}

// better returns true if an index is better than another: it saves more, or hardly less with fewer fields. More fields are
// better if they are worth it for some shape and cost the others hardly anything.
func better(a, b *Addition) bool {
	switch {
	case len(a.Fields) < len(b.Fields):
		return savesAlike(a, b) && !(worthMore(b, a) && savesAlike(b, a))
	case len(a.Fields) > len(b.Fields):
		return !better(b, a) && (a.weight > b.weight || savesAlike(a, b))
	}
	return a.weight > b.weight
}

// savesAlike returns true if an index saves at least nine tenths of another's work.
func savesAlike(a, b *Addition) bool { return a.weight >= 0.9*b.weight }

// worthMore reports whether a shape takes so much less work with the index a that it would be worth an index beside b.
func worthMore(a, b *Addition) bool {
	for i := range a.after {
		if isWorth(b.after[i], a.after[i]) {
			return true
		}
	}
	return false
}

// isWorth returns true if a call with an index takes enough less work.
func isWorth(before, after store.Work) bool {
	return before.Steps-after.Steps >= leastSaved && before.Steps >= leastFactor*after.Steps
}

// candidates returns the indexes to try on a table. Shapes with the most work come first.
func (t *trial) candidates(table string) (all []Index) {
	plays := slices.Clone(t.plays)
	slices.SortStableFunc(plays, func(a, b *play) int {
		return cmp.Compare(b.shape.Calls*float64(b.now.Steps), a.shape.Calls*float64(a.now.Steps))
	})
	for _, p := range plays {
		if p.now.Steps < leastSaved {
			continue
		}
		for _, c := range p.columns {
			if c.Table.Name != table {
				continue
			}
			for _, index := range c.Candidates() {
				same := func(other Index) bool { return other.Key() == index.Key() }
				starts := func(other Index) bool { return other.Table == table && startsWith(other.Fields, index.Fields) }
				if !slices.ContainsFunc(all, same) && !slices.ContainsFunc(t.added, starts) {
					all = append(all, index)
				}
			}
		}
	}
	return all[:min(len(all), maxCandidates)]
}

func startsWith(fields, start []string) bool {
	return len(fields) >= len(start) && slices.Equal(fields[:len(start)], start)
}

// try makes an index, runs the shapes of its table, and drops the index again. It returns nil if the index is not worth it.
func (t *trial) try(ctx context.Context, index Index) (added *Addition, err error) {
	v, err := t.variant(append(slices.Clone(t.added), index), nil)
	if err != nil {
		return nil, err
	}
	build, err := t.create(ctx, v, index)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.drop(ctx, v, index)) }()
	added = &Addition{
		Index: index, Names: index.Names(v.rules.Model), Line: lineOf(v.rules.Model, index.Table), Pos: v.rules.Model.Table(index.Table).Pos,
		Build: build, Writes: t.writes(index.Table), Share: 1,
	}
	if share, part := t.cfg.Bench.Share[index.Table]; part {
		added.Share = share
	}
	if added.Rows, err = t.count(ctx, index.Table); err != nil {
		return nil, err
	}
	if err := t.gains(ctx, v, added); err != nil {
		return nil, err
	}
	if len(added.Gains) == 0 || added.weight <= 0 || !added.pays() {
		return nil, nil
	}
	added.Size, err = t.cfg.Bench.Meter.IndexSize(ctx, sizeName(v, index))
	return added, err
}

func sizeName(v *variant, index Index) string {
	table, fields := index.In(v.rules.Model)
	return sqlgen.NewIndex(table, false, fields).Name
}

// gains measures the effect of the index on each shape.
func (t *trial) gains(ctx context.Context, v *variant, added *Addition) error {
	for _, p := range t.plays {
		if !p.reads(added.Table) {
			added.after = append(added.after, p.now)
			continue
		}
		after, err := t.measure(ctx, v, p)
		if err != nil {
			return err
		}
		added.after = append(added.after, after)
		added.weight += p.shape.Calls * float64(p.now.Steps-after.Steps)
		if isWorth(p.now, after) {
			added.Gains = append(added.Gains, Gain{Shape: p.shape.Text, CallerKind: p.shape.CallerKind, Calls: t.cfg.Usage.PerDay(p.shape.Calls), Before: p.now, After: after})
		}
	}
	slices.SortStableFunc(added.Gains, func(a, b Gain) int {
		return cmp.Compare(b.Calls*float64(b.Before.Steps-b.After.Steps), a.Calls*float64(a.Before.Steps-a.After.Steps))
	})
	return nil
}

// writeCost is how much longer a write of one entry takes than to build the index takes for each row. Entries of an index
// that is built come in order.
const writeCost = 5

// EachWrite returns an estimate of the time that the index adds to a write.
func (a *Addition) EachWrite() time.Duration {
	return writeCost * a.Build / time.Duration(max(a.Rows, 1000))
}

// pays returns true if the index saves more time than its writes cost.
func (a *Addition) pays() bool {
	var saved time.Duration
	for i := range a.Gains {
		saved += a.Gains[i].SavedPerDay()
	}
	return saved > time.Duration(a.Writes*float64(a.EachWrite()))
}

// keep adds an index to the bench. Further ones are tried beside it.
func (t *trial) keep(ctx context.Context, added *Addition) error {
	t.added = append(t.added, added.Index)
	v, err := t.variant(t.added, nil)
	if err != nil {
		return err
	}
	if _, err := t.create(ctx, v, added.Index); err != nil {
		return err
	}
	for _, p := range t.plays {
		if !p.reads(added.Table) {
			continue
		}
		if p.now, err = t.measure(ctx, v, p); err != nil {
			return err
		}
	}
	return nil
}
