package sqlgen

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/schema"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Insert inserts a row. Input i is the value of the i-th field of the table, the last input is the revision. Where it can,
// the statement also answers what is asked of the row: see Statement.Answers.
func (g *Generator) Insert(a After) (*Statement, error) {
	t := a.Table
	names, values := make([]string, 0, len(t.Fields)+1), make([]string, 0, len(t.Fields)+1)
	for i, f := range t.Fields {
		names, values = append(names, quote(f.Name)), append(values, g.inputOf(i, f))
	}
	names, values = append(names, quote(Revision)), append(values, g.input(len(t.Fields), value.Int))
	into, list := "INSERT INTO "+quote(t.Name), " ("+strings.Join(names, ", ")+") VALUES ("+strings.Join(values, ", ")+")"
	if !g.alone(a) {
		return g.finish(into + list)
	}
	s, err := g.finish(into + list + g.returning(a))
	if err == nil {
		s.Answers = true
	}
	return s, err
}

// alone says whether what is asked of a row can be told without looking at another: a statement that writes a row does
// not see it among the others yet.
func (g *Generator) alone(a After) bool {
	asked := append([]rule.Node{g.Rules.Table(a.Table).Read}, a.Rules...)
	asked = append(asked, a.Checks...)
	for _, f := range a.Fields {
		asked = append(asked, g.Rules.Field(f).Read)
	}
	for _, n := range asked {
		if n != nil && rule.Relates(n) {
			return false
		}
	}
	return true
}

// Update sets fields of a row. Input 0 is its id, input 1 the revision, input 2+i the value of fields[i].
func (g *Generator) Update(t *schema.Table, fields []*schema.Field) (*Statement, error) {
	sets := []string{quote(Revision) + " = " + g.input(1, value.Int)}
	for i, f := range fields {
		sets = append(sets, quote(f.Name)+" = "+g.inputOf(2+i, f))
	}
	return g.finish("UPDATE " + quote(t.Name) + " SET " + strings.Join(sets, ", ") + " WHERE " + quote("id") + " = " + g.inputOf(0, t.ID()))
}

// Change is Update of a row that the caller may read and of which the rules hold as it is, and answers what is asked of it
// as it becomes; it changes no other. It is nil where a statement of one row alone cannot tell (see alone), or where what
// becomes is compared with what was.
func (g *Generator) Change(a After, from []rule.Node, fields []*schema.Field) (*Statement, error) {
	asked := a
	asked.Rules = append(slices.Clone(from), a.Rules...)
	if a.Old || !g.alone(asked) {
		return &Statement{}, nil
	}
	t, row := a.Table, quote(a.Table.Name)
	sets := []string{quote(Revision) + " = " + g.input(1, value.Int)}
	for i, f := range fields {
		sets = append(sets, quote(f.Name)+" = "+g.inputOf(2+i, f))
	}
	conds := append([]string{column(row, "id") + " = " + g.inputOf(0, t.ID())}, g.readable(t, row)...)
	if !g.System {
		for _, n := range from {
			if n := g.fold(n); !rule.AlwaysTrue(n) {
				conds = append(conds, g.cond(n, g.self(t, row), loose))
			}
		}
	}
	s, err := g.finish("UPDATE " + row + " SET " + strings.Join(sets, ", ") + where(conds) + g.returning(a))
	if err == nil {
		s.Answers = true
	}
	return s, err
}

// returning ends a statement that writes a row with what is asked of it. The row has the name of its table there: SQLite
// knows no other.
func (g *Generator) returning(a After) string {
	row := quote(a.Table.Name)
	return " RETURNING " + strings.Join(append(g.answers(a, row, g.self(a.Table, row)), column(row, Revision)), ", ")
}

// Delete deletes a row. Input 0 is its id.
func (g *Generator) Delete(t *schema.Table) (*Statement, error) {
	return g.finish("DELETE FROM " + quote(t.Name) + " WHERE " + quote("id") + " = " + g.inputOf(0, t.ID()))
}

// Before reads a row that is about to change, if the caller may read it. Input 0 is its id. The columns are the
// revision, then the outcome of each rule, then every field of the table as stored, unmasked. A reader takes no lock.
func (g *Generator) Before(t *schema.Table, rules []rule.Node, locks bool) (*Statement, error) {
	cols := append([]string{column("t0", Revision)}, g.outcomes(t, rules, g.self(t, "t0"))...)
	for _, f := range t.Fields {
		cols = append(cols, column("t0", f.Name))
	}
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, t.ID())}, g.readable(t, "t0")...)
	lock := ""
	if locks {
		lock = g.Dialect.Lock("t0")
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(t, "t0") + where(conds) + lock)
}

// Locked reads the revision of a row that is about to change, whoever may read it. Input 0 is its id.
func (g *Generator) Locked(t *schema.Table) (*Statement, error) {
	return g.finish("SELECT " + column("t0", Revision) + g.from(t, "t0") + " WHERE " + column("t0", "id") + " = " + g.inputOf(0, t.ID()) + g.Dialect.Lock("t0"))
}

// outcomes writes conditions as columns: true, or anything else.
func (g *Generator) outcomes(t *schema.Table, rules []rule.Node, sc *scope) []string {
	cols := make([]string, len(rules))
	for i, r := range rules {
		if g.System {
			cols[i] = g.Dialect.Bool(true)
			continue
		}
		cols[i] = g.cond(g.fold(r), sc, loose)
	}
	return cols
}

// After is what is asked of a row as it becomes.
type After struct {
	Table  *schema.Table
	Rules  []rule.Node     // do not bind the system
	Checks []rule.Node     // bind everybody
	Fields []*schema.Field // as the caller reads them
	Old    bool            // inputs hold the row as it was
	// Candidate asks of a row that is not stored, because a constraint refused it: its values are inputs.
	Candidate bool
}

// After asks about a row that has just been written. Input 0 is its id, inputs 1 to n the values of the n fields of the
// table as it was (where Old), the next n those of the candidate. The columns are whether the caller may read it, the
// outcome of each rule and check, the fields under the caller's masks, the revision.
func (g *Generator) After(a After) (*Statement, error) {
	t := a.Table
	sc := g.self(t, "t0")
	if a.Old {
		sc = sc.with(g.Rules.Table(t).Old, "old")
	}
	cols := g.answers(a, "t0", sc)
	var source, cond string
	if a.Candidate {
		source = " FROM " + g.row(t, 1+len(t.Fields), "t0")
		cols = append(cols, "0")
	} else {
		source, cond = g.from(t, "t0"), " WHERE "+column("t0", "id")+" = "+g.inputOf(0, t.ID())
		cols = append(cols, column("t0", Revision))
	}
	if a.Old {
		source += ", " + g.row(t, 1, "old")
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + source + cond)
}

// answers are the columns of After, but for the revision, about a row under its name in the statement.
func (g *Generator) answers(a After, row string, sc *scope) []string {
	readable := g.readable(a.Table, row)
	if readable == nil {
		readable = []string{g.Dialect.Bool(true)}
	}
	cols := append(readable, g.outcomes(a.Table, a.Rules, sc)...)
	for _, c := range a.Checks {
		cols = append(cols, g.cond(g.fold(c), sc, loose))
	}
	return append(cols, g.columns(a.Fields, row)...)
}

// row is a row made of inputs.
func (g *Generator) row(t *schema.Table, first int, alias string) string {
	cols := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		cols[i] = g.inputOf(first+i, f) + " AS " + quote(f.Name)
	}
	return "(SELECT " + strings.Join(cols, ", ") + ") AS " + alias
}
