// Package oracle generates models, rows and expressions, and computes the right answers with cel-go's own evaluator. The
// answers are the outcome of an expression for a row, the rows visible to a caller, and the JSON of the API. To stay
// independent of the product, the package shares with it only the model, the names of columns and the stored values.
package oracle
