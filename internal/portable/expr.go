package portable

import "strings"

// condition types a condition on a row.
func (c *checker) condition(operand node, scope *selectScope, where string) {
	c.truth(operand, c.expr(operand, scope), where)
}

func (c *checker) truth(operand node, typ exprType, where string) {
	if typ.is(bad, boolean, null) {
		return
	}
	advice := ""
	if typ.is(whole, decimal, float) {
		advice = ": compare it, as … <> 0"
	}
	c.fault(operand.place(), "PostgreSQL takes a condition in %s, and this is %s%s", where, typ, advice)
}

// window types an expression that may contain window functions.
func (c *checker) window(operand node, scope *selectScope) exprType {
	c.windows++
	defer func() { c.windows-- }()
	return c.expr(operand, scope)
}

// expr types an expression.
func (c *checker) expr(operand node, scope *selectScope) exprType {
	if _, constant := bare(operand).(literal); scope.stage == ofGroups && !constant && scope.groups[scope.identify(operand)] {
		scope.stage = ofRows
		defer func() { scope.stage = ofGroups }()
	}
	switch n := operand.(type) {
	case literal:
		typ, problem := typeOfLiteral(n)
		if problem != "" {
			return c.fault(n.place(), "%s", problem)
		}
		return typ
	case name:
		return c.name(n, scope)
	case paren:
		return c.expr(n.x, scope)
	case unary:
		return c.unary(n, scope)
	case binary:
		return c.binary(n, scope)
	case test:
		typ := c.expr(n.x, scope)
		if n.what != "null" && !typ.is(bad, boolean, null) {
			return c.fault(n.place(), "PostgreSQL has IS %s of a bool alone, and this is %s", strings.ToUpper(n.what), typ)
		}
		return exprType{kind: boolean}
	case between:
		x, low, high := c.expr(n.x, scope), c.expr(n.low, scope), c.expr(n.high, scope)
		typ := c.compare(n.place(), "<", x, low)
		typ.nullable = c.compare(n.place(), "<", x, high).nullable || typ.nullable
		return typ
	case in:
		return c.in(n, scope)
	case exists:
		c.query(n.query, scope, within(scope.named), asExists)
		return exprType{kind: boolean}
	case scalar:
		return c.scalar(n, scope)
	case choice:
		return c.choice(n, scope)
	case cast:
		return c.cast(n, scope)
	case call:
		return c.call(n, scope)
	}
	return exprType{}
}

func (c *checker) name(ident name, scope *selectScope) exprType {
	found, problem := scope.find(ident)
	switch {
	case problem != "" && scope.broken():
		return exprType{}
	case problem != "":
		return c.fault(ident.place(), "%s", problem)
	}
	c.touched = append(c.touched, found.scope)
	if found.scope.stage == ofGroups && !found.scope.grouped(found) {
		return c.fault(ident.place(), "%s may differ within a group, of which SQLite would take any row's: add it to GROUP BY, or write max(%s)", ident.column, ident.column)
	}
	return found.typ()
}

func (c *checker) unary(n unary, scope *selectScope) exprType {
	typ := c.expr(n.x, scope)
	if n.op == "not" {
		c.truth(n.x, typ, "NOT")
		return exprType{kind: boolean, nullable: typ.nullable}
	}
	if n.op == "+" && typ.is(whole, float, fraction, decimal) {
		typ.literal = nil
		return typ
	}
	switch typ.kind {
	case whole:
		typ.low, typ.high = -typ.high, -typ.low
	case float, decimal:
	case fraction:
		typ.kind = float
	case bad:
		return typ
	default:
		return c.fault(n.place(), "PostgreSQL has no %s of %s", n.op, typ)
	}
	typ.literal = nil
	return typ
}

