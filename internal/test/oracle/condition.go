package oracle

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// condition writes a condition. depth limits the nesting of connectives.
func (g *generator) condition(depth int) Expr {
	if depth <= 0 {
		return g.atom()
	}
	switch g.IntN(14) {
	case 12, 13:
		return g.aboutCaller(depth)
	case 0:
		return join("!(%s)", g.condition(depth-1))
	case 1, 2:
		return join("(%s && %s)", g.condition(depth-1), g.condition(depth-1))
	case 3, 4:
		return join("(%s || %s)", g.condition(depth-1), g.condition(depth-1))
	case 5:
		return join("(%s ? %s : %s)", g.condition(depth-1), g.condition(depth-1), g.condition(depth-1))
	case 6:
		left, right := g.condition(depth-1), g.condition(depth-1)
		return join("((%s) "+g.equality()+" (%s))", left, right)
	case 7, 8:
		if condition, ok := g.macro(depth - 1); ok {
			return condition
		}
		return g.compare(depth - 1)
	case 9:
		return g.compareChoice(depth - 1)
	default:
		return g.compare(depth - 1)
	}
}

// callerRule writes a condition like the rules of real apps: about the caller, alone or with another condition.
func (g *generator) callerRule(depth int) Expr {
	condition := g.aboutCaller(depth)
	switch g.IntN(5) {
	case 0:
		return join("(%s || %s)", condition, g.aboutCaller(depth))
	case 1:
		return join("(%s || %s)", condition, g.condition(depth-1))
	case 2:
		return join("(%s && %s)", condition, g.condition(depth-1))
	}
	return condition
}

// aboutCaller writes a condition that compares a reference or an id with the caller's id. The column belongs to the row, or
// to an item of a relation.
func (g *generator) aboutCaller(depth int) Expr {
	prefix, table := g.row()
	relation := g.relation(table, true)
	if relation == nil || g.steps <= 0 || !g.macrosLeft() || g.IntN(3) == 0 {
		if column, ok := g.columnWhere(isCallerID); ok {
			return join("(%s == auth.id)", column)
		}
		return g.compare(0)
	}
	g.steps--
	name, body := g.withItem(relation.To, func(name string) Expr {
		body := g.itemAboutCaller(name, relation.To, depth-1)
		switch g.IntN(4) {
		case 0:
			body = join("(%s && %s)", body, g.condition(depth-1))
		case 1:
			body = join("(%s || %s)", body, g.itemAboutCaller(name, relation.To, depth-1))
		}
		return body
	})
	return macro(member(prefix, relation.Name), "exists", name, body)
}

// itemAboutCaller writes a condition about the caller and a column of an item, or of a row related to it.
func (g *generator) itemAboutCaller(item string, table *model.Table, depth int) Expr {
	names := fieldsWhere(table, isCallerID)
	if len(names) == 0 || (depth > 0 && g.IntN(3) == 0) {
		return g.aboutCaller(depth)
	}
	return same("(" + item + "." + pick(g.Rand, names) + " == auth.id)")
}

// atom writes a condition without nested conditions.
func (g *generator) atom() Expr {
	switch g.IntN(10) {
	case 0:
		return same(pick(g.Rand, []string{"true", "false", "has(auth.id)", "auth.verified", "auth.mfa",
			"'editor' in auth.roles", "size(auth.roles) > 0", "'totp' in auth.methods", "has(auth.since)", "has(auth.session)", "has(auth.key)",
			"now - auth.since < duration('1h')"}))
	case 1:
		if column, ok := g.column(value.Bool); ok {
			return column
		}
	case 2:
		if column, ok := g.anyColumn(); ok {
			return join("has(%s)", column)
		}
	case 3:
		if comparison, ok := g.compareRow(); ok && g.IntN(2) == 0 {
			return comparison
		}
		if column, ok := g.anyColumn(); ok {
			return join("(%s "+g.equality()+" null)", column)
		}
	case 4:
		return g.in()
	case 5:
		function := pick(g.Rand, []string{"contains", "startsWith", "endsWith"})
		return join("%s."+function+"(%s)", g.value(value.Text, 1), g.value(value.Text, 1))
	case 6:
		if column, ok := g.column(value.Text); ok {
			return join("(%s in "+pick(g.Rand, []string{"auth.roles", "auth.methods"})+")", column)
		}
	case 7:
		if g.uses.Args {
			return g.compareArgument()
		}
	}
	return g.compare(0)
}

// compareChoice compares the result of a ternary. Its branches may be missing, and its condition may fail.
func (g *generator) compareChoice(depth int) Expr {
	kind := pick(g.Rand, []value.Kind{value.Int, value.Text, value.Float})
	first, second := g.value(kind, 0), same("null") // null alone has no kind
	if g.IntN(4) != 0 {
		second = g.value(kind, 0)
	}
	if g.IntN(2) == 0 {
		first, second = second, first
	}
	choice := join("(%s ? %s : %s)", g.condition(depth), first, second)
	other := g.value(kind, 0)
	if g.IntN(3) == 0 {
		return join("(%s in [%s, %s])", choice, g.literal(kind), g.literal(kind))
	}
	if g.IntN(2) == 0 {
		choice, other = other, choice
	}
	return binary(choice, g.comparison(), other)
}

// macro writes a macro over a relation. It returns false if no relation, step or macro is left.
func (g *generator) macro(depth int) (Expr, bool) {
	if !g.macrosLeft() {
		return Expr{}, false
	}
	rows, table, ok := g.many()
	if !ok {
		return Expr{}, false
	}
	name, body := g.withItem(table, func(string) Expr { return g.condition(depth) })
	return macro(rows, pick(g.Rand, []string{"exists", "all", "exists_one"}), name, body), true
}
