package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// many writes a question about the rows of a to-many relation.
func (g *Generator) quantified(n *rule.Quantified, sc *scope, m logic) string {
	if m == admit {
		if sql, ok := g.asSet(n, sc); ok {
			return sql
		}
	}
	return g.quantifyItems(n, sc, m)
}

// quantifyItems asks about the items of each row.
func (g *Generator) quantifyItems(n *rule.Quantified, sc *scope, m logic) string {
	parent := g.column(&rule.Column{Path: n.From, Field: n.From.Table().ID()}, sc)
	item := g.alias()
	inner := sc.nested(n.Item, item)
	link := []string{g.field(n.Relation.Field, item, sc.client) + " = " + parent}
	rows := items{
		from:   g.fromItem(n.Relation.To, item),
		link:   append(link, g.notWritten(n.Relation.To, item, sc)...),
		admits: g.itemReadable(n, item, sc),
	}
	sql, strict := g.quantify(n, rows, inner, m)
	if strict && (len(n.From.Steps) > 0 || n.From.Root.Role == rule.Old) { // where the row is missing, so is the list, and asking about it fails
		return "(CASE WHEN " + parent + " IS NOT NULL THEN " + sql + " END)"
	}
	return sql
}

func (g *Generator) itemReadable(n *rule.Quantified, alias string, sc *scope) []string {
	if !sc.client {
		return nil
	}
	return g.readCondition(n.Relation.To, alias)
}

// rows are the items that a question is about.
type items struct {
	from   string
	link   []string // the conditions that they belong to the parent and are asked about at all
	admits []string // the condition that the client may read them, as readable returns it
}

func (r items) query(columns string, more ...string) string {
	conds := slices.Concat(r.link, r.admits, more)
	return "SELECT " + columns + " FROM " + r.from + " WHERE " + strings.Join(conds, " AND ")
}

// bodyHolds are the conditions that an item meets the body, for query.
func (g *Generator) bodyHolds(n *rule.Quantified, r items, sc *scope) []string {
	return g.guardedConditions(n.Body, sc, r.admits)
}

// bodyFails is the condition that an item does not.
func (g *Generator) bodyFails(n *rule.Quantified, r items, sc *scope) string {
	cond := "(" + g.cond(n.Body, sc, threeValued) + ") IS NOT TRUE"
	if g.isCheap(n.Body, sc) {
		return cond
	}
	return guardedBy(r.admits, cond)
}

// quantify writes the question. strict says whether the answer must fail where the parent is missing: without a parent there
// are no items, so that a loose exists is not true as it is.
func (g *Generator) quantify(n *rule.Quantified, r items, sc *scope, m logic) (sql string, strict bool) {
	if n.Quantifier == rule.Count {
		return "(" + r.query("count(*)") + ")", true
	}
	fails := operandFails(n.Body)
	switch n.Quantifier {
	case rule.Exists:
		if m == admit || !fails {
			return "EXISTS (" + r.query("1", g.bodyHolds(n, r, sc)...) + ")", m == threeValued
		}
		return g.Dialect.Exists(r.query(g.cond(n.Body, sc, threeValued) + " AS p")), true
	case rule.All:
		if m == admit || !fails {
			return "(NOT EXISTS (" + r.query("1", g.bodyFails(n, r, sc)) + "))", true
		}
		return g.Dialect.All(r.query(g.cond(n.Body, sc, threeValued) + " AS p")), true
	default:
		if !fails {
			return "((" + r.query("count(*)", g.bodyHolds(n, r, sc)...) + ") = 1)", true
		}
		return g.Dialect.ExactlyOne(r.query(g.cond(n.Body, sc, threeValued) + " AS p")), true
	}
}
