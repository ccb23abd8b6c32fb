package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A rule such as org.members.exists(m, m.user_id == auth.id) admits few of many rows, and says how to find them. The
// caller's memberships lead to organisations, and organisations lead to rows. With EXISTS about each row, SQLite looks at
// all rows. So a statement that reads many rows asks such a condition from the caller's side:
//
//	t0.org_id IN (SELECT t1.org_id FROM members AS t1 WHERE t1.user_id = ?)
//
// IN is NULL if a value on either side is missing. So this form only serves conditions that admit rows.

// asSet writes a condition that names the caller from the caller's side. It reports false for any other condition.
func (g *Generator) asSet(node rule.Node, sc *scope) (sql string, ok bool) {
	if !sc.allowSets || sc.client {
		return "", false
	}
	found, ok := g.setFor(node, sc)
	if !ok {
		return "", false
	}
	sql = g.field(found.field, found.alias, false) + " IN (" + found.query + ")"
	if sc.lookUpSets {
		sql = g.Dialect.InQuery(g.field(found.field, found.alias, false), found.query)
	}
	if many, ok := node.(*rule.Quantified); ok && found.partial {
		sql = "(" + sql + " AND " + g.quantifyItems(many, sc, admit) + ")"
	}
	return sql, true
}

// A callerSet is a condition that names the caller, as the set of values that a field of the row must have.
type callerSet struct {
	field   *model.Field
	alias   string // of the row
	query   string
	partial bool // the condition asks more of the row
}

// setFor returns the set of a condition. It reports false for a comparison with no step, since an index serves it as it
// is.
func (g *Generator) setFor(node rule.Node, sc *scope) (callerSet, bool) {
	if !g.namesCaller(node) {
		return callerSet{}, false
	}
	switch n := node.(type) {
	case *rule.Compare:
		column, who, _ := callerEquality(n)
		if column = g.withoutLastStep(column, sc); len(column.Path.Steps) == 0 {
			return callerSet{}, false
		}
		return g.setAlongPath(column, sc, func(last *rule.Column, sc *scope) string {
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

// isUnion reports whether all branches of a condition lead to one field. For example, the caller's own posts, the posts
// of friends and the posts of their friends are the posts of one set of authors.
func (g *Generator) isUnion(or *rule.Or, sc *scope) bool {
	var one *model.Field
	var root *rule.Row
	steps := false
	for _, node := range or.Xs {
		if rule.NeverTrue(node) {
			continue
		}
		column := g.startColumn(node, sc)
		if column == nil {
			return false
		}
		steps = steps || len(column.Path.Steps) > 0
		if _, many := node.(*rule.Quantified); many {
			steps = true
		}
		field := column.Field
		if len(column.Path.Steps) > 0 {
			field = column.Path.Steps[0].Field
		}
		if one != nil && (field != one || column.Path.Root != root) {
			return false
		}
		one, root = field, column.Path.Root
	}
	return steps // with no step, an index serves the condition as it is
}

// startColumn returns the column that a condition on the caller starts from. It returns nil if the condition asks more.
func (g *Generator) startColumn(node rule.Node, sc *scope) *rule.Column {
	switch n := node.(type) {
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

// unionSet returns the set of a condition that isUnion.
func (g *Generator) unionSet(or *rule.Or, sc *scope) callerSet {
	var queries []string
	var one callerSet
	for _, node := range or.Xs {
		if rule.NeverTrue(node) {
			continue
		}
		found, ok := g.setFor(node, sc)
		if !ok { // a comparison with no step
			column, who, _ := callerEquality(node.(*rule.Compare))
			column = g.withoutLastStep(column, sc)
			found = callerSet{field: column.Field, alias: sc.find(column.Path.Root).alias, query: "SELECT " + g.callerValue(who, column.Field)}
		}
		queries = append(queries, found.query)
		one.field, one.alias = found.field, found.alias
	}
	one.query = strings.Join(queries, " UNION ALL ")
	return one
}

// callerValue returns the identity of the caller as a field stores it.
func (g *Generator) callerValue(who *rule.Param, field *model.Field) string {
	if field.Type == model.UUID && g.Dialect.StoresUUID() {
		sql, _ := g.boundUUID(who)
		return sql
	}
	return g.value(who, nil)
}

// setOfItems returns the set of a quantifier.
func (g *Generator) setOfItems(quant *rule.Quantified, sc *scope) callerSet {
	item := g.alias()
	inner := sc.nested(quant.Item, item)
	var conds []string
	more := false
	for _, part := range conjuncts(quant.Body) {
		if rule.RootedIn(part, quant.Item) {
			conds = append(conds, g.cond(part, inner, admit))
		} else {
			more = true
		}
	}
	items := "SELECT " + g.field(quant.Relation.Field, item, false) + g.from(quant.Relation.To, item) + where(conds)
	parent := g.withoutLastStep(&rule.Column{Path: quant.From, Field: quant.From.Table().ID()}, sc)
	if len(parent.Path.Steps) == 0 {
		return callerSet{parent.Field, sc.find(parent.Path.Root).alias, items, more}
	}
	found := g.setAlongPath(parent, sc, func(last *rule.Column, sc *scope) string {
		return g.field(last.Field, sc.find(last.Path.Root).alias, false) + " IN (" + items + ")"
	})
	found.partial = more
	return found
}

// setAlongPath returns the set of a condition on the column at the end of a path. The set has the values of the path's
// first reference.
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

// namesCaller reports whether a condition of the model holds for few rows, and an index finds them by the identity of
// the caller.
func (g *Generator) namesCaller(node rule.Node) bool {
	switch n := node.(type) {
	case *rule.Compare:
		c, _, ok := callerEquality(n)
		return ok && g.Rules.StartsIndex(c.Field) && c.Path.Root.Role != rule.Old
	case *rule.And:
		for _, branch := range n.Xs {
			if g.namesCaller(branch) {
				return true
			}
		}
	case *rule.Or:
		for _, branch := range n.Xs {
			if !g.namesCaller(branch) && !rule.NeverTrue(branch) {
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

// callerEquality returns the two sides of `column == caller`, in this order.
func callerEquality(compare *rule.Compare) (column *rule.Column, who *rule.Param, ok bool) {
	if compare.Op != rule.Eq {
		return nil, nil, false
	}
	left, right := compare.L, compare.R
	if _, param := left.(*rule.Param); param {
		left, right = right, left
	}
	column, isColumn := left.(*rule.Column)
	who, isParam := right.(*rule.Param)
	return column, who, isColumn && isParam && rule.IdentifiesCaller(who.Slot.Node)
}

// conjuncts returns the conditions that must all hold.
func conjuncts(node rule.Node) []rule.Node {
	and, ok := node.(*rule.And)
	if !ok {
		return []rule.Node{node}
	}
	var all []rule.Node
	for _, x := range and.Xs {
		all = append(all, conjuncts(x)...)
	}
	return all
}
