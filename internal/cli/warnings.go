package cli

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// warnings returns likely mistakes of a model without faults.
func warnings(rules *rule.Rules) model.Faults {
	m := rules.Model
	found := append(requiredCycles(m), constantChecks(rules)...)
	found = append(found, unindexed(rules)...)
	for _, t := range m.Tables {
		found = append(found, quotas(rules, t)...)
		if countSet(t.Access.Read, t.Access.Create, t.Access.UpdateFrom, t.Access.Delete) == 0 {
			found = append(found, m.Fault(t.Pos, "%s has no access rules, so it is closed to everyone but the seed: give it `access:`", t.Name))
		}
		for _, f := range t.Fields {
			if f.Unique && f.Read != nil && !f.ReadOnly {
				found = append(found, m.Fault(f.Pos, "%s.%s is unique and has a read rule: a 409 tells a writer that a value exists, even if the rule hides it", t.Name, f.Name))
			}
		}
		for _, f := range t.Fields {
			if beyondJavaScript(f) {
				found = append(found, m.Fault(f.Pos, "%s.%s may go beyond 2^53, where JavaScript loses digits of a number: give it `as: string`", t.Name, f.Name))
			}
		}
		for _, fields := range t.Unique {
			if hidden := withReadRule(fields); len(hidden) > 0 {
				found = append(found, m.Fault(t.Pos, "%s is unique by %s, which has a read rule: a 409 tells a writer that a combination exists, even if the rule hides it",
					t.Name, strings.Join(hidden, ", ")))
			}
		}
	}
	for _, t := range m.Tables {
		found = append(found, oracleChecks(rules, t)...)
	}
	for _, t := range m.Views {
		if t.Access.Read == nil {
			found = append(found, m.Fault(t.Pos, "%s has no rule for reading, so it is closed to everyone: add `access: {read: …}`", t.Name))
		}
		if t.View.SQLite == nil {
			found = append(found, m.Fault(t.Pos, "the query of %s is only for PostgreSQL: a server on PostgreSQL checks it when it starts", t.Name))
		}
	}
	return found.Sort()
}

// maxSafeInteger is JavaScript's Number.MAX_SAFE_INTEGER (ECMA-262): it represents all integers up to there exactly.
const maxSafeInteger = 1<<53 - 1

// beyondJavaScript reports whether an int's declared range exceeds JavaScript's.
func beyondJavaScript(f *model.Field) bool {
	return plainInt(f) && (f.Max != nil && *f.Max > maxSafeInteger || f.Min != nil && *f.Min < -maxSafeInteger)
}

// plainInt reports whether JSON shows a field as a number, and it is not an id.
func plainInt(f *model.Field) bool {
	return f.Type == model.Int && f.Ref == nil && !f.System && !f.AsString
}

// unboundedInts returns the names of ints without a max.
func unboundedInts(m *model.Model) []string {
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

// quotas warns of access rules that count rows of their own table. An access rule sees the other rows from before the write,
// without the written row. A check sees the rows after the write.
func quotas(rules *rule.Rules, t *model.Table) (found model.Faults) {
	own := rules.Table(t)
	seen := map[*model.Expr]bool{nil: true}
	ask := func(e *model.Expr, n rule.Node) {
		if !seen[e] && rule.Counts(n, t) {
			found = append(found, rules.Model.Fault(e.Pos, "this rule counts rows of %s without the written row: quotas belong in checks", t.Name))
		}
		seen[e] = true // several operations may share one rule
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

// requiredCycles warns of required references that form a cycle between tables, so that no row can be the first. A row can
// refer to itself.
func requiredCycles(m *model.Model) (found model.Faults) {
	reported := map[*model.Table]bool{}
	for _, t := range m.Tables {
		cycle := shortestCycle(t)
		if cycle == nil || reported[t] {
			continue
		}
		names := make([]string, len(cycle))
		for i, f := range cycle {
			names[i], reported[f.Table] = f.Table.Name+"."+f.RefName, true
		}
		found = append(found, m.Fault(cycle[0].Pos, "%s are required and form a cycle, so no row can be the first: make one of them optional", strings.Join(names, ", ")))
	}
	return found
}

// shortestCycle returns a shortest cycle of required references through a table, or nil.
func shortestCycle(start *model.Table) []*model.Field {
	paths := [][]*model.Field{nil}
	var reached []*model.Table
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		t := start
		if len(path) > 0 {
			t = path[len(path)-1].Ref
		}
		for _, f := range t.Fields {
			if f.Ref == nil || f.Optional || f.Ref == t {
				continue
			}
			next := append(slices.Clone(path), f)
			if f.Ref == start {
				return next
			}
			if !slices.Contains(reached, f.Ref) {
				reached, paths = append(reached, f.Ref), append(paths, next)
			}
		}
	}
	return nil
}

// constantChecks warns of checks with the same result for every row.
func constantChecks(rules *rule.Rules) (found model.Faults) {
	for _, t := range rules.Model.Tables {
		for i, c := range rules.Table(t).Checks {
			at := t.Checks[i].Expr.Pos
			switch n := c.Cond.(type) {
			case *rule.Failed:
				found = append(found, rules.Model.Fault(at, "the check fails for every row, so nothing can be written to %s", t.Name))
			case *rule.Const:
				if rule.AlwaysTrue(n) {
					found = append(found, rules.Model.Fault(at, "the check holds for every row: remove it, or name a field in it"))
				} else {
					found = append(found, rules.Model.Fault(at, "the check holds for no row, so nothing can be written to %s: name a field in it", t.Name))
				}
			}
		}
	}
	return found
}

// unindexed warns of read rules that compare a field without an index with the caller.
func unindexed(rules *rule.Rules) (found model.Faults) {
	for _, t := range rules.Model.Tables {
		for _, f := range rules.Unindexed(rules.Table(t).Read) {
			found = append(found, rules.Model.Fault(t.Access.Read.Pos,
				"the rule for reading %s compares %s.%s with the caller, and no index starts with that field, so a list scans all rows: add `index: true`", t.Name, f.Table.Name, f.Name))
		}
	}
	return found
}
