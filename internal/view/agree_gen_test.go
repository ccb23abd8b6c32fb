package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// gen writes queries at random.
type gen struct {
	*rand.Rand
	tables []string // the aliases in scope
	alias  int
	group  bool // expressions are of groups
}

func (g *gen) one(of ...string) string { return of[g.IntN(len(of))] }

// columnsOf are the columns of each type.
func columnsOf(kind string) []string {
	switch kind {
	case "int":
		return []string{"n", "m", "id"}
	case "decimal2":
		return []string{"p", "q"}
	case "decimal3":
		return []string{"r"}
	case "decimal0":
		return []string{"w"}
	case "float":
		return []string{"f", "g"}
	case "bool":
		return []string{"b", "c"}
	case "timestamp":
		return []string{"at", "late"}
	case "date":
		return []string{"day", "eve"}
	case "uuid":
		return []string{"u", "v"}
	}
	return []string{"s", "t", "e"}
}

var kinds = [...]string{"int", "decimal2", "decimal3", "decimal0", "float", "bool", "timestamp", "date", "uuid", "text"}

func (g *gen) kind() string { return kinds[g.IntN(len(kinds))] }

func (g *gen) column(kind string) string {
	return g.tables[g.IntN(len(g.tables))] + "." + g.one(columnsOf(kind)...)
}

func (g *gen) constant(kind string) string {
	switch kind {
	case "int":
		return g.one("0", "1", "2", "-3", "10", "100000", "3000000000", "9007199254740993")
	case "decimal2", "decimal3", "decimal0":
		return g.one("0", "0", "0", "1", "0.50", "5")
	case "float":
		return g.one("0.0", "1.5", "-0.25", "2.0", "1", "0")
	case "bool":
		return g.one("TRUE", "FALSE")
	case "timestamp":
		return g.one("'2026-01-01'", "'2026-01-01T00:00:00Z'")
	case "date":
		return g.one("'2026-01-01'", "'1999-12-31'", "'2026-1-1'", "'1999-12-31'")
	case "uuid":
		return g.one("'018f0000-0000-7000-8000-0000000000a1'", "'018F0000-0000-7000-8000-0000000000a1'")
	}
	return g.one("'a'", "'A'", "'ä'", "''", "'5'", "'b%'", "'zebra'")
}

// expr writes an expression, most often of the kind.
func (g *gen) expr(kind string, depth int) string {
	if g.IntN(40) == 0 {
		kind = g.kind()
	}
	if g.group && depth > 0 && g.IntN(2) == 0 {
		if text := g.aggregate(kind, depth-1); text != "" {
			return text
		}
	}
	if depth <= 0 || g.IntN(4) == 0 {
		if g.IntN(4) == 0 {
			return g.constant(kind)
		}
		return g.column(kind)
	}
	switch g.IntN(12) {
	case 0:
		return "coalesce(" + g.expr(kind, depth-1) + ", " + g.expr(kind, depth-1) + ")"
	case 1:
		return "nullif(" + g.expr(kind, depth-1) + ", " + g.expr(kind, depth-1) + ")"
	case 2, 3:
		return "CASE WHEN " + g.expr("bool", depth-1) + " THEN " + g.expr(kind, depth-1) + g.one("", " ELSE "+g.expr(kind, depth-1)) + " END"
	case 4:
		other := g.kind()
		return "CASE " + g.expr(other, depth-1) + " WHEN " + g.expr(other, depth-1) + " THEN " + g.expr(kind, depth-1) + " ELSE " + g.expr(kind, depth-1) + " END"
	case 5:
		if g.group {
			break
		}
		return g.scalar(kind, depth-1)
	}
	return g.special(kind, depth-1)
}

// special writes an operation of only this kind.
func (g *gen) special(kind string, depth int) string {
	e := func(kind string) string { return g.expr(kind, depth) }
	switch kind {
	case "int":
		return g.one("("+e(kind)+" "+g.one("+", "-", "*")+" "+e(kind)+")", "("+e(kind)+" / nullif("+e(kind)+", 0))", e(kind)+" % "+g.one("3", "-7", "nullif("+e(kind)+", 0)"),
			"-"+e(kind), "abs("+e(kind)+")", "length("+e("text")+")", "CAST("+e("bool")+" AS integer)", "CAST("+e(g.kind())+" AS bigint)", e(kind)+" / "+e(kind))
	case "decimal2":
		return g.one("("+e(kind)+g.one(" + ", " - ")+e(kind)+")", e(kind)+" * "+e("int"), "-"+e(kind), "abs("+e(kind)+")", e("decimal0")+" * "+e(kind), "round("+e(kind)+", 1)", e(kind)+" / 3")
	case "decimal3", "decimal0":
		return g.one("("+e(kind)+g.one(" + ", " - ", " * ")+e(kind)+")", e(kind)+" * "+e("int"), "abs("+e(kind)+")")
	case "float":
		return g.one("("+e(kind)+g.one(" + ", " - ", " * ")+e(kind)+")", e(kind)+" / nullif("+e(kind)+", 0.0)", "CAST("+e(g.one("int", "decimal0", "float"))+" AS double precision)",
			"abs("+e(kind)+")", e(kind)+" * "+e("int"), e("decimal2")+" * "+e(kind), "round("+e(kind)+")")
	case "text":
		return g.one(e(kind)+" || "+e(kind), "lower("+e(kind)+")", "upper("+e(kind)+")", "trim("+e(kind)+")", "replace("+e(kind)+", "+g.one("'a'", "'A'", "''", e(kind))+", "+e(kind)+")",
			"substr("+e(kind)+", "+g.one("1", "2", "-1")+", "+g.one("0", "1", "3")+")", "substr("+e(kind)+", 2)", "CAST("+e(g.kind())+" AS text)")
	case "bool":
		return g.condition(depth)
	}
	return g.column(kind)
}

