package oracle

import "github.com/ashlar-dev/ashlar/internal/value"

var comparedKinds = []value.Kind{value.Int, value.Float, value.Decimal, value.Text, value.Timestamp, value.Date, value.Duration, value.Bool}

func (g *generator) comparison() string {
	return pick(g.Rand, []string{"==", "!=", "<", "<=", ">", ">="})
}

func (g *generator) equality() string { return pick(g.Rand, []string{"==", "!="}) }

// compare writes a comparison. depth limits the nesting of its values.
func (g *generator) compare(depth int) Expr {
	if g.IntN(10) == 0 {
		if comparison, ok := g.compareEnum(); ok {
			return comparison
		}
	}
	kind := pick(g.Rand, comparedKinds)
	if kind == value.Int || kind == value.Float || kind == value.Decimal {
		if comparison, ok := g.compareColumnOfNumbers(); ok {
			return comparison
		}
	}
	if kind != value.Decimal && kind != value.Bool && g.IntN(8) == 0 { // a computed value is never missing, but may fail
		sides := []Expr{g.value(kind, depth+1), same("null")}
		i := g.IntN(2)
		return binary(sides[i], g.equality(), sides[1-i])
	}
	if kind == value.Decimal {
		left, right := g.value(kind, depth), g.value(kind, depth)
		return compareNumbers(left, g.comparison(), right)
	}
	op := g.comparison()
	return binary(g.value(kind, depth), op, g.value(kind, depth))
}

// compareColumnOfNumbers sometimes compares two columns of different kinds, or a decimal column with a literal.
func (g *generator) compareColumnOfNumbers() (Expr, bool) {
	if g.IntN(3) == 0 {
		left, okLeft := g.column(pick(g.Rand, comparedKinds[:3]))
		right, okRight := g.column(pick(g.Rand, comparedKinds[:3]))
		if okLeft && okRight {
			return compareNumbers(left, g.comparison(), right), true
		}
	}
	if g.IntN(4) != 0 {
		return Expr{}, false
	}
	column, ok := g.column(value.Decimal)
	if !ok {
		return Expr{}, false
	}
	literal, op := decimalLiteral(g.number()), g.comparison()
	if g.IntN(2) == 0 {
		return compareNumbers(column, op, literal), true
	}
	return compareNumbers(literal, op, column), true
}

// number chooses digits for a decimal. They may have more places than the column.
func (g *generator) number() string {
	n := g.IntN(len(decimalPool) + 7)
	if n < len(decimalPool) {
		return decimalPool[n]
	}
	return intPool[n-len(decimalPool)]
}

// compareEnum compares an enum with one of the values that it may have, another enum, a text, or the items of a list.
func (g *generator) compareEnum() (Expr, bool) {
	left, ok := g.columnWhere(isEnum)
	if !ok {
		return Expr{}, false
	}
	literal := func() Expr { return same("'" + pick(g.Rand, enumPool) + "'") }
	right := literal()
	switch g.IntN(5) {
	case 0:
		if other, ok := g.columnWhere(isEnum); ok {
			right = other
		} else {
			right = literal()
		}
	case 1:
		if text, ok := g.column(value.Text); ok {
			right = text
		}
	case 2:
		return join("(%s in [%s, %s])", left, literal(), literal()), true
	}
	if g.IntN(2) == 0 {
		left, right = right, left
	}
	return binary(left, g.comparison(), right), true
}

// compareRow compares a whole row with null. The oracle compares the row's id: it is missing if the row is.
func (g *generator) compareRow() (Expr, bool) {
	op := " " + g.equality() + " "
	if g.uses.Old && g.IntN(3) == 0 {
		return Expr{"(old" + op + "null)", "(old.id" + op + "null)"}, true
	}
	prefix, table := g.row()
	relation := g.relation(table, false)
	if relation == nil || g.steps <= 0 {
		return Expr{}, false
	}
	g.steps--
	row := member(prefix, relation.Name)
	if g.IntN(2) == 0 {
		return Expr{"has(" + row.Ash + ")", "has(" + row.CEL + ".id)"}, true
	}
	return Expr{"(" + row.Ash + op + "null)", "(" + row.CEL + ".id" + op + "null)"}, true
}

// compareArgument compares a column with the argument of its kind.
func (g *generator) compareArgument() Expr {
	kind := pick(g.Rand, []value.Kind{value.Int, value.Text, value.Timestamp, value.Bool, value.Float})
	column, ok := g.column(kind)
	if !ok {
		return same("true")
	}
	return binary(column, g.comparison(), same("arg."+kind.String()))
}

// in writes a search in a list of up to three items.
func (g *generator) in() Expr {
	kind := pick(g.Rand, []value.Kind{value.Int, value.Text, value.Float, value.Date})
	list := Expr{}
	for i := range g.IntN(4) {
		item := g.listItem(kind)
		if i > 0 {
			item = join(", %s", item)
		}
		list = join("%s%s", list, item)
	}
	return join("(%s in [%s])", g.value(kind, 1), list)
}

func (g *generator) listItem(kind value.Kind) Expr {
	switch column, ok := g.column(kind); {
	case ok && g.IntN(4) == 0:
		return column
	case g.IntN(8) == 0:
		return same("null")
	case kind == value.Text && g.IntN(6) == 0:
		return same("auth.id")
	default:
		return g.literal(kind)
	}
}
