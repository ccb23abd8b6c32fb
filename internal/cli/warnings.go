package cli

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// warnings is what may be a mistake in a model that has no faults.
func warnings(rules *rule.Rules) model.Faults {
	m := rules.Model
	found := append(circles(m), constantChecks(rules)...)
	found = append(found, unindexed(rules)...)
	for _, t := range m.Tables {
		found = append(found, quotas(rules, t)...)
		if present(t.Access.Read, t.Access.Create, t.Access.UpdateFrom, t.Access.Delete) == 0 {
			found = append(found, m.Fault(t.Pos, "%s has no access rules, so it is closed to everyone but the seed: give it `access:`", t.Name))
		}
		for _, f := range t.Fields {
			if f.Unique && f.Read != nil && !f.ReadOnly {
				found = append(found, m.Fault(f.Pos, "%s.%s is unique and has a read rule: a 409 tells whoever may write it that a value exists, also where the rule hides it", t.Name, f.Name))
			}
		}
		for _, f := range t.Fields {
			if beyondJavaScript(f) {
				found = append(found, m.Fault(f.Pos, "%s.%s may go beyond 2^53, where JavaScript loses digits of a number: give it `as: string`", t.Name, f.Name))
			}
		}
		for _, fields := range t.Unique {
			if hidden := withReadRule(fields); len(hidden) > 0 {
				found = append(found, m.Fault(t.Pos, "%s is unique by %s, which has a read rule: a 409 tells whoever may write it that a combination exists, also where the rule hides it",
					t.Name, strings.Join(hidden, ", ")))
			}
		}
	}
	for _, t := range m.Tables {
		found = append(found, tellingChecks(rules, t)...)
	}
	for _, t := range m.Views {
		if t.Access.Read == nil {
			found = append(found, m.Fault(t.Pos, "%s has no rule for reading, so it is closed to everyone: give it `access: {read: …}`", t.Name))
		}
		if t.View.SQLite == nil {
			found = append(found, m.Fault(t.Pos, "the query of %s is for PostgreSQL alone: it is checked when the app is served from there", t.Name))
		}
	}
	return found.Sort()
}

// maxSafeInteger is the largest number up to which JavaScript has every int (ECMA-262, Number.MAX_SAFE_INTEGER).
const maxSafeInteger = 1<<53 - 1

// beyondJavaScript says whether an int is declared to hold numbers that JavaScript does not.
func beyondJavaScript(f *model.Field) bool {
	return plainInt(f) && (f.Max != nil && *f.Max > maxSafeInteger || f.Min != nil && *f.Min < -maxSafeInteger)
}

// plainInt says whether JSON has a field as a whole number that is no id.
func plainInt(f *model.Field) bool {
	return f.Type == model.Int && f.Ref == nil && !f.System && !f.AsString
}

// openInts names the ints of a model that have no max.
func openInts(m *model.Model) []string {
	var names []string
	for _, t := range m.Tables {
		for _, f := range t.Fields {
			if plainInt(f) && f.Max == nil {
				names = append(names, t.Name+"."+f.Name)
			}
		}
	}
	return names
}

// quotas warns of access rules that count rows of their own table. Those rules see the other rows as they were before the
// write, without the written row; a check sees the rows as they become.
func quotas(rules *rule.Rules, t *model.Table) (found model.Faults) {
	own := rules.Table(t)
	seen := map[*model.Expr]bool{nil: true}
	ask := func(e *model.Expr, n rule.Node) {
		if !seen[e] && rule.Counts(n, t) {
			found = append(found, rules.Model.Fault(e.Pos, "this rule counts rows of %s without the row that is written: quotas belong in checks", t.Name))
		}
		seen[e] = true // one rule may stand for several
	}
	ask(t.Access.Create, own.Create)
	ask(t.Access.UpdateFrom, own.UpdateFrom)
	ask(t.Access.UpdateTo, own.UpdateTo)
	ask(t.Access.Delete, own.Delete)
	for _, f := range t.Fields {
		ask(f.Write, rules.Field(f).Write)
	}
	return found
}

func withReadRule(fields []*model.Field) []string {
	var names []string
	for _, f := range fields {
		if f.Read != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// circles warns of tables whose required references lead round: none of their rows can be the first. A row that refers
// to itself can.
func circles(m *model.Model) (found model.Faults) {
	told := map[*model.Table]bool{}
	for _, t := range m.Tables {
		circle := wayBack(t)
		if circle == nil || told[t] {
			continue
		}
		names := make([]string, len(circle))
		for i, f := range circle {
			names[i], told[f.Table] = f.Table.Name+"."+f.RefName, true
		}
		found = append(found, m.Fault(circle[0].Pos, "%s are required and lead round in a circle, so no row can be the first: make one of them optional", strings.Join(names, ", ")))
	}
	return found
}

// wayBack returns a shortest way over required references from a table to itself, nil where there is none.
func wayBack(start *model.Table) []*model.Field {
	ways := [][]*model.Field{nil}
	var reached []*model.Table
	for len(ways) > 0 {
		way := ways[0]
		ways = ways[1:]
		t := start
		if len(way) > 0 {
			t = way[len(way)-1].Ref
		}
		for _, f := range t.Fields {
			if f.Ref == nil || f.Optional || f.Ref == t {
				continue
			}
			next := append(slices.Clone(way), f)
			if f.Ref == start {
				return next
			}
			if !slices.Contains(reached, f.Ref) {
				reached, ways = append(reached, f.Ref), append(ways, next)
			}
		}
	}
	return nil
}

// constantChecks warns of checks that are the same for every row.
func constantChecks(rules *rule.Rules) (found model.Faults) {
	for _, t := range rules.Model.Tables {
		for i, c := range rules.Table(t).Checks {
			at := t.Checks[i].Expr.Pos
			switch n := c.Cond.(type) {
			case *rule.Failed:
				found = append(found, rules.Model.Fault(at, "the check fails whatever the row, so nothing can be written to %s", t.Name))
			case *rule.Const:
				if rule.AlwaysTrue(n) {
					found = append(found, rules.Model.Fault(at, "the check holds whatever the row: remove it, or name a field in it"))
				} else {
					found = append(found, rules.Model.Fault(at, "the check holds for no row, so nothing can be written to %s: name a field in it", t.Name))
				}
			}
		}
	}
	return found
}

// unindexed are the rules for reading that admit rows by who asks, and have no index to find them by.
func unindexed(rules *rule.Rules) (found model.Faults) {
	for _, t := range rules.Model.Tables {
		for _, f := range rules.Unindexed(rules.Table(t).Read) {
			found = append(found, rules.Model.Fault(t.Access.Read.Pos,
				"the rule for reading %s compares %s.%s with the caller, and no index starts with that field, so a list looks at all rows: give it `index: true`", t.Name, f.Table.Name, f.Name))
		}
	}
	return found
}
