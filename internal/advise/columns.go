package advise

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/indexing"
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/record/render"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// columnsOf returns the columns of a query in each table that it reads, the list's own table first. It takes all comparisons,
// wherever they stand: whether an index on them helps is tried.
func columnsOf(rules *rule.Rules, q *query) []*indexing.Columns {
	c := &collector{rules: rules}
	table := rules.Model.Table(q.table)
	if table == nil {
		return nil
	}
	own := c.of(table)
	c.table(table)
	if node := q.condition(rules); node != nil {
		c.condition(node)
	}
	for name := range strings.SplitSeq(q.sort, ",") {
		if field := table.Field(strings.TrimPrefix(name, "-")); field != nil {
			own.Sort = append(own.Sort, field)
		}
	}
	if out, err := render.NewOutput(table, q.fields, q.expand); err == nil {
		c.expansions(out.Expansions)
	}
	return c.all
}

// condition returns the filter of the query, or nil.
func (q *query) condition(rules *rule.Rules) rule.Node {
	table := rules.Model.Table(q.table)
	if table == nil || q.filter == "" {
		return nil
	}
	node, _, problems := rules.Filter(table, q.filter)
	if len(problems) > 0 {
		return nil
	}
	return node
}

type collector struct {
	rules *rule.Rules
	all   []*indexing.Columns
	seen  []*model.Table // tables whose rules were looked at
}

// of returns the columns of a table.
func (c *collector) of(table *model.Table) *indexing.Columns {
	for _, known := range c.all {
		if known.Table == table {
			return known
		}
	}
	found := &indexing.Columns{Table: table}
	c.all = append(c.all, found)
	return found
}

// table adds what the read rule of a table compares. The query of a view may compare any column of its tables.
func (c *collector) table(table *model.Table) {
	if slices.Contains(c.seen, table) {
		return
	}
	c.seen = append(c.seen, table)
	if read := c.rules.Table(table).Read; read != nil {
		c.condition(read)
	}
	if table.View == nil {
		return
	}
	for _, read := range table.View.Reads {
		of := c.of(read.Table)
		for _, field := range read.Table.Fields {
			if !field.System && mentions(table.View, field.Name) {
				c.add(&of.Equal, field)
			}
		}
	}
}

// mentions returns true if the query of a view has a name in it.
func mentions(view *model.View, name string) bool {
	return strings.Contains(view.SQLite.String(), name) || strings.Contains(view.Postgres.String(), name)
}

func (c *collector) expansions(all []*render.Expansion) {
	for _, expansion := range all {
		c.table(expansion.Relation.To)
		c.expansions(expansion.Output.Expansions)
	}
}

// condition adds the comparisons of a condition.
func (c *collector) condition(node rule.Node) {
	for _, compared := range comparisons(node) {
		if compared.column.Path.Root.Role == rule.Old {
			continue
		}
		of := c.of(compared.column.Path.Table())
		switch compared.how {
		case equals:
			c.add(&of.Equal, compared.column.Field)
		case ranges:
			c.add(&of.Ranged, compared.column.Field)
		}
	}
}

func (c *collector) add(to *[]*model.Field, field *model.Field) {
	if !slices.Contains(*to, field) {
		*to = append(*to, field)
	}
}

// A comparison is a column with the other operand of a condition.
type comparison struct {
	column *rule.Column
	other  rule.Node // nil if the column is a condition by itself
	how    how
}

// how is the way in which a comparison finds rows.
type how uint8

const (
	equals how = iota
	ranges
	pieces // of text, which no index finds
)

// comparisons returns the comparisons of a condition, wherever they stand in it. A macro compares the reference of its rows.
func comparisons(node rule.Node) (all []comparison) {
	many := func(nodes ...rule.Node) {
		for _, operand := range nodes {
			all = append(all, comparisons(operand)...)
		}
	}
	switch n := node.(type) {
	case *rule.Not:
		many(n.X)
	case *rule.And:
		many(n.Xs...)
	case *rule.Or:
		many(n.Xs...)
	case *rule.If:
		many(n.Cond, n.Then, n.Else)
	case *rule.Column:
		if n.Field.Type == model.Bool {
			all = append(all, comparison{n, nil, equals})
		}
	case *rule.Compare:
		for _, sides := range [][2]rule.Node{{n.L, n.R}, {n.R, n.L}} {
			column, ok := sides[0].(*rule.Column)
			switch {
			case !ok:
				many(sides[0])
			case n.Op == rule.Eq:
				all = append(all, comparison{column, sides[1], equals})
			case n.Op != rule.Ne:
				all = append(all, comparison{column, sides[1], ranges})
			}
		}
	case *rule.In:
		if column, ok := n.X.(*rule.Column); ok {
			for _, item := range n.Items {
				all = append(all, comparison{column, item, equals})
			}
		}
	case *rule.Call:
		if len(n.Args) == 2 {
			if column, ok := n.Args[0].(*rule.Column); ok {
				all = append(all, comparison{column, n.Args[1], pieces})
			}
		}
	case *rule.Quantified:
		if n.Relation.Many {
			reference := &rule.Column{Path: rule.Path{Root: n.Item}, Field: n.Relation.Field}
			all = append(all, comparison{reference, nil, equals})
		}
		if n.Body != nil {
			many(n.Body)
		}
	}
	return all
}
