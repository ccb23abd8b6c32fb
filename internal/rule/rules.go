package rule

import (
	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Rules are the compiled expressions of a model. They never change.
type Rules struct {
	Model *model.Model
	Slots Slots // of all rules, checks and field rules together

	tables map[*model.Table]*Table
	fields map[*model.Field]*Field
}

// Table holds the compiled expressions of one table, with their slots extracted.
type Table struct {
	Row *Row // the row that the expressions are about
	Old *Row // the row as it was

	Indexes [][]*model.Field // the fields of each index; those that are not unique end with the id

	Read, Create, Delete Node // false where the model has no rule
	UpdateFrom, UpdateTo Node
	Checks               []Check
}

// Check is a compiled check.
type Check struct {
	Cond    Node
	Message string
}

// Field holds the compiled expressions of one field.
type Field struct {
	Read, Write Node // nil where the field has no rule of its own
	Default     Node // nil: none. It needs no row and has no slots: Eval it.
}

// Table returns the expressions of a table of the model.
func (r *Rules) Table(t *model.Table) *Table { return r.tables[t] }

// Field returns the expressions of a field of the model.
func (r *Rules) Field(f *model.Field) *Field { return r.fields[f] }

// Filter compiles a client's filter about the rows of a table. Its slots are not extracted.
func (r *Rules) Filter(t *model.Table, text string) (Node, []*Arg, []Problem) {
	n, args, problems := Compile(text, Scope{Row: r.tables[t].Row, Args: true, Client: true, Limits: RequestLimits})
	if n == nil {
		return nil, nil, problems
	}
	var cost TextCost
	cost.add(n)
	if what := cost.Exceeded(nil); what != "" {
		return nil, nil, []Problem{{0, what}}
	}
	return n, args, nil
}

// CompileModel compiles every expression of a model and returns what is wrong with them. The Rules are of use only
// where neither the model nor they have faults.
func CompileModel(m *model.Model) (*Rules, model.Faults) {
	b := &builder{roles: append([]string{}, m.Roles...), rules: &Rules{Model: m, tables: map[*model.Table]*Table{}, fields: map[*model.Field]*Field{}}}
	for _, t := range m.All() {
		b.rules.tables[t] = &Table{Row: &Row{t, Self}, Old: &Row{t, Old}, Indexes: indexes(t)}
	}
	for _, t := range m.All() {
		b.fieldsOf(t)
		b.rulesOf(t)
	}
	return b.rules, b.faults
}

type builder struct {
	rules  *Rules
	roles  []string // not nil
	faults model.Faults
}

func (b *builder) fieldsOf(t *model.Table) {
	for _, f := range t.Fields {
		out := &Field{}
		if f.Read != nil {
			out.Read = b.condition(f.Read, t, false)
		}
		if f.Write != nil {
			out.Write = b.condition(f.Write, t, false)
		}
		if f.Default != nil && f.Type != model.Invalid {
			out.Default = b.defaultOf(f)
		}
		b.rules.fields[f] = out
	}
}

func (b *builder) rulesOf(t *model.Table) {
	out := b.rules.tables[t]
	out.Read = b.condition(t.Access.Read, t, false)
	out.Create = b.condition(t.Access.Create, t, false)
	out.Delete = b.condition(t.Access.Delete, t, false)
	out.UpdateFrom = b.condition(t.Access.UpdateFrom, t, false)
	if t.Access.UpdateTo == t.Access.UpdateFrom {
		out.UpdateTo = out.UpdateFrom
	} else {
		out.UpdateTo = b.condition(t.Access.UpdateTo, t, true)
	}
	for _, c := range t.Checks {
		out.Checks = append(out.Checks, Check{b.condition(c.Expr, t, true), c.Message})
	}
}

// condition compiles one rule; no rule is false.
func (b *builder) condition(e *model.Expr, t *model.Table, old bool) Node {
	if e == nil {
		return boolean(false)
	}
	scope := Scope{Row: b.rules.tables[t].Row, Roles: b.roles}
	if old {
		scope.Old = b.rules.tables[t].Old
	}
	n, _, problems := Compile(e.Text, scope)
	b.report(e, problems)
	if n == nil {
		return boolean(false)
	}
	return b.rules.Slots.Extract(n)
}

func (b *builder) report(e *model.Expr, problems []Problem) {
	for _, p := range problems {
		if p.Offset != Elsewhere {
			b.faults = append(b.faults, b.rules.Model.Fault(e.At(p.Offset), "%s", p.Message))
		}
	}
}

// defaultOf compiles a default; one that is constant is checked against the field's own limits.
func (b *builder) defaultOf(f *model.Field) Node {
	if f.Default.Constant {
		v, detail := Assign(f, literalJSON(f))
		if detail != "" {
			b.faults = append(b.faults, b.rules.Model.Fault(f.Default.Pos, "the default does not fit the field: %s", detail))
		}
		return &Const{Value: v}
	}
	n, problems := CompileDefault(f.Default.Text, f, b.roles)
	b.report(f.Default, problems)
	if n == nil {
		return nil
	}
	if constant(n) {
		v, ok := Eval(n, &Env{})
		if !ok {
			b.faults = append(b.faults, b.rules.Model.Fault(f.Default.Pos, "the default always fails"))
			return nil
		}
		if v, detail := Assign(f, value.AppendMember(nil, f, v)); detail != "" {
			b.faults = append(b.faults, b.rules.Model.Fault(f.Default.Pos, "the default does not fit the field: %s", detail))
		} else {
			return &Const{Value: v}
		}
	}
	return n
}

// literalJSON is the JSON of a default that is a plain YAML scalar.
func literalJSON(f *model.Field) []byte {
	switch f.Type {
	case model.Bool, model.Int, model.Float, model.JSON:
		if f.AsString {
			return []byte(`"` + f.Default.Text + `"`)
		}
		return []byte(f.Default.Text)
	default:
		return value.AppendString(nil, []byte(f.Default.Text))
	}
}

// Assign reads JSON as a value of a field, as if a client had sent it. detail says what is wrong, "" where nothing is.
func Assign(f *model.Field, raw []byte) (v value.Value, detail string) {
	v, faults := value.ParseJSON(f, raw, "")
	if len(faults) > 0 {
		return value.Value{}, faults[0].Detail
	}
	return v, ""
}
