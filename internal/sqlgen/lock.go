package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// OldRow reads a row that is about to change, if the caller may read it. Input 0 is its id. The columns are the
// revision, the outcome of each rule and each mask, then every field of the table, unmasked. locks says that the
// transaction locks the row; a reader cannot.
func (g *Generator) OldRow(table *model.Table, rules, masks []rule.Node, locks bool) (*Statement, error) {
	cols := append([]string{column("t0", Revision)}, g.outcomes(rules, g.writeScope(table, "t0"))...)
	cols = append(cols, g.outcomes(masks, g.modelScope(table, "t0"))...)
	for _, f := range table.Fields {
		cols = append(cols, column("t0", f.Name))
	}
	conds := append([]string{column("t0", "id") + " = " + g.inputOf(0, table.ID())}, g.readCondition(table, "t0")...)
	lock := ""
	if locks {
		lock = g.Dialect.LockRow("t0")
	}
	return g.finish("SELECT " + strings.Join(cols, ", ") + g.from(table, "t0") + where(conds) + lock)
}

// LockRevision locks a row before a change, without the read rule, and reads its revision. Input 0 is its id.
func (g *Generator) LockRevision(t *model.Table) (*Statement, error) {
	return g.finish("SELECT " + column("t0", Revision) + g.from(t, "t0") + " WHERE " + column("t0", "id") + " = " + g.inputOf(0, t.ID()) + g.Dialect.LockRow("t0"))
}
