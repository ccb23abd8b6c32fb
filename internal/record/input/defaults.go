package input

import (
	"slices"

	"github.com/ashlar-dev/ashlar/internal/model"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// FillDefaults sets the times of a new row, and the defaults of fields missing in the body.
func (b *Body) FillDefaults(rules *rule.Rules, env *rule.Env) {
	for i, field := range b.table.Fields {
		switch {
		case isTime(field):
			b.Values[i] = value.OfTimestamp(env.Now)
		case slices.Contains(b.Given, field):
		case field.System:
			if field.Type == model.Text {
				b.fault(field.Name, "required", "a key of text must be given")
			}
		default:
			b.Values[i] = b.defaultFor(field, rules, env)
		}
	}
}

func (b *Body) defaultFor(field *model.Field, rules *rule.Rules, env *rule.Env) value.Value {
	var v value.Value
	if node := rules.Field(field).Default; node != nil {
		v = b.evaluate(field, node, env)
	}
	if v.IsNull() && !field.Optional && !b.hasFaultFor(field) {
		b.fault(field.Name, "required", "it must be given")
	}
	return v
}

// evaluate computes a default. Its value must fit the field, like a value from a client. A default that fails, such as
// auth.id of an anonymous caller, leaves the field missing.
func (b *Body) evaluate(field *model.Field, node rule.Node, env *rule.Env) value.Value {
	if constant, ok := node.(*rule.Const); ok {
		return constant.Value // checked when the model was loaded
	}
	v, ok := rule.Eval(node, env)
	if !ok || v.IsNull() {
		return value.Value{}
	}
	fitted, detail := rule.Assign(field, value.AppendMember(nil, field, v))
	if detail != "" {
		b.fault(field.Name, "default", "its default does not fit: "+detail)
	}
	return fitted
}

func (b *Body) hasFaultFor(field *model.Field) bool {
	pointer := Pointer(field.Name)
	for _, fault := range b.faults {
		if fault.Pointer == pointer {
			return true
		}
	}
	return false
}
