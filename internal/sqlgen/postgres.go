package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// LoadRows implements Dialect. A table that the same transaction made takes rows frozen.
func (postgres) LoadRows(into string, _ int) string {
	return "COPY " + into + " FROM STDIN (FORMAT binary, FREEZE)"
}

// postgres is the dialect of PostgreSQL. Every bound value has its type beside it, since what stands around it does not
// always tell. Text has the order of its code points, whatever that of the database is. Arithmetic that may have no result is in
// functions that the engine makes (store/postgres), since PostgreSQL's own raises an error.
type postgres string

// codePoints is the order of text.
const codePoints = ` COLLATE "C"`

// pgType is the type of each kind. Durations are microseconds.
func pgType(k value.Kind) string {
	switch k {
	case value.Bool:
		return "boolean"
	case value.Int, value.Duration:
		return "bigint"
	case value.Float:
		return "float8"
	case value.Decimal:
		return "numeric"
	case value.Timestamp:
		return "timestamptz"
	case value.Date:
		return "date"
	case value.UUID:
		return "uuid"
	case value.JSON:
		return "json"
	case value.List:
		return "text[]"
	default:
		return "text"
	}
}

// Placeholder implements Dialect.
func (postgres) Placeholder(n int, as value.Kind) string {
	p := "$" + strconv.Itoa(n) + "::" + pgType(as)
	if as == value.Text {
		return "(" + p + codePoints + ")"
	}
	return p
}

// Null implements Dialect. The literal null has no type of its own and takes that of what it is compared with.
func (postgres) Null(as value.Kind) string {
	if as == value.Null {
		return "NULL"
	}
	return "NULL::" + pgType(as)
}

// ColumnValue implements Dialect.
func (postgres) ColumnValue(f *model.Field, sql string) string {
	if f.Type == model.UUID {
		return "(" + sql + "::text" + codePoints + ")"
	}
	return sql
}

// OutputColumn implements Dialect. The digits of a decimal are part of its column's type, and the server refuses to run a prepared
// statement whose result has another type than when it was prepared: a read that has seen rows cannot be begun anew.
func (postgres) OutputColumn(f *model.Field, sql string) string {
	if f.Type == model.Decimal {
		return sql + "::numeric"
	}
	return sql
}

// StoresUUID implements Dialect.
func (postgres) StoresUUID() bool { return true }

// Bool implements Dialect.
func (postgres) Bool(b bool) string {
	if b {
		return "TRUE"
	}
	return "FALSE"
}

// KeyText implements Dialect.
func (postgres) KeyText(key string) string { return "(" + key + ")::text" + codePoints }

// KeyFromText implements Dialect.
func (postgres) KeyFromText(text string, key model.Type) string {
	switch key {
	case model.Int:
		return text + "::bigint"
	case model.UUID:
		return text + "::uuid"
	}
	return text
}

// BigInt implements Dialect.
func (postgres) BigInt(literal string) string { return literal + "::bigint" }

// Random implements Dialect.
func (postgres) Random(below string) string {
	return "least(floor(random() * " + below + ")::bigint, " + below + " - 1)"
}

// HasStatistics implements Dialect.
func (postgres) HasStatistics() bool { return true }

// IsTrue implements Dialect.
func (postgres) IsTrue(sql string) string { return sql }

// InQuery implements Dialect. The planner takes an array whose length it does not know for one of ten values, so it looks
// them up by the index, however many rows it thinks that the query has.
func (postgres) InQuery(column, query string) string { return column + " = ANY(ARRAY(" + query + "))" }

// RowsWith implements Dialect. OFFSET 0 keeps the planner from joining both in another way: it does not know how many
// values the query has for this caller, and would look through the table where it takes them for many.
func (postgres) RowsWith(columns, table, name, values string) string {
	return "SELECT q.* FROM (SELECT DISTINCT v.v FROM (" + values + ") AS v(v)) AS v CROSS JOIN LATERAL (SELECT " + columns + " FROM " + Quote(table) +
		" AS q WHERE " + column("q", name) + " = v.v OFFSET 0) AS q"
}

// Same implements Dialect.
func (postgres) Same(l, r string) string { return "(" + l + " IS NOT DISTINCT FROM " + r + ")" }

// Differs implements Dialect.
func (postgres) Differs(l, r string) string { return "(" + l + " IS DISTINCT FROM " + r + ")" }

// PropagatesConstants implements Dialect.
func (postgres) PropagatesConstants() bool { return false }

// Mixed implements Dialect: int and decimal are compared exactly by the operators themselves, a float with neither.
func (postgres) Mixed(l, r number) bool {
	return isNumber(l.kind) && isNumber(r.kind) && (l.kind == value.Float) != (r.kind == value.Float)
}

func isNumber(k value.Kind) bool {
	return k == value.Int || k == value.Float || k == value.Decimal
}

// Compare implements Dialect.
func (postgres) Compare(op string, l, r number) string {
	return "(" + exactly(l) + " " + op + " " + exactly(r) + ")"
}

// exactly is a number as a numeric of the same value; a cast would round a float to 15 digits.
func exactly(n number) string {
	if n.kind == value.Float {
		return "ashlar_exact(" + n.sql + ")"
	}
	return n.sql + "::numeric"
}

