package portable

import "strings"

// condition types what must be true of a row.
func (c *checker) condition(operand node, s *scope, where string) {
	c.truth(operand, c.expr(operand, s), where)
}

func (c *checker) truth(operand node, t typ, where string) {
	if t.is(bad, boolean, null) {
		return
	}
	advice := ""
	if t.is(whole, decimal, float) {
		advice = ": compare it, as … <> 0"
	}
	c.fault(operand.place(), "PostgreSQL takes a condition in %s, and this is %s%s", where, t, advice)
}

// window types an expression where window functions are allowed.
func (c *checker) window(operand node, s *scope) typ {
	c.windows++
	defer func() { c.windows-- }()
	return c.expr(operand, s)
}

// expr types an expression.
func (c *checker) expr(operand node, s *scope) typ {
	if _, constant := bare(operand).(literal); s.stage == ofGroups && !constant && s.groups[s.identify(operand)] {
		s.stage = ofRows
		defer func() { s.stage = ofGroups }()
	}
	switch n := operand.(type) {
	case literal:
		t, problem := typeOfLiteral(n)
		if problem != "" {
			return c.fault(n.place(), "%s", problem)
		}
		return t
	case name:
		return c.name(n, s)
	case paren:
		return c.expr(n.x, s)
	case unary:
		return c.unary(n, s)
	case binary:
		return c.binary(n, s)
	case test:
		t := c.expr(n.x, s)
		if n.what != "null" && !t.is(bad, boolean, null) {
			return c.fault(n.place(), "PostgreSQL has IS %s of a bool alone, and this is %s", strings.ToUpper(n.what), t)
		}
		return typ{kind: boolean}
	case between:
		x, low, high := c.expr(n.x, s), c.expr(n.low, s), c.expr(n.high, s)
		t := c.compare(n.place(), "<", x, low)
		t.nullable = c.compare(n.place(), "<", x, high).nullable || t.nullable
		return t
	case in:
		return c.in(n, s)
	case exists:
		c.query(n.query, s, within(s.named), asExists)
		return typ{kind: boolean}
	case scalar:
		return c.scalar(n, s)
	case choice:
		return c.choice(n, s)
	case cast:
		return c.cast(n, s)
	case call:
		return c.call(n, s)
	}
	return typ{}
}

func (c *checker) name(n name, s *scope) typ {
	p, problem := s.find(n)
	switch {
	case problem != "" && s.broken():
		return typ{}
	case problem != "":
		return c.fault(n.place(), "%s", problem)
	}
	c.touched = append(c.touched, p.scope)
	if p.scope.stage == ofGroups && !p.scope.grouped(p) {
		return c.fault(n.place(), "%s may differ within a group, of which SQLite would take any row's: add it to GROUP BY, or write max(%s)", n.column, n.column)
	}
	return p.typ()
}

func (c *checker) unary(n unary, s *scope) typ {
	t := c.expr(n.x, s)
	if n.op == "not" {
		c.truth(n.x, t, "NOT")
		return typ{kind: boolean, nullable: t.nullable}
	}
	if n.op == "+" && t.is(whole, float, fraction, decimal) {
		t.literal = nil
		return t
	}
	switch t.kind {
	case whole:
		t.low, t.high = -t.high, -t.low
	case float, decimal:
	case fraction:
		t.kind = float
	case bad:
		return t
	default:
		return c.fault(n.place(), "PostgreSQL has no %s of %s", n.op, t)
	}
	t.literal = nil
	return t
}

func (c *checker) binary(n binary, s *scope) typ {
	l, r := c.expr(n.l, s), c.expr(n.r, s)
	switch n.op {
	case "and", "or":
		c.truth(n.l, l, strings.ToUpper(n.op))
		c.truth(n.r, r, strings.ToUpper(n.op))
		return typ{kind: boolean, nullable: l.nullable || r.nullable}
	case "||":
		return c.concat(n, l, r)
	case "like":
		return c.like(n, l, r)
	case "=", "<>", "<", "<=", ">", ">=", "is distinct from":
		return c.compare(n.place(), n.op, l, r)
	}
	return c.arithmetic(n, l, r)
}

// compare types a comparison.
func (c *checker) compare(at int, op string, l, r typ) typ {
	if problem := beside(l, r); problem != "" {
		c.fault(at, "%s beside %s: %s", l, r, problem)
	}
	if strings.ContainsAny(op, "<>") && op != "<>" && l.isText() && r.isText() && !l.ordered && !r.ordered {
		c.fault(at, "PostgreSQL orders these texts by the rules of its database's language: compare a column as it is stored")
	}
	return typ{kind: boolean, nullable: op != "is distinct from" && (l.nullable || r.nullable)}
}

func (c *checker) concat(n binary, l, r typ) typ {
	if l.kind == bad || r.kind == bad {
		return typ{}
	}
	for _, t := range []typ{l, r} {
		switch {
		case t.isText():
		case t.is(whole, date, uuid):
			return c.fault(n.place(), "|| of %s and %s: write CAST(… AS text) around what is no text", l, r)
		default:
			return c.fault(n.place(), "|| of %s and %s: the engines write %s in different ways", l, r, t)
		}
	}
	return typ{kind: words, ordered: l.ordered || r.ordered, nullable: l.nullable || r.nullable}
}

