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

// withReturning ends a statement that writes, and makes it answer what is asked of the row where it can.
func (g *Generator) withReturning(sql string, a After) (*Statement, error) {
	if !g.selfContained(a) {
		return g.finish(sql)
	}
	s, err := g.finish(sql + g.returning(a))
	if err == nil {
		s.ReturnsAfter = true
	}
	return s, err
}

// rulesFirst says whether the rules are asked before the row is written, by the statement that writes it. An update
// always does that. A create does it where a rule looks at other rows, which it sees as they were before the write.
func (g *Generator) rulesFirst(a After) bool {
	if g.System {
		return false
	}
	return !a.Created || slices.ContainsFunc(a.Rules, func(n rule.Node) bool { return rule.Relates(g.fold(n)) })
}

// writeScope is the scope of the access rules of a write. Input 0 is the id of the row.
func (g *Generator) writeScope(t *model.Table, alias string) *scope {
	sc := g.modelScope(t, alias)
	sc.writes = t
	return sc
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

// selfContained says whether what is asked of a row after it was written can be told without looking at another, or at the row
// as it was: a statement that writes a row does not see it among the others yet.
func (g *Generator) selfContained(a After) bool {
	asked := slices.Clone(a.Checks)
	if !g.System {
		asked = append(asked, g.Rules.Table(a.Table).Read)
		for _, f := range a.Fields {
			asked = append(asked, g.Rules.Field(f).Read)
		}
		if !g.rulesFirst(a) {
			asked = append(asked, a.Rules...)
		}
	}
	return !slices.ContainsFunc(asked, func(n rule.Node) bool {
		if n == nil {
			return false
		}
		n = g.fold(n)
		return rule.Relates(n) || rule.UsesOld(n)
	})
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

// returning ends a statement that writes a row with what is asked of it. The row has the name of its table there: SQLite
// knows no other.
func (g *Generator) returning(a After) string {
	row := Quote(a.Table.Name)
	return " RETURNING " + strings.Join(append(g.afterColumns(a, row, g.modelScope(a.Table, row)), column(row, Revision)), ", ")
}

// Delete deletes a row. Input 0 is its id.
func (g *Generator) Delete(t *model.Table) (*Statement, error) {
	return g.finish("DELETE FROM " + Quote(t.Name) + " WHERE " + Quote("id") + " = " + g.inputOf(0, t.ID()))
}

// OldRow reads a row that is about to change, if the caller may read it. Input 0 is its id. The columns are the
// revision, then the outcome of each rule and each mask, then every field of the table as stored, unmasked. A reader takes
// no lock.
func (g *Generator) OldRow(t *model.Table, rules, masks []rule.Node, locks bool) (*Statement, error) {
	cols := append([]string{column("t0", Revision)}, g.outcomes(rules, g.writeScope(t, "t0"))...)
	cols = append(cols, g.outcomes(masks, g.modelScope(t, "t0"))...)
	for _, f := range t.Fields {
		cols = append(cols, column("t0", f.Name))
	}
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, t.ID())}, g.readCondition(t, "t0")...)
	lock := ""
	if locks {
		lock = g.Dialect.LockRow("t0")
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(t, "t0") + where(conds) + lock)
}

// LockRevision reads the revision of a row that is about to change, whoever may read it. Input 0 is its id.
func (g *Generator) LockRevision(t *model.Table) (*Statement, error) {
	return g.finish("SELECT " + column("t0", Revision) + g.from(t, "t0") + " WHERE " + column("t0", "id") + " = " + g.inputOf(0, t.ID()) + g.Dialect.LockRow("t0"))
}

// outcomes writes conditions as columns: true, or anything else.
func (g *Generator) outcomes(rules []rule.Node, sc *scope) []string {
	cols := make([]string, len(rules))
	for i, r := range rules {
		if g.System {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(r), sc, admit)
	}
	return cols
}

// After is what is asked of a row as it becomes.
type After struct {
	Table   *model.Table
	Rules   []rule.Node    // do not bind the system
	Checks  []rule.Node    // bind everybody; nil where one is not asked
	Fields  []*model.Field // as the caller reads them
	Created bool
	Old     bool // inputs hold the row as it was
}

// After asks about a row that has just been written. Input 0 is its id, input 1 the revision of the write, and inputs 2 to
// n+1 the values of the n fields of the table as it was (where Old). The columns are whether the caller may read it, the
// outcome of each rule and check, the fields under the caller's masks, the revision. There is no row where the write
// changed none.
func (g *Generator) After(a After) (*Statement, error) {
	t := a.Table
	sc := g.modelScope(t, "t0")
	if a.Old {
		sc = sc.nested(g.Rules.Table(t).Old, "old")
	}
	cols := append(g.afterColumns(a, "t0", sc), column("t0", Revision))
	source := g.from(t, "t0")
	if a.Old {
		source += ", " + g.inputRow(t, 2, "old")
	}
	conds := []string{column("t0", "id") + " = " + g.inputOf(0, t.ID()), column("t0", Revision) + " = " + g.input(1, value.Int)}
	return g.finish("SELECT " + strings.Join(cols, ", ") + source + where(conds))
}

// afterColumns are the columns of After, but for the revision, about a row under its name in the statement.
func (g *Generator) afterColumns(a After, row string, sc *scope) []string {
	cols := g.readCondition(a.Table, row)
	if cols == nil {
		cols = []string{g.Dialect.Bool(true)}
	}
	if g.rulesFirst(a) {
		for range a.Rules {
			cols = append(cols, g.Dialect.Bool(true))
		}
	} else {
		cols = append(cols, g.outcomes(a.Rules, sc)...)
	}
	return append(append(cols, g.checkColumns(a, sc)...), g.columns(a.Fields, row)...)
}

// checkColumns writes checks as columns.
func (g *Generator) checkColumns(a After, sc *scope) []string {
	cols := make([]string, len(a.Checks))
	for i, c := range a.Checks {
		if c == nil {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(c), sc, admit)
	}
	return cols
}

// Candidate asks rules and checks of a row that is not stored. Of the n fields of the table, inputs 1 to n are the values
// as they were (where Old), the next n those that the rules see, and the next n those that the checks see; input 0 is its
// id. The columns are the outcomes of the rules, then of the checks.
func (g *Generator) Candidate(a After) (*Statement, error) {
	t, n := a.Table, len(a.Table.Fields)
	g.dangling = true
	checked := g.alias()
	rules, checks := g.writeScope(t, "t0"), g.modelScope(t, checked)
	source := " FROM " + g.inputRow(t, 1+n, "t0") + ", " + g.inputRow(t, 1+2*n, checked)
	if a.Old {
		source += ", " + g.inputRow(t, 1, "old")
		rules, checks = rules.nested(g.Rules.Table(t).Old, "old"), checks.nested(g.Rules.Table(t).Old, "old")
	}
	return g.finish("SELECT " + strings.Join(append(g.outcomes(a.Rules, rules), g.checkColumns(a, checks)...), ", ") + source)
}

// row is a row made of inputs.
func (g *Generator) inputRow(t *model.Table, first int, alias string) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = g.inputOf(first+i, f) + " AS " + Quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + ") AS " + alias
}
