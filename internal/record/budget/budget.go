// Package budget estimates how many rows a client's query would read, before the query runs.
//
// The engine says how it would find the rows. The package counts how many there are: of tables, and of the values in an
// index. See docs/decisions/0040-query-budget.md.
package budget

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/ashlar-dev/ashlar/internal/apilimit"
	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/store"
)

const (
	// lookAgain is the age at which a verdict and a count are too old. A table may have grown.
	lookAgain = time.Minute
	// PageRows is the number of rows that an estimate expects a page to read.
	PageRows = apilimit.DefaultLimit + 1
)

// LimitName is the name of the limit in records of refused requests.
const LimitName = "query-rows"

// A Budget judges queries. It is safe for concurrent use.
type Budget struct {
	rows    int64
	model   *model.Model
	indexes func(*model.Table) [][]*model.Field
	counts  *counts
	queries map[*model.Table]*viewQuery // of the views

	looks, refusals atomic.Int64
}

// New returns a Budget that allows a query to read a number of rows. It returns nil if the number is 0.
func New(rules *rule.Rules, dialect sqlgen.Dialect, rows int) *Budget {
	if rows == 0 {
		return nil
	}
	queries := map[*model.Table]*viewQuery{}
	for _, table := range rules.Model.Views {
		queries[table] = parseView(table.View, dialect.ViewQuery(table.View))
	}
	indexes := func(t *model.Table) [][]*model.Field { return rules.Table(t).Indexes }
	return &Budget{rows: int64(rows), model: rules.Model, indexes: indexes, counts: newCounts(), queries: queries}
}

// Rows returns the number of rows that a query may read.
func (b *Budget) Rows() int64 { return b.rows }

// Stats are counts of a Budget.
type Stats struct{ Looks, Refusals int64 }

// Stats returns counts. A nil Budget has none.
func (b *Budget) Stats() Stats {
	if b == nil {
		return Stats{}
	}
	return Stats{Looks: b.looks.Load(), Refusals: b.refusals.Load()}
}

// Refused counts a refused query.
func (b *Budget) Refused() { b.refusals.Add(1) }

// A Query is a read of a client's: a list, or one row of a view or with expansions.
type Query struct {
	Table  *model.Table
	Filter rule.Node // folded; nil: none
	Rule   rule.Node // the folded read rule of the table
	Sort   []sqlgen.Key
	Lists  []*sqlgen.Statement // the list in each way, with a limit of PageRows; the cheapest will run
	Count  *sqlgen.Statement   // nil if no total is wanted
	Single bool                // one row by its id, in place of a list

	// ModelsOwn says that the client neither filters nor sorts a table. No index of the table would help such a list.
	ModelsOwn bool

	Expansions []Expansion // parents before those below

	Masked func(*model.Field) bool                          // reports whether the caller may not read the field in every row
	Rules  func(tables []*model.Table) (folded []rule.Node) // the folded read rules of tables and of their fields
}

// An Expansion is one statement of a read, which reads related rows for all rows above at once.
type Expansion struct {
	Stmt     *sqlgen.Statement
	Relation *model.Relation
	Path     string    // as a client asks for it: author.posts
	Above    int       // position of the expansion above; -1: the list
	Rule     rule.Node // the folded read rule of its rows
}

// A Cause is the part of a read that exceeds the budget.
type Cause uint8

const (
	OfList      Cause = iota // the list's own rows, and tables that its filter reads
	OfTotal                  // the list alone would be allowed
	OfExpansion              // list and total alone would be allowed
	OfRule                   // the access rules read other tables
)

// A Verdict is what a query was found to read.
type Verdict struct {
	Refused bool  // more than the budget allows
	Cause   Cause // what exceeded the budget

	Rows  float64         // about so many of Table
	Table *model.Table    // whose rows they are
	View  *model.Table    // whose query reads Table; nil: none
	Path  string          // of the expansion; "": none
	Index *indexing.Index // would serve the query; nil: no index that we know
	at    int64           // microseconds since 1970
}

// Fresh reports whether a verdict still holds. A request that began before the look may come after it.
func (v *Verdict) Fresh(now int64) bool { return now-v.at < lookAgain.Microseconds() }

// Renewed returns the verdict for the time in which another request looks again.
func (v *Verdict) Renewed(now int64) *Verdict {
	renewed := *v
	renewed.at = now
	return &renewed
}

// Judge estimates the rows of a query. Without a plan it returns nil, and the next request looks again. It runs before the
// reader's first statement. now is in microseconds since 1970.
func (b *Budget) Judge(ctx context.Context, reader store.Reader, q *Query, now int64) (*Verdict, error) {
	b.looks.Add(1)
	e := &estimator{ctx: ctx, budget: b, reader: reader, query: q, now: now}
	switch err := e.explain(); {
	case err != nil && (ctx.Err() != nil || errors.Is(err, errors.ErrUnsupported)):
		return nil, err
	case err != nil: // the statement itself will tell what is wrong, or runs into its deadline
		return nil, nil
	}
	verdict := e.verdict()
	verdict.at = now
	return verdict, e.err
}