func (g *gen) condition(depth int) string {
	e := func(kind string) string { return g.expr(kind, depth) }
	kind := g.kind()
	switch g.IntN(11) {
	case 0:
		return "(" + e("bool") + " AND " + e("bool") + ")"
	case 1:
		return "(" + e("bool") + " OR NOT " + e("bool") + ")"
	case 2:
		return "(" + e(kind) + " IS " + g.one("", "NOT ") + "NULL)"
	case 3:
		return "(" + e("bool") + " IS " + g.one("TRUE", "NOT FALSE", "NOT TRUE") + ")"
	case 4:
		return "(" + e(kind) + g.one("", " NOT") + " IN (" + e(kind) + ", " + e(kind) + "))"
	case 5:
		return "(" + e(kind) + g.one("", " NOT") + " BETWEEN " + e(kind) + " AND " + e(kind) + ")"
	case 6:
		return "(" + g.one("lower("+e("text")+")", e("text")) + " LIKE " + g.one("'%a%'", "'_'", "'%B%'", "'ä'", "'b\\_c'") + ")"
	case 7:
		if !g.group {
			return "(" + e(kind) + " IN (" + g.sub(kind, depth) + "))"
		}
	case 8:
		if !g.group {
			return "EXISTS (" + g.sub(kind, depth) + ")"
		}
	}
	other := kind
	if g.IntN(10) == 0 {
		other = g.one("int", "float", "decimal0", "text")
	}
	return "(" + e(kind) + g.one(" = ", " <> ", " < ", " <= ", " > ", " >= ", " IS DISTINCT FROM ") + e(other) + ")"
}

// sub writes a query of one column.
func (g *gen) sub(kind string, depth int) string {
	alias := g.newAlias()
	outer := g.tables
	g.tables = append(slices.Clone(outer), alias)
	defer func() { g.tables = outer }()
	return "SELECT " + g.expr(kind, depth) + " FROM " + g.one("lefts", "rights") + " AS " + alias + " WHERE " + g.expr("bool", depth)
}

func (g *gen) scalar(kind string, depth int) string {
	alias := g.newAlias()
	outer, group := g.tables, g.group
	defer func() { g.tables, g.group = outer, group }()
	from := " FROM " + g.one("lefts", "rights") + " AS " + alias
	g.tables = append(slices.Clone(outer), alias)
	where := g.expr("bool", depth)
	switch g.IntN(3) {
	case 0:
		g.tables = []string{alias}
		if text := g.aggregate(kind, depth); text != "" {
			return "(SELECT " + text + from + " WHERE " + where + ")"
		}
		fallthrough
	case 1:
		return "(SELECT " + g.expr(kind, depth) + from + " WHERE " + alias + ".id = " + outer[0] + "." + g.one("id", "m") + ")"
	}
	return "(SELECT " + g.expr(kind, depth) + from + " WHERE " + where + " ORDER BY " + g.order(alias) + " LIMIT 1)"
}

func (g *gen) newAlias() string {
	g.alias++
	return "x" + strconv.Itoa(g.alias)
}

// order sorts by something and then, most often, by the id.
func (g *gen) order(alias string) string {
	by := g.expr(g.kind(), 1) + g.one("", " DESC") + g.one("", " NULLS FIRST", " NULLS LAST")
	return by + g.one("", ", "+alias+".id", ", "+alias+".id DESC")
}