// Arith implements Dialect.
func (postgres) Arith(op byte, as value.Kind, l, r number) string {
	numeric := micros(l) + " " + string(op) + " " + micros(r)
	switch as {
	case value.Float:
		return floatArith(op, l.sql, r.sql)
	case value.Decimal:
		return "ashlar_dec(" + numeric + ", 1e" + strconv.Itoa(18-int(max(l.scale, r.scale))) + ")"
	case value.Timestamp:
		return "ashlar_time(" + numeric + ")"
	case value.Duration:
		return "ashlar_span(" + numeric + ")"
	}
	if op == '/' || op == '%' {
		return "ashlar_int_" + arithNames[op] + "(" + l.sql + ", " + r.sql + ")"
	}
	return "ashlar_int(" + numeric + ")"
}

// micros is an operand as a numeric, which does not overflow; a time in microseconds.
func micros(n number) string {
	if n.kind == value.Timestamp {
		return "ashlar_micros(" + n.sql + ")"
	}
	return n.sql + "::numeric"
}

func floatArith(op byte, l, r string) string {
	if op == '-' {
		return "ashlar_float_add(" + l + ", (-" + r + "))"
	}
	return "ashlar_float_" + arithNames[op] + "(" + l + ", " + r + ")"
}

// Negate implements Dialect.
func (postgres) Negate(x number) string {
	if x.kind == value.Int {
		return "ashlar_int(-" + x.sql + "::numeric)"
	}
	return "(-" + x.sql + ")"
}

// Call implements Dialect. The end of a text is compared in bytes, which finds it without a look at what comes before.
func (postgres) Call(fn rule.Func, args []string) string {
	list := "(" + strings.Join(args, ", ") + ")"
	switch fn {
	case rule.Concat:
		return "ashlar_concat" + list
	case rule.StartsWith:
		return "starts_with" + list
	case rule.EndsWith:
		text, end := args[0], args[1]
		from := "greatest(octet_length(" + text + ") - octet_length(" + end + "), 0) + 1"
		return "(substr(textsend(" + text + "), " + from + ") = textsend(" + end + "))"
	case rule.Lower:
		return "lower(" + args[0] + codePoints + ")" // ASCII alone
	case rule.Upper:
		return "upper(" + args[0] + codePoints + ")"
	default:
		return "char_length" + list + "::bigint"
	}
}

// Contains implements Dialect. It searches the bytes: strpos compares a part of 500 bytes with a text of 1 MB for 130 ms
// at its worst, and nothing interrupts it; comparing memory at each place takes 8 ms. Where each row has a part of its own,
// which may be as long as the text, a function searches in steps that can be interrupted.
func (postgres) Contains(text, part string, fixed bool) string {
	if fixed {
		return "(position(textsend(" + part + ") IN textsend(" + text + ")) > 0)"
	}
	return "ashlar_contains(" + text + ", " + part + ")"
}

// Elements implements Dialect.
func (postgres) Elements(list string) string { return "(SELECT unnest(" + list + "))" }

// InKeys implements Dialect.
func (postgres) InKeys(column, list string, key model.Type) string {
	return column + " = ANY(" + keyArray(list, key) + ")"
}

// keyArray is a list of keys, which come from rows and are therefore of the type.
func keyArray(list string, key model.Type) string {
	switch key {
	case model.Int:
		return list + "::bigint[]"
	case model.UUID:
		return list + "::uuid[]"
	}
	return list
}

// KeyTable implements Dialect.
func (postgres) KeyTable(list string, key model.Type, alias string) (table, column string) {
	return "unnest(" + keyArray(list, key) + ") AS " + alias + "(key)", alias + ".key"
}

// HasLateral implements Dialect.
func (postgres) HasLateral() bool { return true }

// LockRow implements Dialect. It lets others refer to the row meanwhile.
func (postgres) LockRow(alias string) string { return " FOR NO KEY UPDATE OF " + alias }

// ListLen implements Dialect.
func (postgres) ListLen(list string) string { return "cardinality(" + list + ")::bigint" }

// ViewQuery implements Dialect.
func (postgres) ViewQuery(v *model.View) string { return textOf(v.Postgres) }

// ViewColumn implements Dialect. A cast to the type that a column has already costs nothing, and leaves its index of use.
func (postgres) ViewColumn(f *model.Field, column string) string {
	column += "::" + pgType(value.KindOf(f))
	switch f.Type {
	case model.Text, model.Enum:
		return column + codePoints
	}
	return column
}

// Exists implements Dialect.
func (postgres) Exists(query string) string {
	return "(SELECT CASE WHEN bool_or(p) THEN TRUE WHEN count(*) = count(p) THEN FALSE END FROM (" + query + ") AS q)"
}

// All implements Dialect.
func (postgres) All(query string) string {
	return "(SELECT CASE WHEN NOT bool_and(p) THEN FALSE WHEN count(*) = count(p) THEN TRUE END FROM (" + query + ") AS q)"
}

// ExactlyOne implements Dialect.
func (postgres) ExactlyOne(query string) string {
	return "(SELECT CASE WHEN count(*) = count(p) THEN count(*) FILTER (WHERE p) = 1 END FROM (" + query + ") AS q)"
}
