package sqlgen

import (
	"reflect"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Insert inserts a row. Input i is the value of the i-th field of the table, and the last input is the revision. If a
// rule looks at other rows (see rulesFirst), the statement inserts the row only if all rules hold. It returns the rows
// of After if it can, see Statement.ReturnsAfter.
func (g *Generator) Insert(after After) (*Statement, error) {
	row := g.newRow(after.Table)
	if !g.rulesFirst(after) {
		return g.withReturning(row.into()+" VALUES ("+row.list()+")", after)
	}
	sc := g.writeScope(after.Table, "")
	sc.inputs = row.inputs
	return g.withReturning(row.into()+" SELECT "+row.list()+where(g.ruleConditions(after.Rules, sc)), after)
}

// InsertKnown is Insert for a row of which the caller of the statement knows beforehand all that After asks. It returns
// nothing. A row that a rule or a check refuses violates NOT NULL: it has no revision. The SQL is "" if the engine may store
// other values than it is given, or if the answer depends on more than the rules and checks.
//
// SQLite collects the rows of RETURNING in a temporary table. Its statement with a WHERE in place of VALUES keeps a copy of
// every page that it changes. Both together cost a tenth of a small create.
func (g *Generator) InsertKnown(after After) (*Statement, error) {
	if !g.Dialect.KeepsInputs() || !g.selfContained(after) || !g.showsNewRow(after) {
		return &Statement{}, nil
	}
	row := g.newRow(after.Table)
	asWriter, asModel := g.writeScope(after.Table, ""), g.modelScope(after.Table, "")
	asWriter.inputs, asModel.inputs = row.inputs, row.inputs
	conds := g.ruleConditions(after.Rules, asWriter)
	for _, node := range after.Checks {
		if node != nil && !rule.AlwaysTrue(g.fold(node)) {
			conds = append(conds, g.cond(g.fold(node), asModel, admit))
		}
	}
	if len(conds) > 0 {
		last := len(row.values) - 1
		row.values[last] = "CASE WHEN " + strings.Join(conds, " AND ") + " THEN " + row.values[last] + " END"
	}
	return g.finish(row.into() + " VALUES (" + row.list() + ")")
}

// showsNewRow reports whether a caller to whom the rules allow a new row may certainly read it, with all its fields.
func (g *Generator) showsNewRow(after After) bool {
	if g.System {
		return true
	}
	read := g.fold(g.Rules.Table(after.Table).Read)
	isRead := func(node rule.Node) bool { return reflect.DeepEqual(g.fold(node), read) }
	if !rule.AlwaysTrue(read) && !slices.ContainsFunc(after.Rules, isRead) {
		return false
	}
	masks := func(f *model.Field) bool {
		mask := g.Rules.Field(f).Read
		return mask != nil && !rule.AlwaysTrue(g.fold(mask))
	}
	return !slices.ContainsFunc(after.Fields, masks)
}

// newRow is the row of an INSERT, as the inputs of Insert.
type newRow struct {
	table  *model.Table
	inputs map[*model.Field]int
	values []string // of the fields, then the revision
}

func (g *Generator) newRow(table *model.Table) newRow {
	row := newRow{table: table, inputs: make(map[*model.Field]int, len(table.Fields))}
	for i, f := range table.Fields {
		row.inputs[f] = i
		row.values = append(row.values, g.inputOf(i, f))
	}
	row.values = append(row.values, g.input(len(table.Fields), value.Int))
	return row
}

// into is the beginning of the INSERT.
func (r newRow) into() string {
	names := make([]string, 0, len(r.values))
	for _, f := range r.table.Fields {
		names = append(names, Quote(f.Name))
	}
	return "INSERT INTO " + Quote(r.table.Name) + " (" + strings.Join(append(names, Quote(Revision)), ", ") + ")"
}

func (r newRow) list() string { return strings.Join(r.values, ", ") }

// Update sets fields of a row if the rules of after hold for the new row. Input 0 is the id, input 1 the revision, and
// input 2+i the value of fields[i]. from are the rules that are known to hold for the old row.
func (g *Generator) Update(after After, from []rule.Node, fields []*model.Field) (*Statement, error) {
	return g.finish(g.updateText(after, from, fields, nil))
}

// Change is Update with the read rule and the rules from in its WHERE, and the columns of After in its RETURNING. Its
// SQL is empty if one statement cannot decide (see selfContained), or if the rules refuse every row.
func (g *Generator) Change(after After, from []rule.Node, fields []*model.Field) (*Statement, error) {
	refuses := func(n rule.Node) bool { return rule.NeverTrue(g.fold(n)) }
	if !g.selfContained(after) || (!g.System && slices.ContainsFunc(slices.Concat(from, after.Rules), refuses)) {
		return &Statement{}, nil
	}
	row := Quote(after.Table.Name)
	conds := append(g.readCondition(after.Table, row), g.ruleConditions(from, g.writeScope(after.Table, row))...)
	return g.withReturning(g.updateText(after, from, fields, conds), after)
}

// updateText returns an UPDATE that sets fields of a row, under more conditions.
func (g *Generator) updateText(after After, from []rule.Node, fields []*model.Field, more []string) string {
	table, row := after.Table, Quote(after.Table.Name)
	sets := []string{Quote(Revision) + " = " + g.input(1, value.Int)}
	oldRow := g.writeScope(table, row)
	oldRow.row = g.Rules.Table(table).Old
	newRow := oldRow.nested(g.Rules.Table(table).Row, row)
	newRow.inputs = make(map[*model.Field]int, len(fields))
	for i, f := range fields {
		newRow.inputs[f] = 2 + i
		sets = append(sets, Quote(f.Name)+" = "+g.inputOf(2+i, f))
	}
	conds := append([]string{column(row, "id") + " = " + g.inputOf(0, table.ID())}, more...)
	for _, node := range after.Rules {
		if !slices.Contains(from, node) || rule.Names(node, fields) { // otherwise the outcome is that for the old row
			conds = append(conds, g.ruleConditions([]rule.Node{node}, newRow)...)
		}
	}
	return "UPDATE " + row + " SET " + strings.Join(sets, ", ") + where(conds)
}

// ruleConditions returns the conditions that rules hold.
func (g *Generator) ruleConditions(rules []rule.Node, sc *scope) (conds []string) {
	if g.System {
		return nil
	}
	for _, node := range rules {
		if n := g.fold(node); !rule.AlwaysTrue(n) {
			conds = append(conds, g.cond(n, sc, admit))
		}
	}
	return conds
}

// Delete deletes a row. Input 0 is its id.
func (g *Generator) Delete(t *model.Table) (*Statement, error) {
	return g.finish("DELETE FROM " + Quote(t.Name) + " WHERE " + Quote("id") + " = " + g.inputOf(0, t.ID()))
}

// DeleteAllowed deletes a row and returns its id, if the caller may read the row and the rules hold of it. Input 0 is its id.
// The text is "" if one of the rules holds of no row.
func (g *Generator) DeleteAllowed(t *model.Table, rules []rule.Node) (*Statement, error) {
	if !g.System && slices.ContainsFunc(rules, func(n rule.Node) bool { return rule.NeverTrue(g.fold(n)) }) {
		return &Statement{}, nil
	}
	row := Quote(t.Name)
	conds := append([]string{column(row, "id") + " = " + g.inputOf(0, t.ID())}, g.readCondition(t, row)...)
	conds = append(conds, g.ruleConditions(rules, g.writeScope(t, row))...)
	return g.finish("DELETE FROM " + row + where(conds) + " RETURNING " + column(row, "id"))
}
