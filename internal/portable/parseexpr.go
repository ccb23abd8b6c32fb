package portable

import (
	"strings"
)

func (p *parser) exprs() []node {
	all := []node{p.expr()}
	for p.accept(",") {
		all = append(all, p.expr())
	}
	return all
}

// expr reads a whole expression. It uses the precedence that both engines share. If theirs differ, it requires
// parentheses.
func (p *parser) expr() node {
	defer p.enter()()
	return p.operators("or", func() node { return p.operators("and", p.negation) })
}

// operators reads operands with one operator between them.
func (p *parser) operators(op string, operand func() node) node {
	left := operand()
	for p.peek().is(op) {
		at := at(p.take().at)
		left = binary{at, op, left, operand()}
	}
	return left
}

func (p *parser) negation() node {
	tok := p.peek()
	if !p.accept("not") {
		return p.predicate()
	}
	defer p.enter()()
	return unary{at(tok.at), "not", p.negation()}
}

// predicate reads a comparison or a test. The engines order several of them in a row differently.
func (p *parser) predicate() node {
	left := p.concat()
	operand, found := p.comparison(left)
	if !found {
		return left
	}
	if tok := p.peek(); p.atPredicate() {
		p.fail(tok.at, "put parentheses around the comparison before %s: the engines disagree about what comes first", strings.ToUpper(tok.text))
	}
	return operand
}

func (p *parser) atPredicate() bool {
	switch tok := p.peek(); tok.text {
	case "=", "<>", "!=", "<", "<=", ">", ">=", "is", "in", "between", "like", "isnull", "notnull":
		return tok.kind == sign || tok.kind == word
	case "not":
		return tok.kind == word
	}
	return false
}

func (p *parser) comparison(left node) (operand node, found bool) {
	tok := p.peek()
	where := at(tok.at)
	switch {
	case tok.kind == sign && p.atPredicate():
		op := p.take().text
		if op == "!=" {
			op = "<>"
		}
		return binary{where, op, left, p.concat()}, true
	case p.accept("is"):
		return p.isTest(where, left), true
	case tok.is("isnull") || tok.is("notnull"):
		p.fail(tok.at, "write IS NULL or IS NOT NULL")
		return left, true
	case tok.is("glob") || tok.is("regexp") || tok.is("match") || tok.is("ilike") || tok.is("similar"):
		p.fail(tok.at, "%s is known to one engine alone", strings.ToUpper(tok.text))
		return left, true
	}
	not := tok.is("not")
	if not {
		p.take()
	}
	operand, found = p.membership(left)
	switch {
	case not && !found:
		p.unexpected("IN, LIKE or BETWEEN")
	case not:
		operand = unary{where, "not", operand}
	}
	return operand, found || not
}

func (p *parser) isTest(where at, left node) node {
	not := p.accept("not")
	tok := p.peek()
	var operand node
	switch {
	case tok.is("null") || tok.is("true") || tok.is("false"):
		p.take()
		operand = test{where, tok.text, left}
	case p.acceptAll("distinct", "from"):
		operand = binary{where, "is distinct from", left, p.concat()}
	default:
		p.fail(tok.at, "behind IS PostgreSQL takes NULL, TRUE, FALSE and DISTINCT FROM alone")
		return left
	}
	if not {
		return unary{where, "not", operand}
	}
	return operand
}

func (p *parser) membership(left node) (operand node, found bool) {
	where := at(p.peek().at)
	switch {
	case p.accept("in"):
		return p.members(where, left), true
	case p.accept("between"):
		b := between{at: where, x: left, low: p.concat()}
		p.expect("and")
		b.high = p.concat()
		return b, true
	case p.accept("like"):
		expr := binary{where, "like", left, p.concat()}
		if tok := p.peek(); tok.is("escape") {
			p.fail(tok.at, "without ESCAPE the engines agree about LIKE in a query for both, and not with it")
		}
		return expr, true
	}
	return left, false
}

func (p *parser) members(where at, left node) node {
	expr := in{at: where, x: left}
	p.expect("(")
	switch tok := p.peek(); {
	case tok.is("select") || tok.is("with"):
		expr.query = p.query()
	case tok.is(")"):
		p.fail(tok.at, "PostgreSQL has no empty list behind IN")
	default:
		expr.list = p.exprs()
	}
	p.expect(")")
	return expr
}

// concat reads || at a level of its own: + and - bind differently against it.
func (p *parser) concat() node {
	left := p.sum()
	for p.peek().is("||") {
		tok := p.take()
		right := p.sum()
		for _, side := range []node{left, right} {
			if isArithmetic(side) {
				p.fail(side.place(), "put parentheses around this: the engines disagree about whether || comes before it")
			}
		}
		left = binary{at(tok.at), "||", left, right}
	}
	return left
}

func isArithmetic(operand node) bool {
	switch n := operand.(type) {
	case binary:
		return strings.Contains("+-*/%", n.op)
	case unary:
		return n.op != "not"
	}
	return false
}

func (p *parser) sum() node {
	left := p.product()
	for p.peek().is("+") || p.peek().is("-") {
		tok := p.take()
		left = binary{at(tok.at), tok.text, left, p.product()}
	}
	return left
}

func (p *parser) product() node {
	left := p.signed()
	for p.peek().is("*") || p.peek().is("/") || p.peek().is("%") {
		tok := p.take()
		left = binary{at(tok.at), tok.text, left, p.signed()}
	}
	return left
}

