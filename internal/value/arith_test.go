package value

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// anInt draws integers, the ends of the range often among them.
var anInt = rapid.OneOf(
	rapid.Int64(),
	rapid.Int64Range(-100, 100),
	rapid.SampledFrom([]int64{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64, 1 << 32, -(1 << 32), 3037000500, -3037000500}),
)

func TestIntsAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anInt.Draw(t, "a"), anInt.Draw(t, "b")
		x, y := big.NewInt(a), big.NewInt(b)
		for _, op := range []struct {
			name string
			ours func(a, b int64) (int64, bool)
			big  func(x, y *big.Int) *big.Int // nil without a result
		}{
			{"+", AddInt, func(x, y *big.Int) *big.Int { return new(big.Int).Add(x, y) }},
			{"-", SubInt, func(x, y *big.Int) *big.Int { return new(big.Int).Sub(x, y) }},
			{"*", MulInt, func(x, y *big.Int) *big.Int { return new(big.Int).Mul(x, y) }},
			{"/", DivInt, func(x, y *big.Int) *big.Int {
				if y.Sign() == 0 {
					return nil
				}
				return new(big.Int).Quo(x, y)
			}},
			{"%", ModInt, func(x, y *big.Int) *big.Int {
				if y.Sign() == 0 || (a == math.MinInt64 && b == -1) {
					return nil
				}
				return new(big.Int).Rem(x, y)
			}},
			{"neg", func(a, _ int64) (int64, bool) { return NegInt(a) }, func(x, _ *big.Int) *big.Int { return new(big.Int).Neg(x) }},
		} {
			got, ok := op.ours(a, b)
			want := op.big(x, y)
			exists := want != nil && want.IsInt64()
			if ok != exists || (ok && got != want.Int64()) {
				t.Fatalf("%d %s %d = %d, %v; want %v", a, op.name, b, got, ok, want)
			}
		}
	})
}

func TestAddDecimalAgainstBig(t *testing.T) {
	unscaled := rapid.OneOf(rapid.Int64Range(-MaxDecimal+1, MaxDecimal-1), rapid.Int64Range(-1000, 1000), rapid.SampledFrom([]int64{MaxDecimal - 1, -MaxDecimal + 1}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := unscaled.Draw(t, "a"), unscaled.Draw(t, "b")
		scaleA, scaleB := rapid.Uint8Range(0, 18).Draw(t, "scale a"), rapid.Uint8Range(0, 18).Draw(t, "scale b")
		got, ok := AddDecimal(a, scaleA, b, scaleB)
		scale := max(scaleA, scaleB)
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		want := new(big.Rat).Add(rational(OfDecimal(a, scaleA)), rational(OfDecimal(b, scaleB)))
		want.Mul(want, power)
		exists := new(big.Int).Abs(want.Num()).Cmp(big.NewInt(MaxDecimal)) < 0
		if ok != exists || (ok && want.Num().Int64() != got) {
			t.Fatalf("AddDecimal(%d, %d, %d, %d) = %d, %v; want %v", a, scaleA, b, scaleB, got, ok, want.Num())
		}
	})
}

func TestAddTimeAndDuration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at, by := rapid.Int64Range(MinTimestamp, MaxTimestamp).Draw(t, "at"), rapid.Int64Range(-MaxDuration, MaxDuration).Draw(t, "by")
		want := new(big.Int).Add(big.NewInt(at), big.NewInt(by)).Int64() // both are below 2^62
		if got, ok := AddTime(at, by); ok != (MinTimestamp <= want && want <= MaxTimestamp) || (ok && got != want) {
			t.Fatalf("AddTime(%d, %d) = %d, %v", at, by, got, ok)
		}
		other := rapid.Int64Range(-MaxDuration, MaxDuration).Draw(t, "other")
		if got, ok := AddDuration(by, other); ok != (-MaxDuration <= by+other && by+other <= MaxDuration) || (ok && got != by+other) {
			t.Fatalf("AddDuration(%d, %d) = %d, %v", by, other, got, ok)
		}
	})
}

func TestFinite(t *testing.T) {
	for _, tt := range []struct {
		f, want float64
		ok      bool
	}{
		{1.5, 1.5, true}, {0, 0, true}, {math.Copysign(0, -1), 0, true}, {math.MaxFloat64, math.MaxFloat64, true}, {math.Inf(1), 0, false}, {math.Inf(-1), 0, false}, {math.NaN(), 0, false},
	} {
		got, ok := Finite(tt.f)
		if ok != tt.ok || (ok && (got != tt.want || math.Signbit(got) != math.Signbit(tt.want))) {
			t.Errorf("Finite(%g) = %g, %v", tt.f, got, ok)
		}
	}
}

func TestCompareNumbersIsExact(t *testing.T) {
	ordered := []Value{
		OfFloat(-math.MaxFloat64), OfInt(math.MinInt64), OfInt(math.MinInt64 + 1), OfDecimal(-MaxDecimal+1, 0), OfFloat(-1.5), OfDecimal(-1, 18), OfFloat(-5e-324), OfInt(0), OfFloat(5e-324), OfDecimal(1, 18),
		OfDecimal(1, 1), OfFloat(0.1), OfDecimal(11, 2), OfFloat(1), OfFloat(math.Nextafter(1, 2)), OfDecimal(1000000000000001, 15),
		OfInt(1<<53 - 1), OfFloat(1 << 53), OfInt(1<<53 + 1), OfInt(math.MaxInt64), OfFloat(1 << 63), OfFloat(math.MaxFloat64),
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := CompareNumbers(a, b); got != want {
				t.Errorf("CompareNumbers(%+v, %+v) = %d, want %d", a, b, got, want)
			}
		}
	}
}
