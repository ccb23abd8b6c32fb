package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// The rows of a list can be found in more than one way: along the order until the page is full, or through an index that
// serves a part of the conditions, after which they are sorted. Which one is cheap depends on the rows. A blog whose posts
// are nearly all published is to be walked; of one owner's ten documents among a million, the index knows best. SQLite has
// no statistics here and always takes the index; PostgreSQL has none about what belongs to one caller. So a list that has
// partial than one way asks first how far each leads, see Probe.

// Way is how a statement finds its rows.
type Way uint8

const (
	AsPlanned Way = iota // the engine decides
	Walk                 // along the order
	FromSets             // of Count: sets are looked up value by value
	From                 // From + i: through the i-th part of the conditions that an index serves
)

// part is one of the conditions that must all hold.
type part struct {
	node    rule.Node
	client  bool
	equals  *model.Field // it is a comparison of this field with a value
	indexed []rule.Node  // an index serves each of them, and the part holds of no other rows than they do; nil: none does
	usesSet bool         // one of leads is asked from the caller's side
}

// parts are the conditions of a list about the rows of a table.
func (g *Generator) parts(t *model.Table, filter rule.Node) []part {
	var all []part
	add := func(n rule.Node, client bool) {
		folded := g.fold(n)
		if rule.AlwaysTrue(folded) {
			return
		}
		for _, c := range conjuncts(folded) {
			all = append(all, g.part(t, withoutImpossible(c), client))
		}
	}
	if !g.System {
		add(g.Rules.Table(t).Read, false)
	}
	if filter != nil {
		add(filter, !g.System)
	}
	for i, p := range all {
		if slices.ContainsFunc(all[:i], func(before part) bool { return contradict(p.node, before.node) }) {
			return []part{{node: &rule.Const{Value: value.OfBool(false)}}}
		}
		if or, ok := p.node.(*rule.Or); ok {
			if left := compatibleBranches(or, all); len(left.Xs) < len(or.Xs) {
				all[i] = g.part(t, withoutImpossible(left), p.client)
			}
		}
	}
	return all
}

// withoutImpossible is a condition without the branches that cannot be true: for conditions that admit rows.
func withoutImpossible(n rule.Node) rule.Node {
	or, ok := n.(*rule.Or)
	if !ok {
		return n
	}
	left := slices.DeleteFunc(slices.Clone(or.Xs), rule.NeverTrue)
	if len(left) == 1 {
		return left[0]
	}
	return &rule.Or{Xs: left}
}

// compatibleBranches are the branches that can be true where the other parts hold: of a rule that admits what is published and what
// the caller wrote, a filter for drafts leaves the second. One is left where none can be.
func compatibleBranches(or *rule.Or, parts []part) *rule.Or {
	left := slices.DeleteFunc(slices.Clone(or.Xs), func(n rule.Node) bool {
		return slices.ContainsFunc(parts, func(p part) bool { return contradict(n, p.node) })
	})
	if len(left) == 0 {
		left = or.Xs[:1]
	}
	return &rule.Or{Xs: left}
}

// contradict says whether two conditions compare one field of the row with two constants.
func contradict(a, b rule.Node) bool {
	fieldA, valueA := comparedConstant(a)
	fieldB, valueB := comparedConstant(b)
	return fieldA != nil && fieldA == fieldB && valueA.Kind == value.Text && valueB.Kind == value.Text && valueA.Text != valueB.Text
}

func comparedConstant(n rule.Node) (f *model.Field, v value.Value) {
	c, ok := n.(*rule.Compare)
	if !ok || c.Op != rule.Eq {
		return nil, v
	}
	l, r := c.L, c.R
	if _, ok := l.(*rule.Const); ok {
		l, r = r, l
	}
	column, isColumn := l.(*rule.Column)
	constant, isConst := r.(*rule.Const)
	if !isColumn || !isConst || len(column.Path.Steps) > 0 || column.Path.Root.Role != rule.Self {
		return nil, v
	}
	return column.Field, constant.Value
}

