package value

import (
	"cmp"
	"math"
	"math/big"
	"math/bits"
)

// The arithmetic of expressions. Each function reports whether the result exists. Overflow, division by zero and a
// result that is not finite are failures of the expression: they neither wrap nor return an error. The evaluator of
// package rule and the functions registered by the SQLite engine both use these.

// AddInt returns a + b.
func AddInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

// SubInt returns a - b.
func SubInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

// MulInt returns a × b.
func MulInt(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(abs(a), abs(b))
	negative := (a < 0) != (b < 0)
	switch {
	case hi != 0:
		return 0, false
	case negative:
		return int64(-lo), lo <= 1<<63
	default:
		return int64(lo), lo <= math.MaxInt64
	}
}

func abs(a int64) uint64 {
	if a < 0 {
		return uint64(-a) // right for the smallest int64 too: it is its own negative
	}
	return uint64(a)
}

// DivInt returns a / b, cut towards zero.
func DivInt(a, b int64) (int64, bool) {
	if b == 0 || (a == math.MinInt64 && b == -1) {
		return 0, false
	}
	return a / b, true
}

// ModInt returns the remainder of a / b, with the sign of a. The smallest int64 modulo -1 fails, the way it does in
// CEL.
func ModInt(a, b int64) (int64, bool) {
	if b == 0 || (a == math.MinInt64 && b == -1) {
		return 0, false
	}
	return a % b, true
}

// NegInt returns -a.
func NegInt(a int64) (int64, bool) { return -a, a != math.MinInt64 }

// Finite returns f, with 0 for -0, and reports whether it is finite. Every sum, difference, product and quotient of
// floats passes through it.
func Finite(f float64) (float64, bool) {
	return f + 0, !math.IsInf(f, 0) && !math.IsNaN(f)
}

// MaxDecimal bounds a decimal of 18 digits: |unscaled| < MaxDecimal.
const MaxDecimal = 1_000_000_000_000_000_000

// AddDecimal returns a + b at the larger of the two scales. It fails if the sum has more than 18 digits.
func AddDecimal(a int64, scaleA uint8, b int64, scaleB uint8) (int64, bool) {
	scale := max(scaleA, scaleB)
	a, okA := rescale(a, scale-scaleA)
	b, okB := rescale(b, scale-scaleB)
	sum, ok := AddInt(a, b)
	return sum, okA && okB && ok && -MaxDecimal < sum && sum < MaxDecimal
}

// rescale appends zeros. It fails beyond int64; a sum of 18 digits never needs a summand of more than 19.
func rescale(unscaled int64, zeros uint8) (int64, bool) {
	for range zeros {
		var ok bool
		if unscaled, ok = MulInt(unscaled, 10); !ok {
			return 0, false
		}
	}
	return unscaled, true
}

// The years 1 to 9999 in microseconds since 1970.
const (
	MinTimestamp = -62135596800_000_000
	MaxTimestamp = 253402300799_999_999
)

// MaxDuration bounds durations, ± so many microseconds: CEL's are an int64 of nanoseconds.
const MaxDuration = math.MaxInt64 / 1000

// AddTime returns a timestamp plus a duration; it fails outside the years 1 to 9999.
func AddTime(micros, duration int64) (int64, bool) {
	sum, ok := AddInt(micros, duration)
	return sum, ok && MinTimestamp <= sum && sum <= MaxTimestamp
}

// AddDuration returns the sum of two durations, or with a negative b their difference.
func AddDuration(a, b int64) (int64, bool) {
	sum, ok := AddInt(a, b)
	return sum, ok && -MaxDuration <= sum && sum <= MaxDuration
}

// MaxConcat is the largest length of a concatenated text in bytes, equal to the limit of a request's body. Beyond it,
// SQLite raises an error and PostgreSQL may take gigabytes.
const MaxConcat = 1 << 20

// Concat returns a + b. It fails if the result is longer than MaxConcat.
func Concat(a, b string) (string, bool) {
	if len(a)+len(b) > MaxConcat {
		return "", false
	}
	return a + b, true
}

// CompareNumbers compares Int, Float and Decimal values of any mixture by their exact value.
func CompareNumbers(a, b Value) int {
	switch {
	case a.Kind == Float && b.Kind == Float:
		return cmp.Compare(a.Float, b.Float)
	case a.Kind != Float && b.Kind != Float && a.Scale == b.Scale: // an Int has scale 0
		return cmp.Compare(a.Int, b.Int)
	}
	return rational(a).Cmp(rational(b))
}

func rational(v Value) *big.Rat {
	if v.Kind == Float {
		return new(big.Rat).SetFloat64(v.Float)
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(v.Scale)), nil)
	return new(big.Rat).SetFrac(big.NewInt(v.Int), ten)
}
