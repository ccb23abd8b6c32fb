package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/store"
	"github.com/ashlar-dev/ashlar/internal/value"
)

const (
	maxInt = "9223372036854775807"
	minInt = "(-9223372036854775807 - 1)"
)

func TestFunctions(t *testing.T) {
	db := openTest(t, filepath.Join(t.TempDir(), "data.db"), Config{})
	for _, tt := range []struct{ expr, want string }{
		{"ashlar_int_add(2, 3)", "5"},
		{"ashlar_int_add(" + maxInt + ", 1)", "NULL"},
		{"ashlar_int_add(NULL, 1)", "NULL"},
		{"ashlar_int_add('1', 1)", "NULL"},
		{"ashlar_int_sub(" + minInt + ", 1)", "NULL"},
		{"ashlar_int_sub(2, 3)", "-1"},
		{"ashlar_int_mul(3037000500, 3037000500)", "NULL"},
		{"ashlar_int_mul(-4, 5)", "-20"},
		{"ashlar_int_div(-7, 2)", "-3"},
		{"ashlar_int_div(1, 0)", "NULL"},
		{"ashlar_int_div(" + minInt + ", -1)", "NULL"},
		{"ashlar_int_mod(-7, 2)", "-1"},
		{"ashlar_int_mod(1, 0)", "NULL"},
		{"ashlar_int_neg(5)", "-5"},
		{"ashlar_int_neg(" + minInt + ")", "NULL"},
		{"ashlar_int_neg(1.5)", "NULL"},
		{"ashlar_float_add(0.5, 0.25)", "0.75"},
		{"ashlar_float_add(1, 0.5)", "1.5"},
		{"ashlar_float_sub(1.5, 2)", "-0.5"},
		{"ashlar_float_mul(1e300, 1e300)", "NULL"},
		{"ashlar_float_mul(-0.0, 1.0)", "0.0"},
		{"ashlar_float_div(1.0, 0.0)", "NULL"},
		{"ashlar_float_div(1.0, 4.0)", "0.25"},
		{"ashlar_float_div(1.0, 'x')", "NULL"},
		{"ashlar_dec_add(150, 2, 5, 1)", "200"},
		{"ashlar_dec_add(999999999999999999, 0, 1, 0)", "NULL"},
		{"ashlar_dec_add(1, 2, NULL, 0)", "NULL"},
		{"ashlar_dec_add(1, -1, 1, 0)", "NULL"},
		{"ashlar_dec_add(1.5, 0, 1, 0)", "NULL"},
		{"ashlar_dec_sub(150, 2, 5, 1)", "100"},
		{"ashlar_dec_sub(1, 0, " + minInt + ", 0)", "NULL"},
		{"ashlar_num_cmp(150, 2, 15, 1)", "0"},
		{"ashlar_num_cmp(151, 2, 15, 1)", "1"},
		{"ashlar_num_cmp(1, 0, 1.5, 0)", "-1"},
		{"ashlar_num_cmp(9007199254740993, 0, 9007199254740992.0, 0)", "1"},
		{"ashlar_num_cmp(0.1, 0, 1, 1)", "1"}, // the float is a little above a tenth
		{"ashlar_num_cmp(9e999, 0, 1, 0)", "NULL"},
		{"ashlar_num_cmp(NULL, 0, 1, 0)", "NULL"},
		{"ashlar_num_cmp('1', 0, 1, 0)", "NULL"},
		{"length(ashlar_concat(printf('%.*c', 1048574, 'x'), 'é'))", "1048575"},
		{"ashlar_concat(printf('%.*c', 1048575, 'x'), 'é')", "NULL"},
		{"ashlar_concat('a', NULL)", "NULL"},
		{"ashlar_concat('a', 1)", "NULL"},
		{"ashlar_contains('aéb', 'é')", "1"},
		{"ashlar_contains('aéb', '')", "1"},
		{"ashlar_contains('', 'a')", "0"},
		{"ashlar_contains('a', NULL)", "NULL"},
		{"ashlar_time_add(0, 1000)", "1000"},
		{"ashlar_time_add(253402300799999999, 1)", "NULL"},
		{"ashlar_time_sub(-62135596800000000, 1)", "NULL"},
		{"ashlar_time_sub(1000, 1000)", "0"},
		{"ashlar_time_sub(0, " + minInt + ")", "NULL"},
		{"ashlar_span_add(9223372036854775, 1)", "NULL"},
		{"ashlar_span_add(1, 2)", "3"},
		{"ashlar_span_sub(1, 2)", "-1"},
		{"ashlar_span_sub(253402300799999999, -62135596800000000)", "NULL"}, // longer than a duration can be
		{"ashlar_ends_with('Straße', 'ße')", "1"},
		{"ashlar_ends_with('Straße', 'SSE')", "0"},
		{"ashlar_ends_with('a', '')", "1"},
		{"ashlar_starts_with('100% sure', '100%')", "1"},
		{"ashlar_starts_with('100 sure', '100%')", "0"},
		{"ashlar_starts_with(NULL, '')", "NULL"},
		{"ashlar_starts_with(12, '1')", "NULL"},
	} {
		if got := evaluate(t, db, tt.expr); got != tt.want {
			t.Errorf("%s = %s, want %s", tt.expr, got, tt.want)
		}
	}
}

func evaluate(t *testing.T, db *DB, expr string) (text string) {
	t.Helper()
	err := db.Read(t.Context(), func(r store.Reader) error {
		return r.Query("SELECT quote("+expr+")", nil, func(row value.Row) error {
			text = string(row.Bytes(0))
			return nil
		})
	})
	if err != nil {
		t.Errorf("%s: %v", expr, err)
	}
	return text
}

// FuzzFunctions: no argument makes a function raise an error.
func FuzzFunctions(f *testing.F) {
	f.Add(int64(1), 1.5, "text", uint8(0))
	f.Add(int64(-1<<63), -1e300, "\xff\x00", uint8(255))
	db := openTest(f, filepath.Join(f.TempDir(), "data.db"), Config{})
	binary := []string{
		"int_add", "int_sub", "int_mul", "int_div", "int_mod", "float_add", "float_sub", "float_mul", "float_div",
		"time_add", "time_sub", "span_add", "span_sub", "starts_with", "ends_with",
	}
	f.Fuzz(func(t *testing.T, i int64, fl float64, text string, pick uint8) {
		args := []value.Value{value.OfInt(i), value.OfFloat(fl), value.OfText(text), {}}
		a, b := args[pick%4], args[pick/4%4]
		err := db.Read(t.Context(), func(r store.Reader) error {
			for _, name := range binary {
				if err := callFunction(r, name, "?1, ?2", a, b); err != nil {
					return err
				}
			}
			for _, name := range []string{"dec_add", "dec_sub", "num_cmp"} {
				if err := callFunction(r, name, "?1, ?3, ?2, ?4", a, b, value.OfInt(int64(pick)), args[pick%4]); err != nil {
					return err
				}
			}
			return callFunction(r, "int_neg", "?1", a)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func callFunction(r store.Reader, name, params string, args ...value.Value) error {
	return r.Query(fmt.Sprintf("SELECT ashlar_%s(%s)", name, params), args, func(value.Row) error { return nil })
}
