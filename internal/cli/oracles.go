package cli

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// oracleChecks warns of checks that compare a writable field with a hidden one. By many attempts, a writer could infer the
// hidden value from the refusals.
func oracleChecks(rules *rule.Rules, table *model.Table) model.Faults {
	if countSet(table.Access.Create, table.Access.UpdateFrom) == 0 {
		return nil
	}
	var found model.Faults
	for i, c := range rules.Table(table).Checks {
		columns := rule.Columns(c.Cond)
		for _, hidden := range columns {
			how := "has a read rule"
			switch {
			case hidden.Field.Secret:
				how = "is secret"
			case hidden.Field.Read == nil:
				continue
			}
			if given := otherWritable(rules, columns, hidden); given != nil {
				found = append(found, rules.Model.Fault(table.Checks[i].Expr.Pos, "the check of %s compares %s, which %s, with %s, which callers may write: its 422s reveal %s",
					table.Name, columnName(hidden), how, given.Name, columnName(hidden)))
				break
			}
		}
	}
	return found
}

// otherWritable returns a field of the row that callers may write, except the hidden column, or nil.
func otherWritable(rules *rule.Rules, columns []*rule.Column, hidden *rule.Column) *model.Field {
	for _, column := range columns {
		field := column.Field
		if column.Path.Root.Role != rule.Self {
			continue
		}
		if len(column.Path.Steps) > 0 {
			field = column.Path.Steps[0].Field // the writer of a reference chooses the row behind it
		}
		own := len(hidden.Path.Steps) == 0 && hidden.Path.Root.Role == rule.Self && hidden.Field == field
		if write := rules.Field(field).Write; !own && !field.ReadOnly && (write == nil || !rule.NeverTrue(write)) {
			return field
		}
	}
	return nil
}

// columnName returns the name of a column in the check.
func columnName(column *rule.Column) string {
	name := column.Field.Name
	for _, step := range slices.Backward(column.Path.Steps) {
		name = step.Name + "." + name
	}
	switch column.Path.Root.Role {
	case rule.Old:
		return "old." + name
	case rule.Item:
		return column.Path.Root.Table.Name + "." + name
	}
	return name
}
