package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// postgres is the dialect of PostgreSQL. Every bound value has a cast to its type, since its context does not always
// determine it. Text is ordered by its code points, whatever the order of the database. Arithmetic that may have no
// result uses functions that the engine creates (store/postgres), since PostgreSQL's own raises errors.
type postgres string

// codePoints is the collation of text.
const codePoints = ` COLLATE "C"`

// pgType returns the type of a kind. Durations are microseconds.
func pgType(kind value.Kind) string {
	switch kind {
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

// Null implements Dialect. The literal null has no type and takes the type of its operand.
func (postgres) Null(as value.Kind) string {
	if as == value.Null {
		return "NULL"
	}
	return "NULL::" + pgType(as)
}

// ColumnValue implements Dialect.
func (postgres) ColumnValue(field *model.Field, sql string) string {
	if field.Type == model.UUID {
		return "(" + sql + "::text" + codePoints + ")"
	}
	return sql
}

// OutputColumn implements Dialect. The digits of a decimal are part of the column's type, and PostgreSQL refuses to run
// a prepared statement whose result type has changed. A read that has returned rows could not start again.
func (postgres) OutputColumn(field *model.Field, sql string) string {
	if field.Type == model.Decimal {
		return sql + "::numeric"
	}
	return sql
}

// StoresUUID implements Dialect.
func (postgres) StoresUUID() bool { return true }

// Bool implements Dialect.
func (postgres) Bool(val bool) string {
	if val {
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

// InQuery implements Dialect. The planner assumes that an array of unknown length has ten values. So it looks them up in
// the index, however many rows it expects from the query.
func (postgres) InQuery(column, query string) string { return column + " = ANY(ARRAY(" + query + "))" }

// RowsWith implements Dialect. OFFSET 0 prevents another kind of join. The planner does not know how many values the
// query has for this caller, and would scan the table if it expected many.
func (postgres) RowsWith(columns, table, name, values string) string {
	return "SELECT q.* FROM (SELECT DISTINCT v.v FROM (" + values + ") AS v(v)) AS v CROSS JOIN LATERAL (SELECT " + columns + " FROM " + Quote(table) +
		" AS q WHERE " + column("q", name) + " = v.v OFFSET 0) AS q"
}

// Same implements Dialect.
func (postgres) Same(l, r string) string { return "(" + l + " IS NOT DISTINCT FROM " + r + ")" }

// Differs implements Dialect.
func (postgres) Differs(l, r string) string { return "(" + l + " IS DISTINCT FROM " + r + ")" }

// KeepsInputs implements Dialect. An operator may add a trigger, and a trigger may change a row before it is written.
func (postgres) KeepsInputs() bool { return false }

// PropagatesConstants implements Dialect.
func (postgres) PropagatesConstants() bool { return false }

// Mixed implements Dialect. The operators compare an int with a decimal exactly, but not a float with either.
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

// exactly returns a number as a numeric of the same value. A cast would round a float to 15 digits.
func exactly(num number) string {
	if num.kind == value.Float {
		return "ashlar_exact(" + num.sql + ")"
	}
	return num.sql + "::numeric"
}

// Arith implements Dialect.
func (postgres) Arith(op byte, as value.Kind, left, right number) string {
	numeric := micros(left) + " " + string(op) + " " + micros(right)
	switch as {
	case value.Float:
		return floatArith(op, left.sql, right.sql)
	case value.Decimal:
		return "ashlar_dec(" + numeric + ", 1e" + strconv.Itoa(18-int(max(left.scale, right.scale))) + ")"
	case value.Timestamp:
		return "ashlar_time(" + numeric + ")"
	case value.Duration:
		return "ashlar_span(" + numeric + ")"
	}
	if op == '/' || op == '%' {
		return "ashlar_int_" + arithNames[op] + "(" + left.sql + ", " + right.sql + ")"
	}
	return "ashlar_int(" + numeric + ")"
}

// micros returns an operand as a numeric, which does not overflow. A timestamp is in microseconds.
func micros(num number) string {
	if num.kind == value.Timestamp {
		return "ashlar_micros(" + num.sql + ")"
	}
	return num.sql + "::numeric"
}

func floatArith(op byte, left, right string) string {
	if op == '-' {
		return "ashlar_float_add(" + left + ", (-" + right + "))"
	}
	return "ashlar_float_" + arithNames[op] + "(" + left + ", " + right + ")"
}

// Negate implements Dialect.
func (postgres) Negate(num number) string {
	if num.kind == value.Int {
		return "ashlar_int(-" + num.sql + "::numeric)"
	}
	return "(-" + num.sql + ")"
}

// Call implements Dialect. EndsWith compares bytes, so that it only looks at the end of the text.
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
		return "lower(" + args[0] + codePoints + ")" // only ASCII
	case rule.Upper:
		return "upper(" + args[0] + codePoints + ")"
	default:
		return "char_length" + list + "::bigint"
	}
}

// Contains implements Dialect. It searches bytes: in the worst case strpos compares a part of 500 bytes with a text of 1
// MB for 130 ms without an interrupt; a search of bytes takes 8 ms. A part from the row itself may be as long as the
// text. For such a part a function searches in steps that can be interrupted.
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

// keyArray returns a list of keys as an array of their type. The keys come from rows, so the cast cannot fail.
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

// LockRow implements Dialect. Other transactions may still refer to the row.
func (postgres) LockRow(alias string) string { return " FOR NO KEY UPDATE OF " + alias }

// LockDeleted implements Dialect.
func (postgres) LockDeleted(alias string) string { return " FOR UPDATE OF " + alias }

// FieldText implements Dialect. The text of a timestamp would depend on the zone of the session.
func (postgres) FieldText(f *model.Field, sql string) string {
	if f.Type == model.Timestamp {
		sql = "(extract(epoch FROM " + sql + ") * 1000000)::bigint"
	}
	return "((" + sql + ")::text" + codePoints + ")"
}

// Hash implements Dialect.
func (postgres) Hash(text string) string {
	return "encode(sha256(convert_to(" + text + ", 'UTF8')), 'hex')"
}

// ListLen implements Dialect.
func (postgres) ListLen(list string) string { return "cardinality(" + list + ")::bigint" }

// ViewQuery implements Dialect.
func (postgres) ViewQuery(v *model.View) string { return textOf(v.Postgres) }

// ViewColumn implements Dialect. A cast to the type of the column costs nothing, and an index of the column stays
// usable.
func (postgres) ViewColumn(field *model.Field, column string) string {
	column += "::" + pgType(value.KindOf(field))
	switch field.Type {
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

// LoadRows implements Dialect. FREEZE needs a table that the same transaction created.
func (postgres) LoadRows(into string, _ int) string {
	return "COPY " + into + " FROM STDIN (FORMAT binary, FREEZE)"
}
