// Package oracle generates models, rows and expressions, and says with cel-go's own evaluator what each expression
// comes to for each row, what a caller may see, and what the API must answer. It knows nothing of how the product does any
// of that: it shares with it the model, the names of the columns and what is stored in them.
package oracle
