package record

import (
	"context"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Row is one row as a caller may see it.
type Row struct {
	JSON     []byte // nil where the caller may not read it
	ID       value.Value
	Revision int64
	Plain    bool // without relations: its JSON changes with its revision, the model and the masks alone
}

// Get reads one row, and appends its JSON to dst. Where the caller can read no row at all, the error is that of Allow.
func (d *DB) Get(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, v View, dst []byte) (Row, error) {
	r := d.request(who)
	defer r.done()
	return r.get(ctx, t, id, v, dst)
}

func (r *request) get(ctx context.Context, t *model.Table, id value.Value, v View, dst []byte) (Row, error) {
	if err := r.allow(t, Read); err != nil {
		return Row{}, err
	}
	row, err := r.single.read(ctx, t, id, v, dst)
	if err != nil { // asked here, since the arguments of Wrap allocate
		errs.Wrap(&err, "record.Get(%s)", t.Name)
		return Row{}, err
	}
	return row, nil
}

// single is the read of one row. It is part of its request, whose memory serves others after it: what it needs is
// allocated for the first of them alone.
type single struct {
	*request
	shape *shape
	stmt  *sqlgen.Statement
	id    [1]value.Value
	dst   []byte
	row   Row
	top   *render.Block // of a row with relations
	found bool

	fromStore func(store.Reader) error // the methods, as values
	each      func(value.Row) error
}

func newSingle(r *request) *single {
	g := &single{request: r}
	g.fromStore, g.each = g.readFrom, g.take
	return g
}

// forget lets go of all that belongs to the row.
func (g *single) forget() {
	*g = single{request: g.request, fromStore: g.fromStore, each: g.each}
}

func (g *single) read(ctx context.Context, t *model.Table, id value.Value, v View, dst []byte) (Row, error) {
	key, cost, err := g.prepare(t, id, v, dst)
	if err != nil {
		return Row{}, err
	}
	err = g.pass(ctx, g.shape, cost, g.fromStore)
	g.keep(key, g.shape)
	return g.row, err
}

// prepare finds the statement, and what is known of its cost.
func (g *single) prepare(t *model.Table, id value.Value, v View, dst []byte) (key shapeKey, _ *cost, err error) {
	if g.shape, key, err = g.db.view(t, v); err != nil {
		return key, nil, err
	}
	stmt, err := g.shape.get.variant(g.request, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) { return gen.Get(t, g.shape.out.Fields) })
	if err != nil {
		return key, nil, err
	}
	g.stmt = stmt.Statement
	g.id[0], g.dst = id, dst
	g.row = Row{ID: id, Plain: len(g.shape.out.Expansions) == 0}
	return key, &stmt.costs[0], nil
}

func (g *single) readFrom(q store.Reader) error {
	g.found, g.top = false, nil
	if g.row.Plain {
		q.FinalStatement()
	}
	err := g.query(q, g.stmt, g.id[:], g.each)
	defer g.release()
	switch {
	case err != nil:
		return err
	case !g.found:
		return notFound(g.shape.table)
	case g.row.Plain:
		return nil
	}
	a := &render.Answer{JSON: g.dst, Bounds: g.db.bounds}
	_, err = g.expand(q, g.shape, a, g.top)
	g.row.JSON = a.JSON
	return err
}

// take takes the row of the result.
func (g *single) take(cols value.Row) error {
	t, out := g.shape.table, g.shape.out
	if err := verify(t, out.Fields, cols, 0); err != nil || g.found { // a view's id may repeat: the first row answers
		return err
	}
	g.found = true
	if t.View == nil {
		g.row.Revision = cols.Int(len(out.Fields))
	}
	if g.row.Plain {
		g.row.JSON = out.AppendRow(g.dst, cols)
		if len(g.row.JSON)-len(g.dst) > g.db.bounds.Bytes {
			return g.db.tooLarge()
		}
		return nil
	}
	g.top = g.block(out)
	g.top.Add(cols, "")
	return nil
}
