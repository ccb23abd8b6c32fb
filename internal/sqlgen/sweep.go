package sqlgen

import "strconv"

// SweepStatements are the statements of a sweep, in their order.
type SweepStatements struct {
	Collect *Statement   // fills the temporary table; input 0 is the id of the row
	Blocked *Statement   // returns a row if a reference forbids the deletion; nil if none can
	Remove  []*Statement // delete the rows, clear references, empty the temporary table
}

// Sweep deletes a row and all rows that go with it, with one statement for each table. It serves an engine that cannot
// follow references far.
func (g *Generator) Sweep(reach *Reach) (*SweepStatements, error) {
	sweep := &SweepStatements{}
	var err error
	finish := func(sql string) *Statement {
		stmt, failed := g.finish(sql)
		if err == nil {
			err = failed
		}
		return stmt
	}
	sweep.Collect = finish("INSERT INTO " + Doomed + " (t, id) " + g.doomedRows(reach, reach.Cascades, 0, "") + " SELECT t, id FROM " + Doomed)
	g.args, g.inputs, g.inputCount = nil, nil, 0
	if len(reach.Restricts) > 0 {
		sweep.Blocked = finish("SELECT 1 WHERE " + g.isRestricted(reach))
	}
	for i, t := range reach.Tables {
		sweep.Remove = append(sweep.Remove, finish("DELETE FROM "+Quote(t.Name)+" WHERE "+Quote("id")+" IN "+g.doomedIDs(reach, i)))
	}
	for _, f := range reach.Clears {
		sweep.Remove = append(sweep.Remove, finish("UPDATE "+Quote(f.Table.Name)+" SET "+Quote(f.Name)+" = NULL WHERE "+Quote(f.Name)+" IN "+g.doomedIDs(reach, reach.indexOf(f.Ref))))
	}
	sweep.Remove = append(sweep.Remove, finish("DELETE FROM "+Doomed))
	return sweep, err
}

// doomedIDs returns a query for the ids of the doomed rows of a table.
func (g *Generator) doomedIDs(r *Reach, i int) string {
	return "(SELECT " + g.Dialect.KeyFromText("id", r.Tables[i].Key) + " FROM " + Doomed + " WHERE t = " + strconv.Itoa(i) + ")"
}
