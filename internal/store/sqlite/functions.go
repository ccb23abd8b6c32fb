package sqlite

import (
	"crypto/sha256"
	"encoding/hex"
	"math"

	lite "zombiezen.com/go/sqlite"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// The SQL functions that expressions need and SQLite lacks. None raises an error. The result is NULL if it does not exist,
// or if an argument is missing or of the wrong type. NULL is how a failure travels.

// function computes one of them. Its arguments are not NULL. It reports false if there is no result.
type function func(args []lite.Value) (lite.Value, bool)

func registerFunctions(raw *lite.Conn, count func(bytes int)) error {
	for _, f := range []struct {
		name string
		args int
		call function
	}{
		{"ashlar_int_add", 2, ints(value.AddInt)},
		{"ashlar_int_sub", 2, ints(value.SubInt)},
		{"ashlar_int_mul", 2, ints(value.MulInt)},
		{"ashlar_int_div", 2, ints(value.DivInt)},
		{"ashlar_int_mod", 2, ints(value.ModInt)},
		{"ashlar_int_neg", 1, negate},
		{"ashlar_float_add", 2, floats(func(a, b float64) float64 { return a + b })},
		{"ashlar_float_sub", 2, floats(func(a, b float64) float64 { return a - b })},
		{"ashlar_float_mul", 2, floats(func(a, b float64) float64 { return a * b })},
		{"ashlar_float_div", 2, floats(func(a, b float64) float64 { return a / b })},
		{"ashlar_dec_add", 4, decimals(value.AddDecimal)},
		{"ashlar_dec_sub", 4, decimals(subDecimal)},
		{"ashlar_num_cmp", 4, compareNumbers},
		{"ashlar_time_add", 2, ints(value.AddTime)},
		{"ashlar_time_sub", 2, ints(negated(value.AddTime))},
		{"ashlar_span_add", 2, ints(value.AddDuration)},
		{"ashlar_span_sub", 2, ints(negated(value.AddDuration))},
		{"ashlar_concat", 2, concat},
		{"ashlar_sha256", 1, hash},
	} {
		impl := &lite.FunctionImpl{NArgs: f.args, Deterministic: true, Scalar: scalar(f.call)}
		if err := raw.CreateFunction(f.name, impl); err != nil {
			return err
		}
	}
	if err := registerTexts(raw); err != nil || count == nil {
		return err
	}
	return raw.CreateFunction("ashlar_count", &lite.FunctionImpl{NArgs: 1, Deterministic: true, Scalar: func(_ lite.Context, args []lite.Value) (lite.Value, error) {
		count(len(args[0].Text()))
		return args[0], nil
	}})
}

// scalar wraps a function: the result is NULL if an argument is NULL, or if the function has no result.
func scalar(f function) func(lite.Context, []lite.Value) (lite.Value, error) {
	return func(_ lite.Context, args []lite.Value) (lite.Value, error) {
		for _, arg := range args {
			if arg.Type() == lite.TypeNull {
				return lite.Value{}, nil
			}
		}
		if result, ok := f(args); ok {
			return result, nil
		}
		return lite.Value{}, nil
	}
}

func hash(args []lite.Value) (lite.Value, bool) {
	sum := sha256.Sum256([]byte(args[0].Text()))
	return lite.TextValue(hex.EncodeToString(sum[:])), true
}

func ints(f func(a, b int64) (int64, bool)) function {
	return func(args []lite.Value) (lite.Value, bool) {
		if args[0].Type() != lite.TypeInteger || args[1].Type() != lite.TypeInteger {
			return lite.Value{}, false
		}
		result, ok := f(args[0].Int64(), args[1].Int64())
		return lite.IntegerValue(result), ok
	}
}

func negate(args []lite.Value) (lite.Value, bool) {
	if args[0].Type() != lite.TypeInteger {
		return lite.Value{}, false
	}
	result, ok := value.NegInt(args[0].Int64())
	return lite.IntegerValue(result), ok
}

// negated turns an addition into a subtraction.
func negated(add func(a, b int64) (int64, bool)) func(a, b int64) (int64, bool) {
	return func(a, b int64) (int64, bool) {
		b, ok := value.NegInt(b)
		if !ok {
			return 0, false
		}
		return add(a, b)
	}
}

func floats(f func(a, b float64) float64) function {
	return func(args []lite.Value) (lite.Value, bool) {
		if !isNumber(args[0]) || !isNumber(args[1]) {
			return lite.Value{}, false
		}
		result, ok := value.Finite(f(args[0].Float(), args[1].Float()))
		return lite.FloatValue(result), ok
	}
}

func isNumber(v lite.Value) bool {
	return v.Type() == lite.TypeInteger || v.Type() == lite.TypeFloat
}

func decimals(f func(a int64, scaleA uint8, b int64, scaleB uint8) (int64, bool)) function {
	return func(args []lite.Value) (lite.Value, bool) {
		val, okA := number(args[0], args[1])
		b, okB := number(args[2], args[3])
		if !okA || !okB || val.Kind == value.Float || b.Kind == value.Float {
			return lite.Value{}, false
		}
		result, ok := f(val.Int, val.Scale, b.Int, b.Scale)
		return lite.IntegerValue(result), ok
	}
}

func subDecimal(a int64, scaleA uint8, b int64, scaleB uint8) (int64, bool) {
	b, ok := value.NegInt(b)
	if !ok {
		return 0, false
	}
	return value.AddDecimal(a, scaleA, b, scaleB)
}

func compareNumbers(args []lite.Value) (lite.Value, bool) {
	a, okA := number(args[0], args[1])
	val, okB := number(args[2], args[3])
	if !okA || !okB {
		return lite.Value{}, false
	}
	return lite.IntegerValue(int64(value.CompareNumbers(a, val))), true
}

// number reads an unscaled number with its scale; a float has none.
func number(v, scale lite.Value) (value.Value, bool) {
	if v.Type() == lite.TypeFloat {
		f := v.Float()
		return value.OfFloat(f), !math.IsInf(f, 0)
	}
	digits := scale.Int64()
	if v.Type() != lite.TypeInteger || digits < 0 || digits > math.MaxUint8 {
		return value.Value{}, false
	}
	return value.OfDecimal(v.Int64(), uint8(digits)), true
}

func concat(args []lite.Value) (lite.Value, bool) {
	if args[0].Type() != lite.TypeText || args[1].Type() != lite.TypeText {
		return lite.Value{}, false
	}
	result, ok := value.Concat(args[0].Text(), args[1].Text())
	return lite.TextValue(result), ok
}
