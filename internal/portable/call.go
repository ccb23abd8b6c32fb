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

func (c *checker) call(fn call, scope *selectScope) exprType {
	switch {
	case fn.ofSeveral():
		return c.fault(fn.place(), "PostgreSQL has no %s of several values: write CASE WHEN a < b THEN a ELSE b END", fn.name)
	case isWindow(fn.name) || fn.over != nil:
		return c.overWindow(fn, scope)
	case isAggregate(fn.name):
		return c.aggregate(fn, scope)
	}
	if fn.star || fn.distinct || fn.filter != nil || len(fn.order) > 0 {
		return c.fault(fn.place(), "%s is no aggregate", fn.name)
	}
	args := make([]exprType, len(fn.args))
	for i, a := range fn.args {
		args[i] = c.expr(a, scope)
	}
	if slices.ContainsFunc(args, func(typ exprType) bool { return typ.kind == bad }) {
		return exprType{}
	}
	return c.function(fn, args)
}

func (c *checker) function(fn call, args []exprType) exprType {
	typ, known := c.textFunction(fn, args)
	if known {
		return typ
	}
	switch {
	case fn.name == "coalesce" && len(args) > 1:
		t := args[0]
		nullable := t.nullable
		for i, a := range args[1:] {
			t = c.merge(fn.args[i+1].place(), t, a, "coalesce")
			nullable = nullable && a.nullable
		}
		t.nullable, t.literal = nullable, nil
		return t
	case fn.name == "nullif" && len(args) == 2:
		return c.nullif(fn, args[0], args[1])
	case fn.name == "abs" && len(args) == 1 && args[0].is(whole, float, decimal):
		t := args[0]
		t.low, t.high, t.literal = 0, max(t.high, -t.low), nil
		return t
	}
	return c.unknown(fn, args)
}

// nullif has the type in which PostgreSQL compares its first argument.
func (c *checker) nullif(fn call, a, b exprType) exprType {
	c.compare(fn.place(), "=", a, b)
	typ := a
	if a.kind < b.kind && whyIncomparable(a, b) == "" {
		typ = c.merge(fn.place(), a, b, "nullif")
	}
	typ = typ.stored()
	typ.nullable = true
	return typ
}

func (c *checker) unknown(fn call, args []exprType) exprType {
	for _, a := range replacements {
		if a.name == fn.name {
			return c.fault(fn.place(), "the engines do not both have %s with the same result: %s", fn.name, a.instead)
		}
	}
	var types []string
	for _, a := range args {
		types = append(types, a.String())
	}
	return c.fault(fn.place(), "%s(%s) is no function that both engines are known to compute alike; those are coalesce, nullif, abs, length, lower, "+
		"upper, trim, ltrim, rtrim, replace, substr, and count, sum, avg, min, max, string_agg", fn.name, strings.Join(types, ", "))
}

// maxLength is longer than any text from a request.
const maxLength = 1 << 24

func (c *checker) textFunction(fn call, args []exprType) (typ exprType, known bool) {
	typ = exprType{kind: words}
	for i, a := range args {
		if i == 0 || fn.name == "replace" {
			if !a.isText() {
				return typ, false
			}
			typ.nullable, typ.ordered = typ.nullable || a.nullable, typ.ordered || a.ordered
		}
	}
	switch count := len(args); {
	case fn.name == "length" && count == 1:
		return exprType{kind: whole, nullable: typ.nullable, narrow: true, high: maxLength}, true
	case (fn.name == "lower" || fn.name == "upper") && count == 1:
		if !typ.ordered {
			return c.fault(fn.place(), "PostgreSQL changes the case of this text by the rules of its database's language: use %s of a column as it is stored", fn.name), true
		}
		return typ, true
	case (fn.name == "trim" || fn.name == "ltrim" || fn.name == "rtrim") && count == 1:
		return typ, true
	case fn.name == "replace" && count == 3:
		if old := args[1].literal; old == nil || old.text == "" {
			return c.fault(fn.place(), "where there is nothing to replace, the engines treat NULL differently: write replace(x, 'old', y), with a text in quotes"), true
		}
		return typ, true
	case fn.name == "substr" && (count == 2 || count == 3):
		if !atLeast(fn.args[1], 1) || (count == 3 && !atLeast(fn.args[2], 0)) {
			return c.fault(fn.place(), "before the first character the engines count differently: write substr(x, 1, 5), with numbers from 1 on"), true
		}
		return typ, true
	}
	return typ, false
}

// atLeast reports whether the operand is a constant of at least that size, within 32 bits.
func atLeast(operand node, least int64) bool {
	lit, ok := bare(operand).(literal)
	if !ok || lit.kind != whole {
		return false
	}
	i, err := strconv.ParseInt(lit.text, 10, 32)
	return err == nil && i >= least
}