func (g *Generator) part(t *model.Table, n rule.Node, client bool) part {
	p := part{node: n, client: client}
	if t.View != nil {
		return p
	}
	p.indexed, p.usesSet = g.indexConditions(n, client)
	if c, ok := n.(*rule.Compare); ok && len(p.indexed) == 1 && !p.usesSet {
		p.equals = comparedField(c)
	}
	return p
}

func (g *Generator) partScope(t *model.Table, alias string, client bool) *scope {
	if client {
		return g.clientScope(t, alias)
	}
	sc := g.modelScope(t, alias)
	sc.allowSets = true
	return sc
}

// indexed are conditions that indexes serve, of which one holds wherever n does.
func (g *Generator) indexConditions(n rule.Node, client bool) (leads []rule.Node, set bool) {
	switch n := n.(type) {
	case *rule.And:
		for _, x := range n.Xs {
			more, isSet := g.indexConditions(x, client)
			if len(more) > 0 && (leads == nil || isSet && !set) {
				leads, set = more, isSet
			}
		}
		return leads, set
	case *rule.Or:
		if !client && g.isUnion(n, &scope{}) {
			return []rule.Node{n}, true
		}
		for _, x := range n.Xs {
			if rule.NeverTrue(x) {
				continue
			}
			more, isSet := g.indexConditions(x, client)
			if len(more) == 0 {
				return nil, false
			}
			leads, set = append(leads, more...), set || isSet
		}
		return leads, set
	}
	if g.indexServes(n, client) {
		return []rule.Node{n}, false
	}
	if !client {
		if _, ok := n.(*rule.Quantified); ok && g.namesCaller(n) {
			return []rule.Node{n}, true
		}
		if _, ok := n.(*rule.Compare); ok && g.namesCaller(n) {
			return []rule.Node{n}, true
		}
	}
	return nil, false
}

// indexServes says whether an index of the row's own table serves a comparison with values.
func (g *Generator) indexServes(n rule.Node, client bool) bool {
	switch n := n.(type) {
	case *rule.Column:
		return g.startsIndex(n, client)
	case *rule.Compare:
		c, other := n.L, n.R
		if _, ok := c.(*rule.Column); !ok {
			c, other = other, c
		}
		column, ok := c.(*rule.Column)
		return ok && n.Op == rule.Eq && isValue(other) && g.startsIndex(column, client) && !g.mixed(c, other)
	case *rule.In:
		column, ok := n.X.(*rule.Column)
		return ok && g.startsIndex(column, client) && !slices.ContainsFunc(n.Items, func(i rule.Node) bool { return !isValue(i) || g.mixed(column, i) })
	}
	return false
}

func comparedField(n *rule.Compare) *model.Field {
	for _, side := range []rule.Node{n.L, n.R} {
		if c, ok := side.(*rule.Column); ok {
			return c.Field
		}
	}
	return nil
}

func isValue(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Param:
		return true
	case *rule.Const:
		return !n.Value.IsNull()
	}
	return false
}

// startsIndex says whether an index of its table starts with a column of the row itself.
func (g *Generator) startsIndex(c *rule.Column, client bool) bool {
	if len(c.Path.Steps) > 0 || c.Path.Root.Role != rule.Self || client && g.mask(c.Field) != nil {
		return false
	}
	return g.Rules.StartsIndex(c.Field)
}

