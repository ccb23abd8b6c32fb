package rule

import (
	"math/big"

	"github.com/ashlar-dev/ashlar/internal/value"
)

// toScale rounds a number to whole units of 10^-scale. It returns ±value.MaxDecimal for a number beyond every decimal
// and, with Exact, for a number between two decimals.
func toScale(v value.Value, scale uint8, round Round) int64 {
	if v.Kind != value.Float && v.Scale == scale && -value.MaxDecimal < v.Int && v.Int < value.MaxDecimal {
		return v.Int
	}
	r := new(big.Rat)
	if v.Kind == value.Float {
		r.SetFloat64(v.Float)
	} else {
		r.SetFrac(big.NewInt(v.Int), power10(v.Scale))
	}
	r.Mul(r, new(big.Rat).SetInt(power10(scale)))
	quotient, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int)) // Euclidean: towards -∞ for a positive divisor
	if rest.Sign() != 0 {
		switch round {
		case Exact:
			return value.MaxDecimal
		case Up:
			quotient.Add(quotient, big.NewInt(1))
		}
	}
	limit := big.NewInt(value.MaxDecimal)
	switch {
	case quotient.Cmp(limit) >= 0:
		return value.MaxDecimal
	case quotient.CmpAbs(limit) >= 0:
		return -value.MaxDecimal
	}
	return quotient.Int64()
}

func power10(n uint8) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}
