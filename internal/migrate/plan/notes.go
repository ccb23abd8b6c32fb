package plan

import (
	"fmt"
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/sqlgen"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Note is about rows that a new or tightened limit would not let pass. They stay as they are, since limits only bind
// later writes.
type Note struct {
	Pos  model.Pos
	Text string
}

func (n Note) String() string { return n.Pos.String() + ": " + n.Text }

func (p *Planner) note(pos model.Pos, what string, rows Found) {
	if rows.Count > 0 {
		why := ""
		if rows.why != "" {
			why = ": " + rows.why
		}
		p.plan.Notes = append(p.plan.Notes, Note{pos, fmt.Sprintf("%v of %s would not pass%s; they stay as they are", rows, what, why)})
	}
}

// notes counts the rows that tightened limits and new checks would not let pass.
func (p *Planner) notes(reader Querier, rules *rule.Rules) error {
	for _, table := range p.New.Tables {
		if p.OldTable(table) == nil || rules.Table(table) == nil { // new, or a system table
			continue
		}
		for _, field := range table.Fields {
			if err := p.limitNote(reader, p.OldField(field), field); err != nil {
				return err
			}
		}
		if err := p.checkNotes(reader, p.OldTable(table), table, rules); err != nil {
			return err
		}
	}
	return nil
}

func (p *Planner) limitNote(reader Querier, was, field *model.Field) error {
	if was == nil || field.System || sameLimits(was, field) || !value.Convertible(was.Type, field.Type) {
		return nil
	}
	found, err := scan(reader, was, func(val value.Value) string {
		to, err := value.Convert(was, field, val)
		if err != nil {
			return "" // a contradiction, which becomes a fault
		}
		if _, faults := value.ParseJSON(field, value.AppendMember(nil, field, to), ""); len(faults) > 0 {
			return field.Name + " " + faults[0].Detail
		}
		return ""
	})
	p.note(field.Pos, field.Table.Name, found)
	return err
}

func sameLimits(a, field *model.Field) bool {
	pattern := func(field *model.Field) string {
		if field.Pattern == nil {
			return ""
		}
		return field.Pattern.String()
	}
	return a.Type == field.Type && a.Scale == field.Scale && equal(a.Min, field.Min) && equal(a.Max, field.Max) && equal(a.MinFloat, field.MinFloat) && equal(a.MaxFloat, field.MaxFloat) &&
		pattern(a) == pattern(field) && a.Format == field.Format && a.JSONSchemaText == field.JSONSchemaText
}

func equal[T comparable](a, b *T) bool {
	return (a == nil && b == nil) || (a != nil && b != nil && *a == *b)
}

// checkNotes counts the rows that fail a new check. It skips checks about columns that change.
func (p *Planner) checkNotes(reader Querier, was, table *model.Table, rules *rule.Rules) error {
	if was.Name != table.Name {
		return nil
	}
	for i, check := range table.Checks {
		old := slices.ContainsFunc(was.Checks, func(o model.Check) bool { return o.Expr.Text == check.Expr.Text })
		cond := rules.Table(table).Checks[i].Cond
		if fields, own := rule.OwnFields(cond); old || !own || !p.keepValues(fields) {
			continue
		}
		gen := &sqlgen.Generator{Dialect: p.engine.Dialect(), Rules: rules, System: true, Folder: rule.Folder{NoOld: true}}
		st, err := gen.Failing(table, cond)
		if err != nil {
			return err
		}
		found, err := Search(reader, table, st.SQL, st.Bind(nil, nil, nil)...)
		if err != nil {
			return err
		}
		found.why = check.Message
		p.note(check.Expr.Pos, table.Name, found)
	}
	return nil
}

// keepValues reports whether columns keep their names and values.
func (p *Planner) keepValues(fields []*model.Field) bool {
	return !slices.ContainsFunc(fields, func(f *model.Field) bool {
		was := p.OldField(f)
		return was == nil || was.Name != f.Name || p.Converts(was, f)
	})
}
