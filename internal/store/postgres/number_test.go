package postgres

import (
	"context"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// FuzzNumeric compares our numeric with the driver's own codec, and reads it back.
func FuzzNumeric(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 9999, 10000, 10001, -99_990_000, value.MaxDecimal - 1, 1 - value.MaxDecimal, math.MaxInt64, math.MinInt64} {
		for _, scale := range []uint8{0, 1, 2, 3, 4, 5, 17, 18} {
			f.Add(n, scale)
		}
	}
	m := pgtype.NewMap()
	f.Fuzz(func(t *testing.T, n int64, scale uint8) {
		data := appendNumeric(nil, n, int(scale))
		var got pgtype.Numeric
		if err := m.Scan(pgtype.NumericOID, pgtype.BinaryFormatCode, data, &got); err != nil {
			t.Fatalf("appendNumeric(%d, %d) = %x: %v", n, scale, data, err)
		}
		if !got.Valid || rational(got).Cmp(new(big.Rat).SetFrac(big.NewInt(n), power(int(scale)))) != 0 {
			t.Errorf("appendNumeric(%d, %d) = %x, which is %v", n, scale, data, rational(got))
		}
		if back := readNumeric(data, int(scale)); scale <= 18 && -value.MaxDecimal < n && n < value.MaxDecimal && back != n {
			t.Errorf("readNumeric(appendNumeric(%d, %d)) = %d", n, scale, back)
		}
	})
}

