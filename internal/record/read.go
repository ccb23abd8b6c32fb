package record

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// timed runs a read and says how long it worked, without its wait for a connection.
func (d *DB) timed(ctx context.Context, read func(store.Reader) error) (worked time.Duration, err error) {
	err = d.store.Read(ctx, func(q store.Reader) error {
		start := time.Now()
		err := read(q)
		worked = time.Since(start)
		return err
	})
	return worked, err
}

// List reads a page, and appends it to dst: {"items":[…],"next":…,"total":…}.
func (d *DB) List(ctx context.Context, who caller.Caller, t *schema.Table, q Query, dst []byte) (_ []byte, err error) {
	defer errs.Wrap(&err, "record.List(%s)", t.Name)
	r := d.request(who)
	defer r.done()
	if err := r.allow(t, Read); err != nil {
		return nil, err
	}
	s, err := d.query(t, q)
	if err != nil {
		return nil, err
	}
	args, err := s.arguments(q.Args)
	if err != nil {
		return nil, err
	}
	p := &page{request: r, shape: s, query: q}
	if q.Cursor != "" {
		if p.place, err = decodeCursor(q.Cursor, p.hash(), s.sort); err != nil {
			return nil, err
		}
	}
	if s.filter != nil {
		r.bindFilter(&s.slots, args)
		if what := s.text.Exceeded(r.values); what != "" {
			return nil, errs.New(errs.Malformed, "filter: %s", what)
		}
	}
	proven, err := d.lane.run(ctx, s, func() (time.Duration, error) {
		return d.timed(ctx, func(q store.Reader) (err error) {
			dst, err = p.read(q, dst)
			return err
		})
	})
	if !proven && errors.Is(err, store.ErrTooLong) {
		err = errs.Because(err, errs.Malformed, "the query takes too long: narrow the filter, follow fewer relations, or sort by an indexed field")
	}
	return dst, err
}

// page is one page of a list while it is read.
type page struct {
	*request
	shape *shape
	query Query
	place []value.Value // the sort keys of the row that it starts after; nil: from the start
	last  []value.Value // the sort keys of its last row
	more  bool          // rows follow
}

func (p *page) hash() [8]byte {
	return cursorHash(p.shape.table, p.query.Filter, p.query.Args, p.query.Sort)
}

func (p *page) read(q store.Reader, dst []byte) ([]byte, error) {
	a := &answer{dst: append(dst, `{"items":[`...)}
	if err := p.rows(q, a); err != nil {
		return nil, err
	}
	a.dst = append(a.dst, ']')
	cursor := ""
	if p.more {
		var err error
		if cursor, err = encodeCursor(p.hash(), p.last); err != nil {
			return nil, err
		}
	}
	a.dst = appendNext(a.dst, cursor)
	if p.query.Total {
		total, err := p.total(q)
		if err != nil {
			return nil, err
		}
		a.dst = value.AppendValue(append(a.dst, `,"total":`...), value.OfInt(total))
	}
	return append(a.dst, '}'), nil
}

// rows appends the rows of the page; with expansions they are read first and written when those are there.
func (p *page) rows(q store.Reader, a *answer) error {
	out := p.shape.out
	if len(out.expand) == 0 {
		return p.scan(q, func(row value.Row) error {
			if a.rows > 0 {
				a.dst = append(a.dst, ',')
			}
			a.dst = out.appendRow(a.dst, row)
			return a.grow("")
		})
	}
	top := p.block(out)
	defer p.release()
	err := p.scan(q, func(row value.Row) error {
		top.add(row, "")
		return nil
	})
	if err != nil {
		return err
	}
	f, err := p.fill(q, top)
	if err != nil {
		return err
	}
	for i := range top.rows {
		if i > 0 {
			a.dst = append(a.dst, ',')
		}
		if err := a.row(f, i); err != nil {
			return err
		}
	}
	return nil
}

// scan calls each for the rows of the page, range by range, and notes the last row's keys and whether rows follow.
func (p *page) scan(q store.Reader, each func(value.Row) error) error {
	n := 0
	inputs := make([]value.Value, 1, 1+len(p.shape.sort))
	inputs = append(inputs, p.place...)
	ranges := p.ranges()
	for i, rng := range ranges {
		inputs[0] = value.OfInt(int64(p.query.Limit + 1 - n))
		stmt, err := p.cheapest(q, rng, inputs)
		if err != nil {
			return err
		}
		if stmt == nil {
			continue // there are no rows
		}
		if i == len(ranges)-1 && !p.query.Total && len(p.shape.out.expand) == 0 {
			store.Last(q)
		}
		err = p.request.query(q, stmt, inputs, func(row value.Row) error {
			if n++; n > p.query.Limit {
				p.more = true
				return nil
			}
			if err := cmp.Or(verify(p.shape.table, p.shape.out.fields, row, 0), p.verifyKeys(row)); err != nil {
				return err
			}
			if n == p.query.Limit {
				p.last = p.keys(row)
			}
			return each(row)
		})
		if err != nil || p.more || n > p.query.Limit {
			return err
		}
	}
	return nil
}

