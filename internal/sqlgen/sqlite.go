package sqlgen

import (
	"strconv"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// sqlite is the dialect of SQLite. Its arithmetic uses functions that the engine registers (store/sqlite), since
// SQLite's own turns an integer overflow into a float and NaN into NULL.
type sqlite string

func (sqlite) Placeholder(n int, _ value.Kind) string { return "?" + strconv.Itoa(n) }

func (sqlite) Null(value.Kind) string { return "NULL" }

func (sqlite) ColumnValue(_ *model.Field, sql string) string { return sql }

func (sqlite) OutputColumn(_ *model.Field, sql string) string { return sql }

func (sqlite) StoresUUID() bool { return false }

func (sqlite) Bool(val bool) string {
	if val {
		return "1"
	}
	return "0"
}

func (sqlite) KeyText(key string) string { return key }

func (sqlite) KeyFromText(text string, _ model.Type) string { return text }

func (sqlite) BigInt(literal string) string { return literal }

func (sqlite) Random(below string) string { return "abs(random() % " + below + ")" }

// HasStatistics implements Dialect.
func (sqlite) HasStatistics() bool { return false }

// IsTrue implements Dialect. SQLite uses an index for a comparison, but not for a column without one.
func (sqlite) IsTrue(sql string) string { return "(" + sql + " = 1)" }

// InQuery implements Dialect.
func (sqlite) InQuery(column, query string) string { return column + " IN (" + query + ")" }

// RowsWith implements Dialect.
func (sqlite) RowsWith(columns, table, name, values string) string {
	return "SELECT " + columns + " FROM " + Quote(table) + " AS q WHERE " + column("q", name) + " IN (" + values + ")"
}

func (sqlite) Same(l, r string) string { return "(" + l + " IS " + r + ")" }

func (sqlite) Differs(l, r string) string { return "(" + l + " IS NOT " + r + ")" }

// KeepsInputs implements Dialect. A trigger of SQLite cannot change the new row before it is written.
func (sqlite) KeepsInputs() bool { return true }

// PropagatesConstants implements Dialect. SQLite's documentation calls this constant propagation.
func (sqlite) PropagatesConstants() bool { return true }

// Mixed implements Dialect. A decimal is stored as an integer, which depends on the scale.
func (sqlite) Mixed(left, right number) bool {
	if left.kind != value.Decimal && right.kind != value.Decimal {
		return false
	}
	return left.kind != right.kind || left.scale != right.scale
}

func (sqlite) Compare(op string, l, r number) string {
	return "(ashlar_num_cmp(" + l.sql + ", " + digits(l.scale) + ", " + r.sql + ", " + digits(r.scale) + ") " + op + " 0)"
}

func digits(n uint8) string { return strconv.Itoa(int(n)) }

var arithNames = map[byte]string{'+': "add", '-': "sub", '*': "mul", '/': "div", '%': "mod"}

func (sqlite) Arith(op byte, as value.Kind, left, right number) string {
	name := arithNames[op]
	args := left.sql + ", " + right.sql
	switch as {
	case value.Float:
		return "ashlar_float_" + name + "(" + args + ")"
	case value.Decimal:
		return "ashlar_dec_" + name + "(" + left.sql + ", " + digits(left.scale) + ", " + right.sql + ", " + digits(right.scale) + ")"
	case value.Timestamp:
		if left.kind == value.Duration {
			args = right.sql + ", " + left.sql
		}
		return "ashlar_time_" + name + "(" + args + ")"
	case value.Duration:
		return "ashlar_span_" + name + "(" + args + ")"
	default:
		return "ashlar_int_" + name + "(" + args + ")"
	}
}

func (sqlite) Negate(num number) string {
	if num.kind == value.Int {
		return "ashlar_int_neg(" + num.sql + ")"
	}
	return "(-" + num.sql + ")"
}

func (sqlite) Call(fn rule.Func, args []string) string {
	list := "(" + strings.Join(args, ", ") + ")"
	switch fn {
	case rule.Concat:
		return "ashlar_concat" + list
	case rule.StartsWith:
		return "ashlar_starts_with" + list
	case rule.EndsWith:
		return "ashlar_ends_with" + list
	case rule.Lower:
		return "lower" + list // only ASCII
	case rule.Upper:
		return "upper" + list
	default:
		return "length" + list // code points
	}
}

func (sqlite) Contains(text, part string, _ bool) string {
	return "ashlar_contains(" + text + ", " + part + ")"
}

func (sqlite) Elements(list string) string { return "(SELECT value FROM json_each(" + list + "))" }

func (sqlite) InKeys(column, list string, key model.Type) string {
	if key == model.Int {
		return column + " IN (SELECT CAST(value AS INTEGER) FROM json_each(" + list + "))"
	}
	return column + " IN (SELECT value FROM json_each(" + list + "))"
}

func (sqlite) KeyTable(list string, key model.Type, alias string) (table, column string) {
	column = alias + ".value"
	if key == model.Int {
		column = "CAST(" + column + " AS INTEGER)"
	}
	return "json_each(" + list + ") AS " + alias, column
}

func (sqlite) HasLateral() bool { return false }

// LockRow implements Dialect. SQLite has only one writer.
func (sqlite) LockRow(string) string { return "" }

func (sqlite) LockDeleted(string) string { return "" }

// FieldText implements Dialect.
func (sqlite) FieldText(f *model.Field, sql string) string {
	if f.Type == model.Bool {
		return "CASE " + sql + " WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
	}
	return "CAST(" + sql + " AS TEXT)"
}

func (sqlite) Hash(text string) string { return "ashlar_sha256(" + text + ")" }

func (sqlite) ListLen(list string) string { return "json_array_length(" + list + ")" }

func (sqlite) ViewQuery(v *model.View) string { return textOf(v.SQLite) }

// ViewColumn implements Dialect. A column of a query has the collation of its origin, and comparisons of text would use
// that.
func (sqlite) ViewColumn(field *model.Field, column string) string {
	switch field.Type {
	case model.Text, model.Enum, model.UUID, model.Date:
		return column + " COLLATE BINARY"
	}
	return column
}

func (sqlite) Exists(query string) string {
	return "(SELECT CASE WHEN max(p) THEN 1 WHEN count(*) = count(p) THEN 0 END FROM (" + query + "))"
}

func (sqlite) All(query string) string {
	return "(SELECT CASE WHEN NOT min(p) THEN 0 WHEN count(*) = count(p) THEN 1 END FROM (" + query + "))"
}

func (sqlite) ExactlyOne(query string) string {
	return "(SELECT CASE WHEN count(*) = count(p) THEN total(p) = 1 END FROM (" + query + "))"
}

// LoadRows implements Dialect.
func (sqlite) LoadRows(into string, columns int) string {
	placeholders := make([]string, columns)
	for i := range placeholders {
		placeholders[i] = "?" + strconv.Itoa(i+1)
	}
	return "INSERT INTO " + into + " VALUES (" + strings.Join(placeholders, ", ") + ")"
}
