package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/store"
)

// lookedAt is the name of the statement whose plan is asked for. It lasts for one packet.
const lookedAt = "ashlar_looked_at"

// Explain implements store.Reader. The plan is the generic one, which does not depend on the values of a single request. One
// packet holds all that it takes, so that it works behind a pooler too. No parameter has a value.
func (r *reader) Explain(sql string, params int) (store.Plan, error) {
	if r.c == nil || r.s != nil || r.started {
		return store.Plan{}, errors.ErrUnsupported
	}
	values := ""
	if params > 0 {
		values = "(NULL" + strings.Repeat(", NULL", params-1) + ")"
	}
	packet := "SET LOCAL plan_cache_mode = force_generic_plan; PREPARE " + lookedAt + " AS " + sql +
		"; EXPLAIN (FORMAT JSON) EXECUTE " + lookedAt + values + "; DEALLOCATE " + lookedAt
	results, err := r.c.raw.Exec(context.Background(), packet).ReadAll()
	if err != nil {
		err = r.translate(err)
		r.err = r.restart() // the prepared statement may still be on the connection
		return store.Plan{}, err
	}
	var text []byte
	for _, result := range results {
		for _, row := range result.Rows {
			text = append(text, row[0]...)
		}
	}
	var plans []struct{ Plan genericNode }
	if err := json.Unmarshal(text, &plans); err != nil {
		return store.Plan{}, err
	}
	if len(plans) != 1 {
		return store.Plan{}, errors.New("EXPLAIN returned no plan")
	}
	p := planReader{}
	p.node(&plans[0].Plan, nil, false)
	return p.plan, nil
}

// Explain implements store.Reader.
func (*tx) Explain(string, int) (store.Plan, error) { return store.Plan{}, errors.ErrUnsupported }

// genericNode is a node of a plan that did not run.
type genericNode struct {
	Type      string        `json:"Node Type"`
	Join      string        `json:"Join Type"`
	Relation  string        `json:"Relation Name"`
	Alias     string        `json:"Alias"`
	IndexCond string        `json:"Index Cond"`
	Role      string        `json:"Parent Relationship"`
	Subplan   string        `json:"Subplan Name"`
	Filter    string        `json:"Filter"`
	Plans     []genericNode `json:"Plans"`
}

// planReader reads the nodes of a plan.
type planReader struct{ plan store.Plan }

// node reads a node and those below. It returns the accesses whose rows the node gives out. A collected node gives out no
// row before it has read all.
func (p *planReader) node(n *genericNode, within []int, collected bool) (rows []int) {
	switch n.Type {
	case "Sort", "Incremental Sort", "Hash", "Aggregate", "WindowAgg", "Materialize", "SetOp":
		collected = true
	}
	if n.Relation != "" || n.Type == "Function Scan" { // of a list of keys
		rows = p.accesses(n, within, collected)
	}
	around, first := within, []int(nil)
	for i := range n.Plans {
		below := &n.Plans[i]
		if isSubquery(below) || (n.Relation != "" && below.Type != "Subquery Scan") {
			continue
		}
		loops := around
		if below.Type == "Materialize" { // read once, for all rows of the loop beside it
			loops = within
		}
		found := p.node(below, loops, collected)
		if rows = append(rows, found...); first == nil {
			first = slices.Clone(found)
		}
		if n.Type == "Nested Loop" {
			around = slices.Concat(around, found)
		}
	}
	if first != nil && (n.Join == "Semi" || n.Join == "Anti" || n.Type == "Hash Join" || n.Type == "Merge Join") {
		rows = first // about as many rows as the outer side has
	}
	for i := range n.Plans {
		below := &n.Plans[i]
		switch {
		case !isSubquery(below):
		case below.Role == "InitPlan" || strings.Contains(n.Filter, "hashed "+below.Subplan):
			p.node(below, nil, true)
		default:
			p.node(below, slices.Concat(within, rows), true)
		}
	}
	return rows
}

func isSubquery(n *genericNode) bool { return n.Role == "SubPlan" || n.Role == "InitPlan" }

// accesses adds the accesses of a scan: one, or one for each index of an OR.
func (p *planReader) accesses(n *genericNode, within []int, collected bool) (added []int) {
	add := func(conds string) {
		equal, ranged := plannedColumns(conds)
		added = append(added, len(p.plan.Accesses))
		p.plan.Accesses = append(p.plan.Accesses, store.Access{
			Alias: n.Alias, Table: n.Relation, Equal: equal, Ranged: ranged, Within: slices.Clone(within), Collected: collected,
		})
	}
	if n.Type != "Bitmap Heap Scan" {
		add(n.IndexCond)
		return added
	}
	collected = true // of the bitmap, which is made before the first row
	for i := range n.Plans {
		for _, conds := range bitmapConds(&n.Plans[i]) {
			add(conds)
		}
	}
	return added[:min(len(added), 1)]
}

// bitmapConds returns the conditions of the parts of a bitmap. A row must be in one of the parts.
func bitmapConds(n *genericNode) (parts []string) {
	switch n.Type {
	case "Bitmap Index Scan":
		return []string{n.IndexCond}
	case "BitmapAnd":
		var all string
		for i := range n.Plans {
			all += strings.Join(bitmapConds(&n.Plans[i]), " AND ")
		}
		return []string{all}
	}
	for i := range n.Plans {
		parts = append(parts, bitmapConds(&n.Plans[i])...)
	}
	return parts
}

// indexCond matches a condition such as (state = $1), (t0.id = ANY ($1)) or (ROW(created_at, id) > ROW($1, $2)).
var indexCond = regexp.MustCompile(`\((?:ROW\()?(?:"?\w+"?\.)?"?(\w+)"?[^()]*?\)? (=|<=|>=|<|>|IS) `)

func plannedColumns(conds string) (equal, ranged []string) {
	for _, match := range indexCond.FindAllStringSubmatch(conds, -1) {
		if match[2] == "=" || match[2] == "IS" {
			equal = append(equal, match[1])
		} else {
			ranged = append(ranged, match[1])
		}
	}
	return equal, ranged
}
