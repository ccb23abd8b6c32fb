package portable

import (
	"fmt"
	"slices"
	"strings"
)

// maxDepth is the largest nesting of parentheses, queries and operators.
const maxDepth = 100

// parser reads the subset of SELECT that both engines read alike. After a fault every token is the end, so that the
// recursion unwinds.
type parser struct {
	tokens []token
	i      int
	depth  int
	fault  *Problem
}

func parse(text string) (*query, *Problem) {
	tokens, fault := lex(text)
	if fault != nil {
		return nil, fault
	}
	p := &parser{tokens: tokens}
	sel := p.query()
	if !p.isEnd() {
		p.unexpected("the end of the query")
	}
	return sel, p.fault
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.fault == nil {
		p.fault = &Problem{Offset: at, Message: fmt.Sprintf(format, args...)}
	}
	p.tokens, p.i = []token{{kind: end, at: at}}, 0
}

// unexpected reports a token in the place of another.
func (p *parser) unexpected(want string) {
	tok := p.peek()
	if tok.kind == end {
		p.fail(tok.at, "the query ends here, where %s was expected", want)
		return
	}
	p.fail(tok.at, "%s is nothing that a query for both engines can have here, where %s was expected", tok.text, want)
}

func (p *parser) peek() token   { return p.tokens[min(p.i, len(p.tokens)-1)] }
func (p *parser) second() token { return p.tokens[min(p.i+1, len(p.tokens)-1)] }
func (p *parser) isEnd() bool   { return p.peek().kind == end }

func (p *parser) take() token {
	tok := p.peek()
	if tok.kind != end {
		p.i++
	}
	return tok
}

// accept consumes the next token if it is this one.
func (p *parser) accept(what string) bool {
	if !p.peek().is(what) {
		return false
	}
	p.i++
	return true
}

// acceptAll consumes the next tokens if they are these.
func (p *parser) acceptAll(words ...string) bool {
	for i, w := range words {
		if !p.tokens[min(p.i+i, len(p.tokens)-1)].is(w) {
			return false
		}
	}
	p.i += len(words)
	return true
}

func (p *parser) expect(what string) {
	if !p.accept(what) {
		p.unexpected(strings.ToUpper(what))
	}
}

// enter bounds the recursion. The caller calls the returned function at its end.
func (p *parser) enter() func() {
	p.depth++
	if p.depth > maxDepth {
		p.fail(p.peek().at, "the query is nested more than %d levels deep here", maxDepth)
	}
	return func() { p.depth-- }
}

// identifier consumes a name. Keywords are no names.
func (p *parser) identifier(what string) string {
	tok := p.peek()
	switch {
	case tok.kind == quoted && tok.text != "":
	case tok.kind == word && !isReserved(tok.text):
	case tok.kind == word:
		p.fail(tok.at, "%s is a word of SQL: as %s, write it in double quotes", tok.text, what)
	default:
		p.unexpected(what)
	}
	p.take()
	return tok.text
}

func (p *parser) query() *query {
	defer p.enter()()
	sel := &query{at: p.peek().at}
	if p.accept("with") {
		recursive := p.accept("recursive")
		sel.tables = append(sel.tables, p.withTable(recursive))
		for p.accept(",") {
			sel.tables = append(sel.tables, p.withTable(recursive))
		}
	}
	sel.cores = append(sel.cores, p.core())
	for p.isSetOperator() {
		sel.ops = append(sel.ops, p.setOperator())
		sel.cores = append(sel.cores, p.core())
	}
	sel.compound = len(sel.ops) > 0
	if slices.Contains(sel.ops, "intersect") && slices.ContainsFunc(sel.ops, func(op string) bool { return op != "intersect" }) {
		p.fail(sel.at, "PostgreSQL computes INTERSECT before UNION and EXCEPT, and SQLite from left to right: use WITH for one of them")
	}
	if p.acceptAll("order", "by") {
		sel.order = p.sortings()
	}
	p.limits(sel)
	return sel
}

func (p *parser) isSetOperator() bool {
	tok := p.peek()
	return tok.is("union") || tok.is("intersect") || tok.is("except")
}

func (p *parser) setOperator() string {
	op := p.take().text
	if p.peek().is("all") {
		if op != "union" {
			p.fail(p.peek().at, "SQLite has no %s ALL", strings.ToUpper(op))
		}
		p.take()
		op += " all"
	}
	if p.peek().is("(") {
		p.fail(p.peek().at, "SQLite has no parentheses around a SELECT here: use WITH")
	}
	return op
}

func (p *parser) withTable(recursive bool) withTable {
	cte := withTable{at: p.peek().at, recursive: recursive, name: p.identifier("a name of WITH")}
	if p.accept("(") {
		cte.columns = append(cte.columns, p.identifier("a column"))
		for p.accept(",") {
			cte.columns = append(cte.columns, p.identifier("a column"))
		}
		p.expect(")")
	}
	p.expect("as")
	if !p.acceptAll("not", "materialized") {
		p.accept("materialized")
	}
	p.expect("(")
	cte.query = p.query()
	p.expect(")")
	return cte
}

