package shape

import (
	"strings"
	"testing"
)

func TestNameOfAShapeHasNoValues(t *testing.T) {
	for _, tt := range []struct{ filter, want string }{
		{"title == arg.t", "title == arg.t"},
		{"title == 'hidden'", "title == ?"},
		{`title=="hid\"den" && n>5`, "title==? && n>?"},
		{`title == r'hidden\' && other == 'hidden'`, "title == ? && other == ?"},
		{`title == R"hidden\"`, "title == ?"},
		{"title == '''hid'den\n''' || n == 1.5e-7", "title == ? || n == ?"},
		{`title == """hid"den"""`, "title == ?"},
		{"state in ['a', 'b','c'] && n in [1, 2]", "state in [?] && n in [?]"},
		{"n == 0x1F && m == 12u && k > -3", "n == ? && m == ? && k > -?"},
		{"at > timestamp('2026-01-01T00:00:00Z')\n\t && x1 == .5 ", "at > timestamp(?) && x1 == ?"},
		{"a == 1 // hidden\n&& b", "a == ? && b"},
		{"überschrift.contains('hidden')", "überschrift.contains(?)"},
		{"rb == br'hidden' && bar == b'hidden'", "rb == ? && bar == ?"},
		{"'hidden", "?"},
		{"", ""},
	} {
		if got := withoutValues(tt.filter); got != tt.want {
			t.Errorf("withoutValues(%q) = %q, want %q", tt.filter, got, tt.want)
		}
	}
}

// FuzzNameHasNoValues puts a text into a filter as each kind of string.
func FuzzNameHasNoValues(f *testing.F) {
	f.Add("hidden", uint8(0))
	f.Add(`a'b"c\`, uint8(3))
	f.Fuzz(func(t *testing.T, text string, kind uint8) {
		quoted := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`).Replace(text)
		plain := strings.NewReplacer(`'`, "", `"`, "").Replace(text)
		literals := []string{"'" + quoted + "'", `"` + quoted + `"`, "'''" + quoted + "'''", `"""` + quoted + `"""`, "r'" + plain + "'", `bR"` + plain + `"`}
		literal := literals[int(kind)%len(literals)]
		if got, want := withoutValues("a == "+literal+" && b == "+literal), "a == ? && b == ?"; got != want {
			t.Errorf("withoutValues with %q = %q, want %q", literal, got, want)
		}
	})
}
