package migrate

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

func (p *planner) note(pos model.Pos, what string, f found) {
	if f.rows > 0 {
		why := ""
		if f.why != "" {
			why = ": " + f.why
		}
		p.plan.Notes = append(p.plan.Notes, Note{pos, fmt.Sprintf("%v of %s would not pass%s; they stay as they are", f, what, why)})
	}
}

// notes counts the rows that tightened limits and new checks would not let pass.
func (p *planner) notes(q querier, rules *rule.Rules) error {
	for _, t := range p.New.Tables {
		if p.OldTable(t) == nil || rules.Table(t) == nil { // new, or a system table
			continue
		}
		for _, f := range t.Fields {
			if err := p.limitNote(q, p.OldField(f), f); err != nil {
				return err
			}
		}
		if err := p.checkNotes(q, p.OldTable(t), t, rules); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) limitNote(q querier, was, f *model.Field) error {
	if was == nil || f.System || sameLimits(was, f) || !value.Convertible(was.Type, f.Type) {
		return nil
	}
	found, err := scan(q, was, func(v value.Value) string {
		to, err := value.Convert(was, f, v)
		if err != nil {
			return "" // a contradiction, which becomes a fault
		}
		if _, faults := value.ParseJSON(f, value.AppendMember(nil, f, to), ""); len(faults) > 0 {
			return f.Name + " " + faults[0].Detail
		}
		return ""
	})
	p.note(f.Pos, f.Table.Name, found)
	return err
}

func sameLimits(a, b *model.Field) bool {
	pattern := func(f *model.Field) string {
		if f.Pattern == nil {
			return ""
		}
		return f.Pattern.String()
	}
	return a.Type == b.Type && a.Scale == b.Scale && equal(a.Min, b.Min) && equal(a.Max, b.Max) && equal(a.MinFloat, b.MinFloat) && equal(a.MaxFloat, b.MaxFloat) &&
		pattern(a) == pattern(b) && a.Format == b.Format && a.JSONSchemaText == b.JSONSchemaText
}

func equal[T comparable](a, b *T) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

// checkNotes counts the rows that fail a new check. It skips checks about columns that change.
func (p *planner) checkNotes(q querier, was, t *model.Table, rules *rule.Rules) error {
	if was.Name != t.Name {
		return nil
	}
	for i, c := range t.Checks {
		old := slices.ContainsFunc(was.Checks, func(o model.Check) bool { return o.Expr.Text == c.Expr.Text })
		cond := rules.Table(t).Checks[i].Cond
		if fields, own := rule.OwnFields(cond); old || !own || !p.keepValues(fields) {
			continue
		}
		g := &sqlgen.Generator{Dialect: p.dialect, Rules: rules, System: true, Folder: rule.Folder{NoOld: true}}
		st, err := g.Failing(t, cond)
		if err != nil {
			return err
		}
		found, err := search(q, t, st.SQL, st.Bind(nil, nil, nil)...)
		if err != nil {
			return err
		}
		found.why = c.Message
		p.note(c.Expr.Pos, t.Name, found)
	}
	return nil
}

// keepValues reports whether columns keep their names and values.
func (p *planner) keepValues(fields []*model.Field) bool {
	return !slices.ContainsFunc(fields, func(f *model.Field) bool {
		was := p.OldField(f)
		return was == nil || was.Name != f.Name || p.converts(was, f)
	})
}
