package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// A scope maps a row of an expression to an alias of the statement, and says how the row may be seen. Scopes nest: an
// inner row comes before its outer rows.
type scope struct {
	row        *rule.Row
	alias      string
	inputs     map[*model.Field]int // inputs that a write sets fields to, in place of columns
	outer      *scope
	client     bool // apply masks, and hide rows that the caller may not read
	allowSets  bool // conditions that name the caller may become sets, see callerset.go
	lookUpSets bool // look rows up by each value of a set

	// writes is the table of a write, for its access rules. Their relations do not lead to the written row.
	writes *model.Table
}

// find returns the scope of a row that an expression names.
func (s *scope) find(row *rule.Row) *scope {
	for ; s != nil; s = s.outer {
		if s.row == row {
			return s
		}
	}
	panic("sqlgen: an expression names a row that its statement does not have")
}

// nested returns a scope for one more row.
func (s *scope) nested(row *rule.Row, alias string) *scope {
	return &scope{row: row, alias: alias, outer: s, client: s.client, allowSets: s.allowSets, writes: s.writes}
}

// modelScope returns the scope of an expression of the model about rows of a table.
func (g *Generator) modelScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias}
}

// clientScope returns the scope of an expression of a client about rows of a table.
func (g *Generator) clientScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias, client: !g.System}
}

// writeScope returns the scope of the access rules of a write. Input 0 is the id of the row.
func (g *Generator) writeScope(table *model.Table, alias string) *scope {
	sc := g.modelScope(table, alias)
	sc.writes = table
	return sc
}

// notWritten returns the condition that the row of a relation is not the written row, as no or one element. A write must
// not prove itself: the new row of a member is no evidence for its own rule.
func (g *Generator) notWritten(table *model.Table, alias string, sc *scope) []string {
	if sc.writes != table {
		return nil
	}
	return []string{column(alias, "id") + " <> " + g.inputOf(0, table.ID())}
}
