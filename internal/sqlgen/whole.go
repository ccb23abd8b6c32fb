package sqlgen

import (
	"strconv"
	"strings"
)

// The statements of a move, which takes tables whole: every column as it is stored, whoever may read it. They are for
// Ashlar's own tables as well.

// ReadWhole reads all rows of a table in no order.
func ReadWhole(table string, columns []string) string {
	return "SELECT " + quoteAll(columns) + " FROM " + Quote(table)
}

// CountWhole counts them.
func CountWhole(table string) string { return "SELECT count(*) FROM " + Quote(table) }

// LoadWhole is what store.Load.Copy puts rows into a table with.
func LoadWhole(d Dialect, table string, columns []string) string {
	return d.Load(Quote(table)+" ("+quoteAll(columns)+")", len(columns))
}

// Load implements Dialect.
func (sqlite) Load(into string, columns int) string {
	places := make([]string, columns)
	for i := range places {
		places[i] = "?" + strconv.Itoa(i+1)
	}
	return "INSERT INTO " + into + " VALUES (" + strings.Join(places, ", ") + ")"
}

// Load implements Dialect. A table that the same transaction made takes rows frozen.
func (postgres) Load(into string, _ int) string {
	return "COPY " + into + " FROM STDIN (FORMAT binary, FREEZE)"
}
