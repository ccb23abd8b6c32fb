package record

import (
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/pieces"
	"github.com/ashlar-dev/ashlar/internal/record/cursor"
	"github.com/ashlar-dev/ashlar/internal/record/gate"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// A page is one page of a list while it is read. It reads one or more ranges of the list, one after the other: see
// sqlgen.Ranges.
type page struct {
	req    *request
	shape  *shape.Shape
	key    shape.Key
	query  Query
	start  []value.Value // sort keys of the row before the page; nil: the first page
	ranges []sqlgen.Range
	inTx   bool // read in a transaction that may have written

	inPieces bool        // a long page begins in text
	text     pieces.Text // may stay empty
	answerKey
	judgment

	// Set while the page is read.
	last  []value.Value // sort keys of the last row, if another row may follow
	more  bool          // another row follows
	rows  int           // read so far
	probe choice        // what the last probe of the page found

	found     *kept   // the answer, if it was in the cache
	reused    bool    // found was not compared with the rows: see model.Cache.Stale
	version   []int64 // of the tables of deps
	versioned bool    // version is the one of the snapshot
	tag       Tag
	tagged    bool          // tag is the one of the answer
	stale     time.Duration // how long the answer may be reused
	begun     *moment       // before the snapshot; nil: the answer may not be reused
}

// newPage resolves the parameters of a list.
func (r *request) newPage(t *model.Table, q Query) (*page, error) {
	key := shape.Key{Table: t, Filter: q.Filter, Sort: q.Sort, Fields: q.Fields, Expand: q.Expand, List: true}
	s, err := r.db.shapes.Get(key)
	if err != nil {
		return nil, err
	}
	if err := r.checkRelated(s); err != nil {
		return nil, err
	}
	args, err := s.Arguments(q.Args)
	if err != nil {
		return nil, err
	}
	p := &page{req: r, shape: s, key: key, query: q}
	if q.Cursor != "" {
		if p.start, err = cursor.Decode(q.Cursor, p.cursorList(), s.SortFields); err != nil {
			return nil, err
		}
	}
	r.UnbindFilter()
	if s.Filter != nil {
		r.BindFilter(&s.Slots, args)
		if err := s.CheckTextCost(r.Values()); err != nil {
			return nil, err
		}
	}
	p.ranges = p.findRanges()
	return p, nil
}

func (p *page) cursorList() cursor.List {
	return cursor.ListOf(p.shape.Table, p.query.Filter, p.query.Args, p.query.Sort)
}

func (p *page) findRanges() []sqlgen.Range {
	gen := p.req.Generator()
	mayMiss := make([]bool, len(p.shape.Sort))
	for i, key := range p.shape.Sort {
		mayMiss[i] = gen.KeyMayBeNull(key.Field)
	}
	var missing []bool
	if p.start != nil {
		missing = make([]bool, len(p.start))
		for i, v := range p.start {
			missing[i] = v.IsNull()
		}
	}
	return sqlgen.Ranges(p.shape.Sort, mayMiss, missing)
}

// longPage is the limit above which a page counts as a long one.
const longPage = 50

// cost returns the cost of the page. It differs by class of callers, by range, by total and by length.
func (p *page) cost() (*gate.Cost, error) {
	if len(p.ranges) == 0 { // no row follows the cursor, but the request may ask for a total
		return &p.shape.EmptyPage, nil
	}
	variant, err := p.statement(p.ranges[0], sqlgen.AsPlanned)
	if err != nil {
		return nil, err
	}
	i := 0
	if p.query.Total {
		i++
	}
	if p.query.Limit > longPage {
		i += 2
	}
	return &variant.Costs[i], nil
}

// The kinds of statements of a list.
const (
	kindList  byte = 'l' // reads or probes a range
	kindCount byte = 'c' // counts all rows, or probes the count
)

// statement returns the statement that reads a range in one way.
func (p *page) statement(rng sqlgen.Range, way sqlgen.Way) (*statement.Variant, error) {
	return p.variant(rng, '0'+byte(way), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.List(p.listSpec(rng, way))
	})
}

func (p *page) listSpec(rng sqlgen.Range, way sqlgen.Way) sqlgen.List {
	return sqlgen.List{Table: p.shape.Table, Fields: p.shape.Output.Fields, Filter: p.shape.Filter, Sort: p.shape.Sort, Range: rng, Way: way}
}

// variant returns a statement about a range. what tells apart the statements about one range.
func (p *page) variant(rng sqlgen.Range, what byte, write func(*sqlgen.Generator) (*sqlgen.Statement, error)) (*statement.Variant, error) {
	extra := append(appendRange(make([]byte, 0, len(rng.Equal)+3), rng), what)
	return p.shape.Statements.Variant(p.req.Binding, kindList, string(extra), write)
}

// countStatement returns the statement that counts the rows of the list in one way.
func (p *page) countStatement(way sqlgen.Way) (*sqlgen.Statement, error) {
	return p.shape.Statements.Get(p.req.Binding, kindCount, string('0'+rune(way)), func(gen *sqlgen.Generator) (*sqlgen.Statement, error) {
		return gen.Count(p.shape.Table, p.shape.Filter, way)
	})
}

// appendKeys appends the sort keys of a row.
func (p *page) appendKeys(dst []value.Value, cols value.Row) []value.Value {
	first := len(p.shape.Output.Fields)
	for i, key := range p.shape.Sort {
		dst = append(dst, value.Scan(key.Field, cols, first+i))
	}
	return dst
}

// verify refuses a row of a view if a column contradicts the model.
func (p *page) verify(cols value.Row) error {
	t, out := p.shape.Table, p.shape.Output
	if t.View == nil {
		return nil
	}
	if err := verify(t, out.Fields, cols, 0); err != nil {
		return err
	}
	return verify(t, p.shape.SortFields, cols, len(out.Fields))
}
