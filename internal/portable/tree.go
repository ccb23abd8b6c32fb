package portable

// node is a part of an expression.
type node interface{ place() int }

// at is the position of a node in the query, in bytes.
type at int

func (a at) place() int { return int(a) }

type (
	// literal is the source text of a constant; the text of a negative number starts with a minus.
	literal struct {
		at
		kind kind // whole, fraction, quote, boolean or null
		text string
	}
	// name is a column; table is "" for a bare name.
	name struct {
		at
		table, column string
		quoted        bool
	}
	// paren is an expression in parentheses.
	paren struct {
		at
		x node
	}
	// unary is -x, +x or NOT x.
	unary struct {
		at
		op string
		x  node
	}
	// binary is an operator between two operands; `is distinct from` is one.
	binary struct {
		at
		op   string
		l, r node
	}
	// test is x IS [NOT] NULL, TRUE or FALSE.
	test struct {
		at
		what string
		x    node
	}
	between struct {
		at
		x, low, high node
	}
	// in has either a list or a query.
	in struct {
		at
		x     node
		list  []node
		query *query
	}
	exists struct {
		at
		query *query
	}
	// scalar is a query used for its value.
	scalar struct {
		at
		query *query
	}
	choice struct {
		at
		operand node // nil in CASE WHEN condition
		whens   []when
		orElse  node
	}
	cast struct {
		at
		x  node
		to string // the words of the type
	}
	call struct {
		at
		name     string
		star     bool
		distinct bool
		args     []node
		order    []sorting
		filter   node
		over     *window
	}
)

type when struct{ cond, then node }

type window struct {
	partition []node
	order     []sorting
}

type sorting struct {
	x     node
	nulls bool // with NULLS FIRST or LAST
}

// query is a SELECT with WITH, set operations, ORDER BY and LIMIT.
type query struct {
	at       int
	tables   []withTable
	cores    []*core
	ops      []string // between the cores
	order    []sorting
	limit    string // "" without one
	offset   bool
	compound bool
}

type withTable struct {
	at        int
	name      string
	columns   []string
	recursive bool
	query     *query
}

// core is one SELECT.
type core struct {
	at       int
	distinct bool
	items    []item
	from     []chain
	where    node
	group    []node
	having   node
}

// item is one column of a result, or all columns of a table; table is "" for all tables.
type item struct {
	at    int
	star  bool
	table string
	x     node
	alias string
}

// chain is a table and its joins.
type chain struct {
	first source
	joins []join
}

type join struct {
	at   int
	left bool
	to   source
	on   node // nil in a cross join
}

// source is a table, or a query with an alias.
type source struct {
	at    int
	table string
	query *query
	alias string
}

// children are the parts of an expression, without the queries in it.
func children(operand node) []node {
	switch n := operand.(type) {
	case paren:
		return []node{n.x}
	case unary:
		return []node{n.x}
	case binary:
		return []node{n.l, n.r}
	case test:
		return []node{n.x}
	case between:
		return []node{n.x, n.low, n.high}
	case in:
		return append([]node{n.x}, n.list...)
	case cast:
		return []node{n.x}
	case choice:
		return n.parts()
	case call:
		return n.parts()
	}
	return nil
}

func (n choice) parts() []node {
	var all []node
	if n.operand != nil {
		all = append(all, n.operand)
	}
	for _, branch := range n.whens {
		all = append(all, branch.cond, branch.then)
	}
	if n.orElse != nil {
		all = append(all, n.orElse)
	}
	return all
}

func (n call) parts() []node {
	all := append([]node{}, n.args...)
	if n.filter != nil {
		all = append(all, n.filter)
	}
	sorted := n.order
	if n.over != nil {
		all = append(all, n.over.partition...)
		sorted = append(sorted[:len(sorted):len(sorted)], n.over.order...)
	}
	for _, s := range sorted {
		all = append(all, s.x)
	}
	return all
}

// ofSeveral reports whether it is SQLite's min or max over the values of one row.
func (n call) ofSeveral() bool { return (n.name == "min" || n.name == "max") && len(n.args) > 1 }

// bare takes the parentheses off.
func bare(operand node) node {
	for {
		p, ok := operand.(paren)
		if !ok {
			return operand
		}
		operand = p.x
	}
}

// aggregates reports whether an expression contains an aggregate.
func aggregates(operand node) bool {
	if c, ok := operand.(call); ok && c.over == nil && isAggregate(c.name) && !c.ofSeveral() {
		return true
	}
	for _, child := range children(operand) {
		if aggregates(child) {
			return true
		}
	}
	return false
}
