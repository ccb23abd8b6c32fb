package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Insert inserts a row. Input i is the value of the i-th field of the table, the last input is the revision. Where a rule
// looks at other rows (see asksFirst), it inserts the row only if all rules hold. Where it can, the statement also answers
// what is asked of the row: see Statement.ReturnsAfter.
func (g *Generator) Insert(a After) (*Statement, error) {
	t := a.Table
	names, values := make([]string, 0, len(t.Fields)+1), make([]string, 0, len(t.Fields)+1)
	inputs := make(map[*model.Field]string, len(t.Fields))
	for i, f := range t.Fields {
		inputs[f] = g.inputOf(i, f)
		names, values = append(names, Quote(f.Name)), append(values, inputs[f])
	}
	names, values = append(names, Quote(Revision)), append(values, g.input(len(t.Fields), value.Int))
	sql := "INSERT INTO " + Quote(t.Name) + " (" + strings.Join(names, ", ") + ")"
	list := strings.Join(values, ", ")
	if g.rulesFirst(a) {
		sc := g.writeScope(t, "")
		sc.values = inputs
		sql += " SELECT " + list + where(g.ruleConditions(a.Rules, sc))
	} else {
		sql += " VALUES (" + list + ")"
	}
	return g.withReturning(sql, a)
}

// Update sets fields of a row where the rules of a hold of it as it becomes. Input 0 is its id, input 1 the revision,
// input 2+i the value of fields[i]. from are the rules that are known to hold of the row as it is.
func (g *Generator) Update(a After, from []rule.Node, fields []*model.Field) (*Statement, error) {
	return g.finish(g.updateText(a, from, fields, nil))
}

// Change is Update of a row that the caller may read and of which the rules from hold as it is, and answers what is asked
// find it as it becomes; it changes no other. Its text is "" where a statement of one row alone cannot tell (see alone), or
// where the rules refuse whatever the row.
func (g *Generator) Change(a After, from []rule.Node, fields []*model.Field) (*Statement, error) {
	if !g.selfContained(a) || !g.System && slices.ContainsFunc(slices.Concat(from, a.Rules), func(n rule.Node) bool { return rule.NeverTrue(g.fold(n)) }) {
		return &Statement{}, nil
	}
	row := Quote(a.Table.Name)
	conds := append(g.readCondition(a.Table, row), g.ruleConditions(from, g.writeScope(a.Table, row))...)
	return g.withReturning(g.updateText(a, from, fields, conds), a)
}

// updateText is the text of a statement that sets fields of a row, under more conditions.
func (g *Generator) updateText(a After, from []rule.Node, fields []*model.Field, more []string) string {
	t, row := a.Table, Quote(a.Table.Name)
	sets := []string{Quote(Revision) + " = " + g.input(1, value.Int)}
	was := g.writeScope(t, row)
	was.row = g.Rules.Table(t).Old
	becomes := was.nested(g.Rules.Table(t).Row, row)
	becomes.values = make(map[*model.Field]string, len(fields))
	for i, f := range fields {
		becomes.values[f] = g.inputOf(2+i, f)
		sets = append(sets, Quote(f.Name)+" = "+becomes.values[f])
	}
	conds := append([]string{column(row, "id") + " = " + g.inputOf(0, t.ID())}, more...)
	for _, n := range a.Rules {
		if !slices.Contains(from, n) || rule.Names(n, fields) { // otherwise it says the same of the row as it is
			conds = append(conds, g.ruleConditions([]rule.Node{n}, becomes)...)
		}
	}
	return "UPDATE " + row + " SET " + strings.Join(sets, ", ") + where(conds)
}

// ruleConditions are the conditions that rules hold.
func (g *Generator) ruleConditions(rules []rule.Node, sc *scope) (conds []string) {
	if g.System {
		return nil
	}
	for _, n := range rules {
		if n := g.fold(n); !rule.AlwaysTrue(n) {
			conds = append(conds, g.cond(n, sc, admit))
		}
	}
	return conds
}

// Delete deletes a row. Input 0 is its id.
func (g *Generator) Delete(t *model.Table) (*Statement, error) {
	return g.finish("DELETE FROM " + Quote(t.Name) + " WHERE " + Quote("id") + " = " + g.inputOf(0, t.ID()))
}
