package oracle

import (
	"math"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// newEnv returns a CEL environment with Ashlar's variables and functions. The variables have dynamic types, because the
// oracle only evaluates.
func newEnv() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("row", cel.DynType), cel.Variable("old", cel.DynType), cel.Variable("auth", cel.DynType),
		cel.Variable("arg", cel.DynType), cel.Variable("now", cel.TimestampType),
		cel.Function("num", cel.Overload("num_dyn", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(num))),
		cel.Function("dec", cel.Overload("dec_string", []*cel.Type{cel.StringType}, cel.DynType,
			cel.UnaryBinding(func(text ref.Val) ref.Val { return parseDecimal(string(text.(types.String))) }))),
		cel.Function("lowerAscii", cel.MemberOverload("lower_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(text ref.Val) ref.Val { return types.String(asciiCase(string(text.(types.String)), 'A', 'Z', 32)) }))),
		cel.Function("upperAscii", cel.MemberOverload("upper_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(text ref.Val) ref.Val { return types.String(asciiCase(string(text.(types.String)), 'a', 'z', -32)) }))),
	)
}

// asciiCase adds offset to all bytes between from and to.
func asciiCase(text string, from, to byte, offset int) string {
	changed := []byte(text)
	for i, char := range changed {
		if from <= char && char <= to {
			changed[i] = byte(int(char) + offset)
		}
	}
	return string(changed)
}

// bounded decorates the operators of CEL. A float result that is not finite becomes a failure, and so does a text above the
// limit.
func bounded(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	switch call.Function() {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return boundedCall{call}, nil
	}
	return node, nil
}

// maxText is the limit of a text that an expression computes, in bytes. docs/expressions.md documents it.
const maxText = 1 << 20

type boundedCall struct{ interpreter.InterpretableCall }

func (c boundedCall) Eval(variables interpreter.Activation) ref.Val {
	return bound(c.InterpretableCall.Eval(variables))
}

func (c boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return bound(c.InterpretableCall.Exec(frame))
}

func bound(result ref.Val) ref.Val {
	switch result := result.(type) {
	case types.Double:
		if math.IsInf(float64(result), 0) || math.IsNaN(float64(result)) {
			return types.NewErr("not finite")
		}
	case types.String:
		if len(result) > maxText {
			return types.NewErr("too long")
		}
	}
	return result
}
