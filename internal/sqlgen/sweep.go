package sqlgen

import "strconv"

// SweepStatements are the statements of a sweep, in their order.
type SweepStatements struct {
	Collect *Statement   // fills the temporary table. Input 0 is the id of the row
	Blocked *Statement   // asks it; nil where nothing can be in the way
	Remove  []*Statement // delete the rows, clear references to them, and empty the temporary table
}

// Sweep deletes a row and all that goes with it, by one statement for each table, for an engine that has no way of its own
// to follow references far.
func (g *Generator) Sweep(r *Reach) (*SweepStatements, error) {
	s := &SweepStatements{}
	var err error
	finish := func(sql string) *Statement {
		stmt, no := g.finish(sql)
		if err == nil {
			err = no
		}
		return stmt
	}
	s.Collect = finish("INSERT INTO " + Doomed + " (t, id) " + g.doomedRows(r, r.Cascades, 0, "") + " SELECT t, id FROM " + Doomed)
	g.args, g.inputs, g.inputCount = nil, nil, 0
	if len(r.Restricts) > 0 {
		s.Blocked = finish("SELECT 1 WHERE " + g.isRestricted(r))
	}
	for i, t := range r.Tables {
		s.Remove = append(s.Remove, finish("DELETE FROM "+Quote(t.Name)+" WHERE "+Quote("id")+" IN "+g.doomedIDs(r, i)))
	}
	for _, f := range r.Clears {
		s.Remove = append(s.Remove, finish("UPDATE "+Quote(f.Table.Name)+" SET "+Quote(f.Name)+" = NULL WHERE "+Quote(f.Name)+" IN "+g.doomedIDs(r, r.indexOf(f.Ref))))
	}
	s.Remove = append(s.Remove, finish("DELETE FROM "+Doomed))
	return s, err
}

// doomedIDs are the ids of the doomed rows of a table.
func (g *Generator) doomedIDs(r *Reach, i int) string {
	return "(SELECT " + g.Dialect.KeyFromText("id", r.Tables[i].Key) + " FROM " + Doomed + " WHERE t = " + strconv.Itoa(i) + ")"
}