// walkIndex are the fields that are compared with values, if an index gives the order of a list among the rows that have
// those values. Of more than one index it is the one that has most of them.
func (g *Generator) walkIndex(l List, parts []part) (equal []*model.Field, ok bool) {
	for i, k := range l.Sort {
		if k.Desc != l.Sort[0].Desc || g.mask(k.Field) != nil || i > 0 && k.Field.Optional {
			return nil, false
		}
	}
	for _, index := range g.Rules.Table(l.Table).Indexes {
		n := 0
		for n < len(index) && slices.ContainsFunc(parts, func(p part) bool { return p.equals == index[n] }) {
			n++
		}
		for ; n >= 0; n-- {
			if isOrder(index[n:], l.Sort) {
				if !ok || n > len(equal) {
					equal, ok = index[:n], true
				}
				break
			}
		}
	}
	return equal, ok
}

// operator says whether columns of an index are the keys of a sort.
func isOrder(columns []*model.Field, sort []Key) bool {
	return slices.EqualFunc(columns, sort, func(f *model.Field, k Key) bool { return f == k.Field })
}

// plan is how the rows of a list can be found.
type plan struct {
	parts  []part
	walk   bool           // along an index
	equal  []*model.Field // the fields that the index starts with, each compared with a value
	starts [][]int        // of parts: those that an index serves, together where one index has all of them
}

func (g *Generator) planList(l List) plan {
	f := plan{parts: g.parts(l.Table, l.Filter)}
	if l.Table.View != nil {
		return f
	}
	f.equal, f.walk = g.walkIndex(l, f.parts)
	for i, p := range f.parts {
		if g.isStart(p) && p.equals == nil {
			f.starts = append(f.starts, []int{i})
		}
	}
	if !g.Dialect.HasStatistics() {
		f.starts = append(f.starts, g.comparedGroups(l.Table, f)...)
	}
	return f
}

// comparedGroups are the parts that compare fields with values, as the indexes have them. What the walk has anyway is left out,
// and what another has as well: SQLite would choose between two indexes blindly.
func (g *Generator) comparedGroups(t *model.Table, f plan) (all [][]int) {
	for _, index := range g.Rules.Table(t).Indexes {
		var group []int
		walked := true
		for _, field := range index {
			i := slices.IndexFunc(f.parts, func(p part) bool { return p.equals == field })
			if i < 0 {
				break
			}
			group = append(group, i)
			walked = walked && slices.Contains(f.equal, field)
		}
		within := func(a, b []int) bool {
			return !slices.ContainsFunc(a, func(i int) bool { return !slices.Contains(b, i) })
		}
		if len(group) == 0 || walked || slices.ContainsFunc(all, func(other []int) bool { return within(group, other) }) {
			continue
		}
		all = slices.DeleteFunc(all, func(other []int) bool { return within(other, group) })
		all = append(all, group)
	}
	return all
}

// isStart says whether a part is a way of its own. An engine that knows its rows needs that only where they are found from
// the caller's side.
func (g *Generator) isStart(p part) bool {
	return p.usesSet || len(p.indexed) > 0 && !g.Dialect.HasStatistics()
}

// ways are the ways of a list, Walk last; none where the engine's own plan is as good.
func (g *Generator) ways(f plan) []Way {
	var ways []Way
	for i := range f.starts {
		ways = append(ways, From+Way(i))
	}
	if f.walk {
		ways = append(ways, Walk)
	}
	// SQLite takes the only index that there is, PostgreSQL looks through the table for a set that stands below OR.
	if len(f.starts) == 0 || len(ways) < 2 && !g.Dialect.HasStatistics() {
		return nil
	}
	return ways
}

// listConditions writes the parts for one way. What an index serves, and the way does not use, is hidden from the planner. What
// a client asks that costs more than comparisons stands behind the rule, which admits are the conditions of.
func (g *Generator) listConditions(f plan, t *model.Table, way Way) (conds, admits []string) {
	for i, p := range f.parts {
		sc := g.partScope(t, "t0", p.client)
		sc.lookUpSets = way == FromSets
		cond := ""
		if !p.client || g.isCheap(p.node, sc) {
			cond = g.conjunct(p.node, sc)
		} else {
			cond = guardedBy(admits, g.cond(p.node, sc, admit)) // the parts of the rule come first
		}
		if g.isStart(p) && !g.leavesToPlanner(f, way, i) {
			cond = hideFromIndex(cond)
		}
		if !p.client {
			admits = append(admits, cond)
		}
		conds = append(conds, cond)
	}
	if way >= From && g.Dialect.HasStatistics() && g.singleSet(f, way) == nil {
		conds = append(conds, g.Dialect.InQuery(column("t0", "id"), g.candidates(f, t, way)))
	}
	return conds, admits
}

