package sqlite

import (
	"errors"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Explain implements store.Reader. The plan does not depend on values, because SQLite gathers none about them.
func (c *conn) Explain(sql string, _ int) (store.Plan, error) {
	lines, err := c.planLines(sql)
	if err != nil {
		return store.Plan{}, c.translate(err, sql)
	}
	p := planner{lines: lines, sorts: slices.ContainsFunc(lines, planLine.sortsAll)}
	p.level(0, nil, p.sorts)
	return p.plan, nil
}

// Explain implements store.Reader.
func (*tx) Explain(string, int) (store.Plan, error) { return store.Plan{}, errors.ErrUnsupported }

// A planLine is a row of EXPLAIN QUERY PLAN.
type planLine struct {
	id, parent int64
	detail     string
}

// checkSchema makes a connection notice that another one has changed the tables. EXPLAIN does not look.
const checkSchema = "SELECT 1 FROM sqlite_schema LIMIT 1"

// planLines does not keep the statement, which hardly comes again.
func (c *conn) planLines(sql string) (lines []planLine, err error) {
	if err := c.query(checkSchema, nil, func(value.Row) error { return nil }); err != nil {
		return nil, err
	}
	stmt, _, err := c.raw.PrepareTransient("EXPLAIN QUERY PLAN " + sql)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stmt.Finalize()) }()
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return lines, err
		}
		lines = append(lines, planLine{stmt.ColumnInt64(0), stmt.ColumnInt64(1), stmt.ColumnText(planDetail)})
	}
}

// sortsAll reports whether the result is sorted, grouped or made distinct as a whole.
func (l planLine) sortsAll() bool {
	return l.parent == 0 && strings.HasPrefix(l.detail, "USE TEMP B-TREE")
}

// planner reads the lines of a plan.
type planner struct {
	lines []planLine
	sorts bool
	plan  store.Plan
}

// level reads the lines below one. Loops at a level stand in their order, each inside the ones before. Subqueries follow
// the loops, and a correlated one runs for each of their rows. A query in FROM that SQLite could not merge is read as a
// whole: the plan does not say whether it gives out rows early.
func (p *planner) level(parent int64, within []int, collected bool) {
	loops := slices.Clone(within)
	for _, line := range p.lines {
		if line.parent != parent {
			continue
		}
		kind, rest, _ := strings.Cut(line.detail, " ")
		switch {
		case kind == "SCAN" || kind == "SEARCH":
			loops = append(loops, p.access(rest, loops, collected))
		case line.detail == "MULTI-INDEX OR":
			first := len(p.plan.Accesses)
			p.alternatives(line.id, loops, collected)
			if len(p.plan.Accesses) > first {
				loops = append(loops, first)
			}
		case kind == "CORRELATED":
			p.level(line.id, loops, false)
		default:
			p.level(line.id, within, kind == "CO-ROUTINE" || kind == "MATERIALIZE")
		}
	}
}

// alternatives reads the parts of a search by several indexes. Each part looks up some of the rows.
func (p *planner) alternatives(parent int64, within []int, collected bool) {
	for _, part := range p.lines {
		if part.parent != parent {
			continue
		}
		for _, line := range p.lines {
			if rest, ok := strings.CutPrefix(line.detail, "SEARCH "); ok && line.parent == part.id {
				p.access(rest, within, collected)
			}
		}
	}
}

// access adds an access, as in "t0 USING INDEX posts_state (state=? AND id>?)", and returns its position.
func (p *planner) access(detail string, within []int, collected bool) int {
	alias, how, _ := strings.Cut(detail, " ")
	access := store.Access{Alias: alias, Within: slices.Clone(within), Collected: collected}
	if strings.Contains(how, "AUTOMATIC") {
		access.Within = nil // SQLite makes the index once, from the whole table
	} else if _, conds, ok := strings.Cut(how, " ("); ok {
		for cond := range strings.SplitSeq(conds, " AND ") {
			if strings.HasPrefix(cond, "ANY(") { // a skip-scan, whose number of values we do not know
				access.Equal, access.Ranged = nil, nil
				break
			}
			access.Equal, access.Ranged = addColumn(access.Equal, access.Ranged, cond)
		}
	}
	p.plan.Accesses = append(p.plan.Accesses, access)
	return len(p.plan.Accesses) - 1
}

// addColumn adds the column of a condition such as state=? or (created_at,id)>(?,?).
func addColumn(equal, ranged []string, cond string) (_, _ []string) {
	at := strings.IndexAny(cond, "=<>")
	if at < 0 {
		return equal, ranged
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(cond[:at], "("), ",")
	if name = strings.TrimSuffix(name, ")"); name == "rowid" {
		name = "id"
	}
	if cond[at] == '=' {
		return append(equal, name), ranged
	}
	return equal, append(ranged, name)
}
