package record

import (
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The engine can find the rows of a list in several ways: along the order of the list, or through an index that serves a
// part of the rule. A page probes how many rows each way leads to, then takes the cheapest.
//
// It probes level by level, and each level looks at sixteen times as many rows. The search ends when an index has no more
// rows or the order has filled the page, so it costs at most a few times the cheapest way. A probe counts rows, not time,
// so a busy machine takes the same ways. See docs/decisions/0013-rules-at-scale.md.

const (
	// listLevels is the number of levels that a page probes. Beyond them every way is expensive, and the engine plans.
	listLevels = 5
	// indexLevels is the number of levels without a way along the order. Beyond them, looking up rows one by one costs more
	// than reading all rows.
	indexLevels = 3
)

// A choice is what a probe found.
type choice struct {
	way   sqlgen.Way // AsPlanned: no way is cheap as far as the probe has looked
	empty bool       // no row matches
}

// choose reads the columns of a probe.
func choose(ways []sqlgen.Way, cols value.Row, wanted, bound, window int64) (c choice) {
	least := bound
	for i, way := range ways {
		n := cols.Int(i)
		switch {
		case way == sqlgen.Walk: // the last way, for when no index came to its end
			seenAll := cols.Int(i+1) < window
			if c.way == sqlgen.AsPlanned && (n >= wanted || seenAll) {
				c.way = way
			}
		case n == 0:
			return choice{empty: true}
		case n < least:
			c.way, least = way, n
		}
	}
	return c
}

// cheapest returns the statement that reads a range in the cheapest way, or nil if the range is empty.
func (p *page) cheapest(reader store.Reader, rng sqlgen.Range, inputs []value.Value) (*sqlgen.Statement, error) {
	planned, err := p.statement(rng, sqlgen.AsPlanned)
	if err != nil {
		return nil, err
	}
	ways := planned.Ways
	if ways == nil {
		return planned.Statement, nil
	}
	levels := indexLevels
	if ways[len(ways)-1] == sqlgen.Walk {
		levels = listLevels
	}
	for level := range levels {
		found, err := p.probeLevel(reader, rng, ways, level, inputs)
		switch {
		case err != nil:
			return nil, err
		case found.empty:
			p.probe = found
			return nil, nil
		case found.way != sqlgen.AsPlanned:
			if level < indexLevels {
				p.probe = found
			}
			chosen, err := p.statement(rng, found.way)
			if err != nil {
				return nil, err
			}
			return chosen.Statement, nil
		}
	}
	return planned.Statement, nil
}

// probeLevel probes a range at one level.
func (p *page) probeLevel(reader store.Reader, rng sqlgen.Range, ways []sqlgen.Way, level int, inputs []value.Value) (found choice, err error) {
	bound, window := p.req.db.limits.probe(level)
	probe, err := p.variant(rng, 'a'+byte(level), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.Probe(p.listSpec(rng, sqlgen.AsPlanned), bound, window)
	})
	if err != nil {
		return choice{}, err
	}
	err = p.req.Query(reader, probe.Statement, inputs, func(cols value.Row) error {
		found = choose(ways, cols, inputs[0].Int, int64(bound), int64(window))
		return nil
	})
	return found, err
}

// cheapestCount returns the statement that counts in the cheapest way, or nil if there is nothing to count.
func (p *page) cheapestCount(reader store.Reader, planned *sqlgen.Statement) (*sqlgen.Statement, error) {
	switch {
	case planned.Ways == nil:
		return planned, nil
	case p.probe.empty: // a probe looks at the whole list, wherever the page starts
		return nil, nil
	case p.probe.way >= sqlgen.From:
		return p.countStatement(sqlgen.FromSets)
	}
	bound, window := p.req.db.limits.probe(indexLevels - 1)
	probe, err := p.shape.Statements.Get(p.req.Binding, kindCount, "probe", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.ProbeCount(p.shape.Table, p.shape.Filter, bound)
	})
	if err != nil {
		return nil, err
	}
	var found choice
	err = p.req.Query(reader, probe, nil, func(cols value.Row) error {
		found = choose(planned.Ways, cols, 0, int64(bound), int64(window))
		return nil
	})
	switch {
	case err != nil || found.empty:
		return nil, err
	case found.way == sqlgen.AsPlanned:
		return planned, nil
	}
	return p.countStatement(sqlgen.FromSets)
}
