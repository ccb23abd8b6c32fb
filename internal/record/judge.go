package record

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/caller"
	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// A list with a filter or an order of the client's is judged by its plan before it runs: see package budget. What is judged
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

// isJudged reports whether the list may be refused by its plan. The model's own list never is, with a total or expansions
// or without. Neither is a list of a view, whose query is the model's.
func (p *page) isJudged() bool {
	return p.req.db.budget != nil && (p.query.Filter != "" || p.query.Sort != "") && p.shape.Table.View == nil &&
		!p.req.db.isExempt(p.req.Caller())
}

// checkBudget refuses a list that is known to read too many rows. If nobody has looked lately, the page looks when it has
// passed the gate. A caller with a guard is refused there too.
func (p *page) checkBudget(ctx context.Context) error {
	if !p.isJudged() {
		return nil
	}
	variant, err := p.statement(p.firstRange(), sqlgen.AsPlanned)
	if err != nil {
		return err
	}
	slot := &variant.Verdicts[0]
	if p.query.Total {
		slot = &variant.Verdicts[1]
	}
	now := p.req.Now()
	verdict := slot.Load()
	if verdict == nil || (!verdict.Fresh(now) && slot.CompareAndSwap(verdict, verdict.Renewed(now))) {
		p.unjudged = slot
		return nil
	}
	if verdict.Refused && p.req.guard.on {
		p.refused = verdict
		return nil
	}
	return p.settle(ctx, verdict)
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

// judge looks at the plan of the list, if nobody has, and refuses a list that would read too many rows.
func (p *page) judge(reader store.Reader) error {
	verdict := p.refused
	if p.unjudged != nil {
		query, err := p.judgedQuery()
		if err != nil {
			return err
		}
		if verdict, err = p.req.db.budget.Judge(p.req.passage, reader, query, p.req.Now()); err != nil {
			return err
		}
		if verdict != nil {
			p.unjudged.Store(verdict)
		}
		p.unjudged = nil
	}
	if verdict == nil || !verdict.Refused {
		return nil
	}
	if p.req.guard.on {
		// The guard runs with a statement, and EXPLAIN is none. A caller whose session has ended must not learn how many rows
		// there are.
		if _, err := reader.Generation(p.shape.Table.Name); err != nil {
			return err
		}
	}
	return p.settle(p.req.passage, verdict)
}

// judgedQuery returns the statements of the first page in each way.
func (p *page) judgedQuery() (*budget.Query, error) {
	gen := p.req.Generator()
	query := &budget.Query{Table: p.shape.Table, Sort: p.shape.Sort, Masked: p.isMasked}
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
	if p.query.Total {
		query.Count, err = p.req.Generator().Count(p.shape.Table, p.shape.Filter, sqlgen.AsPlanned)
	}
	return query, err
}

// settle returns the refusal of a verdict, or nil.
func (p *page) settle(ctx context.Context, verdict *budget.Verdict) error {
	if !verdict.Refused {
		return nil
	}
	d := p.req.db
	d.budget.Refused()
	telemetry.RecordOf(ctx).Refuse(budget.LimitName)
	table := p.shape.Table
	rows := "more rows of " + table.Name + " than the " + grouped(d.budget.Rows()) + " that are allowed"
	if p.seesAll(table) {
		rows = "about " + grouped(verdict.Rows) + " rows of " + table.Name + ", and " + grouped(d.budget.Rows()) + " are allowed"
	}
	message := "the query would read " + rows + ": " + advice(d.rules.Model, verdict)
	cause := fmt.Errorf("the plan reads about %s rows of %s", grouped(verdict.Rows), table.Name)
	return errs.Wrapf(cause, errs.Malformed, "%s", message)
}

// isMasked reports whether the caller may not read a field in every row.
func (p *page) isMasked(f *model.Field) bool {
	own, folder := p.req.db.rules.Field(f), p.req.Folder()
	return own != nil && own.Read != nil && !p.req.Caller().IsSystem() && !rule.AlwaysTrue(folder.Fold(own.Read))
}

// seesAll reports whether the caller may know how many rows a table has.
func (p *page) seesAll(t *model.Table) bool {
	folder := p.req.Folder()
	return rule.AlwaysTrue(folder.Fold(p.req.db.rules.Table(t).Read))
}

// advice says what makes a query read fewer rows.
func advice(m *model.Model, verdict *budget.Verdict) string {
	switch {
	case verdict.Index != nil:
		return "add an index to the table in the model, " + indexing.Line(m, *verdict.Index)
	case verdict.OfTotal:
		return "leave out the total, or narrow the filter"
	}
	return "no index serves this filter and order, so compare a further field with =="
}

// grouped writes a number with commas: 1,200,000.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",")
}

// unjudged is where the verdict about a page belongs.
type unjudged = *atomic.Pointer[budget.Verdict]
