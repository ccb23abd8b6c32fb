package value

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// drawValue draws any valid value of the field.
func drawValue(t *rapid.T, field *model.Field) Value {
	switch field.Type {
	case model.Int:
		return OfInt(rapid.Int64().Draw(t, "int"))
	case model.Float:
		x := rapid.Float64().Filter(func(x float64) bool { _, ok := Finite(x); return ok }).Draw(t, "float")
		return OfFloat(x + 0)
	case model.Decimal:
		most := int64(math.Pow10(field.Precision)) - 1
		return OfDecimal(rapid.Int64Range(-most, most).Draw(t, "decimal"), uint8(field.Scale))
	case model.Bool:
		return OfBool(rapid.Bool().Draw(t, "bool"))
	case model.Timestamp:
		return OfTimestamp(rapid.Int64Range(MinTimestamp, MaxTimestamp).Draw(t, "timestamp"))
	case model.Date:
		micros := rapid.Int64Range(MinTimestamp, MaxTimestamp).Draw(t, "date")
		return OfDate(string(appendTimestamp(nil, micros)[:10]))
	case model.UUID:
		return OfUUID(rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`).Draw(t, "uuid"))
	case model.Enum:
		return OfText(field.Values[rapid.IntRange(0, len(field.Values)-1).Draw(t, "enum")].Name)
	case model.JSON:
		return OfJSON(drawJSON(t, 3))
	default:
		return OfText(strings.ReplaceAll(drawText(t), "\x00", ""))
	}
}

func drawText(t *rapid.T) string {
	return rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("\"\\\n\r\t\b\f\x01\x1f\x7f/<>&é\u2028\u2029😀abc ")), rapid.Rune())).Draw(t, "text")
}

func drawJSON(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 4
	}
	switch kind {
	case 0:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "word")
	case 1, 2:
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,5})?`).Draw(t, "number")
	case 3:
		return string(AppendString(nil, []byte(strings.ReplaceAll(drawText(t), "\x00", ""))))
	case 4:
		var items []string
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			items = append(items, drawJSON(t, depth-1))
		}
		return "[" + strings.Join(items, ",") + "]"
	default:
		var members []string
		for i := range rapid.IntRange(0, 3).Draw(t, "members") {
			members = append(members, fmt.Sprintf(`"m%d":%s`, i, drawJSON(t, depth-1)))
		}
		return "{" + strings.Join(members, ",") + "}"
	}
}

// TestRoundTrip: a written value reads back unchanged, and AppendJSON, AppendValue and Scan agree.
func TestRoundTrip(t *testing.T) {
	for _, kind := range allTypes {
		field := fieldOf(kind)
		t.Run(kind.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				if kind == model.Decimal {
					field = decimalField(18, rapid.IntRange(0, 18).Draw(t, "scale"))
				}
				v := drawValue(t, field)
				text := AppendValue(nil, v)
				if !json.Valid(text) {
					t.Fatalf("AppendValue(%+v) = %s, which is not JSON", v, text)
				}
				if got, faults := ParseJSON(field, text, ""); faults != nil || !reflect.DeepEqual(got, v) {
					t.Fatalf("ParseJSON(%s) = %+v, %v; want %+v", text, got, faults, v)
				}
				row := rowOf(v)
				if got := AppendJSON([]byte("x"), field, row, 0); string(got) != "x"+string(text) {
					t.Fatalf("AppendJSON = %s, AppendValue = %s", got, text)
				}
				got := Scan(field, row, 0)
				clear(row.bytes)
				if !reflect.DeepEqual(got, v) {
					t.Fatalf("Scan = %+v, want %+v", got, v)
				}
			})
		})
	}
}

func TestMissing(t *testing.T) {
	for _, kind := range allTypes {
		field, row := fieldOf(kind), rowOf(Value{})
		if got := AppendJSON(nil, field, row, 0); string(got) != "null" {
			t.Errorf("%s: AppendJSON of a missing value = %s", kind, got)
		}
		if got := Scan(field, row, 0); !got.IsNull() {
			t.Errorf("%s: Scan of a missing value = %v", kind, got)
		}
		if v, faults := ParseJSON(field, jsontext.Value("null"), ""); !v.IsNull() || faults != nil {
			t.Errorf("%s: ParseJSON(null) = %v, %v", kind, v, faults)
		}
	}
}

