package sqlgen

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

// Load returns the statement with which store.Load.Copy puts rows into the table.
func (t RawTable) Load(d Dialect) string {
	return d.LoadRows(Quote(t.Name)+" ("+quoteAll(t.Columns)+")", len(t.Columns))
}
