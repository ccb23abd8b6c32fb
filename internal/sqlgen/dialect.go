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
	// definesReferences reports whether CREATE TABLE includes the foreign keys. They may then name tables that do not
	// exist yet.
	definesReferences() bool
	// tableOptions returns the text after the columns in CREATE TABLE.
	tableOptions() string
	// changeTriggers returns the triggers that tell the engine when SQL from outside changes rows of a table.
	changeTriggers(table string) []Trigger
}

// expressions are the parts of a Dialect that read and write rows. Operands are SQL texts that bind tighter than any
// operator. A result that does not exist is NULL and never an error: after an overflow, for example, or if an operand is
// NULL.
type expressions interface {
	// Placeholder returns the n-th bound value, from 1.
	Placeholder(n int, as value.Kind) string
	// Null returns a missing value of a kind.
	Null(as value.Kind) string
	// ColumnValue returns a column as expressions use it.
	ColumnValue(f *model.Field, sql string) string
	// OutputColumn returns a result column, cast so that its type stays the same when a migration widens the table's
	// column.
	OutputColumn(f *model.Field, sql string) string
	// StoresUUID reports whether a column of a uuid has the type uuid, and not text.
	StoresUUID() bool
	// Bool returns a constant condition.
	Bool(b bool) string
	// KeepsInputs reports whether a new row holds exactly the values that its INSERT was given. No trigger of a table
	// changes them.
	KeepsInputs() bool
	// HasStatistics reports whether the engine keeps statistics of the rows. Its planner then chooses well between
	// comparisons of columns.
	HasStatistics() bool
	// IsTrue returns a bool as a condition that an index can serve.
	IsTrue(sql string) string
	// InQuery returns the condition that a column is among the values of a query. The engine runs the query first.
	InQuery(column, query string) string
	// RowsWith returns a query for columns of the rows q of a table whose given column has one of the values of a query.
	// It looks the rows up value by value.
	RowsWith(columns, table, column, values string) string
	// Same compares two values. NULL only equals NULL.
	Same(l, r string) string
	// Differs is the negation of Same.
	Differs(l, r string) string
	// PropagatesConstants reports whether the engine takes the constant of `column = constant` and uses it for the
	// column in the other conditions of the statement. Same is exempt.
	PropagatesConstants() bool
	// Mixed reports whether the plain operators compare two numbers wrongly, because their kinds or scales differ.
	Mixed(l, r number) bool
	// Compare compares two numbers by their exact values.
	Compare(op string, l, r number) string
	// Arith applies an operator of arithmetic. The result has the kind as.
	Arith(op byte, as value.Kind, l, r number) string
	// Negate returns -x.
	Negate(x number) string
	// Call applies a function on text.
	Call(fn rule.Func, args []string) string
	// Contains is rule.Contains. fixed says that part is the same for every row.
	Contains(text, part string, fixed bool) string
	// Elements returns the elements of a bound list, as the right side of IN.
	Elements(list string) string
	// InKeys returns the condition that a key is in a bound list of keys. The list holds them as text.
	InKeys(column, list string, key model.Type) string
	// KeyTable returns a bound list of keys as a table with an alias, and the column of the keys.
	KeyTable(list string, key model.Type, alias string) (table, column string)
	// HasLateral reports whether a table in FROM may refer to the tables before it.
	HasLateral() bool
	// KeyText returns a key as a column for keys of all types stores it.
	KeyText(key string) string
	// KeyFromText returns the key of one type that KeyText wrote.
	KeyFromText(text string, key model.Type) string
	// BigInt returns a literal as a 64-bit integer.
	BigInt(literal string) string
	// Random returns a random integer from 0 up to, but without, a positive bound.
	Random(below string) string
	// LockRow ends a query of a row that the transaction is about to change. It keeps other transactions from changing
	// the row.
	LockRow(alias string) string
	// LockDeleted ends a query of rows that the transaction is about to delete. It also keeps others from referring to them.
	LockDeleted(alias string) string
	// FieldText returns a field as text, for a key or a comparison.
	FieldText(f *model.Field, sql string) string
	// Hash returns the SHA-256 of a text as 64 hexadecimal digits.
	Hash(text string) string
	// LoadRows returns the statement of the engine's Load for a table with a list of columns.
	LoadRows(into string, columns int) string
	// ListLen returns the length of a bound list.
	ListLen(list string) string
	// ViewQuery returns the query of a view for the engine, or "" if there is none.
	ViewQuery(v *model.View) string
	// ViewColumn returns a column of a view's query with the type and collation of a field.
	ViewColumn(f *model.Field, column string) string
	// Exists, All and ExactlyOne combine the conditions in the column p of a query, as exists, all and exists_one of CEL
	// do. NULL is a failure.
	Exists(query string) string
	All(query string) string
	ExactlyOne(query string) string
}
