package portable

import (
	"slices"
	"strconv"
	"strings"
)

// isAggregate reports whether a function computes one value from many rows, in either engine.
func isAggregate(name string) bool {
	switch name {
	case "count", "sum", "avg", "min", "max", "string_agg", "group_concat", "total", "array_agg", "json_agg", "json_group_array",
		"json_group_object", "bool_and", "bool_or", "every":
		return true
	}
	return false
}

func isWindow(name string) bool {
	switch name {
	case "row_number", "rank", "dense_rank", "lag", "lead", "first_value":
		return true
	}
	return false
}

// replacements are functions that a query for both engines cannot use, with their replacement.
var replacements = [...]struct{ name, instead string }{
	{"array_agg", "string_agg(x, ', ' ORDER BY x) joins texts on both"},
	{"date", "a date of a timestamp depends on a time zone, and SQLite stores microseconds"},
	{"date_trunc", "SQLite has none"},
	{"datetime", "PostgreSQL has none"},
	{"extract", "SQLite has none"},
	{"format", "the engines format differently: join texts with ||"},
	{"glob", "PostgreSQL has none"},
	{"greatest", "SQLite has none: write CASE WHEN a > b THEN a ELSE b END"},
	{"group_concat", "PostgreSQL has none: write string_agg(x, ', ' ORDER BY x)"},
	{"ifnull", "PostgreSQL has none: write coalesce"},
	{"iif", "PostgreSQL has none: write CASE WHEN … THEN … ELSE … END"},
	{"instr", "PostgreSQL has none: compare substr(x, 1, n), or write lower(x) LIKE '%…%'"},
	{"least", "SQLite has none: write CASE WHEN a < b THEN a ELSE b END"},
	{"like", "write … LIKE …"},
	{"printf", "the engines format differently: join texts with ||"},
	{"round", "SQLite rounds a half away from zero and makes floats; PostgreSQL rounds floats to the even number and decimals exactly"},
	{"strftime", "PostgreSQL has none"},
	{"strpos", "SQLite has none: compare substr(x, 1, n), or write lower(x) LIKE '%…%'"},
	{"substring", "write substr(x, 1, 2)"},
	{"total", "PostgreSQL has none: write coalesce(sum(x), 0)"},
	{"typeof", "the engines have types of different names"},
}

func (c *checker) call(n call, scope *selectScope) exprType {
	switch {
	case n.ofSeveral():
		return c.fault(n.place(), "PostgreSQL has no %s of several values: write CASE WHEN a < b THEN a ELSE b END", n.name)
	case isWindow(n.name) || n.over != nil:
		return c.overWindow(n, scope)
	case isAggregate(n.name):
		return c.aggregate(n, scope)
	}
	if n.star || n.distinct || n.filter != nil || len(n.order) > 0 {
		return c.fault(n.place(), "%s is no aggregate", n.name)
	}
	args := make([]exprType, len(n.args))
	for i, a := range n.args {
		args[i] = c.expr(a, scope)
	}
	if slices.ContainsFunc(args, func(typ exprType) bool { return typ.kind == bad }) {
		return exprType{}
	}
	return c.function(n, args)
}

func (c *checker) function(n call, args []exprType) exprType {
	typ, known := c.textFunction(n, args)
	if known {
		return typ
	}
	switch {
	case n.name == "coalesce" && len(args) > 1:
		t := args[0]
		nullable := t.nullable
		for i, a := range args[1:] {
			t = c.merge(n.args[i+1].place(), t, a, "coalesce")
			nullable = nullable && a.nullable
		}
		t.nullable, t.literal = nullable, nil
		return t
	case n.name == "nullif" && len(args) == 2:
		return c.nullif(n, args[0], args[1])
	case n.name == "abs" && len(args) == 1 && args[0].is(whole, float, decimal):
		t := args[0]
		t.low, t.high, t.literal = 0, max(t.high, -t.low), nil
		return t
	}
	return c.unknown(n, args)
}

// nullif has the type in which PostgreSQL compares its first argument.
func (c *checker) nullif(n call, a, b exprType) exprType {
	c.compare(n.place(), "=", a, b)
	typ := a
	if a.kind < b.kind && whyIncomparable(a, b) == "" {
		typ = c.merge(n.place(), a, b, "nullif")
	}
	typ = typ.stored()
	typ.nullable = true
	return typ
}

