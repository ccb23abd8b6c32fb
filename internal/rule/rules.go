package rule

import (
	"maps"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Rules are the compiled expressions of a model. They never change.
type Rules struct {
	Model *model.Model
	Slots Slots // of all rules, checks and field rules together

	Accounts *Accounts // nil if the model has none

	tables   map[*model.Table]*Table
	fields   map[*model.Field]*Field
	jobs     map[*model.Job]*Job
	webhooks map[*model.Webhook]*Webhook
}

// Table holds the compiled expressions of one table, with their slots extracted.
type Table struct {
	Row *Row // the row under decision
	Old *Row // the row before an update

	Indexes [][]*model.Field // fields of each index; without unique, the id is the last

	Read, Create, Delete Node // false without a rule in the model
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
	Read, Write Node // nil without a rule of the field's own
	Default     Node // nil: none. It needs no row and has no slots: Eval it.
}

// Join returns the rules of r and of other together. It keeps the Model, the Slots, the Accounts and the jobs of r. The expressions of other
// have no slots: no expression of a system table depends on a caller.
func (r *Rules) Join(other *Rules) *Rules {
	joined := &Rules{Model: r.Model, Slots: r.Slots, Accounts: r.Accounts, tables: maps.Clone(r.tables), fields: maps.Clone(r.fields),
		jobs: r.jobs, webhooks: r.webhooks}
	maps.Copy(joined.tables, other.tables)
	maps.Copy(joined.fields, other.fields)
	return joined
}

// Accounts holds the compiled conditions of a model's accounts. They are about auth and now: ask Holds.
type Accounts struct {
	Require  []Node // in the order of the model
	InviteBy Node   // false if the model has no invite
}

// Table returns the expressions of a table of the model.
func (r *Rules) Table(table *model.Table) *Table { return r.tables[table] }

// Field returns the expressions of a field of the model.
func (r *Rules) Field(field *model.Field) *Field { return r.fields[field] }

// Filter compiles a client's filter about the rows of a table. Its slots are not extracted.
func (r *Rules) Filter(table *model.Table, text string) (Node, []*Arg, []Problem) {
	node, args, problems := Compile(text, Scope{Row: r.tables[table].Row, Args: true, Client: true, Limits: RequestLimits})
	if node == nil {
		return nil, nil, problems
	}
	var cost TextCost
	cost.add(node)
	if what := cost.Exceeded(nil); what != "" {
		return nil, nil, []Problem{{0, what}}
	}
	return node, args, nil
}

// CompileModel compiles every expression of a model and returns the faults it finds. Use the Rules only if neither
// the model nor its expressions have faults.
func CompileModel(m *model.Model) (*Rules, model.Faults) {
	b := &builder{roles: append([]string{}, m.Roles...), rules: &Rules{Model: m, tables: map[*model.Table]*Table{}, fields: map[*model.Field]*Field{}}}
	for _, table := range m.All() {
		b.rules.tables[table] = &Table{Row: &Row{table, Self}, Old: &Row{table, Old}, Indexes: indexes(table)}
	}
	for _, table := range m.All() {
		b.fieldsOf(table)
		b.rulesOf(table)
		b.checkPublic(table)
	}
	b.accounts(m.Accounts)
	b.work()
	return b.rules, b.faults
}

type builder struct {
	rules  *Rules
	roles  []string // not nil
	faults model.Faults
}

func (b *builder) fieldsOf(table *model.Table) {
	for _, field := range table.Fields {
		out := &Field{}
		if field.Read != nil {
			out.Read = b.condition(field.Read, table, false)
		}
		if field.Write != nil {
			out.Write = b.condition(field.Write, table, false)
		}
		if field.Default != nil && field.Type != model.Invalid {
			out.Default = b.defaultOf(field)
		}
		b.rules.fields[field] = out
	}
}

func (b *builder) rulesOf(table *model.Table) {
	out := b.rules.tables[table]
	out.Read = b.condition(table.Access.Read, table, false)
	out.Create = b.condition(table.Access.Create, table, false)
	out.Delete = b.condition(table.Access.Delete, table, false)
	out.UpdateFrom = b.condition(table.Access.UpdateFrom, table, false)
	if table.Access.UpdateTo == table.Access.UpdateFrom {
		out.UpdateTo = out.UpdateFrom
	} else {
		out.UpdateTo = b.condition(table.Access.UpdateTo, table, true)
	}
	for _, c := range table.Checks {
		out.Checks = append(out.Checks, Check{b.condition(c.Expr, table, true), c.Message})
	}
}

// accounts compiles the conditions of accounts. They need no row, so they have no slots.
func (b *builder) accounts(accounts *model.Accounts) {
	if accounts == nil {
		return
	}
	out := &Accounts{InviteBy: boolean(false)}
	for _, item := range accounts.Require {
		out.Require = append(out.Require, b.aboutCaller(item.When))
	}
	if accounts.Invite != nil {
		out.InviteBy = b.aboutCaller(accounts.Invite.By)
	}
	b.rules.Accounts = out
	if accounts.Signup != model.SignupClosed {
		b.checkSignup()
	}
}

// checkSignup reports required fields of users whose default is about the caller. A sign-up has no caller yet.
func (b *builder) checkSignup() {
	for _, field := range b.rules.Model.Table("users").Fields {
		node := b.rules.fields[field].Default
		if node != nil && !field.Optional && asksCaller(node) {
			b.faults = append(b.faults, b.rules.Model.Fault(field.Default.Pos,
				"a sign-up makes the row of users before anybody is signed in, so this default has no value: add optional: true, or give a default without auth"))
		}
	}
}

// aboutCaller compiles a condition without a row.
func (b *builder) aboutCaller(expr *model.Expr) Node {
	node, _, problems := Compile(expr.Text, Scope{Roles: b.roles})
	b.report(expr, problems)
	if node == nil {
		return boolean(false)
	}
	return node
}

// condition compiles one rule; no rule is false.
func (b *builder) condition(expr *model.Expr, table *model.Table, old bool) Node {
	if expr == nil {
		return boolean(false)
	}
	scope := Scope{Row: b.rules.tables[table].Row, Roles: b.roles}
	if old {
		scope.Old = b.rules.tables[table].Old
	}
	node, _, problems := Compile(expr.Text, scope)
	b.report(expr, problems)
	if node == nil {
		return boolean(false)
	}
	return b.rules.Slots.Extract(node)
}

func (b *builder) report(expr *model.Expr, problems []Problem) {
	for _, p := range problems {
		if p.Offset != AlreadyReported {
			b.faults = append(b.faults, b.rules.Model.Fault(expr.At(p.Offset), "%s", p.Message))
		}
	}
}

// defaultOf compiles a default. It checks a constant against the limits of the field.
func (b *builder) defaultOf(field *model.Field) Node {
	return b.valueOf(field.Default, Scope{Roles: b.roles, Default: field}, "the default")
}

// valueOf compiles a value of the field scope.Default, and checks a constant against the limits of the field. what names
// the value in messages.
func (b *builder) valueOf(expr *model.Expr, scope Scope, what string) Node {
	field := scope.Default
	if expr.Constant {
		v, detail := Assign(field, literalJSON(field, expr.Text))
		if detail != "" {
			b.faultAt(expr, what+" does not fit the field: "+detail)
		}
		return &Const{Value: v}
	}
	node, problems := compileFor(expr.Text, scope, what+" of "+field.Name)
	b.report(expr, problems)
	if node == nil {
		return nil
	}
	if constant(node) {
		v, ok := Eval(node, &Env{})
		if !ok {
			b.faultAt(expr, what+" always fails")
			return nil
		}
		if v, detail := Assign(field, value.AppendMember(nil, field, v)); detail != "" {
			b.faultAt(expr, what+" does not fit the field: "+detail)
		} else {
			return &Const{Value: v}
		}
	}
	return node
}

// faultAt reports what is wrong with a whole expression.
func (b *builder) faultAt(expr *model.Expr, message string) {
	b.faults = append(b.faults, b.rules.Model.Fault(expr.Pos, "%s", message))
}

// literalJSON returns a plain YAML scalar in JSON.
func literalJSON(field *model.Field, text string) []byte {
	switch field.Type {
	case model.Bool, model.Int, model.Float, model.JSON:
		if field.AsString {
			return []byte(`"` + text + `"`)
		}
		return []byte(text)
	default:
		return value.AppendString(nil, []byte(text))
	}
}

// Assign reads JSON as a value of a field, the way a client's body is read. detail describes the fault, "" without
// one.
func Assign(field *model.Field, raw []byte) (v value.Value, detail string) {
	v, faults := value.ParseJSON(field, raw, "")
	if len(faults) > 0 {
		return value.Value{}, faults[0].Detail
	}
	return v, ""
}
