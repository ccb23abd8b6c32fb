package cli

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// oracleChecks warns of checks that compare a writable field with a hidden one. By many attempts, a writer could infer the
// hidden value from the refusals.
func oracleChecks(rules *rule.Rules, t *model.Table) model.Faults {
	if countSet(t.Access.Create, t.Access.UpdateFrom) == 0 {
		return nil
	}
	var found model.Faults
	for i, c := range rules.Table(t).Checks {
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
				found = append(found, rules.Model.Fault(t.Checks[i].Expr.Pos, "the check of %s compares %s, which %s, with %s, which callers may write: its 422s reveal %s",
					t.Name, columnName(hidden), how, given.Name, columnName(hidden)))
				break
			}
		}
	}
	return found
}

// otherWritable returns a field of the row that callers may write and that is not the hidden column, or nil.
func otherWritable(rules *rule.Rules, columns []*rule.Column, hidden *rule.Column) *model.Field {
	for _, c := range columns {
		f := c.Field
		if c.Path.Root.Role != rule.Self {
			continue
		}
		if len(c.Path.Steps) > 0 {
			f = c.Path.Steps[0].Field // the writer of a reference chooses the row behind it
		}
		own := len(hidden.Path.Steps) == 0 && hidden.Path.Root.Role == rule.Self && hidden.Field == f
		if write := rules.Field(f).Write; !own && !f.ReadOnly && (write == nil || !rule.NeverTrue(write)) {
			return f
		}
	}
	return nil
}

// columnName returns a column as the check writes it.
func columnName(c *rule.Column) string {
	name := c.Field.Name
	for _, step := range slices.Backward(c.Path.Steps) {
		name = step.Name + "." + name
	}
	switch c.Path.Root.Role {
	case rule.Old:
		return "old." + name
	case rule.Item:
		return c.Path.Root.Table.Name + "." + name
	}
	return name
}