// rows is the table as a list reads it: the rows that one set leads to, or all of them.
func (g *Generator) listFrom(f plan, t *model.Table, way Way) string {
	if way >= From && g.Dialect.HasStatistics() {
		if p := g.singleSet(f, way); p != nil {
			if s, ok := g.setFor(p.indexed[0], g.partScope(t, "q", p.client)); ok {
				g.addTable(t)
				return " FROM (" + g.Dialect.RowsWith("q.*", t.Name, s.field.Name, s.query) + ") AS t0"
			}
		}
	}
	return g.from(t, "t0")
}

// singleSet is the part that a way starts from where that is one set, which has each row once.
func (g *Generator) singleSet(f plan, way Way) *part {
	if p := &f.parts[f.starts[way-From][0]]; p.usesSet && len(p.indexed) == 1 {
		return p
	}
	return nil
}

// leavesToPlanner says whether a way leaves a part to the planner.
func (g *Generator) leavesToPlanner(f plan, way Way, i int) bool {
	switch p := f.parts[i]; way {
	case AsPlanned, FromSets:
		return true
	case Walk:
		return p.equals != nil && slices.Contains(f.equal, p.equals)
	default:
		return !g.Dialect.HasStatistics() && slices.Contains(f.starts[way-From], i)
	}
}

// hideFromIndex is a condition of which no planner makes a search by an index. Where it is NULL it is not true either way.
func hideFromIndex(cond string) string { return "((" + cond + ") IS TRUE)" }

// candidates is a query of the ids of the rows that one part of the conditions leads to.
func (g *Generator) candidates(f plan, t *model.Table, way Way) string {
	group := f.starts[way-From]
	if len(group) > 1 || f.parts[group[0]].equals != nil {
		conds := make([]string, len(group))
		for i, n := range group {
			conds[i] = g.cond(f.parts[n].node, g.partScope(t, "q", f.parts[n].client), admit)
		}
		return "SELECT " + column("q", "id") + g.from(t, "q") + where(conds)
	}
	p := f.parts[group[0]]
	queries := make([]string, len(p.indexed))
	for i, n := range p.indexed {
		if p.usesSet {
			if s, ok := g.setFor(n, g.partScope(t, "q", p.client)); ok {
				queries[i] = g.Dialect.RowsWith(column("q", "id"), t.Name, s.field.Name, s.query)
				continue
			}
		}
		queries[i] = "SELECT " + column("q", "id") + g.from(t, "q") + where([]string{g.cond(n, g.partScope(t, "q", p.client), admit)})
	}
	return strings.Join(queries, " UNION ALL ")
}

