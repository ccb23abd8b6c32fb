package record

import (
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Where the rows of a list can be found in more than one way, the page asks how far each way leads before it takes one. It
// asks level by level, and each level looks at sixteen times as many rows. The search ends when an index has come to its end
// or the order has filled the page, so it costs no more than a few times the cheapest way. It counts rows and not time: on a
// busy machine the same rows are found in the same way.

const (
	// listLevels is how many levels a list asks. Beyond them every way is dear, and the engine plans.
	listLevels = 5
	// indexLevels is how many levels a list or a total asks that cannot be walked. Looking up rows one by one then costs
	// more than looking at all.
	indexLevels = 3
)

// probeReach returns how many rows of an index a probe counts, and how many rows of the order it looks through. A row of
// the order costs several times a row of an index, since the rule is asked about it. The first level is for callers who see
// few rows, and for lists of which most rows are seen.
func probeReach(level int) (bound, window int) {
	if level == 0 {
		return 128, 64
	}
	bound = 256 << (4 * level)
	return bound, bound / 8
}

// cheapest is the statement that reads a range in the cheapest way, nil where the range is empty.
func (p *page) cheapest(q store.Reader, rng sqlgen.Range, inputs []value.Value) (*sqlgen.Statement, error) {
	v, err := p.statement(rng, sqlgen.AsPlanned)
	if err != nil {
		return nil, err
	}
	planned := v.Statement
	if planned.Ways == nil {
		return planned, nil
	}
	levels := indexLevels
	if planned.Ways[len(planned.Ways)-1] == sqlgen.Walk {
		levels = listLevels
	}
	for level := range levels {
		bound, window := p.db.probeReach(level)
		probe, err := p.variant(rng, 'a'+byte(level), func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
			return g.Probe(p.list(rng, sqlgen.AsPlanned), bound, window)
		})
		if err != nil {
			return nil, err
		}
		var found choice
		err = p.request.query(q, probe.Statement, inputs, func(row value.Row) error {
			found = choose(planned.Ways, row, inputs[0].Int, int64(bound), int64(window))
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case found.empty:
			p.led = found
			return nil, nil
		case found.way != sqlgen.AsPlanned:
			if level < indexLevels {
				p.led = found
			}
			v, err := p.statement(rng, found.way)
			if err != nil {
				return nil, err
			}
			return v.Statement, nil
		}
	}
	return planned, nil
}

// choice is what a probe found.
type choice struct {
	way   sqlgen.Way // AsPlanned: none is cheap as far as the probe has looked
	empty bool       // there are no rows
}

// choose reads the columns of a probe.
func choose(ways []sqlgen.Way, found value.Row, wanted, bound, window int64) (c choice) {
	least := bound
	for i, way := range ways {
		n := found.Int(i)
		switch {
		case way == sqlgen.Walk: // the last one, counted where no index came to its end
			if c.way == sqlgen.AsPlanned && (n >= wanted || found.Int(i+1) < window) {
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

func (p *page) list(rng sqlgen.Range, way sqlgen.Way) sqlgen.List {
	return sqlgen.List{Table: p.shape.table, Fields: p.shape.out.Fields, Filter: p.shape.filter, Sort: p.shape.sort, Range: rng, Way: way}
}

// statement reads a range in one way.
func (p *page) statement(rng sqlgen.Range, way sqlgen.Way) (*variant, error) {
	return p.variant(rng, '0'+byte(way), func(g *sqlgen.Generator) (*sqlgen.Statement, error) { return g.List(p.list(rng, way)) })
}

// variant is a statement about a range.
func (p *page) variant(rng sqlgen.Range, kind byte, make func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*variant, error) {
	extra := string(append(equals(rng.Equal), byte('0'+rng.At), byte('0'+rng.Bound), kind))
	return p.shape.list.variant(p.request, extra, make)
}

// cheapCount is the statement that counts in the cheapest way, nil where there is nothing to count.
func (p *page) cheapCount(q store.Reader, planned *sqlgen.Statement) (*sqlgen.Statement, error) {
	switch {
	case planned.Ways == nil:
		return planned, nil
	case p.led.empty: // the probe of the page has seen it: it looks at all rows, wherever the page starts
		return nil, nil
	case p.led.way >= sqlgen.From:
		return p.counting(sqlgen.FromSets)
	}
	bound, window := p.db.probeReach(indexLevels - 1)
	probe, err := p.shape.count.get(p.request, "probe", func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		return g.ProbeCount(p.shape.table, p.shape.filter, bound)
	})
	if err != nil {
		return nil, err
	}
	var found choice
	err = p.request.query(q, probe, nil, func(row value.Row) error {
		found = choose(planned.Ways, row, 0, int64(bound), int64(window))
		return nil
	})
	switch {
	case err != nil || found.empty:
		return nil, err
	case found.way == sqlgen.AsPlanned:
		return planned, nil
	}
	return p.counting(sqlgen.FromSets)
}
