package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
)

// quantified writes a quantifier over the rows of a to-many relation.
func (g *Generator) quantified(quant *rule.Quantified, sc *scope, want logic) string {
	if want == admit {
		if sql, ok := g.asSet(quant, sc); ok {
			return sql
		}
	}
	return g.quantifyItems(quant, sc, want)
}

// quantifyItems asks about the items of each row.
func (g *Generator) quantifyItems(quant *rule.Quantified, sc *scope, want logic) string {
	parent := g.column(&rule.Column{Path: quant.From, Field: quant.From.Table().ID()}, sc)
	item := g.alias()
	inner := sc.nested(quant.Item, item)
	link := []string{g.field(quant.Relation.Field, item, sc.client) + " = " + parent}
	rows := itemRows{
		from:   g.fromItemOf(quant.Relation.To, item, sc),
		link:   append(link, g.notWritten(quant.Relation.To, item, sc)...),
		admits: g.itemReadable(quant, item, sc),
	}
	sql, strict := g.quantify(quant, rows, inner, want)
	if strict && (len(quant.From.Steps) > 0 || quant.From.Root.Role == rule.Old) { // the parent may be missing
		return "(CASE WHEN " + parent + " IS NOT NULL THEN " + sql + " END)"
	}
	return sql
}

// itemReadable returns the condition that the client may read an item, as no or one element.
func (g *Generator) itemReadable(quant *rule.Quantified, alias string, sc *scope) []string {
	if !sc.client {
		return nil
	}
	return g.readCondition(quant.Relation.To, alias)
}

// itemRows are the items of a quantifier.
type itemRows struct {
	from   string
	link   []string // conditions that the items belong to the parent
	admits []string // condition that the client may read them, as no or one element
}

// query returns a query for columns of the items that meet more conditions.
func (r itemRows) query(columns string, more ...string) string {
	conds := slices.Concat(r.link, r.admits, more)
	return "SELECT " + columns + " FROM " + r.from + " WHERE " + strings.Join(conds, " AND ")
}

// bodyHolds returns the conditions that an item meets the body.
func (g *Generator) bodyHolds(n *rule.Quantified, r itemRows, sc *scope) []string {
	return g.guardedConditions(n.Body, sc, r.admits)
}

// bodyFails returns the condition that an item does not meet the body.
func (g *Generator) bodyFails(quant *rule.Quantified, items itemRows, sc *scope) string {
	cond := "(" + g.cond(quant.Body, sc, threeValued) + ") IS NOT TRUE"
	if g.isCheap(quant.Body, sc) {
		return cond
	}
	return guardedBy(items.admits, cond)
}

// quantify writes the quantifier. strict says that the outcome must be a failure if the parent is missing. A missing
// parent has no items, so an exists that only admits rows is not true anyway.
func (g *Generator) quantify(quant *rule.Quantified, items itemRows, sc *scope, want logic) (sql string, strict bool) {
	if quant.Quantifier == rule.Count {
		return "(" + items.query("count(*)") + ")", true
	}
	fails := operandFails(quant.Body)
	switch quant.Quantifier {
	case rule.Exists:
		if want == admit || !fails {
			return "EXISTS (" + items.query("1", g.bodyHolds(quant, items, sc)...) + ")", want == threeValued
		}
		return g.Dialect.Exists(items.query(g.cond(quant.Body, sc, threeValued) + " AS p")), true
	case rule.All:
		if want == admit || !fails {
			return "(NOT EXISTS (" + items.query("1", g.bodyFails(quant, items, sc)) + "))", true
		}
		return g.Dialect.All(items.query(g.cond(quant.Body, sc, threeValued) + " AS p")), true
	default:
		if !fails {
			return "((" + items.query("count(*)", g.bodyHolds(quant, items, sc)...) + ") = 1)", true
		}
		return g.Dialect.ExactlyOne(items.query(g.cond(quant.Body, sc, threeValued) + " AS p")), true
	}
}
