package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// many writes a question about the rows of a to-many relation.
func (g *Generator) many(n *rule.Quantified, sc *scope, m mode) string {
	if m == loose {
		if sql, ok := g.turned(n, sc); ok {
			return sql
		}
	}
	return g.manyOfRow(n, sc, m)
}

// manyOfRow asks about the items of each row.
func (g *Generator) manyOfRow(n *rule.Quantified, sc *scope, m mode) string {
	parent := g.column(&rule.Column{Path: n.From, Field: n.From.Table().ID()}, sc)
	item := g.alias()
	inner := sc.with(n.Item, item)
	link := []string{g.field(n.Relation.Field, item, sc.client) + " = " + parent}
	rows := rows{
		from:   g.source(n.Relation.To, item),
		link:   append(link, g.others(n.Relation.To, item, sc)...),
		admits: g.readableItem(n, item, sc),
	}
	sql, strict := g.ask(n, rows, inner, m)
	if strict && (len(n.From.Steps) > 0 || n.From.Root.Role == rule.Old) { // where the row is missing, so is the list, and asking about it fails
		return "(CASE WHEN " + parent + " IS NOT NULL THEN " + sql + " END)"
	}
	return sql
}

func (g *Generator) readableItem(n *rule.Quantified, alias string, sc *scope) []string {
	if !sc.client {
		return nil
	}
	return g.readable(n.Relation.To, alias)
}

// rows are the items that a question is about.
type rows struct {
	from   string
	link   []string // the conditions that they belong to the parent and are asked about at all
	admits []string // the condition that the client may read them, as readable returns it
}

func (r rows) query(columns string, more ...string) string {
	conds := slices.Concat(r.link, r.admits, more)
	return "SELECT " + columns + " FROM " + r.from + " WHERE " + strings.Join(conds, " AND ")
}

// meets are the conditions that an item meets the body, for query.
func (g *Generator) meets(n *rule.Quantified, r rows, sc *scope) []string {
	return g.guarded(n.Body, sc, r.admits)
}

// fails is the condition that an item does not.
func (g *Generator) fails(n *rule.Quantified, r rows, sc *scope) string {
	cond := "(" + g.cond(n.Body, sc, exact) + ") IS NOT TRUE"
	if g.cheap(n.Body, sc) {
		return cond
	}
	return behind(r.admits, cond)
}

// ask writes the question. strict says whether the answer must fail where the parent is missing: without a parent there
// are no items, so that a loose exists is not true as it is.
func (g *Generator) ask(n *rule.Quantified, r rows, sc *scope, m mode) (sql string, strict bool) {
	if n.Quantifier == rule.Count {
		return "(" + r.query("count(*)") + ")", true
	}
	fails := conditionFails(n.Body)
	switch n.Quantifier {
	case rule.Exists:
		if m == loose || !fails {
			return "EXISTS (" + r.query("1", g.meets(n, r, sc)...) + ")", m == exact
		}
		return g.Dialect.Any(r.query(g.cond(n.Body, sc, exact) + " AS p")), true
	case rule.All:
		if m == loose || !fails {
			return "(NOT EXISTS (" + r.query("1", g.fails(n, r, sc)) + "))", true
		}
		return g.Dialect.Every(r.query(g.cond(n.Body, sc, exact) + " AS p")), true
	default:
		if !fails {
			return "((" + r.query("count(*)", g.meets(n, r, sc)...) + ") = 1)", true
		}
		return g.Dialect.One(r.query(g.cond(n.Body, sc, exact) + " AS p")), true
	}
}
