package record

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/record/budget"
	"github.com/ashlar-dev/ashlar/internal/record/shape"
	"github.com/ashlar-dev/ashlar/internal/telemetry"
)

// refuse returns the refusal of a verdict. The record of the request gets the advice for the operator, with all names.
func (r *request) refuse(ctx context.Context, s *shape.Shape, v *budget.Verdict) error {
	d := r.db
	d.budget.Refused()
	advice := d.operatorAdvice(s, v)
	if record := telemetry.RecordOf(ctx); record != nil {
		record.Refuse(budget.LimitName)
		record.Advice = advice
	}
	return errs.Wrapf(fmt.Errorf("%s", advice), errs.Malformed, "%s", r.refusalMessage(s, v))
}

// refusalMessage says which part of the request reads too many rows, and what helps. A table that only a rule reads, or that
// the caller may not read at all, is not named.
func (r *request) refusalMessage(s *shape.Shape, v *budget.Verdict) string {
	d := r.db
	allowed := grouped(d.budget.Rows())
	at := place(v)
	if v.Cause == budget.OfRule {
		return "the access rules" + at + " would read more rows than the " + allowed +
			" that one query may read: the request cannot change this, but the operator can; the server's log says how"
	}
	if !r.mayAllow(v.Table, Read) {
		return "the query" + at + " would read more rows than the " + allowed + " that are allowed: " + d.clientAdvice(s, v) +
			"; the server's log says more"
	}
	rows := "more rows of " + v.Table.Name + " than the " + allowed + " that are allowed"
	if r.seesAll(v.Table) {
		rows = "about " + grouped(int64(v.Rows)) + " rows of " + v.Table.Name + ", and " + allowed + " are allowed"
	}
	advice := d.clientAdvice(s, v)
	if v.Index != nil {
		table := "the table"
		if v.Table != s.Table {
			table = v.Table.Name
		}
		advice = "add an index to " + table + " in the model, " + indexing.Line(d.rules.Model, *v.Index)
	}
	return "the query" + at + " would read " + rows + ": " + advice
}

// place says in which part of the request rows are read, if it is not the list itself.
func place(v *budget.Verdict) (at string) {
	if v.View != nil && v.Cause != budget.OfRule {
		at = " of the view " + v.View.Name
	}
	if v.Path != "" {
		at += " (expand=" + v.Path + ")"
	}
	return at
}

// clientAdvice says what makes a query read fewer rows without an index.
func (d *DB) clientAdvice(s *shape.Shape, v *budget.Verdict) string {
	key := "ask with a key whose scope stands in limits.query.except"
	switch {
	case v.Cause == budget.OfTotal:
		return "leave out the total, or narrow the filter"
	case v.View != nil && v.Cause == budget.OfExpansion:
		return "no index that we know helps: leave out the expansion, or " + key
	case v.View != nil:
		return "no index that we know helps: compare a field that the view takes from a table with ==, or " + key
	case v.Cause == budget.OfExpansion:
		return "no index helps: leave out the expansion, or expand the rows of a narrower list"
	}
	return "no index serves this filter and order, so compare a further field with =="
}

// operatorAdvice says for the log what reads the rows, and which index helps.
func (d *DB) operatorAdvice(s *shape.Shape, v *budget.Verdict) string {
	reader := "the query"
	switch {
	case v.Cause == budget.OfRule && v.View != nil:
		reader = "an access rule, through the view " + v.View.Name + ","
	case v.Cause == budget.OfRule:
		reader = "an access rule"
	case v.View != nil:
		reader = "the view " + v.View.Name
	}
	rows := reader + " reads about " + grouped(int64(v.Rows)) + " rows"
	if v.Table != nil {
		rows += " of " + v.Table.Name
	}
	if v.Path != "" {
		rows += " for expand=" + v.Path
	}
	if v.Index == nil {
		return rows + ": no index that we know helps"
	}
	return rows + ": add to " + v.Index.Table + " " + indexing.Line(d.rules.Model, *v.Index)
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
