package sqlgen

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

	"github.com/ashlar-dev/ashlar/internal/schema"
)

// The oracle is cel-go's own evaluator over rows that are Go values. Three things are Ashlar's and are given to it
// here: decimals (decimal), rows that may be missing (celRow), and floats that are not finite, which fail (finite).

// decimal is an exact number; scale is that of a decimal field or literal, -1 for an int or a float taken exactly.
type decimal struct {
	rat   *big.Rat
	scale int
}

var decimalType = types.NewTypeValue("decimal", traits.AdderType|traits.SubtractorType|traits.ComparerType|traits.NegatorType)

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

// finite makes a failure of every float result that is not finite.
func finite(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := i.(interpreter.InterpretableCall)
	if !ok {
		return i, nil
	}
	switch call.Function() {
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return finiteCall{call}, nil
	}
	return i, nil
}

type finiteCall struct{ interpreter.InterpretableCall }

func (c finiteCall) Eval(a interpreter.Activation) ref.Val {
	return checkFinite(c.InterpretableCall.Eval(a))
}

func (c finiteCall) Exec(f *interpreter.ExecutionFrame) ref.Val {
	return checkFinite(c.InterpretableCall.Exec(f))
}

func checkFinite(v ref.Val) ref.Val {
	if d, ok := v.(types.Double); ok && (math.IsInf(float64(d), 0) || math.IsNaN(float64(d))) {
		return types.NewErr("not finite")
	}
	return v
}

// celRow is a row, or a missing one: every field of which is null, and which equals null.
type celRow struct {
	w      *world
	t      *schema.Table
	rec    map[string]ref.Val // nil: missing
	client bool
}

var rowType = types.NewTypeValue("row", traits.IndexerType|traits.FieldTesterType)

func (r celRow) ConvertToNative(reflect.Type) (any, error) { return nil, fmt.Errorf("no native form") }
func (r celRow) ConvertToType(ref.Type) ref.Val            { return types.NewErr("no conversion") }
func (r celRow) Value() any                                { return r.rec }
func (r celRow) Type() ref.Type {
	if r.rec == nil {
		return types.NullType
	}
	return rowType
}

func (r celRow) Equal(o ref.Val) ref.Val {
	return types.Bool(r.rec == nil && o.Type() == types.NullType)
}

func (r celRow) IsSet(name ref.Val) ref.Val {
	v := r.Get(name)
	return types.Bool(v.Type() != types.NullType)
}

func (r celRow) Get(name ref.Val) ref.Val {
	n := string(name.(types.String))
	if rel := r.t.Relation(n); rel != nil {
		return r.follow(rel)
	}
	if r.rec == nil {
		return types.NullValue
	}
	return r.w.field(r.t.Field(n), r.rec, r.client)
}

func (r celRow) follow(rel *schema.Relation) ref.Val {
	if !rel.Many {
		next := celRow{w: r.w, t: rel.To, client: r.client}
		if r.rec == nil {
			return next
		}
		key := r.w.field(rel.Field, r.rec, r.client)
		for _, rec := range r.w.rows[rel.To.Name] {
			if rec["id"].Equal(key) == types.True && r.w.visible(rel.To, rec, r.client) {
				next.rec = rec
			}
		}
		return next
	}
	if r.rec == nil {
		return types.NullValue
	}
	var items []ref.Val
	for _, rec := range r.w.rows[rel.To.Name] {
		key := r.w.field(rel.Field, rec, r.client)
		if key.Equal(r.rec["id"]) == types.True && r.w.visible(rel.To, rec, r.client) {
			items = append(items, celRow{r.w, rel.To, rec, r.client})
		}
	}
	return types.NewRefValList(types.DefaultTypeAdapter, items)
}

// newEnv is CEL with Ashlar's names, all of them dynamic: what is compared is evaluation.
func newEnv() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("row", cel.DynType), cel.Variable("auth", cel.DynType), cel.Variable("arg", cel.DynType),
		cel.Variable("now", cel.TimestampType),
		cel.Function("num", cel.Overload("num_dyn", []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(num))),
		cel.Function("dec", cel.Overload("dec_string", []*cel.Type{cel.StringType}, cel.DynType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return parseDecimal(string(v.(types.String))) }))),
		cel.Function("lowerAscii", cel.MemberOverload("lower_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(asciiCase(string(v.(types.String)), 'A', 'Z', 32)) }))),
		cel.Function("upperAscii", cel.MemberOverload("upper_ascii", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(asciiCase(string(v.(types.String)), 'a', 'z', -32)) }))),
	)
}

func asciiCase(s string, from, to byte, by int) string {
	b := []byte(s)
	for i := range b {
		if from <= b[i] && b[i] <= to {
			b[i] = byte(int(b[i]) + by)
		}
	}
	return string(b)
}
