package value

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// FuzzParseJSON: any valid JSON has faults, or is a value that reads back unchanged.
func FuzzParseJSON(f *testing.F) {
	for i := range allTypes {
		for _, str := range []string{`null`, `"a\u0000"`, `1.0`, `-0`, `1e999`, `"12.50"`, `true`, `"2026-01-31T12:00:00.5+02:00"`, `"2026-01-31"`, `"019A2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70"`, `"draft"`, ` {"a" : [1.0, "\ud83d\ude00"]}`, `"\ud800"`, `{"a":1,"a":2}`} {
			f.Add(byte(i), []byte(str))
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, raw []byte) {
		if !jsontext.Value(raw).IsValid() || tooDeep(raw) >= 0 {
			return
		}
		field := fieldOf(allTypes[int(kind)%len(allTypes)])
		given := string(raw)
		v, faults := ParseJSON(field, raw, "/f")
		if string(raw) != given {
			t.Fatalf("%s %q was changed to %q", field.Type, given, raw)
		}
		for _, fault := range faults {
			if fault.Code == "" || fault.Detail == "" || !utf8.ValidString(fault.Detail) {
				t.Fatalf("%s %q: fault %+v", field.Type, raw, fault)
			}
		}
		if faults != nil {
			if !v.IsNull() {
				t.Fatalf("%s %q: %+v with faults", field.Type, raw, v)
			}
			return
		}
		text := AppendValue(nil, v)
		if !json.Valid(text) {
			t.Fatalf("%s %q: AppendValue = %q", field.Type, raw, text)
		}
		if again, faults := ParseJSON(field, text, ""); faults != nil || !reflect.DeepEqual(again, v) {
			t.Fatalf("%s %q: %q reads back as %+v, %v", field.Type, raw, text, again, faults)
		}
	})
}

// FuzzParseArg: an accepted value reads back from its JSON, and agrees with the standard library.
func FuzzParseArg(f *testing.F) {
	kinds := []Kind{Bool, Int, Float, Decimal, Text, Timestamp, Date, UUID, Duration, JSON}
	for i := range kinds {
		for _, text := range []string{"true", "1", "-1.50", "1e2", "2026-01-31T12:00:00Z", "2026-01-31", "1h2.5s", "019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70", "\xff", ""} {
			f.Add(byte(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, k byte, text string) {
		kind := kinds[int(k)%len(kinds)]
		v, err := ParseArg(kind, 2, text)
		if err != nil {
			if errs.KindOf(err) != errs.Malformed || !v.IsNull() {
				t.Fatalf("ParseArg(%s, %q) = %+v, %v", kind, text, v, err)
			}
			return
		}
		if v.Kind != kind || !json.Valid(AppendValue(nil, v)) {
			t.Fatalf("ParseArg(%s, %q) = %+v", kind, text, v)
		}
		switch kind {
		case Timestamp:
			if back, err := ParseTimestamp(string(appendTimestamp(nil, v.Int))); err != nil || back != v.Int {
				t.Fatalf("%q reads back as %d, %v", text, back, err)
			}
			if want, err := time.Parse(time.RFC3339, text); err == nil && want.UnixMicro() != v.Int {
				t.Fatalf("ParseTimestamp(%q) = %d, time has %d", text, v.Int, want.UnixMicro())
			}
		case Duration:
			if want, err := time.ParseDuration(text); err != nil || want.Nanoseconds() != v.Int*1000 {
				t.Fatalf("ParseDuration(%q) = %d, time has %v, %v", text, v.Int, want, err)
			}
		case Decimal:
			if back, scale, err := ParseDecimal(string(appendDecimal(nil, v.Int, v.Scale))); err != nil || back != v.Int || scale != v.Scale {
				t.Fatalf("%q reads back as %d, %d, %v", text, back, scale, err)
			}
		}
	})
}
