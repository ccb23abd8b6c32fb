package sqlgen

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// scope says which alias stands for which row, innermost first, and whose eyes look at the rows.
type scope struct {
	row        *rule.Row
	alias      string
	values     map[*model.Field]string // fields of the row that a write sets; the others are columns of the alias
	outer      *scope
	client     bool // columns are masked, relations lead only to rows that the caller may read
	allowSets  bool // the condition picks rows of a table: what names the caller is asked from the caller's side
	lookUpSets bool // what is asked from there is looked up value by value

	// writes is set for the access rules of a write to that table: their relations do not lead to the row that is
	// written, whose id is input 0.
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

func (s *scope) nested(row *rule.Row, alias string) *scope {
	return &scope{row: row, alias: alias, outer: s, client: s.client, allowSets: s.allowSets, writes: s.writes}
}

// self is the scope of an expression about the rows of t, seen by the model's own rules.
func (g *Generator) modelScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias}
}

// clientScope is self for an expression that a client wrote.
func (g *Generator) clientScope(t *model.Table, alias string) *scope {
	return &scope{row: g.Rules.Table(t).Row, alias: alias, client: !g.System}
}

// writeScope is the scope of the access rules of a write. Input 0 is the id of the row.
func (g *Generator) writeScope(t *model.Table, alias string) *scope {
	sc := g.modelScope(t, alias)
	sc.writes = t
	return sc
}

// others is the condition that a row which a relation leads to is not the written one, as no or one element. A write
// must not prove itself: a member who adds himself is not yet a member.
func (g *Generator) notWritten(t *model.Table, alias string, sc *scope) []string {
	if sc.writes != t {
		return nil
	}
	return []string{column(alias, "id") + " <> " + g.inputOf(0, t.ID())}
}
