package sqlgen

import (
	"strconv"
	"strings"
)

// RawTable is a table as it is stored, without rules and masks. It may be one of Ashlar's own.
type RawTable struct {
	Name    string
	Columns []string
}

// Select returns the query for all rows, in no order.
func (t RawTable) Select() string {
	return "SELECT " + quoteAll(t.Columns) + " FROM " + Quote(t.Name)
}

// Count returns the query for the number of rows.
func (t RawTable) Count() string { return "SELECT count(*) FROM " + Quote(t.Name) }

// LoadRows returns the statement with which store.Load.Copy puts rows into the table.
func (t RawTable) Load(d Dialect) string {
	return d.LoadRows(Quote(t.Name)+" ("+quoteAll(t.Columns)+")", len(t.Columns))
}

// LoadRows implements Dialect.
func (sqlite) LoadRows(into string, columns int) string {
	places := make([]string, columns)
	for i := range places {
		places[i] = "?" + strconv.Itoa(i+1)
	}
	return "INSERT INTO " + into + " VALUES (" + strings.Join(places, ", ") + ")"
}

// LoadRows implements Dialect. A table that the same transaction made takes rows frozen.
func (postgres) LoadRows(into string, _ int) string {
	return "COPY " + into + " FROM STDIN (FORMAT binary, FREEZE)"
}