func (p *page) keys(row value.Row) []value.Value {
	first := len(p.shape.out.fields)
	keys := make([]value.Value, len(p.shape.sort))
	for i, k := range p.shape.sort {
		keys[i] = value.Scan(k.Field, row, first+i)
	}
	return keys
}

func (p *page) ranges() []sqlgen.Range {
	g := p.generator()
	mayMiss := make([]bool, len(p.shape.sort))
	for i, k := range p.shape.sort {
		mayMiss[i] = g.KeyMayMiss(k.Field)
	}
	var missing []bool
	if p.place != nil {
		missing = make([]bool, len(p.place))
		for i, k := range p.place {
			missing[i] = k.IsNull()
		}
	}
	return sqlgen.Ranges(p.shape.sort, mayMiss, missing)
}

func equals(missing []bool) []byte {
	out := make([]byte, 0, len(missing)+2)
	for _, m := range missing {
		if m {
			out = append(out, '-')
		} else {
			out = append(out, '=')
		}
	}
	return out
}

// fill reads the expansions of a block, one statement each, whatever the number of rows.
func (r *request) fill(q store.Reader, b *block) (*filled, error) {
	f := &filled{block: b, expansions: make([]filledExpansion, len(b.out.expand))}
	for i, e := range b.out.expand {
		to := &b.leads[i]
		fe := newExpansion(e, len(to.keys), r.block(e.out))
		if len(to.keys) > 0 && !r.closed(e.rel.To) {
			if err := r.related(q, &fe, to); err != nil {
				return nil, err
			}
			below, err := r.fill(q, fe.rows.block)
			if err != nil {
				return nil, err
			}
			fe.rows = below
		}
		f.expansions[i] = fe
	}
	return f, nil
}

// closed says whether the caller can read no row of a table.
func (r *request) closed(t *schema.Table) bool { return !r.allows(t, Read) }

// maxChildren is how many rows a to-many expansion shows of each parent.
const maxChildren = 100

// related reads the rows of one expansion.
func (r *request) related(q store.Reader, f *filledExpansion, to *leads) error {
	out, rel := f.exp.out, f.exp.rel
	stmt, err := f.exp.statements.get(r, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		if rel.Many {
			return g.Children(rel, out.fields)
		}
		return g.ByKeys(rel.To, out.fields)
	})
	if err != nil {
		return err
	}
	inputs := []value.Value{value.OfList(to.keys), value.OfInt(maxChildren + 1)}
	idCol := len(out.fields)
	return r.query(q, stmt, inputs, func(row value.Row) error {
		if err := verify(out.table, out.fields, row, 0); err != nil {
			return err
		}
		if !rel.Many {
			return f.add(row, to, out.table.ID(), idCol, "")
		}
		id := keyText(out.table.ID(), row, idCol)
		return f.addChild(row, to, idCol+1, id)
	})
}

// add adds a row to the chain of the key in a column. It has the id where the list that it is in can go on after it.
func (f *filledExpansion) add(row value.Row, to *leads, key *schema.Field, col int, id string) error {
	i, known := to.find(key, row, col)
	if !known {
		return errs.New(errs.Internal, "a row that was not asked for")
	}
	b := f.rows.block
	b.add(row, id)
	f.link(i)
	if len(b.rows) > maxRows {
		return tooMany(f.exp.path)
	}
	if len(b.buf) > maxAnswer {
		return (&answer{dst: b.buf}).check(f.exp.path)
	}
	return nil
}

// addChild adds a row to the list of its parent, or says with a cursor that the list goes on.
func (f *filledExpansion) addChild(row value.Row, to *leads, col int, id string) (err error) {
	parent := f.exp.rel.From.ID()
	i, known := to.find(parent, row, col)
	if !known || f.found[i].count < maxChildren {
		return f.add(row, to, parent, col, id)
	}
	last := f.rows.block.rows[f.found[i].last].id
	f.found[i].next, err = childCursor(f.exp.rel, to.keys[i], last)
	return err
}

// childCursor continues an expanded list at GET /api/{child}?filter=author_id == arg.id&arg.id=…
func childCursor(rel *schema.Relation, parent, last string) (string, error) {
	id, ok := value.ParseID(rel.To, last)
	if !ok {
		return "", errs.New(errs.Internal, "the id of a row does not parse")
	}
	filter := rel.Field.Name + " == arg.id"
	return encodeCursor(cursorHash(rel.To, filter, map[string]string{"id": parent}, ""), []value.Value{id})
}
