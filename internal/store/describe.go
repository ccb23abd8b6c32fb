package store

import "github.com/ashlar-dev/ashlar/internal/value"

// A Description is what the engine says about a query without running it.
type Description struct {
	Columns []Column // columns of the result, in order

	// Reads are the columns of tables that the query reads, by their names in the database. A Column without a Name stands
	// for a table of which the query names no column.
	Reads []Column

	// Refused are the constructs that views must not use, each with the reason: "random" + Nondeterministic.
	Refused []string
}

// Nondeterministic is the reason to refuse a function that changes something, or whose result changes by itself.
const Nondeterministic = ", whose result may change while no table does"

// Column is a column of a table, or of the result of a query.
type Column struct {
	Table string // "" for a result column
	Name  string
	Type  string       // type of a result column, as the engine calls it; "" if it depends on the values
	Holds []value.Kind // kinds as which a column of Type can be read; nil if Type is ""
}
