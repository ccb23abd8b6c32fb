package budget

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/indexing"
)

// verdict adds what the statements read, in the order in which a client would leave them out: the list, its total, the
// expansions. What only rules read comes last, because the client cannot change it. The verdict is about the part that
// exceeds the budget.
func (e *estimator) verdict() *Verdict {
	e.findKeys()
	list := e.cheapest()
	all := list
	sum := e.asked(list)
	cause := OfList
	if e.count != nil && !e.exceeds(sum) {
		count := e.parts(e.count)
		sum += e.asked(count)
		all, cause = append(all, withoutRules(count)...), OfTotal
	}
	var related []part
	for _, r := range e.expansions {
		related = append(related, e.parts(r)...)
	}
	all = append(all, related...)
	if !e.exceeds(sum) {
		sum += e.asked(related)
		cause = OfExpansion
	}
	if !e.exceeds(sum) {
		sum += ruleRows(all)
		cause = OfRule
	}
	if !e.exceeds(sum) || e.err != nil {
		return &Verdict{}
	}
	return e.refusal(cause, sum, list, related, all)
}

func (e *estimator) exceeds(rows float64) bool { return rows > float64(e.budget.rows) }

// cheapest returns the parts of the list in the way that reads the fewest rows.
func (e *estimator) cheapest() (best []part) {
	least := 0.0
	for i, r := range e.lists {
		parts := e.parts(r)
		if rows := e.asked(parts) + ruleRows(parts); i == 0 || rows < least {
			best, least = parts, rows
		}
	}
	return best
}

// asked returns the rows that a client asked for, as far as an index or the client could make them fewer.
func (e *estimator) asked(parts []part) (rows float64) {
	for i := range parts {
		if e.isAsked(&parts[i]) {
			rows += parts[i].rows
		}
	}
	return rows
}

func (e *estimator) isAsked(p *part) bool {
	isModels := e.query.ModelsOwn && p.of.expansion == nil && p.view == nil
	return p.use == byClient || (p.use == byItself && !isModels)
}

func ruleRows(parts []part) (rows float64) {
	for i := range parts {
		if parts[i].use == byRule {
			rows += parts[i].rows
		}
	}
	return rows
}

// withoutRules returns the parts that are not of rules. A total has the rules of its list.
func withoutRules(parts []part) (others []part) {
	for _, p := range parts {
		if p.use != byRule {
			others = append(others, p)
		}
	}
	return others
}

// refusal describes what exceeds the budget, by its largest part.
func (e *estimator) refusal(cause Cause, sum float64, list, related, all []part) *Verdict {
	within, counts := list, e.isAsked
	switch cause {
	case OfTotal:
		within = all
	case OfExpansion:
		within = related
	case OfRule:
		within, counts = all, func(p *part) bool { return p.use == byRule }
	}
	var largest *part
	for i := range within {
		if p := &within[i]; counts(p) && (largest == nil || p.rows > largest.rows) {
			largest = p
		}
	}
	v := &Verdict{Refused: true, Cause: cause, Rows: largest.rows, Table: largest.table, View: largest.view}
	if largest.of.expansion != nil {
		v.Path = largest.of.expansion.Path
	}
	rest := 0.0 // what an index for the largest part would not change
	for i := range all {
		if p := &all[i]; e.isAsked(p) || p.use == byRule {
			rest += p.rows
		}
	}
	switch {
	case largest.view != nil:
		v.Index = e.viewIndex(largest, all, rest)
	case cause == OfRule:
		v.Index = e.ruleIndex(largest, all, rest)
	case cause == OfList || cause == OfTotal:
		v.Rows, v.Table = sum, e.query.Table
		v.Index = e.bestIndex()
	}
	return v
}

// rowsAfter estimates what the query reads with an index for a part: rest is what it reads now, and rowsOf estimates a part
// with the index. Other parts that read the table for the same purpose gain too, and what runs within them becomes rarer.
func rowsAfter(p *part, all []part, rest float64, rowsOf func(*part) float64) float64 {
	for i := range all {
		alike := &all[i]
		if alike.table != p.table || alike.view != p.view || alike.use != p.use {
			continue
		}
		rows := min(alike.rows, rowsOf(alike))
		rest -= alike.rows - rows
		for j := range all {
			if within := &all[j]; within.of == alike.of && within.isWithin(alike) {
				rest -= within.rows * (1 - rows/max(alike.rows, 1))
			}
		}
	}
	return rest
}

// isWithin reports whether a part runs again for each row of another part of its statement.
func (p *part) isWithin(other *part) bool {
	return slices.ContainsFunc(p.access.Within, func(around int) bool { return &p.of.plan.Accesses[around] == other.access })
}

// best returns the candidate with the fewest rows, if the query stays within the budget with it.
func (e *estimator) best(columns *indexing.Columns, rowsWith func(indexing.Index) float64) (best *indexing.Index) {
	least := float64(e.budget.rows)
	for _, candidate := range columns.Candidates() {
		if rows := rowsWith(candidate); rows <= least && e.err == nil && (best == nil || rows < least) {
			best, least = &candidate, rows
		}
	}
	return best
}
