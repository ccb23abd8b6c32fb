package oracle

import (
	"math/rand/v2"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// randomRule writes a rule for a table.
func randomRule(random *rand.Rand, table *model.Table, uses Uses) Expr {
	return accepted(random, table, uses, func(g *generator) Expr { return g.condition(1) })
}

// accepted calls write until the compiler accepts its rule.
func accepted(random *rand.Rand, table *model.Table, uses Uses, write func(*generator) Expr) Expr {
	for {
		expr := write(newGenerator(random, table, uses))
		scope := rule.Scope{Row: &rule.Row{Table: table}, Roles: roles()}
		if uses.Old {
			scope.Old = &rule.Row{Table: table, Role: rule.Old}
		}
		if _, _, problems := rule.Compile(expr.Ash, scope); len(problems) == 0 {
			return expr
		}
	}
}

// openWrites let everybody write the rows that they may read.
func openWrites(*rand.Rand, *model.Table) Writes {
	return Writes{Create: same("true"), From: same("true"), To: same("true"), Delete: same("true"), Check: same("true")}
}

func randomWrites(random *rand.Rand, table *model.Table) Writes {
	write := func(uses Uses) Expr {
		switch random.IntN(4) {
		case 0, 1:
			return same("true")
		case 2:
			if expr, ok := siblingRule(random, table, uses); ok {
				return expr
			}
		}
		return randomRule(random, table, uses)
	}
	return Writes{Create: write(Uses{}), From: write(Uses{}), To: write(Uses{Old: true}), Delete: write(Uses{}), Check: write(Uses{Old: true})}
}

// siblingRule writes a rule about the siblings of a row, such as the other members of its team: the rows with the same
// reference. The row itself is one of them. It returns false if the table has no references.
func siblingRule(random *rand.Rand, table *model.Table, uses Uses) (Expr, bool) {
	for _, i := range random.Perm(len(table.Fields)) {
		field := table.Fields[i]
		if field.Ref == nil {
			continue
		}
		back := slices.IndexFunc(field.Ref.Relations, func(r *model.Relation) bool { return r.Many && r.Field == field })
		return accepted(random, table, uses, func(g *generator) Expr {
			function, siblings := pick(random, []string{"exists", "all", "exists_one"}), field.RefName+"."+field.Ref.Relations[back].Name
			g.steps = 1
			name, body := g.withItem(table, func(string) Expr { return g.condition(random.IntN(2)) })
			prefix := Expr{"", "row."}
			if uses.Old && random.IntN(3) == 0 {
				prefix = same("old.")
			}
			return macro(member(prefix, siblings), function, name, body)
		}), true
	}
	return Expr{}, false
}
