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

// expr is a whole expression. The order in which operators bind is one that both engines share; where theirs differ,
// parentheses are asked for.
func (p *parser) expr() node {
	defer p.deeper()()
	return p.operators("or", func() node { return p.operators("and", p.negation) })
}

// operators reads operands with one operator between them.
func (p *parser) operators(op string, operand func() node) node {
	l := operand()
	for p.peek().is(op) {
		at := at(p.take().at)
		l = binary{at, op, l, operand()}
	}
	return l
}

func (p *parser) negation() node {
	t := p.peek()
	if !p.accept("not") {
		return p.predicate()
	}
	defer p.deeper()()
	return unary{at(t.at), "not", p.negation()}
}

// predicate is a comparison or a test. Behind one another the engines take them in different orders.
func (p *parser) predicate() node {
	l := p.concat()
	n, found := p.comparison(l)
	if !found {
		return l
	}
	if t := p.peek(); p.atPredicate() {
		p.fail(t.at, "put parentheses around the comparison before %s: the engines disagree about what comes first", strings.ToUpper(t.text))
	}
	return n
}

func (p *parser) atPredicate() bool {
	switch t := p.peek(); t.text {
	case "=", "<>", "!=", "<", "<=", ">", ">=", "is", "in", "between", "like", "isnull", "notnull":
		return t.kind == sign || t.kind == word
	case "not":
		return t.kind == word
	}
	return false
}

func (p *parser) comparison(l node) (n node, found bool) {
	t := p.peek()
	where := at(t.at)
	switch {
	case t.kind == sign && p.atPredicate():
		op := p.take().text
		if op == "!=" {
			op = "<>"
		}
		return binary{where, op, l, p.concat()}, true
	case p.accept("is"):
		return p.isTest(where, l), true
	case t.is("isnull") || t.is("notnull"):
		p.fail(t.at, "write IS NULL or IS NOT NULL")
		return l, true
	case t.is("glob") || t.is("regexp") || t.is("match") || t.is("ilike") || t.is("similar"):
		p.fail(t.at, "%s is known to one engine alone", strings.ToUpper(t.text))
		return l, true
	}
	not := t.is("not")
	if not {
		p.take()
	}
	n, found = p.membership(l)
	switch {
	case not && !found:
		p.unexpected("IN, LIKE or BETWEEN")
	case not:
		n = unary{where, "not", n}
	}
	return n, found || not
}

func (p *parser) isTest(where at, l node) node {
	not := p.accept("not")
	t := p.peek()
	var n node
	switch {
	case t.is("null") || t.is("true") || t.is("false"):
		p.take()
		n = test{where, t.text, l}
	case p.acceptAll("distinct", "from"):
		n = binary{where, "is distinct from", l, p.concat()}
	default:
		p.fail(t.at, "behind IS PostgreSQL takes NULL, TRUE, FALSE and DISTINCT FROM alone")
		return l
	}
	if not {
		return unary{where, "not", n}
	}
	return n
}

func (p *parser) membership(l node) (n node, found bool) {
	where := at(p.peek().at)
	switch {
	case p.accept("in"):
		return p.members(where, l), true
	case p.accept("between"):
		b := between{at: where, x: l, low: p.concat()}
		p.expect("and")
		b.high = p.concat()
		return b, true
	case p.accept("like"):
		n := binary{where, "like", l, p.concat()}
		if t := p.peek(); t.is("escape") {
			p.fail(t.at, "without ESCAPE the engines agree about LIKE in a query for both, and not with it")
		}
		return n, true
	}
	return l, false
}

func (p *parser) members(where at, l node) node {
	n := in{at: where, x: l}
	p.expect("(")
	switch t := p.peek(); {
	case t.is("select") || t.is("with"):
		n.query = p.query()
	case t.is(")"):
		p.fail(t.at, "PostgreSQL has no empty list behind IN")
	default:
		n.list = p.exprs()
	}
	p.expect(")")
	return n
}

// concat is one level with + and -, which bind differently against ||.
func (p *parser) concat() node {
	l := p.sum()
	for p.peek().is("||") {
		t := p.take()
		r := p.sum()
		for _, side := range []node{l, r} {
			if isArithmetic(side) {
				p.fail(side.place(), "put parentheses around this: the engines disagree about whether || comes before it")
			}
		}
		l = binary{at(t.at), "||", l, r}
	}
	return l
}

func isArithmetic(n node) bool {
	switch n := n.(type) {
	case binary:
		return strings.Contains("+-*/%", n.op)
	case unary:
		return n.op != "not"
	}
	return false
}

func (p *parser) sum() node {
	l := p.product()
	for p.peek().is("+") || p.peek().is("-") {
		t := p.take()
		l = binary{at(t.at), t.text, l, p.product()}
	}
	return l
}

