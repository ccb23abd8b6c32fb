package record

import (
	"cmp"
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// List reads a page, and appends it to dst: {"items":[…],"next":…,"total":…}.
func (d *DB) List(ctx context.Context, who caller.Caller, t *model.Table, q Query, dst []byte) ([]byte, error) {
	r := d.request(who)
	defer r.done()
	return r.list(ctx, t, q, dst)
}

func (r *request) list(ctx context.Context, t *model.Table, q Query, dst []byte) (_ []byte, err error) {
	defer errs.Wrap(&err, "record.List(%s)", t.Name)
	if err := r.allow(t, Read); err != nil {
		return nil, err
	}
	p, key, err := r.page(t, q)
	if err != nil {
		return nil, err
	}
	c, err := p.cost()
	if err != nil {
		return nil, err
	}
	wasFast, base := c.isFast(), dst
	err = r.pass(ctx, p.shape, c, func(q store.Reader) (err error) {
		dst, err = p.read(q, base)
		return err
	})
	r.keep(key, p.shape)
	if !wasFast && errors.Is(err, store.ErrTooLong) {
		err = errs.Wrapf(err, errs.Malformed, "the query takes too long: narrow the filter, follow fewer relations, or sort by an indexed field")
	}
	return dst, err
}

// page is one page of a list while it is read.
type page struct {
	*request
	shape  *shape
	query  Query
	ranges []sqlgen.Range
	start  []value.Value // the sort keys of the row that it starts after; nil: from the start
	last   []value.Value // the sort keys of its last row, where rows follow or may
	more   bool          // rows follow
	inTx   bool          // it is read in a transaction that writes
	led    choice        // what the probe found that ended the search for a way
}

// cost is what is known of the page's statement. It differs by what the slots came to, by whether the page is the first
// one, by the total, and by whether the page is a long one.
func (p *page) cost() (*cost, error) {
	p.ranges = p.findRanges()
	if len(p.ranges) == 0 { // nothing follows the cursor, but there may be a total to count
		return &p.shape.counting, nil
	}
	v, err := p.statement(p.ranges[0], sqlgen.AsPlanned)
	if err != nil {
		return nil, err
	}
	i := 0
	if p.query.Total {
		i++
	}
	if p.query.Limit > usualLimit {
		i += 2
	}
	return &v.costs[i], nil
}

// usualLimit is the limit above which a page counts as a long one.
const usualLimit = 50

func (p *page) cursorList() cursor.List {
	return cursor.ListOf(p.shape.table, p.query.Filter, p.query.Args, p.query.Sort)
}

func (p *page) read(q store.Reader, dst []byte) ([]byte, error) {
	p.more, p.last, p.led = false, nil, choice{} // it may be read more than once
	a := &render.Answer{JSON: append(dst, `{"items":[`...), Bounds: p.db.bounds}
	if err := p.rows(q, a); err != nil {
		return nil, err
	}
	a.JSON = append(a.JSON, ']')
	next := ""
	if p.more {
		var err error
		if next, err = cursor.Encode(p.cursorList(), p.last); err != nil {
			return nil, err
		}
	}
	a.JSON = render.AppendNext(a.JSON, next)
	if p.query.Total {
		total, err := p.total(q)
		if err != nil {
			return nil, err
		}
		a.JSON = value.AppendValue(append(a.JSON, `,"total":`...), value.OfInt(total))
	}
	return append(a.JSON, '}'), nil
}

// rows appends the rows of the page; with expansions they are read first and written when those are there.
func (p *page) rows(q store.Reader, a *render.Answer) error {
	out := p.shape.out
	if len(out.Expansions) == 0 {
		return p.scan(q, p.query.Limit, func(row value.Row) error { return p.append(a, row) })
	}
	top := p.block(out)
	defer p.release()
	full := false
	err := p.scan(q, p.query.Limit, func(row value.Row) error {
		top.Add(row, "")
		if n := top.Len(); n > 1 && top.Bytes() > p.db.bounds.Bytes {
			top.Cut(n - 1)
			full = true
			return render.ErrFull
		}
		return nil
	})
	if err != nil || top.Len() == 0 {
		return err
	}
	read := top.Len()
	n, err := p.expand(q, p.shape, a, top)
	if err == nil && (full || n < read) {
		err = p.endAt(q, n)
	}
	return err
}

// endAt notes the sort keys of row n as those of the last row. It reads the rows again: to keep the keys of each, in case
// the page ends there, would cost every page.
func (p *page) endAt(q store.Reader, n int) error {
	p.last, p.more = nil, false
	err := p.scan(q, n, func(value.Row) error { return nil })
	p.more = true
	return err
}

// keysFrom is from which size on an answer notes the sort keys of each row, since it may end after any of them.
func keysFrom(b render.Bounds) int { return b.Bytes / 32 }

// append appends a row without expansions. Where the answer has no room for it, the page ends before it.
func (p *page) append(a *render.Answer, row value.Row) error {
	before := len(a.JSON)
	if a.Rows > 0 {
		a.JSON = append(a.JSON, ',')
	}
	a.JSON = p.shape.out.AppendRow(a.JSON, row)
	if len(a.JSON) > p.db.bounds.Bytes && p.last != nil {
		a.JSON = a.JSON[:before]
		return render.ErrFull
	}
	if len(a.JSON) > p.db.bounds.Bytes && (a.Rows == 0 || len(a.JSON) > p.db.bounds.Bytes+keysFrom(p.db.bounds)) {
		return p.db.tooLarge()
	}
	if a.Rows++; len(a.JSON) >= keysFrom(p.db.bounds) {
		p.last = p.appendKeys(p.last[:0], row)
	}
	return nil
}

// scan calls each for that many rows of the page, range by range, and notes the last row's keys and whether rows follow. Where
// the error of each is render.ErrFull, the page ended before that row.
func (p *page) scan(q store.Reader, limit int, each func(value.Row) error) error {
	n := 0
	inputs := make([]value.Value, 1, 1+len(p.shape.sort))
	inputs = append(inputs, p.start...)
	for i, rng := range p.ranges {
		inputs[0] = value.OfInt(int64(limit + 1 - n))
		stmt, err := p.cheapest(q, rng, inputs)
		if err != nil {
			return err
		}
		if stmt == nil {
			continue // there are no rows
		}
		if i == len(p.ranges)-1 && !p.query.Total && len(p.shape.out.Expansions) == 0 {
			q.FinalStatement()
		}
		err = p.request.query(q, stmt, inputs, func(row value.Row) error {
			if n++; n > limit {
				p.more = true
				return nil
			}
			if err := cmp.Or(verify(p.shape.table, p.shape.out.Fields, row, 0), p.verifyKeys(row)); err != nil {
				return err
			}
			if err := each(row); err != nil {
				return err
			}
			if n == limit {
				p.last = p.appendKeys(p.last[:0], row)
			}
			return nil
		})
		if errors.Is(err, render.ErrFull) {
			p.more, err = true, nil
		}
		if err != nil || p.more || n > limit {
			return err
		}
	}
	return nil
}

// appendKeys appends the sort keys of a row.
func (p *page) appendKeys(dst []value.Value, row value.Row) []value.Value {
	first := len(p.shape.out.Fields)
	for i, k := range p.shape.sort {
		dst = append(dst, value.Scan(k.Field, row, first+i))
	}
	return dst
}

func (p *page) findRanges() []sqlgen.Range {
	g := p.generator()
	mayMiss := make([]bool, len(p.shape.sort))
	for i, k := range p.shape.sort {
		mayMiss[i] = g.KeyMayBeNull(k.Field)
	}
	var missing []bool
	if p.start != nil {
		missing = make([]bool, len(p.start))
		for i, k := range p.start {
			missing[i] = k.IsNull()
		}
	}
	return sqlgen.Ranges(p.shape.sort, mayMiss, missing)
}

// sortFields returns the fields of sort keys.
func sortFields(keys []sqlgen.Key) []*model.Field {
	fields := make([]*model.Field, len(keys))
	for i, k := range keys {
		fields[i] = k.Field
	}
	return fields
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
