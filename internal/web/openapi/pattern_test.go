package openapi_test

import (
	"regexp"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/web/openapi"
)

func TestPortable(t *testing.T) {
	for _, tt := range []struct{ re2, want string }{
		{`^[a-z]+$`, `^[a-z]+$`},
		{`^\d{3}-\w+$`, `^\d{3}-\w+$`},
		{`a.c`, `a[^\n]c`},
		{`\s\S[\s]`, `[\t\n\f\r ][^\t\n\f\r ][\t\n\f\r ]`},
		{`\Ax\z`, `^x$`},
		{`a\-b\@`, `a-b@`},
		{`[a\-z]`, `[a\-z]`},
		{`x{2,}|y{,3}|{`, `x{2,}|y\{,3\}|\{`},
		{`a]}`, `a\]\}`},
		{`[[]`, `[\[]`},
		{`é+`, `é+`},
		{`(?:a|b)(c)`, `(?:a|b)(c)`},
		{`(?i)a`, ""},
		{`(?P<n>a)`, ""},
		{`\pL`, ""},
		{`[[:alpha:]]`, ""},
		{`[]a]`, ""},
		{`[^]a]`, ""},
		{`\x{10FFFF}`, ""},
		{`\Qa.b\E`, ""},
		{`\07`, ""},
	} {
		got, ok := openapi.Portable(tt.re2)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("portable(%q) = %q, %v, want %q", tt.re2, got, ok, tt.want)
		}
	}
}

// A translated pattern is still valid RE2, with the meaning of the original.
func FuzzPortable(f *testing.F) {
	for _, re := range []string{`^[A-Z]{2}\d+$`, `a.c\s?`, `[^\s.]`, `x{2,}|{`, `[[a]]`, `\x41\n`, `(?:a|b)*?c`, `[\]\\-a]`, `[+-.]`} {
		f.Add(re, "AB12 a\nc {x")
	}
	f.Fuzz(func(t *testing.T, re, text string) {
		before, err := regexp.Compile(re)
		if err != nil {
			return
		}
		ported, ok := openapi.Portable(re)
		if !ok {
			return
		}
		after, err := regexp.Compile(ported)
		if err != nil {
			t.Fatalf("portable(%q) = %q, which is no RE2: %v", re, ported, err)
		}
		if before.MatchString(text) != after.MatchString(text) {
			t.Errorf("%q and portable %q differ on %q", re, ported, text)
		}
	})
}

func TestEmbedded(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"type":"object","properties":{"a":{"pattern":"^x"}}}`, `{"type":"object","properties":{"a":{"pattern":"^x"}}}`},
		{`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"array"}`, `{"type":"array"}`},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","type":"array"}`, ""},
		{`{"items":{"$ref":"#"}}`, ""},
		{`{"pattern":"(?i)x"}`, ""},
		{`{}`, ""}, {`true`, ""}, {``, ""},
	} {
		got, ok := openapi.Embedded(tt.text)
		if string(got) != tt.want || ok != (tt.want != "") {
			t.Errorf("embedded(%s) = %s, %v, want %s", tt.text, got, ok, tt.want)
		}
	}
}