func (p *parser) product() node {
	l := p.signed()
	for p.peek().is("*") || p.peek().is("/") || p.peek().is("%") {
		t := p.take()
		l = binary{at(t.at), t.text, l, p.signed()}
	}
	return l
}

func (p *parser) signed() node {
	t := p.peek()
	if !t.is("-") && !t.is("+") {
		return p.primary()
	}
	p.take()
	defer p.deeper()()
	x := p.signed()
	if l, ok := x.(literal); ok && t.is("-") && (l.kind == whole || l.kind == fraction) && !strings.HasPrefix(l.text, "-") {
		l.at, l.text = at(t.at), "-"+l.text
		return l
	}
	return unary{at(t.at), t.text, x}
}

func (p *parser) primary() node {
	n := p.operand()
	switch t := p.peek(); {
	case t.is("collate"):
		p.fail(t.at, "the engines have collations of different names: texts are compared by their code points without one")
	case t.is("["):
		p.unexpected("an operator")
	}
	return n
}

func (p *parser) operand() node {
	t := p.peek()
	where := at(t.at)
	switch {
	case t.kind == number:
		p.take()
		if strings.Contains(t.text, ".") {
			return literal{where, fraction, t.text}
		}
		return literal{where, whole, t.text}
	case t.kind == text:
		p.take()
		if p.peek().kind == text {
			p.fail(p.peek().at, "two strings behind one another: write || between them")
		}
		return literal{where, quote, t.text}
	case t.is("null"):
		p.take()
		return literal{where, null, t.text}
	case t.is("true") || t.is("false"):
		p.take()
		return literal{where, boolean, t.text}
	case t.is("("):
		return p.parenthesis()
	case t.is("case"):
		return p.choice()
	case t.is("cast"):
		return p.cast()
	case t.is("exists"):
		p.take()
		p.expect("(")
		n := exists{where, p.query()}
		p.expect(")")
		return n
	case (t.kind == word || t.kind == quoted) && p.second().is("("):
		return p.call()
	}
	return p.name()
}

func (p *parser) parenthesis() node {
	where := at(p.take().at)
	if t := p.peek(); t.is("select") || t.is("with") {
		n := scalar{where, p.query()}
		p.expect(")")
		return n
	}
	n := paren{where, p.expr()}
	if t := p.peek(); t.is(",") {
		p.fail(t.at, "compare one value with one: the engines treat rows in parentheses differently")
	}
	p.expect(")")
	return n
}

func (p *parser) name() node {
	t := p.peek()
	if t.kind == word && strings.HasPrefix(t.text, "current_") || t.is("localtime") || t.is("localtimestamp") {
		p.fail(t.at, "a view cannot ask for the time or the session")
	}
	n := name{at: at(t.at), quoted: t.kind == quoted}
	n.column = p.identifier("a value")
	if !p.accept(".") {
		return n
	}
	// Behind a point both engines take every word.
	c := p.peek()
	if c.kind != word && c.kind != quoted {
		p.unexpected("a column")
	}
	n.table, n.column = n.column, p.take().text
	if p.peek().is(".") {
		p.fail(t.at, "name the table alone: the engines keep tables in schemas of different names")
	}
	return n
}

func (p *parser) choice() node {
	n := choice{at: at(p.take().at)}
	if !p.peek().is("when") {
		n.operand = p.expr()
	}
	for p.accept("when") {
		w := when{cond: p.expr()}
		p.expect("then")
		w.then = p.expr()
		n.whens = append(n.whens, w)
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
	n := cast{at: at(p.take().at)}
	p.expect("(")
	n.x = p.expr()
	p.expect("as")
	var words []string
	for p.peek().kind == word {
		words = append(words, p.take().text)
	}
	n.to = strings.Join(words, " ")
	if n.to == "" {
		p.unexpected("a type")
	}
	if p.accept("(") {
		for p.peek().kind == number || p.peek().is(",") {
			p.take()
		}
		p.expect(")")
		n.to += "(…)"
	}
	p.expect(")")
	return n
}

func (p *parser) call() node {
	t := p.take()
	n := call{at: at(t.at), name: t.text}
	p.expect("(")
	switch {
	case p.accept("*"):
		n.star = true
	case p.peek().is(")"):
	default:
		n.distinct = p.accept("distinct")
		n.args = p.exprs()
		if p.acceptAll("order", "by") {
			n.order = p.sortings()
		}
	}
	p.expect(")")
	if p.peek().is("filter") && p.second().is("(") {
		p.i += 2
		p.expect("where")
		n.filter = p.expr()
		p.expect(")")
	}
	if p.accept("over") {
		n.over = p.window()
	}
	return n
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
	if t := p.peek(); t.is("rows") || t.is("range") || t.is("groups") {
		p.fail(t.at, "a window for both engines has no frame of its own: without one it ends with the current row and those equal to it")
	}
	p.expect(")")
	return w
}