func (c *checker) unknown(n call, args []exprType) exprType {
	for _, a := range replacements {
		if a.name == n.name {
			return c.fault(n.place(), "the engines do not both have %s with the same result: %s", n.name, a.instead)
		}
	}
	var types []string
	for _, a := range args {
		types = append(types, a.String())
	}
	return c.fault(n.place(), "%s(%s) is no function that both engines are known to compute alike; those are coalesce, nullif, abs, length, lower, "+
		"upper, trim, ltrim, rtrim, replace, substr, and count, sum, avg, min, max, string_agg", n.name, strings.Join(types, ", "))
}

// maxLength is longer than any text from a request.
const maxLength = 1 << 24

func (c *checker) textFunction(n call, args []exprType) (typ exprType, known bool) {
	typ = exprType{kind: words}
	for i, a := range args {
		if i == 0 || n.name == "replace" {
			if !a.isText() {
				return typ, false
			}
			typ.nullable, typ.ordered = typ.nullable || a.nullable, typ.ordered || a.ordered
		}
	}
	switch count := len(args); {
	case n.name == "length" && count == 1:
		return exprType{kind: whole, nullable: typ.nullable, narrow: true, high: maxLength}, true
	case (n.name == "lower" || n.name == "upper") && count == 1:
		if !typ.ordered {
			return c.fault(n.place(), "PostgreSQL changes the case of this text by the rules of its database's language: use %s of a column as it is stored", n.name), true
		}
		return typ, true
	case (n.name == "trim" || n.name == "ltrim" || n.name == "rtrim") && count == 1:
		return typ, true
	case n.name == "replace" && count == 3:
		if old := args[1].literal; old == nil || old.text == "" {
			return c.fault(n.place(), "where there is nothing to replace, the engines treat NULL differently: write replace(x, 'old', y), with a text in quotes"), true
		}
		return typ, true
	case n.name == "substr" && (count == 2 || count == 3):
		if !atLeast(n.args[1], 1) || (count == 3 && !atLeast(n.args[2], 0)) {
			return c.fault(n.place(), "before the first character the engines count differently: write substr(x, 1, 5), with numbers from 1 on"), true
		}
		return typ, true
	}
	return typ, false
}

// atLeast reports whether the operand is a constant of at least that size, within 32 bits.
func atLeast(operand node, least int64) bool {
	l, ok := bare(operand).(literal)
	if !ok || l.kind != whole {
		return false
	}
	i, err := strconv.ParseInt(l.text, 10, 32)
	return err == nil && i >= least
}

// aggregate types a function of the rows of a group.
func (c *checker) aggregate(n call, scope *selectScope) exprType {
	if scope.stage != ofGroups {
		return c.fault(n.place(), "%s is of many rows, and this place is about one", n.name)
	}
	scope.stage = ofRows
	before := c.touched
	c.touched = nil
	windows := c.windows
	c.windows = 0
	typ := c.summary(n, scope)
	c.windows = windows
	scope.stage = ofGroups
	if c.onlyOuter(scope) {
		c.fault(n.place(), "PostgreSQL computes %s in the query around, whose columns alone are named here", n.name)
	}
	c.touched = append(before, c.touched...)
	return typ
}

// onlyOuter reports whether all named columns belong to queries around the SELECT.
func (c *checker) onlyOuter(scope *selectScope) bool {
	outer := false
	for _, t := range c.touched {
		if t == scope {
			return false
		}
		for o := scope.outer; o != nil; o = o.outer {
			outer = outer || o == t
		}
	}
	return outer
}

// summary types the call of an aggregate in the current stage of the scope.
func (c *checker) summary(n call, scope *selectScope) exprType {
	if n.filter != nil {
		c.condition(n.filter, scope, "FILTER")
	}
	if n.name == "count" && n.star {
		return exprType{kind: whole}
	}
	args := make([]exprType, len(n.args))
	for i, a := range n.args {
		args[i] = c.expr(a, scope)
	}
	if slices.ContainsFunc(args, func(typ exprType) bool { return typ.kind == bad }) {
		return exprType{}
	}
	if n.distinct {
		c.sortable(n.place(), args[0])
	}
	if n.name == "string_agg" {
		return c.joined(n, args, scope)
	}
	if len(args) != 1 || n.star || len(n.order) > 0 {
		return c.unknown(n, args)
	}
	return c.summaryOf(n, args[0])
}

