package oracle

import "github.com/ashlar-dev/ashlar/internal/value"

// value writes a value of a kind: computed, a column or a literal. depth limits the nesting of computed values.
func (g *generator) value(kind value.Kind, depth int) Expr {
	if depth > 0 && g.IntN(2) == 0 {
		if computed, ok := g.computed(kind, depth-1); ok {
			return computed
		}
	}
	if g.IntN(3) > 0 {
		if column, ok := g.column(kind); ok {
			return column
		}
	}
	return g.literal(kind)
}

// computed writes an operation or a call that returns the kind. It returns false if it finds none.
func (g *generator) computed(kind value.Kind, depth int) (Expr, bool) {
	switch kind {
	case value.Int:
		return g.computedInt(depth), true
	case value.Float:
		if g.IntN(4) == 0 {
			return join("-(%s)", g.value(kind, depth)), true
		}
		return g.operation([]string{"+", "-", "*", "/"}, kind, kind, depth), true
	case value.Decimal:
		return g.computedDecimal(depth)
	case value.Text:
		switch g.IntN(3) {
		case 0:
			return join("%s.lowerAscii()", g.value(kind, depth)), true
		case 1:
			return join("%s.upperAscii()", g.value(kind, depth)), true
		}
		return g.operation([]string{"+"}, kind, kind, depth), true
	case value.Timestamp:
		return g.operation([]string{"+", "-"}, kind, value.Duration, depth), true
	case value.Duration:
		if g.IntN(2) == 0 {
			return g.operation([]string{"-"}, value.Timestamp, value.Timestamp, depth), true
		}
		return g.operation([]string{"+", "-"}, kind, kind, depth), true
	}
	return Expr{}, false
}

func (g *generator) operation(ops []string, left, right value.Kind, depth int) Expr {
	op := pick(g.Rand, ops)
	return binary(g.value(left, depth), op, g.value(right, depth))
}

func (g *generator) computedInt(depth int) Expr {
	switch g.IntN(4) {
	case 0:
		return join("-(%s)", g.value(value.Int, depth))
	case 1:
		return join("size(%s)", g.value(value.Text, depth))
	case 2:
		if rows, _, ok := g.many(); ok {
			return join("size(%s)", rows)
		}
	}
	return g.operation([]string{"+", "-", "*", "/", "%"}, value.Int, value.Int, depth)
}

// computedDecimal writes an operation on decimals. One side at least is a column, because two bare literals would be
// floats.
func (g *generator) computedDecimal(depth int) (Expr, bool) {
	if g.IntN(4) == 0 {
		return join("-(%s)", g.value(value.Decimal, depth)), true
	}
	column, ok := g.column(value.Decimal)
	if !ok {
		return Expr{}, false
	}
	other := g.value(value.Decimal, depth)
	if g.IntN(3) == 0 {
		other = decimalLiteral(pick(g.Rand, decimalPool))
	}
	return binary(column, pick(g.Rand, []string{"+", "-"}), other), true
}

// literal writes a value without a column, except for decimals.
func (g *generator) literal(kind value.Kind) Expr {
	quoted := func(function string, pool []string) Expr { return same(function + "('" + pick(g.Rand, pool) + "')") }
	switch kind {
	case value.Int:
		return same(pick(g.Rand, intPool))
	case value.Float:
		return same(pick(g.Rand, floatPool))
	case value.Decimal: // a bare number is a decimal only beside a decimal
		if column, ok := g.column(kind); ok {
			return column
		}
		return decimalLiteral("0")
	case value.Timestamp:
		if g.IntN(3) == 0 {
			return same(pick(g.Rand, []string{"now", "now", "auth.since"}))
		}
		return quoted("timestamp", timestampPool)
	case value.Duration:
		return quoted("duration", durationPool)
	case value.Date:
		date := pick(g.Rand, datePool)
		return Expr{"date('" + date + "')", "'" + date + "'"}
	case value.Bool:
		return same(pick(g.Rand, []string{"true", "false"}))
	default:
		if g.IntN(8) == 0 {
			return same(pick(g.Rand, []string{"auth.id", "auth.kind", "auth.session", "auth.key"}))
		}
		return same("'" + pick(g.Rand, textPool) + "'")
	}
}