func (p *parser) signed() node {
	tok := p.peek()
	if !tok.is("-") && !tok.is("+") {
		return p.primary()
	}
	p.take()
	defer p.enter()()
	x := p.signed()
	if lit, ok := x.(literal); ok && tok.is("-") && (lit.kind == whole || lit.kind == fraction) && !strings.HasPrefix(lit.text, "-") {
		lit.at, lit.text = at(tok.at), "-"+lit.text
		return lit
	}
	return unary{at(tok.at), tok.text, x}
}

func (p *parser) primary() node {
	operand := p.operand()
	switch tok := p.peek(); {
	case tok.is("collate"):
		p.fail(tok.at, "the engines have collations of different names: texts are compared by their code points without one")
	case tok.is("["):
		p.unexpected("an operator")
	}
	return operand
}

func (p *parser) operand() node {
	tok := p.peek()
	where := at(tok.at)
	switch {
	case tok.kind == number:
		p.take()
		if strings.Contains(tok.text, ".") {
			return literal{where, fraction, tok.text}
		}
		return literal{where, whole, tok.text}
	case tok.kind == text:
		p.take()
		if p.peek().kind == text {
			p.fail(p.peek().at, "two strings behind one another: write || between them")
		}
		return literal{where, quote, tok.text}
	case tok.is("null"):
		p.take()
		return literal{where, null, tok.text}
	case tok.is("true") || tok.is("false"):
		p.take()
		return literal{where, boolean, tok.text}
	case tok.is("("):
		return p.parenthesis()
	case tok.is("case"):
		return p.choice()
	case tok.is("cast"):
		return p.cast()
	case tok.is("exists"):
		p.take()
		p.expect("(")
		n := exists{where, p.query()}
		p.expect(")")
		return n
	case (tok.kind == word || tok.kind == quoted) && p.second().is("("):
		return p.call()
	}
	return p.name()
}

func (p *parser) parenthesis() node {
	where := at(p.take().at)
	if tok := p.peek(); tok.is("select") || tok.is("with") {
		expr := scalar{where, p.query()}
		p.expect(")")
		return expr
	}
	n := paren{where, p.expr()}
	if tok := p.peek(); tok.is(",") {
		p.fail(tok.at, "compare one value with one: the engines treat rows in parentheses differently")
	}
	p.expect(")")
	return n
}

func (p *parser) name() node {
	tok := p.peek()
	if (tok.kind == word && strings.HasPrefix(tok.text, "current_")) || tok.is("localtime") || tok.is("localtimestamp") {
		p.fail(tok.at, "a view cannot ask for the time or the session")
	}
	ident := name{at: at(tok.at), quoted: tok.kind == quoted}
	ident.column = p.identifier("a value")
	if !p.accept(".") {
		return ident
	}
	// After a point both engines accept every word.
	c := p.peek()
	if c.kind != word && c.kind != quoted {
		p.unexpected("a column")
	}
	ident.table, ident.column = ident.column, p.take().text
	if p.peek().is(".") {
		p.fail(tok.at, "name the table alone: the engines keep tables in schemas of different names")
	}
	return ident
}

func (p *parser) choice() node {
	n := choice{at: at(p.take().at)}
	if !p.peek().is("when") {
		n.operand = p.expr()
	}
	for p.accept("when") {
		branch := when{cond: p.expr()}
		p.expect("then")
		branch.then = p.expr()
		n.whens = append(n.whens, branch)
	}
	if len(n.whens) == 0 {
		p.unexpected("WHEN")
	}
	if p.accept("else") {
		n.orElse = p.expr()
	}
	p.expect("end")
	return n
}

func (p *parser) cast() node {
	expr := cast{at: at(p.take().at)}
	p.expect("(")
	expr.x = p.expr()
	p.expect("as")
	var words []string
	for p.peek().kind == word {
		words = append(words, p.take().text)
	}
	expr.to = strings.Join(words, " ")
	if expr.to == "" {
		p.unexpected("a type")
	}
	if p.accept("(") {
		for p.peek().kind == number || p.peek().is(",") {
			p.take()
		}
		p.expect(")")
		expr.to += "(…)"
	}
	p.expect(")")
	return expr
}

func (p *parser) call() node {
	tok := p.take()
	fn := call{at: at(tok.at), name: tok.text}
	p.expect("(")
	switch {
	case p.accept("*"):
		fn.star = true
	case p.peek().is(")"):
	default:
		fn.distinct = p.accept("distinct")
		fn.args = p.exprs()
		if p.acceptAll("order", "by") {
			fn.order = p.sortings()
		}
	}
	p.expect(")")
	if p.peek().is("filter") && p.second().is("(") {
		p.i += 2
		p.expect("where")
		fn.filter = p.expr()
		p.expect(")")
	}
	if p.accept("over") {
		fn.over = p.window()
	}
	return fn
}

func (p *parser) window() *window {
	w := &window{}
	p.expect("(")
	if p.acceptAll("partition", "by") {
		w.partition = p.exprs()
	}
	if p.acceptAll("order", "by") {
		w.order = p.sortings()
	}
	if tok := p.peek(); tok.is("rows") || tok.is("range") || tok.is("groups") {
		p.fail(tok.at, "a window for both engines has no frame of its own: without one it ends with the current row and those equal to it")
	}
	p.expect(")")
	return w
}