// like allows LIKE where it does not matter that SQLite is blind to case: both sides have one case alone.
func (c *checker) like(n binary, l, r typ) typ {
	if l.kind == bad || r.kind == bad {
		return typ{}
	}
	pattern, isLiteral := bare(n.r).(literal)
	f, isCall := bare(n.l).(call)
	switch {
	case !l.isText() || !isLiteral || pattern.kind != quote:
		return c.fault(n.place(), "LIKE in a query for both engines compares a text with a pattern in quotes")
	case strings.Contains(pattern.text, `\`):
		return c.fault(n.place(), `PostgreSQL takes \ in a pattern of LIKE for an escape, and SQLite does not`)
	case isCall && f.name == "lower" && pattern.text == foldASCII(pattern.text),
		isCall && f.name == "upper" && pattern.text == raiseASCII(pattern.text):
		return typ{kind: boolean, nullable: l.nullable}
	}
	return c.fault(n.place(), "SQLite's LIKE is blind to case and PostgreSQL's is not: write lower(…) LIKE with a pattern in small letters")
}

func raiseASCII(str string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, str)
}

func (c *checker) in(n in, s *scope) typ {
	x := c.expr(n.x, s)
	nullable := x.nullable
	for _, item := range n.list {
		t := c.expr(item, s)
		nullable = c.compare(item.place(), "=", x, t).nullable || nullable
	}
	if n.query == nil {
		return typ{kind: boolean, nullable: nullable}
	}
	rows := c.query(n.query, s, within(s.named), asPart)
	if len(rows.columns) == 1 {
		t := rows.columns[0].typ.stored()
		nullable = c.compare(n.place(), "=", x, t).nullable || nullable
	}
	return typ{kind: boolean, nullable: nullable}
}

// scalar types a query that stands for a value. Of more rows than one PostgreSQL makes an error, and SQLite takes the first.
func (c *checker) scalar(n scalar, s *scope) typ {
	rows := c.query(n.query, s, within(s.named), asPart)
	if len(rows.columns) != 1 {
		return c.fault(n.place(), "a query that stands for a value returns one column")
	}
	if !rows.single() {
		c.fault(n.place(), "this query may return more than one row, of which SQLite takes the first, and PostgreSQL makes an error: "+
			"compare a unique column with =, use an aggregate, or ORDER BY … LIMIT 1")
	}
	t := rows.columns[0].typ.stored()
	t.nullable = true
	return t
}

func (c *checker) choice(n choice, s *scope) typ {
	var operand typ
	if n.operand != nil {
		operand = c.expr(n.operand, s)
		operand.kind = operand.stored().kind // to PostgreSQL a string is a text here, whatever it is compared with
	}
	var t typ
	take := func(i int, then node) {
		next := c.expr(then, s)
		if i == 0 {
			t = next
			return
		}
		t = c.merge(then.place(), t, next, "CASE")
	}
	for i, w := range n.whens {
		cond := c.expr(w.cond, s)
		if n.operand != nil {
			c.compare(w.cond.place(), "=", operand, cond)
		} else {
			c.truth(w.cond, cond, "WHEN")
		}
		take(i, w.then)
	}
	if n.orElse != nil {
		take(1, n.orElse)
	} else {
		t = c.merge(n.place(), t, typ{kind: null, nullable: true}, "CASE")
	}
	t.literal = nil
	if t.kind == quote {
		t.kind = words
	}
	return t
}

func (c *checker) merge(at int, a, b typ, what string) typ {
	t, problem := merge(a, b)
	if problem != "" {
		return c.fault(at, "%s of %s and %s: %s", what, a, b, problem)
	}
	return t
}

func (c *checker) cast(n cast, s *scope) typ {
	t := c.expr(n.x, s)
	if t.kind == bad {
		return t
	}
	if t.kind == null {
		return c.castNull(n)
	}
	to := typ{nullable: t.nullable}
	switch n.to {
	case "text":
		to.kind, to.ordered = words, t.ordered
		if t.is(words, quote, whole, date, uuid) {
			return to
		}
		return c.fault(n.place(), "the engines write %s as text in different ways", t)
	case "bigint", "int8":
		to.kind = whole
		if t.kind == whole || t.kind == decimal && t.scale == 0 {
			return to
		}
	case "integer", "int", "int4":
		if t.kind == boolean {
			to.kind, to.narrow, to.high = whole, true, 1
			return to
		}
		return c.fault(n.place(), "PostgreSQL's integer has 32 bits and SQLite's has 64: write CAST(… AS bigint)")
	case "double precision", "float", "float8":
		to.kind = float
		if t.is(whole, fraction, float) || t.kind == decimal && t.scale == 0 {
			return to
		}
	default:
		return c.fault(n.place(), "the engines do not both know the type %s with the same values: text, bigint and double precision are the same", n.to)
	}
	return c.fault(n.place(), "the engines do not both make the same %s of %s", n.to, t)
}

// castNull gives NULL a type, of which SQLite needs to know nothing.
func (c *checker) castNull(n cast) typ {
	t := typ{nullable: true}
	name, _, _ := strings.Cut(n.to, "(")
	switch strings.TrimSpace(name) {
	case "text":
		t.kind = words
	case "bigint", "int8", "integer":
		t.kind = whole
	case "double precision", "float", "float8":
		t.kind = float
	case "boolean":
		t.kind = boolean
	case "timestamptz":
		t.kind = timestamp
	case "date":
		t.kind = date
	case "uuid":
		t.kind = uuid
	case "json":
		t.kind = json
	default:
		return c.fault(n.place(), "NULL can be cast to text, bigint, double precision, boolean, timestamptz, date, uuid or json")
	}
	return t
}