// aggregate types a function of the rows of a group.
func (c *checker) aggregate(fn call, scope *selectScope) exprType {
	if scope.stage != ofGroups {
		return c.fault(fn.place(), "%s is of many rows, and this place is about one", fn.name)
	}
	scope.stage = ofRows
	before := c.touched
	c.touched = nil
	windows := c.windows
	c.windows = 0
	typ := c.summary(fn, scope)
	c.windows = windows
	scope.stage = ofGroups
	if c.onlyOuter(scope) {
		c.fault(fn.place(), "PostgreSQL computes %s in the query around, whose columns alone are named here", fn.name)
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
func (c *checker) summary(fn call, scope *selectScope) exprType {
	if fn.filter != nil {
		c.condition(fn.filter, scope, "FILTER")
	}
	if fn.name == "count" && fn.star {
		return exprType{kind: whole}
	}
	args := make([]exprType, len(fn.args))
	for i, a := range fn.args {
		args[i] = c.expr(a, scope)
	}
	if slices.ContainsFunc(args, func(typ exprType) bool { return typ.kind == bad }) {
		return exprType{}
	}
	if fn.distinct {
		c.sortable(fn.place(), args[0])
	}
	if fn.name == "string_agg" {
		return c.joined(fn, args, scope)
	}
	if len(args) != 1 || fn.star || len(fn.order) > 0 {
		return c.unknown(fn, args)
	}
	return c.summaryOf(fn, args[0])
}

func (c *checker) summaryOf(fn call, a exprType) exprType {
	typ := a.stored()
	typ.nullable = true
	switch fn.name {
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
			return c.fault(fn.place(), "SQLite's avg is a float of units of %s, and PostgreSQL's a numeric", unit(a.scale))
		}
	case "min", "max":
		switch {
		case a.isText() && !a.ordered:
			return c.fault(fn.place(), "PostgreSQL orders this text by the rules of its database's language: use %s of a column as it is stored", fn.name)
		case a.is(whole, float, decimal, words, date, timestamp):
			return typ
		}
	default:
		return c.unknown(fn, []exprType{a})
	}
	return c.fault(fn.place(), "PostgreSQL has no %s of %s", fn.name, a)
}

// joined types string_agg. It requires an order.
func (c *checker) joined(fn call, args []exprType, scope *selectScope) exprType {
	if len(args) != 2 || fn.star || fn.distinct || !args[0].isText() || args[1].kind != quote {
		return c.fault(fn.place(), "write string_agg(x, ', ' ORDER BY x) with a text x and a separator in quotes")
	}
	var by []string
	for _, key := range fn.order {
		ord := ordering{key.x.place(), scope.identify(key.x), c.expr(key.x, scope), key.nulls}
		if ord.identity == scope.identify(fn.args[0]) {
			ord.nulls = true // NULL is left out
		}
		c.sortable(ord.at, ord.typ)
		c.exactOrder(ord)
		by = append(by, ord.identity)
	}
	if !slices.Contains(by, scope.identify(fn.args[0])) {
		c.fault(fn.place(), "without an order that ends with what is joined, each engine joins as it likes: write string_agg(x, ', ' ORDER BY x)")
	}
	return exprType{kind: words, ordered: args[0].ordered, nullable: true}
}

// overWindow types a window function.
func (c *checker) overWindow(fn call, scope *selectScope) exprType {
	switch {
	case fn.over == nil:
		return c.fault(fn.place(), "write %s() OVER (…)", fn.name)
	case c.windows == 0:
		return c.fault(fn.place(), "a window function stands in what a SELECT returns, or in its ORDER BY")
	case fn.distinct || len(fn.order) > 0:
		return c.fault(fn.place(), "the engines do not both have DISTINCT or ORDER BY in a window function")
	}
	windows := c.windows
	c.windows = 0
	defer func() { c.windows = windows }()
	var by []string
	for _, p := range fn.over.partition {
		c.sortable(p.place(), c.expr(p, scope))
		by = append(by, scope.identify(p))
	}
	for _, key := range fn.over.order {
		ord := ordering{key.x.place(), scope.identify(key.x), c.expr(key.x, scope), key.nulls}
		if ord.typ.literal != nil {
			c.fault(ord.at, "a window is not sorted by a constant")
		}
		c.sortable(ord.at, ord.typ)
		c.exactOrder(ord)
		by = append(by, ord.identity)
	}
	if !isWindow(fn.name) {
		return c.summary(fn, scope)
	}
	if fn.filter != nil {
		return c.fault(fn.place(), "%s has no FILTER", fn.name)
	}
	if len(fn.over.order) == 0 {
		return c.fault(fn.place(), "%s needs an ORDER BY in its window", fn.name)
	}
	if fn.name != "rank" && fn.name != "dense_rank" && (!scope.known || !containsAll(by, scope.identity)) {
		c.fault(fn.place(), "rows that the window's order finds equal are numbered as each engine likes: sort by an id at the end as well")
	}
	return c.windowOf(fn, scope)
}

func (c *checker) windowOf(fn call, scope *selectScope) exprType {
	if !slices.Contains([]string{"lag", "lead", "first_value"}, fn.name) {
		if len(fn.args) > 0 || fn.star {
			return c.fault(fn.place(), "%s takes no arguments", fn.name)
		}
		return exprType{kind: whole}
	}
	if len(fn.args) != 1 {
		return c.fault(fn.place(), "%s takes one argument in a query for both engines", fn.name)
	}
	typ := c.expr(fn.args[0], scope)
	if typ.is(quote, null) {
		return c.fault(fn.place(), "%s is of a column or of what is computed, and not of a constant", fn.name)
	}
	typ = typ.stored()
	typ.nullable = true
	return typ
}
