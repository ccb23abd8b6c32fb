package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestParseETags(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		want   []ETag
		any    bool
		bad    bool
	}{
		{"none", nil, nil, false, false},
		{"any", []string{"*"}, nil, true, false},
		{"any with blanks", []string{" * "}, nil, true, false},
		{"one", []string{`"a"`}, []ETag{{false, "a"}}, false, false},
		{"weak", []string{`W/"a"`}, []ETag{{true, "a"}}, false, false},
		{"empty tag", []string{`""`}, []ETag{{false, ""}}, false, false},
		{"list", []string{`"a", W/"b" ,"c"`}, []ETag{{false, "a"}, {true, "b"}, {false, "c"}}, false, false},
		{"lines", []string{`"a"`, `"b"`}, []ETag{{false, "a"}, {false, "b"}}, false, false},
		{"comma inside", []string{`"a,b"`}, []ETag{{false, "a,b"}}, false, false},
		{"backslash is itself", []string{`"a\"`}, []ETag{{false, `a\`}}, false, false},
		{"obs-text", []string{"\"\xff\""}, []ETag{{false, "\xff"}}, false, false},
		{"empty elements", []string{`, "a",, "b",`}, []ETag{{false, "a"}, {false, "b"}}, false, false},
		{"empty", []string{""}, nil, false, true},
		{"commas", []string{",,"}, nil, false, true},
		{"bare", []string{"a"}, nil, false, true},
		{"unclosed", []string{`"a`}, nil, false, true},
		{"lower w", []string{`w/"a"`}, nil, false, true},
		{"blank inside", []string{`"a b"`}, nil, false, true},
		{"W alone", []string{`W/`}, nil, false, true},
		{"two without a comma", []string{`"a" "b"`}, nil, false, true},
		{"joined", []string{`"a""b"`}, nil, false, true},
		{"any and a tag", []string{`*, "a"`}, nil, false, true},
		{"a tag and any", []string{`"a"`, `*`}, nil, false, true},
		{"too many", []string{strings.Repeat(`"a",`, 101)}, nil, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseETags(tt.header)
			if (err != nil) != tt.bad || (tt.bad && errs.KindOf(err) != errs.Malformed) {
				t.Fatalf("error %v, want one: %v", err, tt.bad)
			}
			if diff := cmp.Diff(tt.want, got.List, cmpopts.EquateEmpty()); diff != "" || got.Any() != tt.any {
				t.Errorf("any %v, list (-want +got):\n%s", got.Any(), diff)
			}
			if got.Given() != (err == nil && len(tt.header) > 0) {
				t.Errorf("Given() = %v", got.Given())
			}
		})
	}
}

// TestMatch compares tags weakly (RFC 9110, 8.8.3.2), with no header and with *.
func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		header, etag string
		want         bool
	}{
		{`W/"1"`, `W/"1"`, true},
		{`W/"1"`, `W/"2"`, false},
		{`W/"1"`, `"1"`, true},
		{`"1"`, `"1"`, true},
		{`"1"`, `W/"1"`, true},
		{`"0", "1"`, `"1"`, true},
		{`"1"`, `"11"`, false},
		{`*`, `"1"`, true},
		{`"1"`, `1`, false},
		{`"1"`, `"1"x`, false},
	} {
		e, err := ParseETags([]string{tt.header})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.MatchWeak(tt.etag); got != tt.want {
			t.Errorf("%s with %s: %v, want %v", tt.header, tt.etag, got, tt.want)
		}
	}
	if none, err := ParseETags(nil); err != nil || none.MatchWeak(`"1"`) {
		t.Errorf("no header matches: %v", err)
	}
}

// A tag matches without a content coding, and with one that the server uses.
func TestNames(t *testing.T) {
	for _, tt := range []struct {
		header, tag string
		want        bool
	}{
		{`"9f2c"`, "9f2c", true},
		{`W/"9f2c"`, "9f2c", true},
		{`"9f2c-gzip"`, "9f2c", true},
		{`W/"9f2c-zstd"`, "9f2c", true},
		{`"9f2c-br"`, "9f2c", false},
		{`"9f2c-"`, "9f2c", false},
		{`"9f2c-GZIP"`, "9f2c", false},
		{`"9f2c-gzip-gzip"`, "9f2c", false},
		{`"9f2c-gzip;gzip"`, "9f2c", false},
		{`"9f2cgzip"`, "9f2c", false},
		{`"9f2"`, "9f2c", false},
		{`"1t-gzip"`, "1t-zstd", false},
		{`"1t-gzip-zstd"`, "1t-gzip", true},
	} {
		e, err := ParseETags([]string{tt.header})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.List[0].Names(tt.tag); got != tt.want {
			t.Errorf("%s names %s = %v, want %v", tt.header, tt.tag, got, tt.want)
		}
	}
}

// FuzzParseETags: accepted tags read the same after they are written again.
func FuzzParseETags(f *testing.F) {
	for _, text := range []string{"*", `"a"`, `W/"a", "b"`, `"a,b",,"c"`, `"`, `W/`, `"a" "b"`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseETags([]string{text})
		if err != nil {
			if errs.KindOf(err) != errs.Malformed || e.Given() {
				t.Fatalf("ParseETags(%q) = %v, %v", text, e, err)
			}
			return
		}
		if e.Any() {
			return
		}
		var lines []string
		for _, tag := range e.List {
			line := `"` + tag.Opaque + `"`
			if !e.MatchWeak(line) || !e.MatchWeak("W/"+line) {
				t.Fatalf("ParseETags(%q): %s does not match", text, line)
			}
			if tag.Weak {
				line = "W/" + line
			}
			lines = append(lines, line)
		}
		again, err := ParseETags(lines)
		if err != nil || !cmp.Equal(e.List, again.List) {
			t.Fatalf("ParseETags(%q) = %v, written anew %v, %v", text, e.List, again.List, err)
		}
	})
}
