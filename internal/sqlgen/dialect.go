package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Dialect writes what the engines write differently. There are two, SQLite and Postgres.
type Dialect interface {
	definitions
	expressions
}

const (
	SQLite   sqlite   = "SQLite"     // 3.37 and later, for STRICT tables
	Postgres postgres = "PostgreSQL" // 15 and later
)

// definitions are the parts of a Dialect that define tables.
type definitions interface {
	// Literal writes a value of a field as a constant.
	Literal(f *model.Field, v value.Value) string
	// HasTable returns a query with a row if the database has the table. The name of the table is the only argument.
	HasTable() string
	// Tables returns a query for the names of all tables.
	Tables() string
	// DropTable drops a table and the references to it. On SQLite foreign keys must be off.
	DropTable(name string) string
	// Analyze returns the statements that update the planner's statistics after rows were loaded into a table.
	Analyze(table string) []string

	// Triggers returns the triggers of a field. A reference with on_delete: clear has one, which gives the row a new
	// revision when the foreign key's action clears the reference.
	Triggers(f *model.Field) []Trigger
	// DropTrigger drops the trigger of a field, if it exists.
	DropTrigger(f *model.Field) string

	// column returns the column of a field.
	column(f *model.Field, form columnForm) Column
	// definesReferences reports whether CREATE TABLE has the foreign keys, which may then name tables that do not exist yet.
	definesReferences() bool
	// tableOptions returns what stands behind the columns in CREATE TABLE.
	tableOptions() string
	// changeTriggers returns the triggers by which the engine learns that SQL from outside has changed rows of a table.
	changeTriggers(table string) []Trigger
}

// expressions are the parts of a Dialect that read and write rows. Operands are SQL texts that bind tighter than any
// operator. A result that does not exist, as after an overflow or with an operand that is NULL, is NULL and never an error.
type expressions interface {
	// Placeholder is the n-th bound value, from 1, and Null a missing one of that kind.
	Placeholder(n int, as value.Kind) string
	Null(as value.Kind) string
	// ColumnValue is a column of a field, as a value of the kind that it has in expressions.
	ColumnValue(f *model.Field, sql string) string
	// OutputColumn is a column of a result, of a type that goes on to be the same where a change of the model that is safe beside
	// servers at work widens that of the table's column.
	OutputColumn(f *model.Field, sql string) string
	// StoresUUID says whether a uuid is stored as one, and not as text.
	StoresUUID() bool
	// Bool is a constant condition.
	Bool(b bool) string
	// HasStatistics says whether the engine keeps statistics of its rows: it then plans comparisons of columns well by itself.
	HasStatistics() bool
	// IsTrue is a bool as a condition that an index can serve.
	IsTrue(sql string) string
	// InQuery is the condition that a column is among the values of a query, which the engine runs first.
	InQuery(column, query string) string
	// RowsWith is a query of columns of the rows q of a table that have one of the values of a query in a column. It looks the
	// rows up value by value.
	RowsWith(columns, table, column, values string) string
	// Same compares two values, NULL being the same as NULL alone; Differs is its negation.
	Same(l, r string) string
	Differs(l, r string) string
	// PropagatesConstants says whether the engine puts the constant of a condition `column = constant` in the place of the column in the
	// other conditions beside it. Same does not spread.
	PropagatesConstants() bool
	// Mixed says whether two numbers of different kinds or scales need more than the operators that compare them;
	// Compare then compares them by exact value.
	Mixed(l, r number) bool
	Compare(op string, l, r number) string
	// Arith computes.
	Arith(op byte, as value.Kind, l, r number) string
	// Negate is -x.
	Negate(x number) string
	// Call applies a function on text.
	Call(fn rule.Func, args []string) string
	// Contains is rule.Contains. fixed says that part is the same for every row.
	Contains(text, part string, fixed bool) string
	// Elements are the elements of a bound list, as the right side of IN.
	Elements(list string) string
	// InKeys is the condition that a key is in a bound list of keys, which are given as text.
	InKeys(column, list string, key model.Type) string
	// KeyTable is a bound list of keys as a table of that alias, and the key in it.
	KeyTable(list string, key model.Type, alias string) (table, column string)
	// HasLateral says whether a table in FROM may refer to those before it.
	HasLateral() bool
	// KeyText is a key in a column that has keys of several types, and KeyOf such a column as a key of one type.
	KeyText(key string) string
	KeyFromText(text string, key model.Type) string
	// BigInt is a literal as a 64-bit integer, and Random one that is random: from 0 to less than below, which is positive.
	BigInt(literal string) string
	Random(below string) string
	// LockRow ends a query of a row that the transaction is about to change: nobody else changes it meanwhile.
	LockRow(alias string) string
	// LoadRows puts rows into a table and its columns, as the engine's Load does.
	LoadRows(into string, columns int) string
	// ListLen is the length of a bound list.
	ListLen(list string) string
	// ViewQuery is a view's query for the engine, "" where it has none, and Result a column of it as a field is read elsewhere.
	ViewQuery(v *model.View) string
	ViewColumn(f *model.Field, column string) string
	// Any, Every and One fold the column p of a query of conditions, NULL standing for a failure, as CEL's exists, all
	// and exists_one do.
	Exists(query string) string
	All(query string) string
	ExactlyOne(query string) string
}
