// Package sqlgen writes every statement about a table, its definition included, in the dialect of an engine.
//
// An expression has three outcomes: true, false and failure. In SQL a failure is NULL, and so is a missing value; where
// the two differ (==, !=, in, a branch of ?:), the generated text tells them apart.
//
// What a row holds must not show in errors or in time to a caller who may not read it. So what costs more than comparisons
// is evaluated only for rows that the rule admits (guard.go), and no generated text can raise an error whatever the rows
// hold:
//   - Arithmetic is in functions of the engines, which check before they compute: overflow, division by zero, a float or a
//     time out of range are NULL. PostgreSQL's take numerics, in which no two bigints and no two decimals overflow.
//   - Text is put together by ashlar_concat, which ends at value.MaxConcat. SQLite's own || raises an error at
//     SQLITE_LIMIT_LENGTH, PostgreSQL's at 1 GB, or out of memory.
//   - lower and upper change ASCII alone, so that no text grows. size is of a text or of a list that exists.
//   - contains, startsWith and endsWith compare bytes: no pattern that could be malformed, no collation that could forbid it.
//   - Casts only widen: uuid to text, int and decimal to numeric. A float becomes a numeric by ashlar_exact.
//   - json is only asked whether it is NULL. json_each and unnest read lists that this server binds.
//   - How deep and how long a text is, is decided before the rows are there.
//
// TestOracle and TestNoOracle (record) try it with the extremes of each type.
package sqlgen