func (c *checker) binary(expr binary, scope *selectScope) exprType {
	left, right := c.expr(expr.l, scope), c.expr(expr.r, scope)
	switch expr.op {
	case "and", "or":
		c.truth(expr.l, left, strings.ToUpper(expr.op))
		c.truth(expr.r, right, strings.ToUpper(expr.op))
		return exprType{kind: boolean, nullable: left.nullable || right.nullable}
	case "||":
		return c.concat(expr, left, right)
	case "like":
		return c.like(expr, left, right)
	case "=", "<>", "<", "<=", ">", ">=", "is distinct from":
		return c.compare(expr.place(), expr.op, left, right)
	}
	return c.arithmetic(expr, left, right)
}

// compare types a comparison.
func (c *checker) compare(at int, op string, left, right exprType) exprType {
	if problem := whyIncomparable(left, right); problem != "" {
		c.fault(at, "%s beside %s: %s", left, right, problem)
	}
	if strings.ContainsAny(op, "<>") && op != "<>" && left.isText() && right.isText() && !left.ordered && !right.ordered {
		c.fault(at, "PostgreSQL orders these texts by the rules of its database's language: compare a column as it is stored")
	}
	return exprType{kind: boolean, nullable: op != "is distinct from" && (left.nullable || right.nullable)}
}

func (c *checker) concat(expr binary, left, right exprType) exprType {
	if left.kind == bad || right.kind == bad {
		return exprType{}
	}
	for _, typ := range []exprType{left, right} {
		switch {
		case typ.isText():
		case typ.is(whole, date, uuid):
			return c.fault(expr.place(), "|| of %s and %s: write CAST(… AS text) around what is no text", left, right)
		default:
			return c.fault(expr.place(), "|| of %s and %s: the engines write %s in different ways", left, right, typ)
		}
	}
	return exprType{kind: words, ordered: left.ordered || right.ordered, nullable: left.nullable || right.nullable}
}

