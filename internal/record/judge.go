package record

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/record/statement"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

// A read that may read many rows is judged by the plans of its statements before it runs: see package budget. What is judged
// is the first page, for all callers of a class. The verdict stays with its statement.

// isExempt reports whether model.QueryLimit does not bind the caller.
func (d *DB) isExempt(who caller.Caller) bool {
	if len(d.query.Except) == 0 || who.Scopes() == nil {
		return who.IsSystem()
	}
	return slices.ContainsFunc(d.query.Except, who.Scopes().Named)
}

// readTime returns how long a read of a caller may work. 0 leaves that to the engine.
func (d *DB) readTime(who caller.Caller) time.Duration {
	if d.isExempt(who) {
		return 0
	}
	return d.query.Time
}

// A judgment is what the budget has to say about one read. The zero value allows it.
type judgment struct {
	unjudged *atomic.Pointer[budget.Verdict] // where the verdict belongs; nil if there is one, or none is needed
	refused  *budget.Verdict                 // waits for the guard; nil: there is no refusal, or no guard
}

// checkVerdict refuses a read that is known to read too many rows. If nobody has looked lately, the read looks when it has
// passed the gate. A caller with a guard is refused there too.
func (r *request) checkVerdict(ctx context.Context, s *shape.Shape, slot *atomic.Pointer[budget.Verdict]) (j judgment, err error) {
	now, verdict := r.Now(), slot.Load()
	switch {
	case verdict == nil || (!verdict.Fresh(now) && slot.CompareAndSwap(verdict, verdict.Renewed(now))):
		j.unjudged = slot
	case verdict.Refused && r.guard.on:
		j.refused = verdict
	case verdict.Refused:
		return j, r.refuse(ctx, s, verdict)
	}
	return j, nil
}

// judge looks at the plans of a read, if nobody has, and refuses one that would read too many rows.
func (r *request) judge(reader store.Reader, s *shape.Shape, j *judgment, query func() (*budget.Query, error)) error {
	verdict := j.refused
	if j.unjudged != nil {
		asked, err := query()
		if err != nil {
			return err
		}
		if verdict, err = r.db.budget.Judge(r.passage, reader, asked, r.Now()); err != nil {
			return err
		}
		if verdict != nil {
			j.unjudged.Store(verdict)
		}
		j.unjudged = nil
	}
	if verdict == nil || !verdict.Refused {
		return nil
	}
	if r.guard.on {
		// The guard runs with a statement, and EXPLAIN is none. A caller whose session has ended must not learn how many rows
		// there are.
		if _, err := reader.Generation(anyTable(s.Table).Name); err != nil {
			return err
		}
	}
	return r.refuse(r.passage, s, verdict)
}

// anyTable returns a table of the database: t itself, or one that a view reads.
func anyTable(t *model.Table) *model.Table {
	if t.View != nil && len(t.View.Reads) > 0 {
		return t.View.Reads[0].Table
	}
	return t
}

// checkBudget is checkVerdict for a page. The model's own list of a table, without expansions and without rules that read
// other tables, needs no look.
func (p *page) checkBudget(ctx context.Context) (err error) {
	d := p.req.db
	if d.budget == nil || d.isExempt(p.req.Caller()) {
		return nil
	}
	variant, err := p.statement(p.firstRange(), sqlgen.AsPlanned)
	if err != nil {
		return err
	}
	if p.isModelsOwn() && len(p.shape.Output.Expansions) == 0 && len(variant.Uses) <= 1 {
		return nil
	}
	slot := &variant.Verdicts[0]
	if p.query.Total {
		slot = &variant.Verdicts[1]
	}
	p.judgment, err = p.req.checkVerdict(ctx, p.shape, slot)
	return err
}

// isModelsOwn reports whether the client neither filters nor sorts a table. A view's query may need a filter.
func (p *page) isModelsOwn() bool {
	return p.query.Filter == "" && p.query.Sort == "" && p.shape.Table.View == nil
}

// firstRange returns the first range of the first page.
func (p *page) firstRange() sqlgen.Range {
	if p.start == nil {
		return p.ranges[0]
	}
	first := *p
	first.start = nil
	return first.findRanges()[0]
}

// judge is request.judge for a page.
func (p *page) judge(reader store.Reader) error {
	return p.req.judge(reader, p.shape, &p.judgment, p.judgedQuery)
}

