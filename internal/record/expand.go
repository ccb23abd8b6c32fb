package record

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxChildren is how many rows a to-many expansion shows of each parent.
const maxChildren = apilimit.RelatedRows

// room is what the rows of an answer take while they are read, all levels together.
type room struct {
	bytes, rows int
	longest     int     // of the lists within
	fits        float64 // about what part of the rows would fit, once errFull came
}

// take counts a row that was added to a block. The error is errFull.
func (r *request) take(bytes int) error {
	r.room.bytes += bytes
	if r.room.rows++; r.room.rows > r.db.most.rows || r.room.bytes > r.db.most.bytes {
		return errFull
	}
	return nil
}

// estimate sets what part of the rows would fit, where an expansion filled the room of which it had read that part.
func (r *request) estimate(before room, part float64) {
	whole := func(before, now int) float64 { return float64(before) + float64(now-before)/part }
	r.room.fits = min(float64(r.db.most.bytes)/whole(before.bytes, r.room.bytes), float64(r.db.most.rows)/whole(before.rows, r.room.rows))
}

// expand reads the expansions of a block and appends its rows. It returns how many of them the answer has room for: at
// least one. Where one row alone is too large, its lists end earlier.
func (r *request) expand(q store.Reader, a *answer, top *block) (n int, err error) {
	begin, blocks := len(a.dst), len(r.blocks)
	r.children = maxChildren
	for {
		n, err = r.tryExpand(q, a, top)
		if !errors.Is(err, errFull) {
			return n, err
		}
		a.dst, a.rows = a.dst[:begin], 0
		r.drop(blocks)
		switch {
		case len(top.rows) > 1:
			top.cut(r.fewer(len(top.rows)))
		case r.room.longest > 1:
			r.children = r.fewer(min(r.children, r.room.longest))
		default:
			return 0, r.db.tooLarge()
		}
	}
}

// fewer is how many of n to try next: about as many as had room, and far fewer than n, since each try reads all anew.
func (r *request) fewer(n int) int {
	part := max(1.0/16, min(0.9*r.room.fits, 0.75))
	return max(1, int(float64(n)*part))
}

func (r *request) tryExpand(q store.Reader, a *answer, top *block) (n int, err error) {
	r.room = room{bytes: len(top.buf), rows: len(top.rows)}
	f, err := r.fill(q, top)
	if err != nil {
		return 0, err
	}
	r.room.fits = 0.25 // where the first row has no room though its parts had
	for i := range top.rows {
		before := len(a.dst)
		if i > 0 {
			a.dst = append(a.dst, ',')
		}
		err := a.row(f, i)
		if err != nil && i > 0 {
			a.dst = a.dst[:before]
			return i, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return len(top.rows), nil
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
func (r *request) closed(t *model.Table) bool { return !r.allows(t, Read) }

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
	inputs := []value.Value{value.OfList(to.keys), value.OfInt(int64(r.children) + 1)}
	idCol, before := len(out.fields), r.room
	err = r.query(q, stmt, inputs, func(row value.Row) error {
		if err := verify(out.table, out.fields, row, 0); err != nil {
			return err
		}
		if !rel.Many {
			return r.addRelated(f, row, to, out.table.ID(), idCol, "")
		}
		id := keyText(out.table.ID(), row, idCol)
		return r.addChild(f, row, to, idCol+1, id)
	})
	if errors.Is(err, errFull) {
		r.estimate(before, f.part(len(to.keys)))
	}
	return err
}

// part is about what part of its rows an expansion has read. Of lists of several parents it is a guess: they are read in
// the order of the children.
func (f *filledExpansion) part(keys int) float64 {
	rows := float64(len(f.rows.block.rows))
	switch {
	case !f.exp.rel.Many:
		return rows / float64(keys)
	case keys == 1:
		return 1
	}
	return 0.25
}

// addRelated adds a row to the chain of the key in a column. It has the id where the list that it is in can go on after
// it.
func (r *request) addRelated(f *filledExpansion, row value.Row, to *leads, key *model.Field, col int, id string) error {
	i, known := to.find(key, row, col)
	if !known {
		return errs.New(errs.Internal, "a row that was not asked for")
	}
	b := f.rows.block
	before := len(b.buf)
	b.add(row, id)
	f.link(i)
	if f.exp.rel.Many {
		r.room.longest = max(r.room.longest, f.found[i].count)
	}
	return r.take(len(b.buf) - before)
}

// addChild adds a row to the list of its parent, or says with a cursor that the list goes on.
func (r *request) addChild(f *filledExpansion, row value.Row, to *leads, col int, id string) (err error) {
	parent := f.exp.rel.From.ID()
	i, known := to.find(parent, row, col)
	if !known || f.found[i].count < r.children {
		return r.addRelated(f, row, to, parent, col, id)
	}
	last := f.rows.block.rows[f.found[i].last].id
	f.found[i].next, err = childCursor(f.exp.rel, to.keys[i], last)
	return err
}

// childCursor continues an expanded list at GET /api/{child}?filter=author_id == arg.id&arg.id=…
func childCursor(rel *model.Relation, parent, last string) (string, error) {
	id, ok := value.ParseID(rel.To, last)
	if !ok {
		return "", errs.New(errs.Internal, "the id of a row does not parse")
	}
	filter := rel.Field.Name + " == arg.id"
	return encodeCursor(cursorHash(rel.To, filter, map[string]string{"id": parent}, ""), []value.Value{id})
}