func (c *checker) summaryOf(n call, a exprType) exprType {
	typ := a.stored()
	typ.nullable = true
	switch n.name {
	case "count":
		return exprType{kind: whole}
	case "sum":
		switch {
		case a.kind == whole && a.narrow:
			typ.narrow = false
			return typ
		case a.kind == whole:
			return exprType{kind: decimal, nullable: true} // a numeric cannot overflow
		case a.is(float, decimal, fraction):
			return typ
		}
	case "avg":
		switch {
		case a.is(whole, float, fraction), a.kind == decimal && a.scale == 0:
			return exprType{kind: float, nullable: true}
		case a.kind == decimal:
			return c.fault(n.place(), "SQLite's avg is a float of units of %s, and PostgreSQL's a numeric", unit(a.scale))
		}
	case "min", "max":
		switch {
		case a.isText() && !a.ordered:
			return c.fault(n.place(), "PostgreSQL orders this text by the rules of its database's language: use %s of a column as it is stored", n.name)
		case a.is(whole, float, decimal, words, date, timestamp):
			return typ
		}
	default:
		return c.unknown(n, []exprType{a})
	}
	return c.fault(n.place(), "PostgreSQL has no %s of %s", n.name, a)
}

// joined types string_agg. It requires an order.
func (c *checker) joined(n call, args []exprType, scope *selectScope) exprType {
	if len(args) != 2 || n.star || n.distinct || !args[0].isText() || args[1].kind != quote {
		return c.fault(n.place(), "write string_agg(x, ', ' ORDER BY x) with a text x and a separator in quotes")
	}
	var by []string
	for _, o := range n.order {
		ord := ordering{o.x.place(), scope.identify(o.x), c.expr(o.x, scope), o.nulls}
		if ord.identity == scope.identify(n.args[0]) {
			ord.nulls = true // NULL is left out
		}
		c.sortable(ord.at, ord.typ)
		c.exactOrder(ord)
		by = append(by, ord.identity)
	}
	if !slices.Contains(by, scope.identify(n.args[0])) {
		c.fault(n.place(), "without an order that ends with what is joined, each engine joins as it likes: write string_agg(x, ', ' ORDER BY x)")
	}
	return exprType{kind: words, ordered: args[0].ordered, nullable: true}
}

// overWindow types a window function.
func (c *checker) overWindow(n call, scope *selectScope) exprType {
	switch {
	case n.over == nil:
		return c.fault(n.place(), "write %s() OVER (…)", n.name)
	case c.windows == 0:
		return c.fault(n.place(), "a window function stands in what a SELECT returns, or in its ORDER BY")
	case n.distinct || len(n.order) > 0:
		return c.fault(n.place(), "the engines do not both have DISTINCT or ORDER BY in a window function")
	}
	windows := c.windows
	c.windows = 0
	defer func() { c.windows = windows }()
	var by []string
	for _, p := range n.over.partition {
		c.sortable(p.place(), c.expr(p, scope))
		by = append(by, scope.identify(p))
	}
	for _, o := range n.over.order {
		ord := ordering{o.x.place(), scope.identify(o.x), c.expr(o.x, scope), o.nulls}
		if ord.typ.literal != nil {
			c.fault(ord.at, "a window is not sorted by a constant")
		}
		c.sortable(ord.at, ord.typ)
		c.exactOrder(ord)
		by = append(by, ord.identity)
	}
	if !isWindow(n.name) {
		return c.summary(n, scope)
	}
	if n.filter != nil {
		return c.fault(n.place(), "%s has no FILTER", n.name)
	}
	if len(n.over.order) == 0 {
		return c.fault(n.place(), "%s needs an ORDER BY in its window", n.name)
	}
	if n.name != "rank" && n.name != "dense_rank" && (!scope.known || !containsAll(by, scope.identity)) {
		c.fault(n.place(), "rows that the window's order finds equal are numbered as each engine likes: sort by an id at the end as well")
	}
	return c.windowOf(n, scope)
}

func (c *checker) windowOf(n call, scope *selectScope) exprType {
	if !slices.Contains([]string{"lag", "lead", "first_value"}, n.name) {
		if len(n.args) > 0 || n.star {
			return c.fault(n.place(), "%s takes no arguments", n.name)
		}
		return exprType{kind: whole}
	}
	if len(n.args) != 1 {
		return c.fault(n.place(), "%s takes one argument in a query for both engines", n.name)
	}
	typ := c.expr(n.args[0], scope)
	if typ.is(quote, null) {
		return c.fault(n.place(), "%s is of a column or of what is computed, and not of a constant", n.name)
	}
	typ = typ.stored()
	typ.nullable = true
	return typ
}