func TestAppendValue(t *testing.T) {
	for _, tt := range []struct {
		v    Value
		want string
	}{
		{Value{}, "null"}, {OfBool(true), "true"}, {OfBool(false), "false"}, {OfInt(math.MinInt64), "-9223372036854775808"},
		{OfFloat(0), "0"}, {OfFloat(1), "1"}, {OfFloat(-1.5), "-1.5"}, {OfFloat(1e-6), "0.000001"}, {OfFloat(1e-7), "1e-7"}, {OfFloat(1e20), "100000000000000000000"}, {OfFloat(1e21), "1e+21"}, {OfFloat(1.5e-10), "1.5e-10"}, {OfFloat(math.MaxFloat64), "1.7976931348623157e+308"}, {OfFloat(5e-324), "5e-324"},
		{OfDecimal(0, 0), `"0"`}, {OfDecimal(0, 2), `"0.00"`}, {OfDecimal(5, 2), `"0.05"`}, {OfDecimal(-5, 2), `"-0.05"`}, {OfDecimal(1250, 2), `"12.50"`}, {OfDecimal(-999999999999999999, 18), `"-0.999999999999999999"`}, {OfDecimal(999999999999999999, 0), `"999999999999999999"`}, {OfDecimal(1, 18), `"0.000000000000000001"`},
		{OfText("a\"\\/\n\r\t\b\f\x1f\x7f\u2028é😀<>&"), `"a\"\\/\n\r\t\u0008\u000c\u001f` + "\x7f\u2028é😀<>&" + `"`},
		{OfTimestamp(0), `"1970-01-01T00:00:00.000000Z"`}, {OfTimestamp(-1), `"1969-12-31T23:59:59.999999Z"`}, {OfTimestamp(MinTimestamp), `"0001-01-01T00:00:00.000000Z"`}, {OfTimestamp(MaxTimestamp), `"9999-12-31T23:59:59.999999Z"`},
		{OfDate("2026-01-31"), `"2026-01-31"`}, {OfUUID("019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"), `"019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"`},
		{OfJSON(`{"a":1.0}`), `{"a":1.0}`}, {OfDuration(0), `"0s"`}, {OfDuration(-1_500_000), `"-1.5s"`}, {OfDuration(1), `"0.000001s"`},
		{OfList(nil), "[]"}, {OfList([]string{"a", "\""}), `["a","\""]`},
	} {
		if got := AppendValue([]byte("x"), tt.v); string(got) != "x"+tt.want {
			t.Errorf("AppendValue(%+v) = %s, want %s", tt.v, got[1:], tt.want)
		}
	}
}

// TestAppendString compares with encoding/json, and checks the number of escaped characters.
func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		str := drawText(t)
		text := AppendString(nil, []byte(str))
		var got string
		if err := json.Unmarshal(text, &got); err != nil || got != str {
			t.Fatalf("AppendString(%q) = %s, which reads as %q, %v", str, text, got, err)
		}
		extra := 0
		for _, c := range []byte(str) {
			switch {
			case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
				extra++
			case c < 0x20:
				extra += 5
			}
		}
		if len(text) != len(str)+2+extra {
			t.Fatalf("AppendString(%q) = %s, want %d bytes", str, text, len(str)+2+extra)
		}
	})
}

// TestPlainPrefix tries every byte at every place of a word, among neighbours with a possible borrow.
func TestPlainPrefix(t *testing.T) {
	for _, around := range []byte{'a', 0x00, 0x1f, 0x20, '!', '"', '#', '[', '\\', ']', 0x7f, 0x80, 0xff} {
		for c := range 256 {
			for at := range 19 {
				s := bytes.Repeat([]byte{around}, 19)
				s[at] = byte(c)
				want := 0
				for want < len(s) && s[want] >= 0x20 && s[want] != '"' && s[want] != '\\' {
					want++
				}
				if got := plainPrefix(s); got != want {
					t.Fatalf("plainPrefix(%q) = %d, want %d", s, got, want)
				}
			}
		}
	}
}

func TestAppendFloatAgainstJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1e-5, 1e-5), rapid.Float64Range(1e20, 1e22)).Draw(t, "x")
		x, ok := Finite(x)
		if !ok {
			return
		}
		want, err := json.Marshal(x)
		if err != nil {
			t.Fatal(err)
		}
		if got := appendFloat(nil, x); !bytes.Equal(got, want) {
			t.Fatalf("appendFloat(%g) = %s, want %s", x, got, want)
		}
	})
}

func TestDecimalsAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[+-]?[0-9]{1,10}(\.[0-9]{1,9})?`).Draw(t, "decimal")
		unscaled, scale, err := ParseDecimal(text)
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("math/big does not read %s", text)
		}
		if err != nil {
			if len(strings.TrimLeft(strings.Trim(text, "+-"), "0")) <= 18 {
				t.Fatalf("ParseDecimal(%s) = %v", text, err)
			}
			return
		}
		if got := rational(OfDecimal(unscaled, scale)); got.Cmp(want) != 0 {
			t.Fatalf("ParseDecimal(%s) = %v", text, got)
		}
		if got, want := string(appendDecimal(nil, unscaled, scale)), want.FloatString(int(scale)); got != want {
			t.Fatalf("appendDecimal(%d, %d) = %s, want %s", unscaled, scale, got, want)
		}
	})
}

func TestEqual(t *testing.T) {
	same := [][]Value{
		{{}}, {OfBool(true)}, {OfBool(false)}, {OfInt(1), OfDecimal(100, 2), OfFloat(1)}, {OfDecimal(15, 1), OfFloat(1.5), OfDecimal(150, 2)}, {OfInt(0), OfFloat(0), OfDecimal(0, 3)},
		{OfInt(1<<53 + 1)}, {OfFloat(1 << 53)}, {OfFloat(0.1)}, {OfDecimal(1, 1)}, {OfText("")}, {OfText("a")}, {OfText("1")}, {OfDate("2026-01-31")}, {OfText("2026-01-31")},
		{OfTimestamp(1)}, {OfDuration(1)}, {OfUUID("a")}, {OfJSON("1")}, {OfList(nil), OfList([]string{})}, {OfList([]string{"a"})}, {OfList([]string{"b"})}, {OfList([]string{"a", "b"})},
	}
	for i, as := range same {
		for j, bs := range same {
			for _, a := range as {
				for _, b := range bs {
					if got := a.Equal(b); got != (i == j) {
						t.Errorf("%+v.Equal(%+v) = %v", a, b, got)
					}
				}
			}
		}
	}
}

var benchmarkBody = []byte(strings.Repeat("A plain sentence of some forty characters. ", 7))

func BenchmarkAppendJSON(b *testing.B) {
	for _, tt := range []struct {
		name string
		f    *model.Field
		v    Value
	}{
		{"text300", textField(), OfText(string(benchmarkBody))},
		{"text300escaped", textField(), OfText(strings.ReplaceAll(string(benchmarkBody), "some", "\"a\""))},
		{"text20", textField(), OfText("Backend engineer, ii")},
		{"int", fieldOf(model.Int), OfInt(1234567)},
		{"float", fieldOf(model.Float), OfFloat(3.14159)},
		{"decimal", decimalField(12, 2), OfDecimal(1234567, 2)},
		{"bool", fieldOf(model.Bool), OfBool(true)},
		{"timestamp", fieldOf(model.Timestamp), OfTimestamp(1_790_000_000_123_456)},
		{"date", fieldOf(model.Date), OfDate("2026-01-31")},
		{"uuid", fieldOf(model.UUID), OfUUID("019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70")},
		{"null", textField(), Value{}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			dst := make([]byte, 0, 1024)
			row := rowOf(tt.v)
			b.ReportAllocs()
			for b.Loop() {
				dst = AppendJSON(dst[:0], tt.f, row, 0)
			}
		})
	}
}

func TestAppendJSONDoesNotAllocate(t *testing.T) {
	for _, kind := range allTypes {
		v := map[model.Type]Value{
			model.Text: OfText("a \"b\" \n" + string(benchmarkBody)), model.Int: OfInt(math.MinInt64), model.Float: OfFloat(1.5e-10), model.Decimal: OfDecimal(-12345, 4),
			model.Bool: OfBool(true), model.Timestamp: OfTimestamp(1), model.Date: OfDate("2026-01-31"), model.UUID: OfUUID("x"), model.Enum: OfText("draft"), model.JSON: OfJSON("{}"),
		}[kind]
		field, row, dst := fieldOf(kind), rowOf(v), make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(100, func() { dst = AppendJSON(dst[:0], field, row, 0) }); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}