// judgedQuery returns the statements of the first page in each way.
func (p *page) judgedQuery() (*budget.Query, error) {
	query, err := p.req.judgedQuery(p.shape)
	if err != nil {
		return nil, err
	}
	gen := p.req.Generator()
	query.Sort, query.ModelsOwn = p.shape.Sort, p.isModelsOwn()
	if p.shape.Filter != nil {
		query.Filter = gen.Folder.Fold(p.shape.Filter)
	}
	spec := p.listSpec(p.firstRange(), sqlgen.AsPlanned)
	spec.Rows = budget.PageRows
	planned, err := gen.List(spec)
	if err != nil {
		return nil, err
	}
	query.Lists = []*sqlgen.Statement{planned}
	for _, way := range planned.Ways {
		spec.Way = way
		stmt, err := p.req.Generator().List(spec)
		if err != nil {
			return nil, err
		}
		query.Lists = append(query.Lists, stmt)
	}
	if p.query.Total && !query.ModelsOwn {
		query.Count, err = p.req.Generator().Count(p.shape.Table, p.shape.Filter, sqlgen.AsPlanned)
	}
	return query, err
}

// checkBudget is checkVerdict for a read of one row. A row of a table without expansions needs no look.
func (g *rowRead) checkBudget(ctx context.Context, variant *statement.Variant) (err error) {
	d := g.req.db
	if d.budget == nil || (g.row.Plain && g.shape.Table.View == nil) || d.isExempt(g.req.Caller()) {
		return nil
	}
	g.judgment, err = g.req.checkVerdict(ctx, g.shape, &variant.Verdicts[0])
	return err
}

// judgedQuery returns the statements of the row and its expansions.
func (g *rowRead) judgedQuery() (*budget.Query, error) {
	query, err := g.req.judgedQuery(g.shape)
	if err != nil {
		return nil, err
	}
	query.Single, query.Lists = true, []*sqlgen.Statement{g.stmt}
	return query, nil
}

// judgedQuery returns what the budget must know about any read of a shape.
func (r *request) judgedQuery(s *shape.Shape) (*budget.Query, error) {
	query := &budget.Query{Table: s.Table, Rule: r.readRule(s.Table), Masked: r.isMasked, Rules: r.readRules}
	x := &expander{req: r, statements: s.Statements, children: maxChildren}
	err := x.addJudged(query, s.Output, -1, "")
	return query, err
}

// addJudged adds the expansions of all levels to a query.
func (x *expander) addJudged(query *budget.Query, out *render.Output, above int, path string) error {
	for _, expansion := range out.Expansions {
		if !x.req.mayAllow(expansion.Relation.To, Read) {
			continue
		}
		stmt, err := x.statement(expansion)
		if err != nil {
			return err
		}
		name := path + expansion.Relation.Name
		query.Expansions = append(query.Expansions, budget.Expansion{
			Stmt: stmt, Relation: expansion.Relation, Path: name, Above: above, Rule: x.req.readRule(expansion.Relation.To),
		})
		if err := x.addJudged(query, expansion.Output, len(query.Expansions)-1, name+"."); err != nil {
			return err
		}
	}
	return nil
}

// readRule returns the folded read rule of a table, or nil.
func (r *request) readRule(t *model.Table) rule.Node {
	own := r.db.rules.Table(t)
	if own == nil || own.Read == nil || r.Caller().IsSystem() {
		return nil
	}
	folder := r.Folder()
	return folder.Fold(own.Read)
}

// readRules returns the folded read rules of tables and of their fields.
func (r *request) readRules(tables []*model.Table) (folded []rule.Node) {
	folder := r.Folder()
	for _, t := range tables {
		if node := r.readRule(t); node != nil {
			folded = append(folded, node)
		}
		for _, f := range t.Fields {
			if own := r.db.rules.Field(f); own != nil && own.Read != nil {
				folded = append(folded, folder.Fold(own.Read))
			}
		}
	}
	return folded
}

// isMasked reports whether the caller may not read a field in every row.
func (r *request) isMasked(f *model.Field) bool {
	own, folder := r.db.rules.Field(f), r.Folder()
	return own != nil && own.Read != nil && !r.Caller().IsSystem() && !rule.AlwaysTrue(folder.Fold(own.Read))
}

// seesAll reports whether the caller may know how many rows a table has.
func (r *request) seesAll(t *model.Table) bool {
	node := r.readRule(t)
	return node != nil && rule.AlwaysTrue(node)
}
