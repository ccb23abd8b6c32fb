package portable

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// core types one SELECT. It also returns the scope of its expressions, and the identity of each column of the result.
func (c *checker) core(n *core, outer *scope, named []withRelation, order []sorting, use purpose) (*scope, result, []string) {
	windows := c.windows
	c.windows = 0
	defer func() { c.windows = windows }()
	s := &scope{outer: outer, named: named}
	for _, ch := range n.from {
		c.chain(ch, s)
	}
	if n.where != nil {
		c.condition(n.where, s, "WHERE")
	}
	s.identity, s.known = c.identityOf(n, s)
	c.group(n, s, order)
	rows, items := c.items(n, s, use)
	if n.having != nil {
		c.condition(n.having, s, "HAVING")
	}
	if n.distinct {
		for i, col := range rows.columns {
			c.sortable(rows.at[i], col.typ)
			rows.columns[i].typ.kind = col.typ.stored().kind
		}
		s.identity, s.known = items, true
	}
	rows.unique = uniqueIn(s, items)
	return s, rows, items
}

// uniqueIn are the columns of a result that tell its rows apart.
func uniqueIn(s *scope, items []string) [][]int {
	if !s.known {
		return nil
	}
	key := []int{}
	for _, id := range s.identity {
		i := slices.Index(items, id)
		if i < 0 {
			return nil
		}
		key = append(key, i)
	}
	return [][]int{key}
}

// chain adds a table and what is joined to it. An ON sees the tables of its own chain alone, as in PostgreSQL.
func (c *checker) chain(ch chain, s *scope) {
	own := &scope{outer: s.outer, named: s.named}
	c.source(ch.first, s, own, false)
	for _, j := range ch.joins {
		c.source(j.to, s, own, j.left)
		if j.on != nil {
			c.condition(j.on, own, "ON")
		}
	}
}

func (c *checker) source(n source, s, chain *scope, left bool) {
	rel := c.relation(n, s, left)
	rel.name = n.alias
	c.relations++
	rel.id = c.relations
	if s.has(n.alias) {
		c.fault(n.at, "%s names two tables of this SELECT: give one of them another alias", n.alias)
	}
	if left {
		rel.columns = slices.Clone(rel.columns)
		for i := range rel.columns {
			rel.columns[i].typ.nullable = true
		}
	}
	s.relations = append(s.relations, rel)
	chain.relations = append(chain.relations, rel)
}

func (c *checker) relation(n source, s *scope, left bool) *relation {
	if n.query != nil {
		rows := c.query(n.query, s.outer, within(s.named), asRows)
		return &relation{columns: stored(rows.columns, nil), unique: rows.unique}
	}
	for _, w := range slices.Backward(s.named) {
		if w.name != n.table {
			continue
		}
		switch {
		case w.count != nil && !w.self:
			c.fault(n.at, "PostgreSQL lets a recursive query name itself in its own FROM alone")
		case w.count != nil && left:
			c.fault(n.at, "PostgreSQL does not let a recursive query name itself behind LEFT JOIN")
		}
		if w.count != nil {
			*w.count++
		}
		return &relation{columns: w.rel.columns, unique: w.rel.unique}
	}
	if table := c.m.Table(n.table); table != nil && table.View == nil {
		return baseRelation(table)
	}
	c.fault(n.at, "there is no table %s here as PostgreSQL sees it (a query of WITH names itself with RECURSIVE alone, and those before it)", n.table)
	return &relation{broken: true}
}

// baseRelation is a table of the model.
func baseRelation(table *model.Table) *relation {
	r := &relation{base: table, unique: [][]int{{0}}}
	for i, field := range table.Fields {
		r.columns = append(r.columns, column{field.Name, typeOf(field)})
		if field.Unique && i > 0 {
			r.unique = append(r.unique, []int{i})
		}
	}
	r.columns = append(r.columns, column{"_rev", typ{kind: whole}})
	return r
}

// identityOf lists what tells the rows of FROM and WHERE apart: the id of each table that WHERE does not set to one value.
func (c *checker) identityOf(n *core, s *scope) (identities []string, known bool) {
	fixed := map[string]bool{}
	c.fixedBy(n.where, s, fixed)
	for _, r := range s.relations {
		if len(r.unique) == 0 {
			return nil, false
		}
		if slices.ContainsFunc(r.unique, func(key []int) bool {
			return !slices.ContainsFunc(key, func(col int) bool { return !fixed[identity(r, col)] })
		}) {
			continue
		}
		for _, col := range r.unique[0] {
			identities = append(identities, identity(r, col))
		}
	}
	return identities, true
}