// Probe asks how far the ways of a list lead. Its columns are, for each way From, how many rows it has to look at, up to a
// bound. Where none comes to its end and the rows can be walked, two more say how many rows of the page are among the next
// rows of the order, and how many rows follow there at all, up to a window; else they are 0. If those rows are dense enough
// to fill the page within as many rows as the bound, the first of the two counts that far. Input 0 is how many rows the
// page wants, input 1+i key i of the place to go on from.
func (g *Generator) Probe(l List, bound, window int) (*Statement, error) {
	g.stopPropagation(g.folded(l.Filter), g.clientScope(l.Table, "t0"), l.Sort)
	f := g.planList(l)
	counts, names, beyond := g.probeCounts(f, l.Table, bound)
	if !f.walk {
		return g.finish("SELECT " + strings.Join(counts, ", "))
	}
	wanted := g.input(0, value.Int)
	filled := func(rows int) string {
		next := g.nextRows(l, f, rows)
		conds, _ := g.listConditions(f, l.Table, AsPlanned)
		return countRows("SELECT 1 FROM (" + next + ") AS t0" + where(conds) + " LIMIT " + wanted)
	}
	all := strings.Join(beyond, " AND ")
	return g.finish("WITH f AS MATERIALIZED (SELECT " + strings.Join(counts, ", ") + "), " +
		"v AS MATERIALIZED (SELECT f.*, CASE WHEN " + all + " THEN " + filled(window) + " ELSE 0 END AS v FROM f), " +
		"w AS MATERIALIZED (SELECT v.*, CASE WHEN v < " + wanted + " AND v * " + strconv.Itoa(bound/window) + " >= " + wanted +
		" THEN " + filled(bound) + " ELSE v END AS w FROM v) " +
		"SELECT " + strings.Join(names, ", ") + ", w, CASE WHEN " + all + " AND w < " + wanted +
		" THEN " + countRows("SELECT 1 FROM ("+g.nextRows(l, f, window)+") AS n") + " ELSE 0 END FROM w")
}

// probeCounts are columns that count the rows of the ways From up to a bound, their names, and conditions that they reach it.
func (g *Generator) probeCounts(f plan, t *model.Table, bound int) (columns, names, beyond []string) {
	for i := range f.starts {
		name := "c" + strconv.Itoa(i)
		names = append(names, name)
		columns = append(columns, countRows("SELECT 1 FROM ("+g.candidates(f, t, From+Way(i))+") AS c LIMIT "+strconv.Itoa(bound))+" AS "+name)
		beyond = append(beyond, name+" >= "+strconv.Itoa(bound))
	}
	return columns, names, beyond
}

// ProbeCount is Probe for Count.
func (g *Generator) ProbeCount(t *model.Table, filter rule.Node, bound int) (*Statement, error) {
	counts, _, _ := g.probeCounts(g.planList(List{Table: t, Filter: filter, Sort: []Key{{Field: t.ID()}}}), t, bound)
	return g.finish("SELECT " + strings.Join(counts, ", "))
}

func countRows(query string) string { return "(SELECT count(*) FROM (" + query + ") AS n)" }

// nextRows is a query of the next rows of the order, whether the conditions hold or not.
func (g *Generator) nextRows(l List, f plan, rows int) string {
	keys := make([]string, len(l.Sort))
	for i, k := range l.Sort {
		keys[i] = g.field(k.Field, "q", true)
	}
	conds := g.rangeConditions(l, keys, nil) // the keys are in an index, so they are short
	for _, p := range f.parts {
		sc := g.partScope(l.Table, "q", p.client)
		if p.equals != nil && slices.Contains(f.equal, p.equals) || comparesKey(p.node, l.Sort[0].Field) && g.isCheap(p.node, sc) {
			conds = append(conds, g.cond(p.node, sc, admit))
		}
	}
	return "SELECT q.*" + g.from(l.Table, "q") + where(conds) + g.orderBy(l, keys) + " LIMIT " + strconv.Itoa(rows)
}

// comparesKey says whether a condition compares the first key of an order with a value: an index that gives the order
// starts where it holds.
func comparesKey(n rule.Node, key *model.Field) bool {
	c, ok := n.(*rule.Compare)
	if !ok || c.Op == rule.Ne || comparedField(c) != key {
		return false
	}
	l, isL := c.L.(*rule.Column)
	r, isR := c.R.(*rule.Column)
	switch {
	case isL && isValue(c.R):
		return len(l.Path.Steps) == 0 && l.Path.Root.Role == rule.Self
	case isR && isValue(c.L):
		return len(r.Path.Steps) == 0 && r.Path.Root.Role == rule.Self
	}
	return false
}
