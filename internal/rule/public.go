package rule

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Differs says why an answer with rows of a table is not the same for everybody at any time.
type Differs struct {
	Caller bool // a rule names the caller
	Time   bool // a rule names now

	// Binds reports that a statement binds the time, so that no answer can be found again. A condition such as
	// now - auth.since < duration('10m') is decided before the statement: it binds nothing.
	Binds bool

	Expr *model.Expr  // the first rule that names the caller or now; nil if there is none
	Of   *model.Field // whose rule Expr is; nil: of the table
	Why  string       // what Expr names, and what follows from that
}

// DiffersBy looks at what a read of a table asks: its read rule, and the read rules of its fields. The rules of related
// tables do not count, because only an expansion asks them.
func (r *Rules) DiffersBy(table *model.Table) (by Differs) {
	by.add(r.tables[table].Read, table.Access.Read, nil)
	for _, field := range table.Fields {
		if read := r.fields[field].Read; read != nil && !field.Secret {
			by.add(read, field.Read, field)
		}
	}
	return by
}

func (d *Differs) add(node Node, expr *model.Expr, of *model.Field) {
	var own Differs
	walk(node, func(sub Node) {
		if slot, ok := sub.(*Slot); ok {
			own.Caller = own.Caller || asksCaller(slot.Node)
			if UsesNow(slot.Node) {
				own.Time, own.Binds = true, own.Binds || slot.Kind() != value.Bool
			}
		}
	})
	if d.Expr == nil && (own.Caller || own.Time) {
		d.Expr, d.Of, d.Why = expr, of, "now, so answers change while no row does"
		if own.Caller {
			d.Why = "the caller, so answers differ from caller to caller"
		}
	}
	d.Caller, d.Time, d.Binds = d.Caller || own.Caller, d.Time || own.Time, d.Binds || own.Binds
}

// checkPublic reports a table whose answers the model calls public, though they differ.
func (b *builder) checkPublic(table *model.Table) {
	if table.Cache.Public == 0 {
		return
	}
	by := b.rules.DiffersBy(table)
	if by.Expr == nil {
		return
	}
	what := "its rule for reading"
	if by.Of != nil {
		what = "its rule for reading " + by.Of.Name
	}
	b.faults = append(b.faults, b.rules.Model.Fault(table.Cache.Pos, "%s cannot be public: %s (%s, line %d) names %s: remove public, or change the rule",
		table.Name, what, by.Expr.Pos.File, by.Expr.Pos.Line, by.Why))
}
