package plan

import (
	"slices"
	"time"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/model/diff"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// storageOf returns how the values of a field are stored. Two fields with the same storage need no conversion.
func (p *Planner) storageOf(field *model.Field) string {
	switch {
	case field.Type == model.Enum || field.Type == model.Text:
		return "text"
	case field.Type == model.Decimal:
		return field.Type.String() + "." + string(rune('a'+field.Scale))
	}
	return field.Type.String()
}

// Converts reports whether the values of a field must be written anew.
func (p *Planner) Converts(was, is *model.Field) bool {
	if p.storageOf(was) != p.storageOf(is) || p.engine.Rewrites(was, is) {
		return true
	}
	return renamesValues(was, is)
}

// renamesValues reports whether rows may hold a renamed enum value.
func renamesValues(was, is *model.Field) bool {
	if was.Type != model.Enum || is.Type != model.Enum {
		return false
	}
	return slices.ContainsFunc(is.Values, func(v model.EnumValue) bool {
		former := diff.OldValue(was, v)
		return former != "" && former != v.Name
	})
}

// Fill returns the value for rows without one if a field becomes required, else null.
func (p *Planner) Fill(was, is *model.Field) value.Value {
	if !was.Optional || is.Optional {
		return value.Value{}
	}
	return p.backfill(is)
}

// BackfillFor returns the value that rows get for an added field.
func (p *Planner) BackfillFor(field *model.Field) value.Value {
	if field.Optional {
		return value.Value{}
	}
	return p.backfill(field)
}

// allBackfills returns the values of added fields in existing rows, as literals, by table and column.
func (p *Planner) allBackfills() map[string]string {
	all := map[string]string{}
	for _, change := range p.plan.Changes {
		if change.Kind == diff.FieldAdded && change.OldTable != nil {
			if v := p.BackfillFor(change.NewField); !v.IsNull() {
				all[change.NewTable.Name+"."+change.NewField.Name] = p.engine.Dialect().Literal(change.NewField, v)
			}
		}
	}
	return all
}

// Defaults returns a function for the value of a field in rows without one: the default, if it is the same for all
// rows.
func Defaults(rules *rule.Rules, now time.Time) func(*model.Field) value.Value {
	return func(field *model.Field) value.Value {
		if rules == nil {
			return value.Value{}
		}
		if rules.Field(field) == nil { // of a system table: a field added to one must be optional
			return value.Value{}
		}
		switch n := rules.Field(field).Default.(type) {
		case *rule.Const:
			return n.Value
		case *rule.Now:
			return value.OfTimestamp(now.UnixMicro())
		}
		return value.Value{}
	}
}

// FillLiteral returns the literal that rows without a value get, or "".
func (p *Planner) FillLiteral(was, is *model.Field) string {
	if v := p.Fill(was, is); !v.IsNull() {
		return p.engine.Dialect().Literal(is, v)
	}
	return ""
}
