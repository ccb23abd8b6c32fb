package plan

import (
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
)

// Cause is why a step is made.
type Cause struct {
	Changes []diff.Change // that ask for the step
	other   string        // title of a step that no change asks for
	pos     model.Pos     // position of a step that no change asks for
}

// Title returns the changes in a few words.
func (c Cause) Title() string {
	if len(c.Changes) == 0 {
		return c.other
	}
	return strings.Join(DescribeAll(c.Changes), "; ")
}

func (c Cause) position() model.Pos {
	for _, change := range c.Changes {
		if change.Pos.Line != 0 {
			return change.Pos
		}
	}
	return c.pos
}

// CauseOf returns the changes that pass the filter. Without any, the step follows from other changes of the table.
func (p *Planner) CauseOf(table *model.Table, is func(diff.Change) bool) Cause {
	why := Cause{other: "follows from other changes: " + table.Name}
	for _, change := range p.plan.Changes {
		if is(change) {
			why.Changes = append(why.Changes, change)
		}
	}
	if len(why.Changes) == 0 {
		why.pos = table.Pos
	}
	return why
}

// CauseOfField returns the changes of a field of the new model, and a change of the key of the table that it refers to.
func (p *Planner) CauseOfField(field *model.Field) Cause {
	return p.CauseOf(field.Table, func(c diff.Change) bool {
		ofKey := field.Name == "id" && c.NewTable == field.Table
		ofTarget := field.Ref != nil && c.NewTable == field.Ref
		return c.NewField == field || (c.Kind == diff.KeyChanged && (ofKey || ofTarget))
	})
}

// CauseOfIndex returns the changes of an index of a table, or else of the columns that it is on.
func (p *Planner) CauseOfIndex(table *model.Table, index sqlgen.Index) Cause {
	columns := index.Columns
	if n := len(columns); !index.Unique && n > 1 && columns[n-1] == "id" {
		columns = columns[:n-1]
	}
	why := p.CauseOf(table, func(c diff.Change) bool {
		return c.NewTable == table && (c.Kind == diff.IndexAdded || c.Kind == diff.UniqueAdded) && slices.Equal(c.Columns, columns)
	})
	if len(why.Changes) > 0 {
		return why
	}
	return p.CauseOf(table, func(c diff.Change) bool {
		isColumn := c.NewField != nil && slices.Contains(columns, c.NewField.Name)
		return c.NewTable == table && (isColumn || c.Kind == diff.KeyChanged)
	})
}
