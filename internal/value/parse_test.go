package value

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// parsed is one case of ParseJSON: a value, or the codes and details of its faults.
type parsed struct {
	raw    string
	want   Value
	faults []string // "code: detail"
}

func (tt parsed) run(t *testing.T, field *model.Field) {
	t.Helper()
	got, faults := ParseJSON(field, jsontext.Value(tt.raw), "/p")
	var texts []string
	for _, fault := range faults {
		if !strings.HasPrefix(fault.Pointer, "/p") {
			t.Errorf("%.99s: pointer %q", tt.raw, fault.Pointer)
		}
		texts = append(texts, strings.TrimPrefix(fault.Pointer, "/p")+fault.Code+": "+fault.Detail)
	}
	if !reflect.DeepEqual(got, tt.want) { // not Equal: 1 and 1.0 differ here
		t.Errorf("%.99s: %+v, want %+v", tt.raw, got, tt.want)
	}
	if diff := cmp.Diff(tt.faults, texts); diff != "" {
		t.Errorf("%.99s: faults (-want +got):\n%s", tt.raw, diff)
	}
}

func bad(faults ...string) []string { return faults }

func TestParseText(t *testing.T) {
	field := textField()
	field.Min, field.Max = ptr(int64(2)), ptr(int64(4))
	for _, tt := range []parsed{
		{`"abc"`, OfText("abc"), nil},
		{`"\u0061\n\ud83d\ude00"`, OfText("a\n😀"), nil},
		{`"😀😀😀😀"`, OfText("😀😀😀😀"), nil},
		{`null`, Value{}, nil},
		{`""`, Value{}, bad("too_short: must be at least 2 characters long, is 0")},
		{`"😀"`, Value{}, bad("too_short: must be at least 2 characters long, is 1")},
		{`"abcde"`, Value{}, bad("too_long: must be at most 4 characters long, is 5")},
		{`"a\u0000"`, Value{}, bad("nul: must not hold the character U+0000")},
		{`"\u0000"`, Value{}, bad("nul: must not hold the character U+0000", "too_short: must be at least 2 characters long, is 1")},
		{`1`, Value{}, bad("type: must be a string, not a number")},
		{`true`, Value{}, bad("type: must be a string, not a boolean")},
		{`[]`, Value{}, bad("type: must be a string, not an array")},
		{`{}`, Value{}, bad("type: must be a string, not an object")},
	} {
		tt.run(t, field)
	}
	parsed{`""`, OfText(""), nil}.run(t, textField())
	parsed{`"Ab"`, Value{}, bad("pattern: must match ^[a-z]+$")}.run(t, patternField(`^[a-z]+$`))
	parsed{`""`, Value{}, bad("too_short: must be at least 1 character long, is 0")}.run(t, &model.Field{Name: "id", System: true, Type: model.Text})
	all := patternField(`^[a-z]*$`)
	all.Max, all.Format = ptr(int64(1)), "slug"
	parsed{`"A\u0000"`, Value{}, bad(
		"nul: must not hold the character U+0000", "too_long: must be at most 1 character long, is 2",
		"pattern: must match ^[a-z]*$", "format: must be lower-case letters a to z, digits, and single hyphens between them",
	)}.run(t, all)
}

