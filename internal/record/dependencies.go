package record

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// dependencies are what the answer of a page depends on: all that its statements bind and read, with the statements of
// the total and of the expansions. A Variant holds them: its SQL is an id of all texts, its Args are the
// slots, and its Tables the tables. Requests of one class share them.
type dependencies statement.Variant

// kindAnswer is the kind of the dependencies of a list.
const kindAnswer byte = 'a'

// dependencies returns the dependencies of the page.
func (p *page) dependencies() (*dependencies, error) {
	extra := make([]byte, 0, 32)
	for _, rng := range p.ranges {
		extra = appendRange(extra, rng)
	}
	if p.query.Total {
		extra = append(extra, 't')
	}
	v, err := p.shape.Statements.Variant(p.req.Binding, kindAnswer, string(extra), func(*sqlgen.Generator) (*sqlgen.Statement, error) {
		return p.collect()
	})
	return (*dependencies)(v), err
}

// collect joins all statements of the page. The ways of a list lead to the same rows, so one of them is enough.
func (p *page) collect() (*sqlgen.Statement, error) {
	all := &collection{}
	all.text = append(all.text, "page"...)
	for _, part := range [...]string{p.key.Table.Name, p.key.Filter, p.key.Sort, p.key.Fields, p.key.Expand} {
		all.text = appendSized(all.text, part)
	}
	for _, rng := range p.ranges {
		v, err := p.statement(rng, sqlgen.AsPlanned)
		if err != nil {
			return nil, err
		}
		all.add('l', v.Statement)
	}
	if p.query.Total {
		stmt, err := p.countStatement(sqlgen.AsPlanned)
		if err != nil {
			return nil, err
		}
		all.add('c', stmt)
	}
	x := &expander{req: p.req, statements: p.shape.Statements, children: maxChildren}
	if err := all.addExpansions(x, p.shape.Output); err != nil {
		return nil, err
	}
	slices.Sort(all.joined.Tables)
	all.joined.SQL = statementsID(all.text)
	return &all.joined, nil
}

// A collection is statements that are joined.
type collection struct {
	text   []byte
	joined sqlgen.Statement
}

func (c *collection) add(kind byte, stmt *sqlgen.Statement) {
	c.text = appendSized(append(c.text, kind), stmt.SQL)
	for _, arg := range stmt.Args {
		switch arg.From {
		case sqlgen.FromConst:
			c.text = appendArgument(c.text, arg.Value)
		case sqlgen.FromSlot:
			c.text = binary.AppendUvarint(append(c.text, 's'), uint64(arg.Index))
			if !slices.ContainsFunc(c.joined.Args, func(known sqlgen.Arg) bool { return known.Index == arg.Index }) {
				c.joined.Args = append(c.joined.Args, sqlgen.Arg{From: sqlgen.FromSlot, Index: arg.Index})
			}
		case sqlgen.FromInput:
			c.text = binary.AppendUvarint(append(c.text, 'i'), uint64(arg.Index))
		}
	}
	for _, table := range stmt.Tables {
		if !slices.Contains(c.joined.Tables, table) {
			c.joined.Tables = append(c.joined.Tables, table)
		}
	}
	c.joined.UsesNow = c.joined.UsesNow || stmt.UsesNow
}

// addExpansions adds the statements of expansions at all levels.
func (c *collection) addExpansions(x *expander, out *render.Output) error {
	for _, expansion := range out.Expansions {
		if !x.req.mayAllow(expansion.Relation.To, Read) {
			c.text = append(c.text, 'n')
			continue
		}
		stmt, err := x.statement(expansion)
		if err != nil {
			return err
		}
		c.add('e', stmt)
		if err := c.addExpansions(x, expansion.Output); err != nil {
			return err
		}
	}
	return nil
}

// appendKey appends the key of the answer: the statements and all values that they bind. Two callers have the same key only if
// every statement would bind the same values for both.
func (p *page) appendKey(dst []byte) []byte {
	dst = append(append(dst, 'p'), p.deps.SQL...)
	dst = binary.AppendUvarint(dst, uint64(p.query.Limit))
	values := p.req.Values()
	for _, arg := range p.deps.Args {
		dst = appendArgument(dst, values[arg.Index])
	}
	for _, key := range p.start {
		dst = appendArgument(append(dst, 1), key)
	}
	dst = append(dst, 2)
	for _, name := range slices.Sorted(maps.Keys(p.query.Args)) { // the cursor of the next page holds their text
		dst = appendSized(appendSized(dst, name), p.query.Args[name])
	}
	return dst
}

// appendRange appends what tells apart the statements of a range.
func appendRange(dst []byte, rng sqlgen.Range) []byte {
	for _, missing := range rng.Equal {
		if missing {
			dst = append(dst, '-')
		} else {
			dst = append(dst, '=')
		}
	}
	return append(dst, byte('0'+rng.At), byte('0'+rng.Bound))
}

// spent returns how long the page lately took.
func (d *dependencies) spent() time.Duration { return time.Duration(d.Spent.Load()) }
