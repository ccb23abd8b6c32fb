package oracle

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// decimal is an exact number; scale is that of a decimal field or literal, -1 for an int or a float taken exactly.
type decimal struct {
	rat   *big.Rat
	scale int
}

var decimalType = cel.ObjectType("decimal", traits.AdderType|traits.SubtractorType|traits.ComparerType|traits.NegatorType)

func (d decimal) ConvertToNative(reflect.Type) (any, error) { return nil, fmt.Errorf("no native form") }
func (d decimal) ConvertToType(ref.Type) ref.Val            { return types.NewErr("no conversion") }
func (d decimal) Type() ref.Type                            { return decimalType }
func (d decimal) Value() any                                { return d.rat }
func (d decimal) Equal(o ref.Val) ref.Val {
	other, ok := o.(decimal)
	return types.Bool(ok && d.rat.Cmp(other.rat) == 0)
}

func (d decimal) Compare(o ref.Val) ref.Val {
	other, ok := o.(decimal)
	if !ok {
		return types.NewErr("no such overload")
	}
	return types.Int(d.rat.Cmp(other.rat))
}

func (d decimal) Add(o ref.Val) ref.Val { return d.sum(o, 1) }

func (d decimal) Subtract(o ref.Val) ref.Val { return d.sum(o, -1) }

func (d decimal) sum(o ref.Val, sign int64) ref.Val {
	other, ok := o.(decimal)
	if !ok {
		return types.NewErr("no such overload")
	}
	scale := max(d.scale, other.scale)
	sum := new(big.Rat).Mul(other.rat, big.NewRat(sign, 1))
	sum.Add(sum, d.rat)
	unscaled := new(big.Rat).Mul(sum, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	if new(big.Rat).Abs(unscaled).Cmp(big.NewRat(1e18, 1)) >= 0 {
		return types.NewErr("more than 18 digits")
	}
	return decimal{sum, scale}
}

func (d decimal) Negate() ref.Val { return decimal{new(big.Rat).Neg(d.rat), d.scale} }

func parseDecimal(s string) decimal {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	_, digits, _ := strings.Cut(s, ".")
	return decimal{r, len(digits)}
}

// num takes an int, a float or a decimal exactly, so that numbers of different types compare by value.
func num(v ref.Val) ref.Val {
	switch v := v.(type) {
	case types.Int:
		return decimal{new(big.Rat).SetInt64(int64(v)), -1}
	case types.Double:
		return decimal{new(big.Rat).SetFloat64(float64(v)), -1}
	case decimal:
		return decimal{v.rat, -1}
	default:
		return v // null and errors
	}
}

// bounded makes a failure of every float result that is not finite, and of every text that is longer than one may be.
func bounded(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch call.Function() {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return boundedCall{call}, nil
	}
	return i, nil
}

// maxText is how many bytes a text has at most that an expression puts together: docs/expressions.md says it.
const maxText = 1 << 20

type boundedCall struct{ interpreter.InterpretableCall }

func (c boundedCall) Eval(a interpreter.Activation) ref.Val {
	return bound(c.InterpretableCall.Eval(a))
}

func (c boundedCall) Exec(f *interpreter.ExecutionFrame) ref.Val {
	return bound(c.InterpretableCall.Exec(f))
}

func bound(v ref.Val) ref.Val {
	if d, ok := v.(types.Double); ok && (math.IsInf(float64(d), 0) || math.IsNaN(float64(d))) {
		return types.NewErr("not finite")
	}
	if s, ok := v.(types.String); ok && len(s) > maxText {
		return types.NewErr("too long")
	}
	return v
}