func power(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func rational(n pgtype.Numeric) *big.Rat {
	r := new(big.Rat).SetInt(n.Int)
	if n.Exp >= 0 {
		return r.Mul(r, new(big.Rat).SetInt(power(int(n.Exp))))
	}
	return r.Quo(r, new(big.Rat).SetInt(power(int(-n.Exp))))
}

// The server may strip or add trailing zeros, which changes nothing.
func TestReadNumericOfAnyForm(t *testing.T) {
	db := openNew(t, Config{})
	for _, tt := range []struct {
		literal string
		scale   int
		want    int64
	}{
		{"0", 2, 0}, {"0.00", 2, 0}, {"-0.05", 2, -5}, {"1e3", 0, 1000}, {"1e3", 4, 10_000_000}, {"123456789012345678", 0, 123456789012345678},
		{"0.000000000000000001", 18, 1}, {"10000.0001", 4, 100_000_001}, {"12.3400", 2, 1234}, {"999999999999999.999", 3, value.MaxDecimal - 1},
	} {
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query("SELECT "+tt.literal+"::numeric", nil, func(row value.Row) error {
				if got := row.Decimal(0, tt.scale); got != tt.want {
					t.Errorf("%s at scale %d = %d, want %d", tt.literal, tt.scale, got, tt.want)
				}
				return nil
			})
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// floats are those at the limits, and random ones of every size.
func floats() []float64 {
	all := []float64{
		0, 1, -1, 0.1, 0.3, 1.0 / 3, 1 << 53, 1<<53 + 2, 1e15, 1e16, 1e22, 1e23, math.MaxFloat64, -math.MaxFloat64,
		math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, 0x1p-1022, 0x1.fffffffffffffp-1023, 1e-308, 1e308, 9.223372036854775807e18,
		1e-162, 1.5e-162, 1e154, 1.4e154, 0x1p-537, 0x1p-538, 0x1.8p-538, 0x1p512, 0x1.fffffffffffffp511,
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		if f := math.Float64frombits(r.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			all = append(all, f)
		}
	}
	return all
}

// Each function of the database gives the result of package value, to the last bit, and none raises an error.
func TestFloatFunctions(t *testing.T) {
	db := openNew(t, Config{ReadTimeout: 60e9})
	err := db.Read(context.Background(), func(r store.Reader) error {
		for _, a := range floats() {
			compareExact(t, r, a)
			for _, b := range floats() {
				compareFloats(t, r, a, b)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func compareExact(t *testing.T, r store.Reader, a float64) {
	t.Helper()
	err := r.Query("SELECT ashlar_exact($1)::text", []value.Value{value.OfFloat(a)}, func(row value.Row) error {
		got, ok := new(big.Rat).SetString(string(row.Bytes(0)))
		if !ok || got.Cmp(new(big.Rat).SetFloat64(a)) != 0 {
			t.Errorf("ashlar_exact(%v) = %.80s", a, row.Bytes(0))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("ashlar_exact(%v): %v", a, err)
	}
}

func compareFloats(t *testing.T, r store.Reader, a, b float64) {
	t.Helper()
	type result struct {
		name string
		f    float64
		ok   bool
	}
	results := []result{{name: "add"}, {name: "mul"}, {name: "div"}}
	for i, f := range []float64{a + b, a * b, a / b} {
		results[i].f, results[i].ok = value.Finite(f)
	}
	const all = "SELECT ashlar_float_add($1, $2), ashlar_float_mul($1, $2), ashlar_float_div($1, $2)"
	err := r.Query(all, []value.Value{value.OfFloat(a), value.OfFloat(b)}, func(row value.Row) error {
		for i, want := range results {
			if row.Null(i) == want.ok || (want.ok && row.Float(i) != want.f) {
				t.Errorf("ashlar_float_%s(%v, %v) = %v (null %t), want %v (%t)", want.name, a, b, row.Float(i), row.Null(i), want.f, want.ok)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatalf("of %v and %v: %v", a, b, err)
	}
}

func TestIntAndTimeFunctions(t *testing.T) {
	db := openNew(t, Config{})
	for _, tt := range []struct{ sql, want string }{
		{"ashlar_int(9223372036854775807::numeric + 1)", ""},
		{"ashlar_int(-9223372036854775808::numeric - 1)", ""},
		{"ashlar_int(-(-9223372036854775808)::numeric)", ""},
		{"ashlar_int(9223372036854775807::numeric)", "9223372036854775807"},
		{"ashlar_int_div(-9223372036854775808, -1)", ""},
		{"ashlar_int_mod(-9223372036854775808, -1)", ""},
		{"ashlar_int_div(7, 0)", ""},
		{"ashlar_int_mod(7, 0)", ""},
		{"ashlar_int_div(-7, 2)", "-3"},
		{"ashlar_int_mod(-7, 2)", "-1"},
		{"ashlar_dec(999999999999999999.99::numeric, 1e16)", ""},
		{"ashlar_dec(9999999999999999.99::numeric, 1e16)", "9999999999999999.99"},
		{"ashlar_micros('0001-01-01 00:00:00+00')", "-62135596800000000.000000"},
		{"ashlar_time(253402300799999999)", "9999-12-31 23:59:59.999999+00"},
		{"ashlar_time(253402300800000000)", ""},
		{"ashlar_time(-62135596800000000)", "0001-01-01 00:00:00+00"},
		{"ashlar_time(-62135596800000001)", ""},
		{"ashlar_time(-1)", "1969-12-31 23:59:59.999999+00"},
		{"ashlar_span(9223372036854776)", ""},
		{"ashlar_span(-9223372036854775)", "-9223372036854775"},
	} {
		got := ""
		err := db.Read(t.Context(), func(r store.Reader) error {
			return r.Query("SELECT "+strings.Replace(tt.sql, "SELECT", "", 1)+"::text", nil, func(row value.Row) error {
				got = string(row.Bytes(0))
				return nil
			})
		})
		if err != nil || got != tt.want {
			t.Errorf("%s = %s (%v), want %s", tt.sql, got, err, tt.want)
		}
	}
}

func TestDates(t *testing.T) {
	for _, date := range []string{"0001-01-01", "1582-10-15", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"} {
		days, err := parseDays(date)
		if got := string(appendDate(nil, days)); err != nil || got != date {
			t.Errorf("%s is day %s, %v, and back %s", date, strconv.Itoa(days), err, got)
		}
	}
}