// like allows LIKE only on text of one case, because SQLite's LIKE ignores case.
func (c *checker) like(expr binary, left, right exprType) exprType {
	if left.kind == bad || right.kind == bad {
		return exprType{}
	}
	pattern, isLiteral := bare(expr.r).(literal)
	f, isCall := bare(expr.l).(call)
	switch {
	case !left.isText() || !isLiteral || pattern.kind != quote:
		return c.fault(expr.place(), "LIKE in a query for both engines compares a text with a pattern in quotes")
	case strings.Contains(pattern.text, `\`):
		return c.fault(expr.place(), `PostgreSQL takes \ in a pattern of LIKE for an escape, and SQLite does not`)
	case isCall && f.name == "lower" && pattern.text == foldASCII(pattern.text),
		isCall && f.name == "upper" && pattern.text == raiseASCII(pattern.text):
		return exprType{kind: boolean, nullable: left.nullable}
	}
	return c.fault(expr.place(), "SQLite's LIKE is blind to case and PostgreSQL's is not: write lower(…) LIKE with a pattern in small letters")
}

func raiseASCII(str string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, str)
}

func (c *checker) in(expr in, scope *selectScope) exprType {
	x := c.expr(expr.x, scope)
	nullable := x.nullable
	for _, item := range expr.list {
		typ := c.expr(item, scope)
		nullable = c.compare(item.place(), "=", x, typ).nullable || nullable
	}
	if expr.query == nil {
		return exprType{kind: boolean, nullable: nullable}
	}
	rows := c.query(expr.query, scope, within(scope.named), asPart)
	if len(rows.columns) == 1 {
		typ := rows.columns[0].typ.stored()
		nullable = c.compare(expr.place(), "=", x, typ).nullable || nullable
	}
	return exprType{kind: boolean, nullable: nullable}
}

// scalar types a query used as a value. Given several rows, PostgreSQL raises an error, and SQLite takes the first.
func (c *checker) scalar(expr scalar, scope *selectScope) exprType {
	rows := c.query(expr.query, scope, within(scope.named), asPart)
	if len(rows.columns) != 1 {
		return c.fault(expr.place(), "a query that stands for a value returns one column")
	}
	if !rows.single() {
		c.fault(expr.place(), "this query may return more than one row, of which SQLite takes the first, and PostgreSQL makes an error: "+
			"compare a unique column with =, use an aggregate, or ORDER BY … LIMIT 1")
	}
	typ := rows.columns[0].typ.stored()
	typ.nullable = true
	return typ
}

func (c *checker) choice(n choice, scope *selectScope) exprType {
	var operand exprType
	if n.operand != nil {
		operand = c.expr(n.operand, scope)
		operand.kind = operand.stored().kind // on PostgreSQL a string is always a text here
	}
	var typ exprType
	take := func(i int, then node) {
		next := c.expr(then, scope)
		if i == 0 {
			typ = next
			return
		}
		typ = c.merge(then.place(), typ, next, "CASE")
	}
	for i, branch := range n.whens {
		cond := c.expr(branch.cond, scope)
		if n.operand != nil {
			c.compare(branch.cond.place(), "=", operand, cond)
		} else {
			c.truth(branch.cond, cond, "WHEN")
		}
		take(i, branch.then)
	}
	if n.orElse != nil {
		take(1, n.orElse)
	} else {
		typ = c.merge(n.place(), typ, exprType{kind: null, nullable: true}, "CASE")
	}
	typ.literal = nil
	if typ.kind == quote {
		typ.kind = words
	}
	return typ
}

func (c *checker) merge(at int, a, b exprType, what string) exprType {
	typ, problem := merge(a, b)
	if problem != "" {
		return c.fault(at, "%s of %s and %s: %s", what, a, b, problem)
	}
	return typ
}

func (c *checker) cast(expr cast, scope *selectScope) exprType {
	typ := c.expr(expr.x, scope)
	if typ.kind == bad {
		return typ
	}
	if typ.kind == null {
		return c.castNull(expr)
	}
	to := exprType{nullable: typ.nullable}
	switch expr.to {
	case "text":
		to.kind, to.ordered = words, typ.ordered
		if typ.is(words, quote, whole, date, uuid) {
			return to
		}
		return c.fault(expr.place(), "the engines write %s as text in different ways", typ)
	case "bigint", "int8":
		to.kind = whole
		if typ.kind == whole || (typ.kind == decimal && typ.scale == 0) {
			return to
		}
	case "integer", "int", "int4":
		if typ.kind == boolean {
			to.kind, to.narrow, to.high = whole, true, 1
			return to
		}
		return c.fault(expr.place(), "PostgreSQL's integer has 32 bits and SQLite's has 64: write CAST(… AS bigint)")
	case "double precision", "float", "float8":
		to.kind = float
		if typ.is(whole, fraction, float) || (typ.kind == decimal && typ.scale == 0) {
			return to
		}
	default:
		return c.fault(expr.place(), "the engines do not both know the type %s with the same values: text, bigint and double precision are the same", expr.to)
	}
	return c.fault(expr.place(), "the engines do not both make the same %s of %s", expr.to, typ)
}

// castNull gives NULL a type. SQLite ignores it.
func (c *checker) castNull(expr cast) exprType {
	typ := exprType{nullable: true}
	name, _, _ := strings.Cut(expr.to, "(")
	switch strings.TrimSpace(name) {
	case "text":
		typ.kind = words
	case "bigint", "int8", "integer":
		typ.kind = whole
	case "double precision", "float", "float8":
		typ.kind = float
	case "boolean":
		typ.kind = boolean
	case "timestamptz":
		typ.kind = timestamp
	case "date":
		typ.kind = date
	case "uuid":
		typ.kind = uuid
	case "json":
		typ.kind = json
	default:
		return c.fault(expr.place(), "NULL can be cast to text, bigint, double precision, boolean, timestamptz, date, uuid or json")
	}
	return typ
}
