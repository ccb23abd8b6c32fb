package sqlgen

import (
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

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
