package record

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// List reads a page and appends it to dst: {"items":[…],"next":…,"total":…}.
func (d *DB) List(ctx context.Context, who caller.Caller, t *model.Table, q Query, dst []byte) ([]byte, error) {
	r := d.request(who)
	defer r.end()
	p, body, err := r.list(ctx, t, q, dst, false)
	if err == nil && p.found != nil {
		body = append(dst, p.found.json...)
	}
	return body, err
}

// list reads a page and appends it to dst, unless it finds a kept answer. With inPieces it begins a long page in page.text.
func (r *request) list(ctx context.Context, t *model.Table, q Query, dst []byte, inPieces bool) (p *page, body []byte, err error) {
	defer errs.Wrap(&err, "record.List(%s)", t.Name)
	if err := r.allow(t, Read); err != nil {
		return nil, nil, err
	}
	if p, err = r.newPage(t, q); err != nil {
		return nil, nil, err
	}
	p.inPieces = inPieces
	if err := p.checkBudget(ctx); err != nil {
		noteRead(ctx, t, p.shape.Name, 0)
		return nil, nil, err
	}
	cost, err := p.cost()
	if err != nil {
		return nil, nil, err
	}
	if err := p.identify(); err != nil {
		return nil, nil, err
	}
	if p.deps != nil && p.refused == nil {
		if err := p.look(ctx); err != nil {
			return nil, nil, err
		}
	}
	if p.found != nil {
		if p.reused {
			noteCache(ctx, stale)
		} else {
			noteCache(ctx, hit)
		}
		noteRead(ctx, t, p.shape.Name, p.found.rows)
		return p, dst, nil
	}
	body, err = p.pass(ctx, cost, dst)
	return p, body, err
}

// pass reads the page through the gate.
func (p *page) pass(ctx context.Context, cost *gate.Cost, dst []byte) (body []byte, err error) {
	wasFast := cost.IsFast()
	err = p.req.pass(ctx, p.shape.Class, cost, func(reader store.Reader) (err error) {
		if err := p.judge(reader); err != nil { // plans come before the first statement
			return err
		}
		body, err = p.fetch(reader, dst)
		return err
	})
	p.req.keepShape(p.key, p.shape)
	if p.found != nil {
		p.rows = p.found.rows
	}
	noteRead(ctx, p.shape.Table, p.shape.Name, p.rows)
	if !wasFast && errors.Is(err, store.ErrStatementTimeout) {
		return nil, errs.Wrapf(err, errs.Malformed, "the query takes too long: narrow the filter, follow fewer relations, or sort by an indexed field")
	}
	return body, err
}

// read reads the page and appends it to dst. It may run more than once.
func (p *page) read(reader store.Reader, dst []byte) ([]byte, error) {
	p.more, p.last, p.probe, p.rows, p.tagged = false, nil, choice{}, 0, false
	answer := &render.Answer{JSON: append(dst, `{"items":[`...), Bounds: p.req.db.limits.answer}
	if p.inPieces {
		p.text.Free()
		answer.Begun = &p.text
	}
	if err := p.appendRows(reader, answer); err != nil {
		return nil, err
	}
	body, next := append(answer.JSON, ']'), ""
	if p.more {
		var err error
		if next, err = cursor.Encode(p.cursorList(), p.last); err != nil {
			return nil, err
		}
	}
	body = render.AppendNext(body, next)
	if p.query.Total {
		total, err := p.total(reader)
		if err != nil {
			return nil, err
		}
		body = value.AppendValue(append(body, `,"total":`...), value.OfInt(total))
	}
	body = append(body, '}')
	if p.text.Len() > 0 { // a long answer takes its time here, where the gate bounds how many there are at once
		p.setTag(body)
	}
	return body, nil
}

// appendRows appends the rows of the page.
func (p *page) appendRows(reader store.Reader, answer *render.Answer) error {
	if len(p.shape.Output.Expansions) > 0 {
		return p.appendExpanded(reader, answer)
	}
	return p.scan(reader, p.query.Limit, func(cols value.Row) error { return p.appendRow(answer, cols) })
}

// appendRow appends a row without expansions. It returns render.ErrFull if the page ends before the row.
func (p *page) appendRow(answer *render.Answer, cols value.Row) error {
	before := answer.Len()
	if answer.Rows > 0 {
		answer.JSON = append(answer.JSON, ',')
	}
	answer.JSON = p.shape.Output.AppendRow(answer.JSON, cols)
	size, limit := answer.Len(), answer.Bounds.Bytes
	switch {
	case size > limit && p.last != nil:
		answer.Cut(before)
		return render.ErrFull
	case size > limit && (answer.Rows == 0 || size > limit+keysFrom(answer.Bounds)):
		return p.req.db.tooLarge()
	}
	answer.Rows++
	answer.Spill()
	if size >= keysFrom(answer.Bounds) {
		p.last = p.appendKeys(p.last[:0], cols)
	}
	return nil
}

// keysFrom is the size of an answer that may be full after any further row. From there on, a page keeps the sort keys of
// its last row so far.
func keysFrom(bounds render.Bounds) int { return bounds.Bytes / 32 }

// appendExpanded reads the rows of the page, then their expansions, and appends as many rows as the answer has room for.
func (p *page) appendExpanded(reader store.Reader, answer *render.Answer) error {
	top := p.req.block(p.shape.Output)
	defer p.req.releaseBlocks()
	full := false
	err := p.scan(reader, p.query.Limit, func(cols value.Row) error {
		top.Add(cols, "")
		if n := top.Len(); n > 1 && top.Bytes() > answer.Bounds.Bytes {
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
	n, err := p.req.expand(reader, p.shape, answer, top)
	if err == nil && (full || n < read) {
		err = p.endAt(reader, n)
	}
	return err
}

// endAt ends the page after n rows. It reads the rows again for the sort keys of the last one. Keeping the keys of each row
// would cost every page.
func (p *page) endAt(reader store.Reader, n int) error {
	p.last, p.more = nil, false
	err := p.scan(reader, n, func(value.Row) error { return nil })
	p.more = true
	return err
}

// scan calls each for up to limit rows of the page. It sets more and last. If each returns render.ErrFull, the page ends
// before that row.
func (p *page) scan(reader store.Reader, limit int, each func(value.Row) error) error {
	n := 0
	inputs := make([]value.Value, 1, 1+len(p.shape.Sort))
	inputs = append(inputs, p.start...)
	for i, rng := range p.ranges {
		inputs[0] = value.OfInt(int64(limit + 1 - n))
		stmt, err := p.cheapest(reader, rng, inputs)
		if err != nil {
			return err
		}
		if stmt == nil {
			continue // the range is empty
		}
		if i == len(p.ranges)-1 && !p.query.Total && len(p.shape.Output.Expansions) == 0 {
			reader.FinalStatement()
		}
		err = p.req.Query(reader, stmt, inputs, func(cols value.Row) error {
			if n++; n > limit {
				p.more = true
				return nil
			}
			if err := p.verify(cols); err != nil {
				return err
			}
			if err := each(cols); err != nil {
				return err
			}
			p.rows = n
			if n == limit {
				p.last = p.appendKeys(p.last[:0], cols)
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
