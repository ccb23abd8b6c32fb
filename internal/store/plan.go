package store

// A Plan says how an engine finds the rows of a statement.
type Plan struct {
	Accesses []Access
}

// An Access is a place of a plan that reads rows of one table. Without columns, it reads the whole table.
type Access struct {
	Alias  string   // of the table in the statement
	Table  string   // "" if the engine only tells the alias
	Equal  []string // columns that an index finds by a value
	Ranged []string // columns that an index finds by a bound

	// Within has the positions of the accesses of the plan around this one. It runs again for each of their rows.
	Within []int

	// Collected says that the plan reads all rows of the access before the first row of the result, to sort them. Otherwise
	// a LIMIT ends the access early.
	Collected bool
}
