// Package sqlgen writes every statement about a table, its definition included, in the dialect of an engine.
//
// An expression has three outcomes: true, false and failure. In SQL, NULL stands for a failure and for a missing value.
// Where an operator treats the two differently (==, !=, in, a branch of ?:), the generated text keeps them distinct.
//
// A caller who may not read a row must learn nothing about it, neither from an error nor from the time that a statement
// takes. So a condition that costs more than comparisons runs only on rows that the rule admits (guard.go). And no generated
// text can raise an error, whatever the rows hold:
//   - Arithmetic uses functions of the engines, which check before they compute. An overflow, a division by zero, and a
//     float or time out of range are NULL. PostgreSQL's functions take numerics, so that no bigint or decimal overflows.
//   - ashlar_concat joins text and stops at value.MaxConcat. The operator || raises an error in SQLite at
//     SQLITE_LIMIT_LENGTH, and in PostgreSQL at 1 GB or out of memory.
//   - lower and upper change only ASCII letters, so that no text grows. size takes a text or a list that exists.
//   - contains, startsWith and endsWith compare bytes. There is no pattern to be malformed and no collation to forbid
//     it.
//   - Casts only widen: uuid to text, int and decimal to numeric. ashlar_exact makes a numeric of a float.
//   - A json value is only compared with NULL. json_each and unnest read lists that this server binds.
//   - The depth and length of a statement are decided before it sees a row.
//
// TestOracle (here) and TestNoOracle (record) try all this with the extremes of each type.
package sqlgen