// fixedBy collects the columns that a condition compares with something that is the same for all rows.
func (c *checker) fixedBy(cond node, s *scope, fixed map[string]bool) {
	b, ok := bare(cond).(binary)
	switch {
	case ok && b.op == "and":
		c.fixedBy(b.l, s, fixed)
		c.fixedBy(b.r, s, fixed)
	case ok && b.op == "=":
		for _, side := range [][2]node{{b.l, b.r}, {b.r, b.l}} {
			n, isName := bare(side[0]).(name)
			if !isName || !s.constant(side[1]) {
				continue
			}
			if p, problem := s.find(n); problem == "" && p.scope == s {
				fixed[p.identity()] = true
			}
		}
	}
}

// constant says whether an expression is the same for all rows: a literal, or a column of a query around.
func (s *scope) constant(operand node) bool {
	switch n := bare(operand).(type) {
	case literal:
		return true
	case name:
		p, problem := s.find(n)
		return problem == "" && p.scope != s
	}
	return false
}

// group types GROUP BY, after which expressions are of groups.
func (c *checker) group(n *core, s *scope, order []sorting) {
	grouped := len(n.group) > 0 || n.having != nil ||
		slices.ContainsFunc(n.items, func(it item) bool { return it.x != nil && aggregates(it.x) }) ||
		slices.ContainsFunc(order, func(o sorting) bool { return aggregates(o.x) })
	if !grouped {
		return
	}
	groups := map[string]bool{}
	var keys []string
	for _, g := range n.group {
		x := c.groupedBy(g, n, s)
		t := c.expr(x, s)
		if _, constant := bare(x).(literal); constant {
			c.fault(g.place(), "PostgreSQL does not sort or group by a constant")
		}
		c.sortable(g.place(), t)
		id := s.identify(x)
		groups[id] = true
		keys = append(keys, id)
	}
	s.groups, s.stage = groups, ofGroups
	s.identity, s.known = keys, true
}

// groupedBy is the expression that a part of GROUP BY stands for: by number, or by a name that no table has.
func (c *checker) groupedBy(g node, n *core, s *scope) node {
	switch g := bare(g).(type) {
	case literal:
		if i, err := strconv.Atoi(g.text); err == nil && g.kind == whole && 1 <= i && i <= len(n.items) && n.items[i-1].x != nil {
			return n.items[i-1].x
		}
	case name:
		if g.table != "" || len(s.matches(g)) > 0 {
			return g
		}
		for _, it := range n.items {
			if it.alias == g.column && it.x != nil {
				return it.x
			}
		}
	}
	return g
}

// items types what a SELECT returns.
func (c *checker) items(n *core, s *scope, use purpose) (rows result, ids []string) {
	add := func(at int, name string, t typ, id string) {
		rows.columns, rows.at, ids = append(rows.columns, column{name, t}), append(rows.at, at), append(ids, id)
	}
	for _, it := range n.items {
		if it.star {
			c.star(it, s, use, add)
			continue
		}
		t := c.window(it.x, s)
		label := it.alias
		if column, ok := bare(it.x).(name); ok && label == "" {
			label = column.column
		}
		add(it.at, label, t, s.identify(it.x))
	}
	return rows, ids
}

// maxColumns is how many PostgreSQL has in a result.
const maxColumns = 1664

func (c *checker) star(it item, s *scope, use purpose, add func(int, string, typ, string)) {
	switch {
	case use == asPart:
		c.fault(it.at, "name the columns: tables do not have theirs in the same order on both engines")
		return
	case s.groups != nil && use != asExists:
		c.fault(it.at, "name the columns that are grouped by")
		return
	}
	count := 0
	for _, r := range s.relations {
		if it.table != "" && !strings.EqualFold(it.table, r.name) {
			continue
		}
		if count += len(r.columns); count > maxColumns {
			c.fault(it.at, "these are more than %d columns: name those that are needed", maxColumns)
			return
		}
		for i, col := range r.columns {
			add(it.at, col.name, col.typ, identity(r, i))
		}
	}
}
