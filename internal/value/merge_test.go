package value

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMergeJSON holds the examples of RFC 7396, appendix A, for objects in a field.
func TestMergeJSON(t *testing.T) {
	for _, tt := range []struct{ old, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, ``},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{``, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":1.50}`, `{"m":1e2}`, `{"n":1.50,"m":1e2}`},
		{`{"a\"b":1}`, `{"é":"\u00e9"}`, `{"a\"b":1,"é":"\u00e9"}`},
	} {
		if got := MergeJSON(tt.old, tt.patch); got != tt.want {
			t.Errorf("MergeJSON(%s, %s) = %s, want %s", tt.old, tt.patch, got, tt.want)
		}
	}
}

// FuzzMergeJSON compares with the algorithm of RFC 7396 on decoded values.
func FuzzMergeJSON(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[1]},"d":"x"}`)
	f.Fuzz(func(t *testing.T, old, patch string) {
		if _, err := DecodeObject([]byte(old)); err != nil {
			return
		}
		if _, err := DecodeObject([]byte(patch)); err != nil {
			return
		}
		var o, p, got any
		if json.Unmarshal([]byte(old), &o) != nil || json.Unmarshal([]byte(patch), &p) != nil {
			return // numbers beyond float64
		}
		old, patch = string(compact(t, old)), string(compact(t, patch))
		if err := json.Unmarshal([]byte(MergeJSON(old, patch)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mergeAny(o, p), got); diff != "" {
			t.Errorf("MergeJSON(%s, %s): %s", old, patch, diff)
		}
	})
}

func mergeAny(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, v := range p {
		if v == nil {
			delete(object, name)
		} else {
			object[name] = mergeAny(object[name], v)
		}
	}
	return object
}

func compact(t *testing.T, text string) []byte {
	t.Helper()
	members, err := DecodeObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dst := []byte{'{'}
	for i, member := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		raw := member.Raw.Clone()
		if err := raw.Compact(); err != nil {
			t.Fatal(err)
		}
		dst = append(append(AppendString(dst, []byte(member.Name)), ':'), raw...)
	}
	return append(dst, '}')
}

// A patch of 85,000 members on as many others took four minutes with a linear search for each member.
func TestMergeJSONIsLinear(t *testing.T) {
	const members = 85_000
	object := func(prefix, value string) string {
		dst := []byte{'{'}
		for i := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = fmt.Appendf(dst, `"%s%d":%s`, prefix, i, value)
		}
		return string(append(dst, '}'))
	}
	for _, tt := range []struct {
		name, old, patch string
		want             int // bytes
	}{
		{"new members", object("a", "1"), object("b", "1"), 2*len(object("a", "1")) - 1},
		{"changed members", object("a", "1"), object("a", "2"), len(object("a", "2"))},
		{"removed members", object("a", "1"), object("a", "null"), len("{}")},
		{"objects in objects", object("a", `{"x":1}`), object("a", `{"y":2}`), len(object("a", `{"x":1,"y":2}`))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			begun := time.Now()
			got := MergeJSON(tt.old, tt.patch)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("merging took %v", took)
			}
			if len(got) != tt.want {
				t.Errorf("the result has %d bytes, want %d", len(got), tt.want)
			}
		})
	}
}

// Every level used to be read again for the one below it.
func TestMergeJSONOfDeepObjects(t *testing.T) {
	deep := func(leaf string) string {
		return strings.Repeat(`{"a":`, MaxDepth-1) + leaf + strings.Repeat("}", MaxDepth-1)
	}
	if got, want := MergeJSON(deep(`{"x":1,"z":0}`), deep(`{"y":2,"z":null}`)), deep(`{"x":1,"y":2}`); got != want {
		t.Errorf("MergeJSON() = %s, want %s", got, want)
	}
}
