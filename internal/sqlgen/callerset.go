package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A rule such as org.members.exists(m, m.user_id == auth.id) admits few rows of many, and says itself how to find them:
// the caller's memberships lead to the organisations, and those to the rows. Written as EXISTS about each row, SQLite
// looks at all rows. A statement that reads many rows therefore asks such a condition from the caller's side:
//
//	t0.org_id IN (SELECT t1.org_id FROM members AS t1 WHERE t1.user_id = ?)
//
// A missing value on either side makes IN NULL, which is not true: this form is for loose conditions alone.

// asSet writes a condition from the caller's side, where it names the caller.
func (g *Generator) asSet(n rule.Node, sc *scope) (sql string, ok bool) {
	if !sc.allowSets || sc.client {
		return "", false
	}
	s, ok := g.setFor(n, sc)
	if !ok {
		return "", false
	}
	sql = g.field(s.field, s.alias, false) + " IN (" + s.query + ")"
	if sc.lookUpSets {
		sql = g.Dialect.InQuery(g.field(s.field, s.alias, false), s.query)
	}
	if many, ok := n.(*rule.Quantified); ok && s.more { // the caller's items are found first, then compared with the row
		sql = "(" + sql + " AND " + g.quantifyItems(many, sc, admit) + ")"
	}
	return sql, true
}

// set is what a condition that names the caller leads to: the values that a field of the row must have.
type callerSet struct {
	field *model.Field
	alias string // of the row
	query string
	more  bool // the condition asks more of the row than that
}

// setFor turns a condition around. A comparison without a step is no set: an index serves it as it is.
func (g *Generator) setFor(n rule.Node, sc *scope) (callerSet, bool) {
	if !g.namesCaller(n) {
		return callerSet{}, false
	}
	switch n := n.(type) {
	case *rule.Compare:
		c, who, _ := callerEquality(n)
		if c = g.withoutLastStep(c, sc); len(c.Path.Steps) == 0 {
			return callerSet{}, false
		}
		return g.setAlongPath(c, sc, func(last *rule.Column, sc *scope) string {
			return g.equality(rule.Eq, last, who, sc, admit)
		}), true
	case *rule.Quantified:
		return g.setOfItems(n, sc), true
	case *rule.Or:
		if g.isUnion(n, sc) {
			return g.unionSet(n, sc), true
		}
	}
	return callerSet{}, false
}

// isUnion says whether the branches of a condition lead to one field: the caller's own rows, those of friends and those of
// friends of friends are the rows of one set of authors.
func (g *Generator) isUnion(n *rule.Or, sc *scope) bool {
	var one *model.Field
	var root *rule.Row
	steps := false
	for _, x := range n.Xs {
		if rule.NeverTrue(x) {
			continue
		}
		c := g.startColumn(x, sc)
		if c == nil {
			return false
		}
		steps = steps || len(c.Path.Steps) > 0
		if _, many := x.(*rule.Quantified); many {
			steps = true
		}
		f := c.Field
		if len(c.Path.Steps) > 0 {
			f = c.Path.Steps[0].Field
		}
		if one != nil && (f != one || c.Path.Root != root) {
			return false
		}
		one, root = f, c.Path.Root
	}
	return steps // else an index serves it as it is
}

// start is the column that a condition which names the caller starts from, nil where it asks more than that.
func (g *Generator) startColumn(n rule.Node, sc *scope) *rule.Column {
	switch n := n.(type) {
	case *rule.Compare:
		if c, _, ok := callerEquality(n); ok && g.namesCaller(n) {
			return g.withoutLastStep(c, sc)
		}
	case *rule.Quantified:
		if g.namesCaller(n) && rule.RootedIn(n.Body, n.Item) {
			return g.withoutLastStep(&rule.Column{Path: n.From, Field: n.From.Table().ID()}, sc)
		}
	}
	return nil
}

func (g *Generator) unionSet(n *rule.Or, sc *scope) callerSet {
	var queries []string
	var one callerSet
	for _, x := range n.Xs {
		if rule.NeverTrue(x) {
			continue
		}
		s, ok := g.setFor(x, sc)
		if !ok { // an equality
			column, who, _ := callerEquality(x.(*rule.Compare))
			c := g.withoutLastStep(column, sc)
			s = callerSet{field: c.Field, alias: sc.find(c.Path.Root).alias, query: "SELECT " + g.callerValue(who, c.Field)}
		}
		queries = append(queries, s.query)
		one.field, one.alias = s.field, s.alias
	}
	one.query = strings.Join(queries, " UNION ALL ")
	return one
}