// aggregate writes an aggregate of a kind, or "" for a kind without one.
func (g *gen) aggregate(kind string, depth int) string {
	group := g.group
	g.group = false
	defer func() { g.group = group }()
	filter := g.one("", "", " FILTER (WHERE "+g.expr("bool", depth)+")")
	x := g.expr(kind, depth)
	switch kind {
	case "int":
		return g.one("count(*)", "count("+g.expr(g.kind(), depth)+")", "count(DISTINCT "+g.expr(g.kind(), depth)+")", "min("+x+")", "max("+x+")",
			"sum(CASE WHEN "+g.expr("bool", depth)+" THEN 1 ELSE 0 END)") + filter
	case "decimal0":
		return "sum(" + g.expr(g.one("int", "decimal0"), depth) + ")" + filter
	case "float":
		return g.one("avg("+g.expr("int", depth)+")", "avg("+x+")", "sum("+x+")", "max("+x+")") + filter
	case "text":
		return g.one("min("+x+")", "max("+x+")", "string_agg("+x+", ', ' ORDER BY "+x+")") + filter
	case "decimal2", "decimal3":
		return g.one("sum", "min", "max", "avg") + "(" + x + ")" + filter
	case "date", "timestamp":
		return g.one("min", "max") + "(" + x + ")" + filter
	}
	return ""
}

// window writes a window function of a kind, or an expression for a kind without one.
func (g *gen) window(kind string) string {
	over := " OVER (" + g.one("", "PARTITION BY "+g.expr(g.kind(), 1)+" ") + "ORDER BY " + g.order(g.tables[0]) + ")"
	switch kind {
	case "int":
		return g.one("row_number()", "rank()", "dense_rank()", "count(*)") + over
	case "bool", "uuid":
		return g.one("lag", "lead", "first_value") + "(" + g.expr(kind, 1) + ")" + over
	}
	return g.one("lag("+g.expr(kind, 1)+")", "first_value("+g.expr(kind, 1)+")", g.aggregate(kind, 1)) + over
}

// view writes a view with one query.
func (g *gen) view(b *strings.Builder, i int) {
	kinds := []string{g.kind(), g.kind()}
	g.tables, g.alias, g.group = nil, 0, false
	query := g.query(kinds)
	fmt.Fprintf(b, "  v%d:\n    key: int\n    reads: [lefts, rights]\n    query: |\n      %s\n    fields:\n", i, query)
	for i, kind := range kinds {
		typ := kind
		if scale, ok := strings.CutPrefix(kind, "decimal"); ok {
			typ = "decimal, precision: 18, scale: " + scale
		}
		fmt.Fprintf(b, "      x%d: {type: %s, optional: true}\n", i, typ)
	}
}

// both names both tables, so that reads is always right.
const both = "(SELECT count(*) FROM lefts) + (SELECT count(*) FROM rights)"

func (g *gen) query(kinds []string) string {
	switch g.IntN(8) {
	case 0, 1:
		g.tables = []string{"a"}
		return g.list("a.id + "+both, kinds, 3) + " FROM " + g.one("lefts", "rights") + " AS a WHERE " + g.expr("bool", 2)
	case 2:
		g.tables = []string{"a", "b"}
		return g.list("a.id * 100 + b.id", kinds, 2) + " FROM lefts AS a JOIN rights AS b ON " + g.expr("bool", 2)
	case 3:
		g.tables = []string{"a", "b"}
		on := "a.n = b.id"
		return g.list("a.id * 100 + coalesce(b.id, 0)", kinds, 2) + " FROM lefts AS a LEFT JOIN rights AS b ON " + on + " WHERE " + g.expr("bool", 2)
	case 4:
		g.tables = []string{"a"}
		by := g.expr(g.kind(), 1)
		where := g.expr("bool", 1)
		g.group = true
		query := g.list(both, kinds, 2)
		having := g.expr("bool", 2)
		return strings.ReplaceAll(query+" FROM lefts AS a WHERE "+where+" GROUP BY "+g.one(by, "a.id", "a.s, a.b, a.n")+g.one("", " HAVING "+having), "a.id + a.id", by)
	case 5:
		g.tables = []string{"a"}
		l := g.list("a.id + "+both, kinds, 1)
		r := g.list("a.m", kinds, 1)
		return l + " FROM lefts AS a " + g.one("UNION", "UNION ALL", "EXCEPT", "INTERSECT") + " " + r + " FROM rights AS a"
	case 6:
		g.tables = []string{"a"}
		return "SELECT a.id + " + both + " AS id, " + g.window(kinds[0]) + " AS x0, " + g.window(kinds[1]) + " AS x1 FROM rights AS a"
	}
	g.tables = []string{"a"}
	inner := g.list("a.id", kinds, 2) + " FROM lefts AS a ORDER BY " + g.order("a") + " LIMIT " + g.one("3", "5 OFFSET 2")
	return "WITH a AS (" + inner + ") SELECT a.id + " + both + " AS id, a.x0, a.x1 FROM a"
}

func (g *gen) list(id string, kinds []string, depth int) string {
	var out strings.Builder
	out.WriteString("SELECT " + g.one("", "DISTINCT ") + id + " AS id")
	for i, kind := range kinds {
		fmt.Fprintf(&out, ", %s AS x%d", g.expr(kind, depth), i)
	}
	return out.String()
}
