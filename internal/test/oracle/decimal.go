package oracle

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// A decimal is an exact number.
type decimal struct {
	rat   *big.Rat
	scale int // digits after the point, or -1 for an int or a float
}

var decimalType = cel.ObjectType("decimal", traits.AdderType|traits.SubtractorType|traits.ComparerType|traits.NegatorType)

func (d decimal) ConvertToNative(reflect.Type) (any, error) { return nil, fmt.Errorf("no native form") }
func (d decimal) ConvertToType(ref.Type) ref.Val            { return types.NewErr("no conversion") }
func (d decimal) Type() ref.Type                            { return decimalType }
func (d decimal) Value() any                                { return d.rat }
func (d decimal) Equal(operand ref.Val) ref.Val {
	other, ok := operand.(decimal)
	return types.Bool(ok && d.rat.Cmp(other.rat) == 0)
}

func (d decimal) Compare(operand ref.Val) ref.Val {
	other, ok := operand.(decimal)
	if !ok {
		return types.NewErr("no such overload")
	}
	return types.Int(d.rat.Cmp(other.rat))
}

func (d decimal) Add(operand ref.Val) ref.Val { return d.sum(operand, 1) }

func (d decimal) Subtract(operand ref.Val) ref.Val { return d.sum(operand, -1) }

func (d decimal) sum(operand ref.Val, sign int64) ref.Val {
	other, ok := operand.(decimal)
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

func parseDecimal(text string) decimal {
	rat, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	_, digits, _ := strings.Cut(text, ".")
	return decimal{rat, len(digits)}
}

// num converts an int, a float or a decimal to an exact number, so numbers of different types compare by value.
func num(number ref.Val) ref.Val {
	switch number := number.(type) {
	case types.Int:
		return decimal{new(big.Rat).SetInt64(int64(number)), -1}
	case types.Double:
		return decimal{new(big.Rat).SetFloat64(float64(number)), -1}
	case decimal:
		return decimal{number.rat, -1}
	default:
		return number // null and errors
	}
}
