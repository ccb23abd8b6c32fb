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
	found = append(found, confusedAudiences(m)...)
	found = append(found, unstarted(m)...)
	for _, table := range m.Tables {
		found = append(found, quotas(rules, table)...)
		if countSet(table.Access.Read, table.Access.Create, table.Access.UpdateFrom, table.Access.Delete) == 0 {
			found = append(found, m.Fault(table.Pos, "%s has no access rules, so it is closed to everyone but the seed: give it `access:`", table.Name))
		}
		for _, field := range table.Fields {
			if field.Unique && field.Read != nil && !field.ReadOnly {
				found = append(found, m.Fault(field.Pos, "%s.%s is unique and has a read rule: a 409 tells a writer that a value exists, even if the rule hides it", table.Name, field.Name))
			}
		}
		for _, field := range table.Fields {
			if beyondJavaScript(field) {
				found = append(found, m.Fault(field.Pos, "%s.%s may go beyond 2^53, where JavaScript loses digits of a number: give it `as: string`", table.Name, field.Name))
			}
		}
		for _, fields := range table.Unique {
			if hidden := withReadRule(fields); len(hidden) > 0 {
				found = append(found, m.Fault(table.Pos, "%s is unique by %s, which has a read rule: a 409 tells a writer that a combination exists, even if the rule hides it",
					table.Name, strings.Join(hidden, ", ")))
			}
		}
	}
	for _, table := range m.Tables {
		found = append(found, oracleChecks(rules, table)...)
	}
	for _, table := range m.Views {
		if table.Access.Read == nil {
			found = append(found, m.Fault(table.Pos, "%s has no rule for reading, so it is closed to everyone: add `access: {read: …}`", table.Name))
		}
		if table.View.SQLite == nil {
			found = append(found, m.Fault(table.Pos, "the query of %s is only for PostgreSQL: a server on PostgreSQL checks it when it starts", table.Name))
		}
	}
	return found.Sort()
}

// maxSafeInteger is JavaScript's Number.MAX_SAFE_INTEGER (ECMA-262): it represents all integers up to there exactly.
const maxSafeInteger = 1<<53 - 1

// beyondJavaScript reports whether an int's declared range exceeds JavaScript's.
func beyondJavaScript(field *model.Field) bool {
	return plainInt(field) && ((field.Max != nil && *field.Max > maxSafeInteger) || (field.Min != nil && *field.Min < -maxSafeInteger))
}

// plainInt reports whether JSON shows a field as a number, and it is not an id.
func plainInt(field *model.Field) bool {
	return field.Type == model.Int && field.Ref == nil && !field.System && !field.AsString
}

// unboundedInts returns the names of ints without a max.
func unboundedInts(m *model.Model) []string {
	var names []string
	for _, table := range m.Tables {
		for _, field := range table.Fields {
			if plainInt(field) && field.Max == nil {
				names = append(names, table.Name+"."+field.Name)
			}
		}
	}
	return names
}

// quotas warns of access rules that count rows of their own table. An access rule sees the other rows before the
// write, without the written row. A check sees the rows after the write.
func quotas(rules *rule.Rules, table *model.Table) (found model.Faults) {
	own := rules.Table(table)
	seen := map[*model.Expr]bool{nil: true}
	ask := func(expr *model.Expr, node rule.Node) {
		if !seen[expr] && rule.Counts(node, table) {
			found = append(found, rules.Model.Fault(expr.Pos, "this rule counts rows of %s without the written row: quotas belong in checks", table.Name))
		}
		seen[expr] = true // several operations may share one rule
	}
	ask(table.Access.Create, own.Create)
	ask(table.Access.UpdateFrom, own.UpdateFrom)
	ask(table.Access.UpdateTo, own.UpdateTo)
	ask(table.Access.Delete, own.Delete)
	for _, field := range table.Fields {
		ask(field.Write, rules.Field(field).Write)
	}
	return found
}

func withReadRule(fields []*model.Field) []string {
	var names []string
	for _, field := range fields {
		if field.Read != nil {
			names = append(names, field.Name)
		}
	}
	return names
}

// requiredCycles warns of required references that form a cycle between tables, so that no row can be the first. A row can
// refer to itself.
func requiredCycles(m *model.Model) (found model.Faults) {
	reported := map[*model.Table]bool{}
	for _, table := range m.Tables {
		cycle := shortestCycle(table)
		if cycle == nil || reported[table] {
			continue
		}
		names := make([]string, len(cycle))
		for i, field := range cycle {
			names[i], reported[field.Table] = field.Table.Name+"."+field.RefName, true
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
		table := start
		if len(path) > 0 {
			table = path[len(path)-1].Ref
		}
		for _, field := range table.Fields {
			if field.Ref == nil || field.Optional || field.Ref == table {
				continue
			}
			next := append(slices.Clone(path), field)
			if field.Ref == start {
				return next
			}
			if !slices.Contains(reached, field.Ref) {
				reached, paths = append(reached, field.Ref), append(paths, next)
			}
		}
	}
	return nil
}

// constantChecks warns of checks with the same result for every row.
func constantChecks(rules *rule.Rules) (found model.Faults) {
	for _, table := range rules.Model.Tables {
		for i, c := range rules.Table(table).Checks {
			at := table.Checks[i].Expr.Pos
			switch n := c.Cond.(type) {
			case *rule.Failed:
				found = append(found, rules.Model.Fault(at, "the check fails for every row, so nothing can be written to %s", table.Name))
			case *rule.Const:
				if rule.AlwaysTrue(n) {
					found = append(found, rules.Model.Fault(at, "the check holds for every row: remove it, or name a field in it"))
				} else {
					found = append(found, rules.Model.Fault(at, "the check holds for no row, so nothing can be written to %s: name a field in it", table.Name))
				}
			}
		}
	}
	return found
}

// unindexed warns of read rules that compare a field without an index with the caller.
func unindexed(rules *rule.Rules) (found model.Faults) {
	for _, table := range rules.Model.Tables {
		for _, field := range rules.Unindexed(rules.Table(table).Read) {
			found = append(found, rules.Model.Fault(table.Access.Read.Pos,
				"the rule for reading %s compares %s.%s with the caller, and no index starts with that field, so a list scans all rows: add `index: true`", table.Name, field.Table.Name, field.Name))
		}
	}
	return found
}