// callerValue writes what the caller is compared by as a field stores it.
func (g *Generator) callerValue(who *rule.Param, f *model.Field) string {
	if f.Type == model.UUID && g.Dialect.StoresUUID() {
		sql, _ := g.boundUUID(who)
		return sql
	}
	return g.value(who, nil)
}

func (g *Generator) setOfItems(n *rule.Quantified, sc *scope) callerSet {
	item := g.alias()
	inner := sc.nested(n.Item, item)
	var conds []string
	more := false
	for _, part := range conjuncts(n.Body) {
		if rule.RootedIn(part, n.Item) {
			conds = append(conds, g.cond(part, inner, admit))
		} else {
			more = true
		}
	}
	items := "SELECT " + g.field(n.Relation.Field, item, false) + g.from(n.Relation.To, item) + where(conds)
	parent := g.withoutLastStep(&rule.Column{Path: n.From, Field: n.From.Table().ID()}, sc)
	if len(parent.Path.Steps) == 0 {
		return callerSet{parent.Field, sc.find(parent.Path.Root).alias, items, more}
	}
	s := g.setAlongPath(parent, sc, func(last *rule.Column, sc *scope) string {
		return g.field(last.Field, sc.find(last.Path.Root).alias, false) + " IN (" + items + ")"
	})
	s.more = more
	return s
}

// setAlongPath is the set of the rows that a condition on a column at the end of a path holds of, as what the path's first
// reference leads to.
func (g *Generator) setAlongPath(c *rule.Column, sc *scope, cond func(*rule.Column, *scope) string) callerSet {
	step := c.Path.Steps[0]
	row, alias := &rule.Row{Table: step.To, Role: rule.Item}, g.alias()
	rest := g.withoutLastStep(&rule.Column{Path: rule.Path{Root: row, Steps: c.Path.Steps[1:]}, Field: c.Field}, sc)
	inner := sc.nested(row, alias)
	holds := ""
	if len(rest.Path.Steps) == 0 {
		holds = cond(rest, inner)
	} else {
		behind := g.setAlongPath(rest, inner, cond)
		holds = g.field(behind.field, behind.alias, false) + " IN (" + behind.query + ")"
	}
	return callerSet{field: step.Field, alias: sc.find(c.Path.Root).alias, query: "SELECT " + column(alias, "id") + g.from(step.To, alias) + " WHERE " + holds}
}

// names says whether a condition, seen by the model, holds of few rows that an index finds by who asks.
func (g *Generator) namesCaller(n rule.Node) bool {
	switch n := n.(type) {
	case *rule.Compare:
		c, _, ok := callerEquality(n)
		return ok && g.Rules.StartsIndex(c.Field) && c.Path.Root.Role != rule.Old
	case *rule.And:
		for _, x := range n.Xs {
			if g.namesCaller(x) {
				return true
			}
		}
	case *rule.Or:
		for _, x := range n.Xs {
			if !g.namesCaller(x) && !rule.NeverTrue(x) {
				return false
			}
		}
		return true
	case *rule.Quantified:
		if n.Quantifier != rule.Exists || n.Relation.To.View != nil || n.From.Root.Role == rule.Old {
			return false
		}
		for _, part := range conjuncts(n.Body) {
			if rule.RootedIn(part, n.Item) && g.namesCaller(part) {
				return true
			}
		}
	}
	return false
}

// callerEquality takes apart the comparison of a column with what a rule says of the caller.
func callerEquality(n *rule.Compare) (c *rule.Column, who *rule.Param, ok bool) {
	if n.Op != rule.Eq {
		return nil, nil, false
	}
	l, r := n.L, n.R
	if _, param := l.(*rule.Param); param {
		l, r = r, l
	}
	c, isColumn := l.(*rule.Column)
	who, isParam := r.(*rule.Param)
	return c, who, isColumn && isParam && rule.IdentifiesCaller(who.Slot.Node)
}

// conjuncts are the parts of a condition that must all hold.
func conjuncts(n rule.Node) []rule.Node {
	and, ok := n.(*rule.And)
	if !ok {
		return []rule.Node{n}
	}
	var all []rule.Node
	for _, x := range and.Xs {
		all = append(all, conjuncts(x)...)
	}
	return all
}
