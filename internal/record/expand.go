package record

import (
	"errors"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxChildren is how many rows a to-many expansion shows of each parent.
const maxChildren = apilimit.RelatedRows

// expander reads the expansions of an answer.
type expander struct {
	*request
	statements []variants // by the number of the expansion
	children   int        // rows that a to-many expansion shows of each parent
	used       usage
}

// usage is how much of an answer's bounds the rows take while they are read, at all levels together.
type usage struct {
	bytes, rows int
	longest     int     // number of rows in the longest list
	fits        float64 // estimated share of the rows that fit, after render.ErrFull
}

// expand reads the expansions of a block and appends its rows. It returns how many of them the answer has room for: at
// least one. If a single row is too large, its lists end earlier.
func (r *request) expand(q store.Reader, s *shape, a *render.Answer, top *render.Block) (n int, err error) {
	x := &expander{request: r, statements: s.expansions, children: maxChildren}
	begin, blocks := len(a.JSON), len(r.blocks)
	for {
		n, err = x.tryExpand(q, a, top)
		if !errors.Is(err, render.ErrFull) {
			return n, err
		}
		a.JSON, a.Rows = a.JSON[:begin], 0
		r.releaseAfter(blocks)
		switch {
		case top.Len() > 1:
			top.Cut(x.fewer(top.Len()))
		case x.used.longest > 1:
			x.children = x.fewer(min(x.children, x.used.longest))
		default:
			return 0, r.db.tooLarge()
		}
	}
}

// fewer returns how many of n rows to try next. Each try reads everything again, so it goes down in large steps.
func (x *expander) fewer(n int) int {
	share := max(1.0/16, min(0.9*x.used.fits, 0.75))
	return max(1, int(float64(n)*share))
}

func (x *expander) tryExpand(q store.Reader, a *render.Answer, top *render.Block) (n int, err error) {
	x.used = usage{bytes: top.Bytes(), rows: top.Len()}
	expanded, err := x.fill(q, top)
	if err != nil {
		return 0, err
	}
	x.used.fits = 0.25 // for the case that all parts of the first row fit, but not the row
	for i := range top.Len() {
		before := len(a.JSON)
		if i > 0 {
			a.JSON = append(a.JSON, ',')
		}
		err := a.AppendRow(expanded, i)
		if err != nil && i > 0 {
			a.JSON = a.JSON[:before]
			return i, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return top.Len(), nil
}

// fill reads the expansions of a block with one statement each, however many rows the block has.
func (x *expander) fill(q store.Reader, b *render.Block) (*render.ExpandedBlock, error) {
	filled := &render.ExpandedBlock{Block: b, Expansions: make([]render.ExpandedRows, len(b.Output.Expansions))}
	for i, e := range b.Output.Expansions {
		keys := b.Keys(i)
		rows := render.NewExpandedRows(e, len(keys.List), x.block(e.Output))
		if len(keys.List) > 0 && x.allows(e.Relation.To, Read) {
			if err := x.readRelated(q, &rows, keys); err != nil {
				return nil, err
			}
			below, err := x.fill(q, rows.Block.Block)
			if err != nil {
				return nil, err
			}
			rows.Block = below
		}
		filled.Expansions[i] = rows
	}
	return filled, nil
}

// readRelated reads the rows of one expansion.
func (x *expander) readRelated(q store.Reader, to *render.ExpandedRows, keys *render.Keys) error {
	out, rel := to.Expansion.Output, to.Expansion.Relation
	stmt, err := x.statements[to.Expansion.Number].get(x.request, "", func(g *sqlgen.Generator) (*sqlgen.Statement, error) {
		if rel.Many {
			return g.Children(rel, out.Fields)
		}
		return g.ByKeys(rel.To, out.Fields)
	})
	if err != nil {
		return err
	}
	inputs := []value.Value{value.OfList(keys.List), value.OfInt(int64(x.children) + 1)}
	idColumn, before := len(out.Fields), x.used
	err = x.query(q, stmt, inputs, func(row value.Row) error {
		if err := verify(out.Table, out.Fields, row, 0); err != nil {
			return err
		}
		if !rel.Many {
			return x.addRow(to, row, keys, out.Table.ID(), idColumn, "")
		}
		id := render.KeyText(out.Table.ID(), row, idColumn)
		return x.addChild(to, row, keys, idColumn+1, id)
	})
	if errors.Is(err, render.ErrFull) {
		x.estimate(before, shareRead(to, len(keys.List)))
	}
	return err
}

// addRow adds a row to the rows of the key in a column. The id is "" unless the list can continue after the row. The error
// is render.ErrFull if the answer has no room for the row.
func (x *expander) addRow(to *render.ExpandedRows, row value.Row, keys *render.Keys, key *model.Field, column int, id string) error {
	i, known := keys.Find(key, row, column)
	if !known {
		return errs.New(errs.Internal, "a row that was not asked for")
	}
	bytes, count := to.Add(i, row, id)
	if to.Expansion.Relation.Many {
		x.used.longest = max(x.used.longest, count)
	}
	x.used.bytes += bytes
	if x.used.rows++; x.used.rows > x.db.bounds.Rows || x.used.bytes > x.db.bounds.Bytes {
		return render.ErrFull
	}
	return nil
}

// addChild adds a row to the list of its parent. If the list is long enough, it sets the cursor where the list continues.
func (x *expander) addChild(to *render.ExpandedRows, row value.Row, keys *render.Keys, column int, id string) error {
	rel := to.Expansion.Relation
	i, known := keys.Find(rel.From.ID(), row, column)
	if !known || to.Count(i) < x.children {
		return x.addRow(to, row, keys, rel.From.ID(), column, id)
	}
	next, err := childCursor(rel, keys.List[i], to.LastID(i))
	to.SetNext(i, next)
	return err
}

// estimate sets the share of the rows that fit, after an expansion of which that share was read filled the answer.
func (x *expander) estimate(before usage, share float64) {
	whole := func(before, now int) float64 { return float64(before) + float64(now-before)/share }
	limits := x.db.bounds
	x.used.fits = min(float64(limits.Bytes)/whole(before.bytes, x.used.bytes), float64(limits.Rows)/whole(before.rows, x.used.rows))
}

// shareRead estimates which share of its rows an expansion has read. For the lists of several parents it is a guess, since
// they are read in the order of the children.
func shareRead(rows *render.ExpandedRows, keys int) float64 {
	switch {
	case !rows.Expansion.Relation.Many:
		return float64(rows.Block.Len()) / float64(keys)
	case keys == 1:
		return 1
	}
	return 0.25
}

// childCursor continues an expanded list at GET /api/{child}?filter=author_id == arg.id&arg.id=…
func childCursor(rel *model.Relation, parent, last string) (string, error) {
	id, ok := value.ParseID(rel.To, last)
	if !ok {
		return "", errs.New(errs.Internal, "the id of a row does not parse")
	}
	filter := rel.Field.Name + " == arg.id"
	return cursor.Encode(cursor.ListOf(rel.To, filter, map[string]string{"id": parent}, ""), []value.Value{id})
}