func TestFormats(t *testing.T) {
	for _, tt := range []struct {
		format    string
		good, bad []string
	}{
		{"email", []string{"a@b", "ann@example.com", "ann+x@sub.example.com", "жанна@пример.рф", "'o@b"},
			[]string{"", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a\t@b", "a@b\n", "a@\u00a0b", "a@b\u202e", "a\u0000@b", "a@\u200bb"}},
		{"url", []string{"https://example.com", "http://example.com/a?b=c#d", "https://пример.рф/x", "https://[::1]:8080/", "HTTPS://EXAMPLE.COM"},
			[]string{"", "example.com", "//example.com", "/a", "javascript:alert(1)", "ftp://a", "https://", "https:///x", "https://a b", "https://a\n", "https:a", "data:text/html,x", " https://a", "https://:80"}},
		{"slug", []string{"a", "a-b", "a1-2", "0"}, []string{"", "-", "a-", "-a", "a--b", "A", "é", "a_b", "a b", "a\n"}},
	} {
		for _, text := range tt.good {
			if got := formatFault(tt.format, text); got != "" {
				t.Errorf("%s %q: must be %s", tt.format, text, got)
			}
		}
		for _, text := range tt.bad {
			if formatFault(tt.format, text) == "" {
				t.Errorf("%s %q was accepted", tt.format, text)
			}
		}
	}
}

func TestParseIntInString(t *testing.T) {
	field := fieldOf(model.Int)
	field.AsString = true
	const want = `must be an int in a string, such as "9007199254740993"`
	const form = "format: " + want
	for _, tt := range []parsed{
		{`"9007199254740993"`, OfInt(9007199254740993), nil}, {`"-9223372036854775808"`, OfInt(math.MinInt64), nil},
		{`"9223372036854775807"`, OfInt(math.MaxInt64), nil}, {`"0"`, OfInt(0), nil}, {`"-0"`, OfInt(0), nil}, {`"007"`, OfInt(7), nil},
		{`"9223372036854775808"`, Value{}, []string{"range: must be between -9223372036854775808 and 9223372036854775807"}},
		{`7`, Value{}, []string{"type: " + want + ", not a number"}}, {`true`, Value{}, []string{"type: " + want + ", not a boolean"}},
		{`""`, Value{}, []string{form}}, {`"-"`, Value{}, []string{form}}, {`"+1"`, Value{}, []string{form}}, {`"1.0"`, Value{}, []string{form}},
		{`"1e2"`, Value{}, []string{form}}, {`" 1"`, Value{}, []string{form}}, {`"1_0"`, Value{}, []string{form}}, {`"٣"`, Value{}, []string{form}},
	} {
		tt.run(t, field)
	}
	for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		v, faults := ParseJSON(field, AppendMember(nil, field, OfInt(n)), "")
		if len(faults) > 0 || !cmp.Equal(v, OfInt(n)) {
			t.Errorf("%d is read back as %v, %v", n, v, faults)
		}
	}
}

func TestParseInt(t *testing.T) {
	const outside = "range: must be between -9223372036854775808 and 9223372036854775807"
	const fraction = "type: must be a whole number, without a fraction"
	field := fieldOf(model.Int)
	for _, tt := range []parsed{
		{"0", OfInt(0), nil}, {"-0", OfInt(0), nil}, {"0.000", OfInt(0), nil}, {"-0.0e5", OfInt(0), nil},
		{"0e999999999999999999999", OfInt(0), nil}, {"0e-999999999999999999999", OfInt(0), nil},
		{"1", OfInt(1), nil}, {"-1", OfInt(-1), nil}, {"1.0", OfInt(1), nil}, {"1e2", OfInt(100), nil}, {"1E+2", OfInt(100), nil},
		{"1.50e1", OfInt(15), nil}, {"100e-2", OfInt(1), nil}, {"12000e-3", OfInt(12), nil}, {"0.0001e4", OfInt(1), nil}, {"100.00e-2", OfInt(1), nil},
		{"9223372036854775807", OfInt(math.MaxInt64), nil}, {"-9223372036854775808", OfInt(math.MinInt64), nil},
		{"9223372036854775807.0", OfInt(math.MaxInt64), nil}, {"922337203685477580.7e1", OfInt(math.MaxInt64), nil}, {"9e18", OfInt(9e18), nil},
		{"1" + strings.Repeat("0", 1000) + "e-1000", OfInt(1), nil},
		{"0." + strings.Repeat("0", 999) + "1e1000", OfInt(1), nil},
		{"1.5", Value{}, bad(fraction)}, {"1e-1", Value{}, bad(fraction)}, {"1e-999999999999999999999", Value{}, bad(fraction)},
		{"9223372036854775807.5", Value{}, bad(fraction)},
		{"9223372036854775808", Value{}, bad(outside)}, {"-9223372036854775809", Value{}, bad(outside)},
		{"18446744073709551616", Value{}, bad(outside)}, {"99999999999999999999", Value{}, bad(outside)},
		{"1e19", Value{}, bad(outside)}, {"1e999999999", Value{}, bad(outside)}, {"-1e99999999999999999999", Value{}, bad(outside)},
		{`"1"`, Value{}, bad("type: must be a number, not a string")}, {"true", Value{}, bad("type: must be a number, not a boolean")},
	} {
		tt.run(t, field)
	}
	field.Min, field.Max = ptr(int64(1)), ptr(int64(5))
	parsed{"1", OfInt(1), nil}.run(t, field)
	parsed{"5.0", OfInt(5), nil}.run(t, field)
	parsed{"0", Value{}, bad("min: must be at least 1")}.run(t, field)
	parsed{"6", Value{}, bad("max: must be at most 5")}.run(t, field)
}

func TestHugeNumbersCostNothing(t *testing.T) {
	start := time.Now()
	long := strings.Repeat("9", 1<<20)
	for _, text := range []string{"1e999999999", "1e-999999999", long, long + "." + long, "0." + long, long + "e-1048576", "1e" + long, "1e-" + long} {
		for _, kind := range []model.Type{model.Int, model.Float, model.JSON} {
			ParseJSON(fieldOf(kind), jsontext.Value(text), "")
		}
		ParseJSON(schemaField(t, `{"minimum": 0, "multipleOf": 0.01, "uniqueItems": true, "const": 1}`), jsontext.Value(text), "")
		ParseJSON(decimalField(18, 2), jsontext.Value(`"`+text+`"`), "")
		for _, kind := range []Kind{Int, Float, Decimal, Duration, Timestamp} {
			_, _ = ParseArg(kind, 0, text)
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("huge numbers took %v", took)
	}
}

func TestParseFloat(t *testing.T) {
	const outside = "range: must be between -1.7976931348623157e308 and 1.7976931348623157e308"
	field := fieldOf(model.Float)
	for _, tt := range []parsed{
		{"0", OfFloat(0), nil}, {"1.5", OfFloat(1.5), nil}, {"1e-400", OfFloat(0), nil}, {"-1e-400", OfFloat(0), nil}, {"5e-324", OfFloat(5e-324), nil},
		{"1.7976931348623157e308", OfFloat(math.MaxFloat64), nil}, {"9007199254740993", OfFloat(9007199254740992), nil},
		{"1e309", Value{}, bad(outside)}, {"-1e309", Value{}, bad(outside)}, {"1e999999999999", Value{}, bad(outside)},
		{`"1"`, Value{}, bad("type: must be a number, not a string")},
	} {
		tt.run(t, field)
	}
	got, faults := ParseJSON(field, jsontext.Value("-0.0"), "")
	if faults != nil || math.Signbit(got.Float) {
		t.Errorf("-0.0 is %v, %v; want 0", got.Float, faults)
	}
	field.MinFloat, field.MaxFloat = ptr(1.0), ptr(2.5)
	parsed{"2.5", OfFloat(2.5), nil}.run(t, field)
	parsed{"0.99", Value{}, bad("min: must be at least 1")}.run(t, field)
	parsed{"2.51", Value{}, bad("max: must be at most 2.5")}.run(t, field)
}

func TestParseDecimal(t *testing.T) {
	const form = `format: must be a decimal such as "12.50": an optional sign, digits, a point, digits`
	field := decimalField(5, 2)
	for _, tt := range []parsed{
		{`"0"`, OfDecimal(0, 2), nil}, {`"12.5"`, OfDecimal(1250, 2), nil}, {`"-12.50"`, OfDecimal(-1250, 2), nil}, {`"+1"`, OfDecimal(100, 2), nil},
		{`"999.99"`, OfDecimal(99999, 2), nil}, {`"-0.00"`, OfDecimal(0, 2), nil}, {`"000123.4"`, OfDecimal(12340, 2), nil}, {`"\u0031"`, OfDecimal(100, 2), nil},
		{`"1.234"`, Value{}, bad("scale: must have at most 2 digits after the point, has 3")},
		{`"1.200"`, Value{}, bad("scale: must have at most 2 digits after the point, has 3")},
		{`"1000"`, Value{}, bad("precision: must have at most 3 digits before the point, has 4")},
		{`"1000.001"`, Value{}, bad("scale: must have at most 2 digits after the point, has 3", "precision: must have at most 3 digits before the point, has 4")},
		{`""`, Value{}, bad(form)}, {`"-"`, Value{}, bad(form)}, {`"."`, Value{}, bad(form)}, {`"1."`, Value{}, bad(form)}, {`".5"`, Value{}, bad(form)},
		{`"1e2"`, Value{}, bad(form)}, {`" 1"`, Value{}, bad(form)}, {`"1,5"`, Value{}, bad(form)}, {`"--1"`, Value{}, bad(form)}, {`"NaN"`, Value{}, bad(form)},
		{`"١"`, Value{}, bad(form)}, {`"1\u0000"`, Value{}, bad(form)}, {`"1.5x"`, Value{}, bad(form)}, {`"1_000"`, Value{}, bad(form)},
		{`12.5`, Value{}, bad(`type: must be a decimal in a string, such as "12.50", not a number`)},
	} {
		tt.run(t, field)
	}
	field.Min, field.Max = ptr(int64(-150)), ptr(int64(1000))
	parsed{`"10"`, OfDecimal(1000, 2), nil}.run(t, field)
	parsed{`"10.01"`, Value{}, bad("max: must be at most 10.00")}.run(t, field)
	parsed{`"-1.51"`, Value{}, bad("min: must be at least -1.50")}.run(t, field)
	parsed{`"999999999999999999"`, OfDecimal(999999999999999999, 0), nil}.run(t, decimalField(18, 0))
	parsed{`"-0.999999999999999999"`, OfDecimal(-999999999999999999, 18), nil}.run(t, decimalField(18, 18))
	parsed{`"1"`, Value{}, bad("precision: must have at most 0 digits before the point, has 1")}.run(t, decimalField(18, 18))
	parsed{`"1.5"`, Value{}, bad("scale: must have at most 0 digits after the point, has 1")}.run(t, decimalField(3, 0))
}

func TestParseOthers(t *testing.T) {
	for _, tt := range []parsed{{"true", OfBool(true), nil}, {"false", OfBool(false), nil}, {"null", Value{}, nil},
		{"1", Value{}, bad("type: must be true or false, not a number")}, {`"true"`, Value{}, bad("type: must be true or false, not a string")}} {
		tt.run(t, fieldOf(model.Bool))
	}
	const day = "format: must be a date such as 2026-01-31"
	for _, tt := range []parsed{{`"2026-01-31"`, OfDate("2026-01-31"), nil}, {`"0001-01-01"`, OfDate("0001-01-01"), nil}, {`"2024-02-29"`, OfDate("2024-02-29"), nil},
		{`"0000-01-01"`, Value{}, bad("range: must lie in the years 1 to 9999")}, {`"2026-02-29"`, Value{}, bad(day)}, {`"1900-02-29"`, Value{}, bad(day)}, {`"2026-13-01"`, Value{}, bad(day)},
		{`"2026-00-01"`, Value{}, bad(day)}, {`"2026-01-00"`, Value{}, bad(day)}, {`"2026-1-1"`, Value{}, bad(day)}, {`"2026-01-31T00:00:00Z"`, Value{}, bad(day)}, {`"+026-01-31"`, Value{}, bad(day)}, {`""`, Value{}, bad(day)}} {
		tt.run(t, fieldOf(model.Date))
	}
	const uuid, want = "019A2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70", "019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"
	const form = "format: must be a UUID such as 019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"
	for _, tt := range []parsed{{`"` + uuid + `"`, OfUUID(want), nil}, {`"00000000-0000-0000-0000-000000000000"`, OfUUID("00000000-0000-0000-0000-000000000000"), nil},
		{`"{` + uuid + `}"`, Value{}, bad(form)}, {`"urn:uuid:` + uuid + `"`, Value{}, bad(form)}, {`"` + strings.ReplaceAll(uuid, "-", "") + `"`, Value{}, bad(form)},
		{`"g19a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"`, Value{}, bad(form)}, {`"019a2f6e7-c1b-7d3e-9f40-2b6c8d1e5a70"`, Value{}, bad(form)}, {`""`, Value{}, bad(form)}} {
		tt.run(t, fieldOf(model.UUID))
	}
	for _, tt := range []parsed{{`"draft"`, OfText("draft"), nil}, {`"Draft"`, Value{}, bad(`enum: must be one of draft, it's "on"`)}, {`""`, Value{}, bad(`enum: must be one of draft, it's "on"`)}, {`0`, Value{}, bad("type: must be a string, not a number")}} {
		tt.run(t, enumField())
	}
}

func TestParseJSONField(t *testing.T) {
	for _, tt := range []parsed{
		{` {"b" : 1.0, "a":[ 1e5 , "\u0061\/" ] } `, OfJSON(`{"b":1.0,"a":[1e5,"\u0061\/"]}`), nil},
		{`"text"`, OfJSON(`"text"`), nil}, {`0`, OfJSON(`0`), nil}, {`false`, OfJSON(`false`), nil}, {`null`, Value{}, nil}, {`[null]`, OfJSON(`[null]`), nil},
		{`12345678901234567890.12345678901234567890`, OfJSON(`12345678901234567890.12345678901234567890`), nil},
		{`1e999999999`, OfJSON(`1e999999999`), nil},
		{`"\\u0000"`, OfJSON(`"\\u0000"`), nil},
		{`"\u0000"`, Value{}, bad("nul: must not hold the character U+0000")},
		{`{"a":[1,"x\u0000"],"\u0000":1}`, Value{}, bad("/a/1nul: must not hold the character U+0000", "/\x00nul: must not hold the character U+0000")},
	} {
		tt.run(t, fieldOf(model.JSON))
	}
}

func TestJSONSchema(t *testing.T) {
	field := schemaField(t, `{"type":"object","required":["name","size"],"additionalProperties":false,"properties":{
		"name":{"type":"string","minLength":2},"size":{"type":"integer","maximum":9007199254740993},"a/b":{"items":{"type":"number"}},
		"either":{"anyOf":[{"type":"string"},{"type":"null"}]},"unique":{"uniqueItems":true},
		"step":{"multipleOf":0.1,"exclusiveMaximum":0.35,"exclusiveMinimum":2.5}}}`)
	for _, tt := range []parsed{
		{`{"name":"ab","size":9007199254740993}`, OfJSON(`{"name":"ab","size":9007199254740993}`), nil},
		{`{"name":"ab","size":1.0,"either":null}`, OfJSON(`{"name":"ab","size":1.0,"either":null}`), nil},
		{`null`, Value{}, nil},
		{`{"name":"ab","size":9007199254740994}`, Value{}, bad("/sizeschema: must be at most 9007199254740993")},
		{`[]`, Value{}, bad("schema: must be of type object, not array")},
		{`{"size":1.5,"x":1,"y~/z":2,"a/b":[1,"x",null]}`, Value{}, bad(
			"/nameschema: is required by the schema", "/sizeschema: must be of type integer, not number", "/a~1b/1schema: must be of type number, not string",
			"/a~1b/2schema: must be of type number, not null", "/xschema: is not allowed by the schema", "/y~0~1zschema: is not allowed by the schema")},
		{`{"name":"ab","size":1,"either":3}`, Value{}, bad("/eitherschema: must match one of the alternatives of the schema")},
		{`{"name":"ab","size":1,"step":0.35}`, Value{}, bad("/stepschema: must be a multiple of 0.1", "/stepschema: must be less than 0.35", "/stepschema: must be more than 2.5")},
		{`{"name":"ab","size":1e401}`, Value{}, bad("/sizerange: must be a number of at most 400 digits, with an exponent from -400 to 400")},
		{`{"name":"ab","size":1,"unique":[1e1000001,1]}`, Value{}, bad("/unique/0range: must be a number of at most 400 digits, with an exponent from -400 to 400")},
	} {
		got, faults := ParseJSON(field, jsontext.Value(tt.raw), "/p")
		texts := map[string]bool{}
		for _, fault := range faults {
			texts[strings.TrimPrefix(fault.Pointer, "/p")+fault.Code+": "+fault.Detail] = true
		}
		want := map[string]bool{}
		for _, text := range tt.faults {
			want[text] = true
		}
		if diff := cmp.Diff(want, texts); diff != "" || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, faults (-want +got):\n%s", tt.raw, got, diff)
		}
	}
}

func TestJSONSchemaFaultsAreBounded(t *testing.T) {
	field := schemaField(t, `{"items":{"type":"string","const":"`+strings.Repeat("x", 1000)+`"}}`)
	raw := "[" + strings.TrimSuffix(strings.Repeat("1,", 10_000), ",") + "]"
	_, faults := ParseJSON(field, jsontext.Value(raw), "")
	if len(faults) != maxSchemaFaults {
		t.Errorf("%d faults, want %d", len(faults), maxSchemaFaults)
	}
	for _, fault := range faults {
		if len(fault.Detail) > 400 {
			t.Errorf("a detail of %d bytes", len(fault.Detail))
		}
	}
}

// Each token after a long name used to copy the name: half a gigabyte for each thousand numbers here.
func TestExhaustion_ManyNumbersBehindALongName(t *testing.T) {
	field := schemaField(t, `{"type":"object"}`)
	raw := `{"` + strings.Repeat("x", 500_000) + `":[` + strings.TrimSuffix(strings.Repeat("1,", 200_000), ",") + "]}"
	begun := time.Now()
	if _, faults := ParseJSON(field, jsontext.Value(raw), ""); faults != nil {
		t.Errorf("%d faults", len(faults))
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestParseID(t *testing.T) {
	table := func(key model.Type, most *int64) *model.Table {
		return &model.Table{Key: key, Fields: []*model.Field{{Name: "id", Type: key, System: true, Max: most}}}
	}
	uuids, ints, texts, short := table(model.UUID, nil), table(model.Int, nil), table(model.Text, nil), table(model.Text, ptr(int64(2)))
	for _, tt := range []struct {
		table *model.Table
		s     string
		want  Value
		ok    bool
	}{
		{uuids, "019A2F6E-7C1B-7D3E-9F40-2B6C8D1E5A70", OfUUID("019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"), true},
		{uuids, "019a2f6e7c1b7d3e9f402b6c8d1e5a70", Value{}, false}, {uuids, "", Value{}, false}, {uuids, "../../etc/passwd", Value{}, false},
		{ints, "0", OfInt(0), true}, {ints, "-1", OfInt(-1), true}, {ints, "9223372036854775807", OfInt(math.MaxInt64), true}, {ints, "-9223372036854775808", OfInt(math.MinInt64), true},
		{ints, "9223372036854775808", Value{}, false}, {ints, "+1", Value{}, false}, {ints, "01", Value{}, false}, {ints, "-0", Value{}, false}, {ints, "1.0", Value{}, false},
		{ints, "1e2", Value{}, false}, {ints, "", Value{}, false}, {ints, " 1", Value{}, false}, {ints, "0x1", Value{}, false}, {ints, "1_0", Value{}, false}, {ints, "١", Value{}, false},
		{texts, "a", OfText("a"), true}, {texts, "a/b é", OfText("a/b é"), true}, {texts, "..", OfText(".."), true}, {texts, strings.Repeat("é", 600), OfText(strings.Repeat("é", 600)), true},
		{texts, "", Value{}, false}, {texts, strings.Repeat("é", 601), Value{}, false}, {texts, "\xff", Value{}, false}, {texts, "a\x00", Value{}, false},
		{short, "ab", OfText("ab"), true}, {short, "abc", OfText("abc"), true}, // a row older than the max
	} {
		got, ok := ParseID(tt.table, tt.s)
		if ok != tt.ok || (ok && !reflect.DeepEqual(got, tt.want)) {
			t.Errorf("ParseID(%s, %.99q) = %v, %v; want %v, %v", tt.table.Key, tt.s, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseArg(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		s     string
		want  Value
		fault string
	}{
		{Bool, "true", OfBool(true), ""}, {Bool, "false", OfBool(false), ""}, {Bool, "1", Value{}, "must be true or false"}, {Bool, "TRUE", Value{}, "must be true or false"},
		{Int, "-5", OfInt(-5), ""}, {Int, "1e2", OfInt(100), ""}, {Int, "5.5", Value{}, "without a fraction"}, {Int, "9223372036854775808", Value{}, "must be between"}, {Int, "", Value{}, "must be a whole number"}, {Int, "007", Value{}, "must be a whole number"}, {Int, "0x5", Value{}, "must be a whole number"},
		{Float, "0.5", OfFloat(0.5), ""}, {Float, "Inf", Value{}, "must be a number"}, {Float, "NaN", Value{}, "must be a number"}, {Float, "1e400", Value{}, "must be between"}, {Float, "0x1p3", Value{}, "must be a number"}, {Float, "1_0", Value{}, "must be a number"},
		{Decimal, "12.500", OfDecimal(12500, 3), ""}, {Decimal, "-0.000000000000000001", OfDecimal(-1, 18), ""}, {Decimal, "1234567890123456789", Value{}, "at most 18 digits"}, {Decimal, "1.0000000000000000000", Value{}, "at most 18 digits"}, {Decimal, "1e2", Value{}, "must be a decimal"},
		{Text, "", OfText(""), ""}, {Text, "a'b", OfText("a'b"), ""}, {Text, "\xff", Value{}, "valid UTF-8"}, {Text, "\x00", Value{}, "U+0000"},
		{Timestamp, "2026-01-31T12:00:00+02:00", OfTimestamp(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC).UnixMicro()), ""},
		{Timestamp, "2026-01-31T12:00:00 02:00", Value{}, "write + as %2B in a URL"}, {Timestamp, "2026-01-31 12:00:00", Value{}, "such as 2026-01-31T12:00:00Z"},
		{Date, "2026-01-31", OfDate("2026-01-31"), ""}, {Date, "2026-02-30", Value{}, "such as 2026-01-31"},
		{UUID, "019A2F6E-7C1B-7D3E-9F40-2B6C8D1E5A70", OfUUID("019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"), ""}, {UUID, "x", Value{}, "must be a UUID"},
		{Duration, "1h30m", OfDuration(5400_000_000), ""}, {Duration, "1ns", Value{}, "whole microseconds"},
		{JSON, "{}", Value{}, "cannot be given"}, {List, "a", Value{}, "cannot be given"}, {Null, "null", Value{}, "cannot be given"},
	} {
		got, err := ParseArg(tt.kind, 2, tt.s)
		if (err != nil) != (tt.fault != "") || (err != nil && !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("ParseArg(%s, %q): error %v, want %q", tt.kind, tt.s, err, tt.fault)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("ParseArg(%s, %q) = %+v, want %+v", tt.kind, tt.s, got, tt.want)
		}
	}
}