func (p *parser) limits(sel *query) {
	if p.accept("limit") {
		tok := p.peek()
		if tok.kind != number || strings.Contains(tok.text, ".") || len(tok.text) > 18 {
			p.unexpected("a whole number")
		}
		sel.limit = p.take().text
		if p.peek().is(",") {
			p.fail(p.peek().at, "PostgreSQL has no LIMIT with a comma: write LIMIT … OFFSET …")
		}
	}
	if !p.peek().is("offset") {
		return
	}
	if sel.limit == "" {
		p.fail(p.peek().at, "SQLite has OFFSET only behind LIMIT")
	}
	p.take()
	if tok := p.peek(); tok.kind != number || strings.Contains(tok.text, ".") || len(tok.text) > 18 {
		p.unexpected("a whole number")
	}
	p.take()
	sel.offset = true
}

func (p *parser) sortings() []sorting {
	all := []sorting{p.sorting()}
	for p.accept(",") {
		all = append(all, p.sorting())
	}
	return all
}

func (p *parser) sorting() sorting {
	s := sorting{x: p.expr()}
	if !p.accept("asc") {
		p.accept("desc")
	}
	if p.accept("nulls") {
		s.nulls = true
		if !p.accept("first") && !p.accept("last") {
			p.unexpected("FIRST or LAST")
		}
	}
	return s
}

func (p *parser) core() *core {
	c := &core{at: p.peek().at}
	p.expect("select")
	if !p.accept("all") {
		c.distinct = p.accept("distinct")
	}
	c.items = append(c.items, p.item())
	for p.accept(",") {
		c.items = append(c.items, p.item())
	}
	if p.accept("from") {
		c.from = append(c.from, p.chain())
		for p.accept(",") {
			c.from = append(c.from, p.chain())
		}
	}
	if p.accept("where") {
		c.where = p.expr()
	}
	if p.acceptAll("group", "by") {
		c.group = p.exprs()
	}
	if p.accept("having") {
		c.having = p.expr()
	}
	return c
}

func (p *parser) item() item {
	tok := p.peek()
	it := item{at: tok.at}
	if p.accept("*") {
		it.star = true
		return it
	}
	if (tok.kind == word || tok.kind == quoted) && p.second().is(".") && p.tokens[min(p.i+2, len(p.tokens)-1)].is("*") {
		it.star, it.table = true, tok.text
		p.i += 3
		return it
	}
	it.x = p.expr()
	switch t := p.peek(); {
	case p.accept("as"):
		// After AS both engines accept nearly every word.
		if t := p.peek(); t.kind != word && t.kind != quoted {
			p.unexpected("a name")
		}
		it.alias = p.take().text
	case t.kind == quoted || (t.kind == word && !isReserved(t.text)):
		p.fail(t.at, "write AS before %s: without it PostgreSQL takes some names for something else", t.text)
	}
	return it
}

func (p *parser) chain() chain {
	c := chain{first: p.source()}
	for {
		at := p.peek().at
		joined := join{at: at}
		switch {
		case p.accept("join"), p.acceptAll("inner", "join"):
		case p.acceptAll("left", "join"), p.acceptAll("left", "outer", "join"):
			joined.left = true
		case p.acceptAll("cross", "join"):
			joined.to = p.source()
			if p.peek().is("on") {
				p.fail(p.peek().at, "PostgreSQL has no CROSS JOIN with ON: write JOIN")
			}
			c.joins = append(c.joins, joined)
			continue
		case p.peek().is("right") || p.peek().is("full") || p.peek().is("natural"):
			p.fail(at, "write this join as JOIN … ON or LEFT JOIN … ON")
			return c
		default:
			return c
		}
		joined.to = p.source()
		if p.peek().is("using") {
			p.fail(p.peek().at, "write ON with the columns that are compared instead of USING")
		}
		if !p.accept("on") {
			p.unexpected("ON")
		}
		joined.on = p.expr()
		c.joins = append(c.joins, joined)
		if p.isEnd() {
			return c
		}
	}
}

func (p *parser) source() source {
	defer p.enter()()
	s := source{at: p.peek().at}
	if p.accept("(") {
		if tok := p.peek(); !tok.is("select") && !tok.is("with") {
			p.unexpected("SELECT")
		}
		s.query = p.query()
		p.expect(")")
	} else {
		s.table = p.identifier("a table")
		if p.peek().is(".") {
			p.fail(p.peek().at, "name the table alone: the engines keep tables in schemas of different names")
		}
		if p.peek().is("(") {
			p.fail(s.at, "%s(…) in FROM is a function of one engine", s.table)
		}
	}
	s.alias = s.table
	switch tok := p.peek(); {
	case p.accept("as"):
		s.alias = p.identifier("an alias")
	case tok.kind == quoted || (tok.kind == word && !isReserved(tok.text)):
		s.alias = p.take().text
	}
	if s.alias == "" {
		p.fail(s.at, "give the query in FROM an alias: (SELECT …) AS name")
	}
	if p.peek().is("(") {
		p.fail(p.peek().at, "SQLite has no column names behind an alias: write AS in the query, or use WITH")
	}
	return s
}
