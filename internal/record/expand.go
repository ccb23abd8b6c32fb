package record

import (
	"errors"
	"strconv"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// maxChildren is the number of rows that a to-many expansion shows of each parent.
const maxChildren = apilimit.RelatedRows

// An expander reads the expansions of an answer.
type expander struct {
	req        *request
	statements *statement.Cache
	children   int // rows that a to-many expansion shows of each parent
	used       usage
}

// usage is how much of an answer's bounds the rows at all levels take while they are read.
type usage struct {
	bytes, rows int
	longest     int     // number of rows in the longest list
	fits        float64 // estimated share of the rows that fit, after render.ErrFull
}

// expand reads the expansions of a block and appends its rows. It returns how many of them the answer has room for: at
// least one. If a single row is too large, its lists end earlier.
func (r *request) expand(reader store.Reader, s *shape.Shape, answer *render.Answer, top *render.Block) (n int, err error) {
	x := &expander{req: r, statements: s.Statements, children: maxChildren}
	begin, blocks := answer.Len(), len(r.blocks)
	for {
		n, err = x.tryExpand(reader, answer, top)
		if !errors.Is(err, render.ErrFull) {
			return n, err
		}
		answer.Cut(begin)
		answer.Rows = 0
		r.releaseBlocksAfter(blocks)
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

func (x *expander) tryExpand(reader store.Reader, answer *render.Answer, top *render.Block) (n int, err error) {
	x.used = usage{bytes: top.Bytes(), rows: top.Len()}
	expanded, err := x.fill(reader, top)
	if err != nil {
		return 0, err
	}
	x.used.fits = 0.25 // if each part of the first row fits, but not the row
	for i := range top.Len() {
		before := answer.Len()
		if i > 0 {
			answer.JSON = append(answer.JSON, ',')
		}
		err := answer.AppendRow(expanded, i)
		if err != nil && i > 0 {
			answer.Cut(before)
			return i, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return top.Len(), nil
}

// fill reads the expansions of a block: one statement for each expansion, however many rows the block has.
func (x *expander) fill(reader store.Reader, block *render.Block) (*render.ExpandedBlock, error) {
	filled := &render.ExpandedBlock{Block: block, Expansions: make([]render.ExpandedRows, len(block.Output.Expansions))}
	for i, expansion := range block.Output.Expansions {
		keys := block.Keys(i)
		rows := render.NewExpandedRows(expansion, len(keys.List), x.req.block(expansion.Output))
		if len(keys.List) > 0 && x.req.mayAllow(expansion.Relation.To, Read) {
			if err := x.readRelated(reader, &rows, keys); err != nil {
				return nil, err
			}
			below, err := x.fill(reader, rows.Block.Block)
			if err != nil {
				return nil, err
			}
			rows.Block = below
		}
		filled.Expansions[i] = rows
	}
	return filled, nil
}

// kindExpand is the kind of the statements that read expansions.
const kindExpand byte = 'e'

// statement returns the statement that reads an expansion.
func (x *expander) statement(expansion *render.Expansion) (*sqlgen.Statement, error) {
	rel, fields := expansion.Relation, expansion.Output.Fields
	return x.statements.Get(x.req.Binding, kindExpand, strconv.Itoa(expansion.Number), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		if rel.Many {
			return gen.Children(rel, fields)
		}
		return gen.ByKeys(rel.To, fields)
	})
}

// readRelated reads the rows of one expansion.
func (x *expander) readRelated(reader store.Reader, rows *render.ExpandedRows, keys *render.Keys) error {
	stmt, err := x.statement(rows.Expansion)
	if err != nil {
		return err
	}
	out, rel := rows.Expansion.Output, rows.Expansion.Relation
	inputs := []value.Value{value.OfList(keys.List), value.OfInt(int64(x.children) + 1)}
	idColumn, before := len(out.Fields), x.used
	err = x.req.Query(reader, stmt, inputs, func(cols value.Row) error {
		if err := verify(out.Table, out.Fields, cols, 0); err != nil {
			return err
		}
		if !rel.Many {
			return x.addRow(rows, cols, keys, out.Table.ID(), idColumn, "")
		}
		id := render.KeyText(out.Table.ID(), cols, idColumn)
		return x.addChild(rows, cols, keys, idColumn+1, id)
	})
	if errors.Is(err, render.ErrFull) {
		x.estimate(before, shareRead(rows, len(keys.List)))
	}
	return err
}

// addRow adds a row to the rows of the key in a column. The id is "" unless the list can continue after the row. The error
// is render.ErrFull if the answer has no room for the row.
func (x *expander) addRow(rows *render.ExpandedRows, cols value.Row, keys *render.Keys, key *model.Field, column int, id string) error {
	i, known := keys.Find(key, cols, column)
	if !known {
		return errs.New(errs.Internal, "a row that was not asked for")
	}
	bytes, count := rows.Add(i, cols, id)
	if rows.Expansion.Relation.Many {
		x.used.longest = max(x.used.longest, count)
	}
	x.used.bytes += bytes
	x.used.rows++
	if bounds := x.req.db.limits.answer; x.used.rows > bounds.Rows || x.used.bytes > bounds.Bytes {
		return render.ErrFull
	}
	return nil
}

// addChild adds a row to the list of its parent. If the list is long enough, it sets the cursor where the list continues.
func (x *expander) addChild(rows *render.ExpandedRows, cols value.Row, keys *render.Keys, column int, id string) error {
	rel := rows.Expansion.Relation
	i, known := keys.Find(rel.From.ID(), cols, column)
	if !known || rows.Count(i) < x.children {
		return x.addRow(rows, cols, keys, rel.From.ID(), column, id)
	}
	next, err := childCursor(rel, keys.List[i], rows.LastID(i))
	rows.SetNext(i, next)
	return err
}

// estimate sets the share of the rows that fit. The answer became full when an expansion had read a share of its rows.
func (x *expander) estimate(before usage, share float64) {
	whole := func(before, now int) float64 { return float64(before) + float64(now-before)/share }
	bounds := x.req.db.limits.answer
	x.used.fits = min(float64(bounds.Bytes)/whole(before.bytes, x.used.bytes), float64(bounds.Rows)/whole(before.rows, x.used.rows))
}

// shareRead estimates the share of its rows that an expansion has read. It guesses for the lists of several parents,
// because they are read in the order of the children.
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
