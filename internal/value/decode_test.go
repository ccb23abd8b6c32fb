package value

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestDecodeObject(t *testing.T) {
	deep := func(n int) string { return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}` }
	for _, tt := range []struct {
		name, body string
		want       []Member
		fault      string // in the error
	}{
		{"empty object", ` {} `, nil, ""},
		{"members in order", "{\"b\": 1.0,\n \"a\" : [1, {\"x\":null}] , \"é\":\"\\u00e9\"}", []Member{{"b", []byte("1.0")}, {"a", []byte(`[1, {"x":null}]`)}, {"é", []byte(`"\u00e9"`)}}, ""},
		{"escaped name", `{"\u0061":1}`, []Member{{"a", []byte("1")}}, ""},
		{"U+0000 is no fault of syntax", `{"a":"\u0000"}`, []Member{{"a", []byte(`"\u0000"`)}}, ""},
		{"a surrogate pair", `{"a":"\ud83d\ude00"}`, []Member{{"a", []byte(`"\ud83d\ude00"`)}}, ""},
		{"64 deep", deep(64), []Member{{"a", []byte(strings.Repeat("[", 63) + strings.Repeat("]", 63))}}, ""},
		{"brackets in text", `{"a":"` + strings.Repeat("[{", 99) + `\"[["}`, []Member{{"a", []byte(`"` + strings.Repeat("[{", 99) + `\"[["`)}}, ""},
		{"65 deep", deep(65), nil, "line 1, column 69: objects and arrays stand more than 64 deep"},
		{"a million deep", strings.Repeat("[", 1<<20), nil, "more than 64 deep"},
		{"empty", "", nil, "line 1, column 1: it ends too early"},
		{"blanks", " \n ", nil, "line 2, column 2: it ends too early"},
		{"array", "[]", nil, "must be a JSON object, it is an array"},
		{"string", `"a"`, nil, "it is a string"},
		{"number", "1", nil, "it is a number"},
		{"null", "null", nil, "it is null"},
		{"true", "true", nil, "it is a boolean"},
		{"word", "hello", nil, "line 1, column 1: invalid character 'h'"},
		{"byte order mark", "\ufeff{}", nil, "line 1, column 1: invalid character"},
		{"unclosed", `{"a":1`, nil, "line 1, column 7: it ends too early"},
		{"unclosed text", `{"a":"b`, nil, "ends too early"},
		{"two objects", "{}\n{}", nil, "line 2, column 1: something follows the object"},
		{"trailing word", "{} x", nil, "line 1, column 4: something follows the object"},
		{"trailing NUL", "{}\x00", nil, "something follows the object"},
		{"trailing comma", `{"a":1,}`, nil, "line 1, column 7"},
		{"comment", "{/*x*/}", nil, "line 1, column 2"},
		{"single quotes", "{'a':1}", nil, "line 1, column 2"},
		{"NaN", `{"a":NaN}`, nil, "line 1, column 6, at /a: invalid character 'N'"},
		{"plus", `{"a":+1}`, nil, "at /a"},
		{"leading zero", `{"a":01}`, nil, "line 1, column 7"},
		{"hexadecimal", `{"a":0x1}`, nil, "line 1, column 7"},
		{"bare point", `{"a":1.}`, nil, "line 1, column 8"},
		{"raw control", "{\"a\":\"\x01\"}", nil, "at /a"},
		{"raw newline", "{\"a\":\"\n\"}", nil, "at /a"},
		{"unknown escape", `{"a":"\x41"}`, nil, "at /a"},
		{"twice", "{\n \"a\":1,\n \"a\":2}", nil, "line 3, column 2, at /a: this member is given twice"},
		{"twice by an escape", `{"a":1,"\u0061":2}`, nil, "at /a: this member is given twice"},
		{"twice below", `{"a":{"b/c":1,"b/c":2}}`, nil, "at /a/b~1c: this member is given twice"},
		{"twice in a list", `{"a":[{"b":1,"b":1}]}`, nil, "at /a/0/b: this member is given twice"},
		{"bad UTF-8", "{\"a\":\"\xff\"}", nil, "at /a: invalid UTF-8"},
		{"bad UTF-8 in a name", "{\"\xff\":1}", nil, "line 1"},
		{"an encoded surrogate", "{\"a\":\"\xed\xa0\x80\"}", nil, "at /a: invalid UTF-8"},
		{"an overlong NUL", "{\"a\":\"\xc0\x80\"}", nil, "at /a: invalid UTF-8"},
		{"lone high surrogate", `{"a":"\ud800"}`, nil, "at /a: invalid surrogate pair"},
		{"lone low surrogate", `{"a":"\udc00"}`, nil, "at /a: invalid surrogate pair"},
		{"swapped surrogates", `{"a":"\udc00\ud800"}`, nil, "at /a: invalid surrogate pair"},
		{"lone surrogate in a name", `{"\ud800":1}`, nil, "invalid surrogate pair"},
		{"columns count characters", "{\"éé\":x}", nil, "line 1, column 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := []byte(tt.body)
			got, err := DecodeObject(body)
			if (err != nil) != (tt.fault != "") || (err != nil && (errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), tt.fault))) {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if string(body) != tt.body {
				t.Error("the body was changed")
			}
			if err != nil && len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestDecodeObjectDoesNotEchoAtLength(t *testing.T) {
	name := strings.Repeat("é", 1<<16)
	_, err := DecodeObject([]byte(`{"` + name + `":1,"` + name + `":1}`))
	if err == nil || len(err.Error()) > 600 || !strings.Contains(err.Error(), "…") {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// FuzzDecodeObject: encoding/json accepts every accepted text and reads it the same.
func FuzzDecodeObject(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1,"b":[true,null,"x"]}`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, `{"a":{"b":{}}}`, "{\"\xff\":1}", `[]`, `{} {}`, `{"a":1e999}`, ` {"é" : -0.0 } `} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := DecodeObject(data)
		if err != nil {
			if errs.KindOf(err) != errs.Malformed || members != nil {
				t.Fatalf("DecodeObject(%q) = %v, %v", data, members, err)
			}
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("DecodeObject(%q) accepts what encoding/json does not: %v", data, err)
		}
		if len(want) != len(members) {
			t.Fatalf("DecodeObject(%q) = %d members, want %d", data, len(members), len(want))
		}
		for _, member := range members {
			if !bytes.Equal(member.Raw, want[member.Name]) {
				t.Fatalf("DecodeObject(%q): %q = %s, want %s", data, member.Name, member.Raw, want[member.Name])
			}
		}
	})
}

func BenchmarkDecodeObject(b *testing.B) {
	body := []byte(`{"title":"Backend engineer","status":"draft","score":4.5,"author_id":"019a2f6e-7c1b-7d3e-9f40-2b6c8d1e5a70","body":"` + strings.Repeat("lorem ipsum ", 25) + `"}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := DecodeObject(body); err != nil {
			b.Fatal(err)
		}
	}
}

// A message never repeats what the body holds: it may be a password.
func TestFaultsOfJSONQuoteNothing(t *testing.T) {
	for _, body := range []string{`{"password":"\ud800secret"}`, `{"password":"\usecret"}`, `{"password":"secret\q"}`, "{\"password\":\"\\ud800s`ecret\"}", `{"password":nullsecret}`, `{"password":truesecret}`} {
		_, err := DecodeObject([]byte(body))
		if err == nil || strings.Contains(err.Error(), "secre") || strings.Contains(err.Error(), "ecret") {
			t.Errorf("DecodeObject(%s) = %v", body, err)
		}
	}
}
