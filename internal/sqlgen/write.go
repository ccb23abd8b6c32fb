package sqlgen

import (
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
	table := after.Table
	names, values := make([]string, 0, len(table.Fields)+1), make([]string, 0, len(table.Fields)+1)
	inputs := make(map[*model.Field]string, len(table.Fields))
	for i, f := range table.Fields {
		inputs[f] = g.inputOf(i, f)
		names, values = append(names, Quote(f.Name)), append(values, inputs[f])
	}
	names, values = append(names, Quote(Revision)), append(values, g.input(len(table.Fields), value.Int))
	sql := "INSERT INTO " + Quote(table.Name) + " (" + strings.Join(names, ", ") + ")"
	list := strings.Join(values, ", ")
	if g.rulesFirst(after) {
		sc := g.writeScope(table, "")
		sc.values = inputs
		sql += " SELECT " + list + where(g.ruleConditions(after.Rules, sc))
	} else {
		sql += " VALUES (" + list + ")"
	}
	return g.withReturning(sql, after)
}

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
	newRow.values = make(map[*model.Field]string, len(fields))
	for i, f := range fields {
		newRow.values[f] = g.inputOf(2+i, f)
		sets = append(sets, Quote(f.Name)+" = "+newRow.values[f])
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
