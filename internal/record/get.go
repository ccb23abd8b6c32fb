package record

import (
	"context"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Get reads one row and appends its JSON to dst. If the caller can read no row of the table, the error is as from Allow.
func (d *DB) Get(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, sel Selection, dst []byte) (Row, error) {
	r := d.request(who)
	defer r.end()
	return r.get(ctx, t, id, sel, dst)
}

// GetLong is Get with a row that begins in pieces if it is long.
func (d *DB) GetLong(ctx context.Context, who caller.Caller, t *model.Table, id value.Value, sel Selection, dst []byte) (Row, error) {
	r := d.request(who)
	defer r.end()
	r.rowRead.inPieces = true
	return r.get(ctx, t, id, sel, dst)
}

func (r *request) get(ctx context.Context, t *model.Table, id value.Value, sel Selection, dst []byte) (Row, error) {
	if err := r.allow(t, Read); err != nil {
		return Row{}, err
	}
	row, err := r.rowRead.run(ctx, t, id, sel, dst)
	if err != nil { // not deferred, because the arguments of Wrap allocate
		errs.Wrap(&err, "record.Get(%s)", t.Name)
		return Row{}, err
	}
	return row, nil
}

// A rowRead reads one row. It is part of its request and is reused with it: a read of one row allocates nothing but its
// answer.
type rowRead struct {
	req   *request
	shape *shape.Shape
	stmt  *sqlgen.Statement
	id    [1]value.Value
	dst   []byte
	row   Row
	block *render.Block // of a row with expansions
	found bool
	judgment

	inPieces bool // a long row begins in row.Begun

	// The methods readFrom and scan, bound once because binding allocates.
	boundRead func(store.Reader) error
	boundScan func(value.Row) error
}

func newRowRead(r *request) *rowRead {
	g := &rowRead{req: r}
	g.boundRead, g.boundScan = g.readFrom, g.scan
	return g
}

// reset drops all references to the row.
func (g *rowRead) reset() {
	*g = rowRead{req: g.req, boundRead: g.boundRead, boundScan: g.boundScan}
}

// run reads the row through the gate.
func (g *rowRead) run(ctx context.Context, t *model.Table, id value.Value, sel Selection, dst []byte) (Row, error) {
	key, variant, err := g.prepare(t, id, sel, dst)
	if err != nil {
		return Row{}, err
	}
	if err := g.checkBudget(ctx, variant); err != nil {
		noteRead(ctx, t, g.shape.Name, 0)
		return Row{}, err
	}
	err = g.req.pass(ctx, g.shape.Class, &variant.Costs[0], g.boundRead)
	g.req.keepShape(key, g.shape)
	rows := 0
	if g.found {
		rows = 1
	}
	noteRead(ctx, t, g.shape.Name, rows)
	return g.row, err
}

// pass runs a read through the gate. It may run the read more than once.
func (r *request) pass(ctx context.Context, class gate.Class, cost *gate.Cost, read func(store.Reader) error) error {
	r.passage.Bound(r.db.readTime(r.Caller()))
	return r.db.gate.Read(ctx, r.passage, r.Caller().Client(), class, cost, r.guarded(read))
}

// keepShape keeps the shape of a read that the gate admitted.
func (r *request) keepShape(key shape.Key, s *shape.Shape) {
	if r.passage.Ran() {
		r.db.shapes.Keep(key, s)
	}
}

// public returns how long anybody may keep an answer of this caller. The system sees what nobody else does.
func (r *request) public(s *shape.Shape) time.Duration {
	if r.Caller().IsSystem() {
		return 0
	}
	return s.Public
}

// kindGet is the kind of the statement that reads one row of a shape.
const kindGet byte = 'g'

// prepare finds the shape and the statement.
func (g *rowRead) prepare(t *model.Table, id value.Value, sel Selection, dst []byte) (key shape.Key, variant *statement.Variant, err error) {
	key = shape.Key{Table: t, Fields: sel.Fields, Expand: sel.Expand}
	if g.shape, err = g.req.db.shapes.Get(key); err != nil {
		return key, nil, err
	}
	if err := g.req.checkRelated(g.shape); err != nil {
		return key, nil, err
	}
	variant, err = g.shape.Statements.Variant(g.req.Binding, kindGet, "", func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.Get(t, g.shape.Output.Fields)
	})
	if err != nil {
		return key, nil, err
	}
	g.stmt = variant.Statement
	g.id[0], g.dst = id, dst
	g.row = Row{ID: id, Plain: len(g.shape.Output.Expansions) == 0, Public: g.req.public(g.shape)}
	return key, variant, nil
}

// readFrom runs the statement. It may run more than once.
func (g *rowRead) readFrom(reader store.Reader) error {
	g.found, g.block = false, nil
	g.row.Begun.Free()
	if g.unjudged != nil || g.refused != nil { // plans come before the first statement
		if err := g.req.judge(reader, g.shape, &g.judgment, g.judgedQuery); err != nil {
			return err
		}
	}
	if g.row.Plain {
		reader.FinalStatement()
	}
	err := g.req.Query(reader, g.stmt, g.id[:], g.boundScan)
	defer g.req.releaseBlocks()
	switch {
	case err != nil:
		return err
	case !g.found:
		return notFound(g.shape.Table)
	case g.row.Plain:
		return nil
	}
	answer := &render.Answer{JSON: g.dst, Bounds: g.req.db.limits.answer}
	if g.inPieces {
		answer.Begun = &pieces.Text{}
	}
	_, err = g.req.expand(reader, g.shape, answer, g.block)
	g.row.Begun, g.row.JSON = answer.Begun, answer.JSON
	return err
}

// scan takes the first row of the result. The id of a view may repeat.
func (g *rowRead) scan(cols value.Row) error {
	t, out := g.shape.Table, g.shape.Output
	if err := verify(t, out.Fields, cols, 0); err != nil || g.found {
		return err
	}
	g.found = true
	if t.View == nil {
		g.row.Revision = cols.Int(len(out.Fields))
	}
	if g.row.Plain {
		g.row.JSON = out.AppendRow(g.dst, cols)
		if len(g.row.JSON)-len(g.dst) > g.req.db.limits.answer.Bytes {
			return g.req.db.tooLarge()
		}
		return nil
	}
	g.block = g.req.block(out)
	g.block.Add(cols, "")
	return nil
}
