package web

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestParseQuery(t *testing.T) {
	many := make([]string, 101)
	for i := range many {
		many[i] = fmt.Sprintf("a%d=1", i)
	}
	for _, tt := range []struct {
		name, raw string
		want      []Param
		fault     string // in the error
	}{
		{"empty", "", nil, ""},
		{"one", "a=b", []Param{{"a", "b"}}, ""},
		{"in order", "b=1&a=2", []Param{{"b", "1"}, {"a", "2"}}, ""},
		{"decoded", "arg.x=a+b%26c%3D%3b&f=a%20%3D%3D%20%27%C3%A9%27", []Param{{"arg.x", "a b&c=;"}, {"f", "a == 'é'"}}, ""},
		{"= in the value", "filter=a==1", []Param{{"filter", "a==1"}}, ""},
		{"raw UTF-8", "a=é", []Param{{"a", "é"}}, ""},
		{"decoded name", "%61=1", []Param{{"a", "1"}}, ""},
		{"a hundred", strings.Join(many[:100], "&"), hundred(), ""},
		{"a hundred and one", strings.Join(many, "&"), nil, "101 parameters"},
		{"semicolon", "a=1;b=2", nil, `parameter 1 of the query string, "a=1;b=2", holds a semicolon`},
		{"no =", "a=1&b", nil, `parameter 2 of the query string, "b", has no =`},
		{"no name", "=1", nil, "has no name"},
		{"no value", "a=", nil, "has an empty value"},
		{"empty pair", "filter=n==0&&m==0", nil, "parameter 2 of the query string, \"\", is empty: write & within a value as %26"},
		{"an argument without a value", "arg.q=&a=1", []Param{{"arg.q", ""}, {"a", "1"}}, ""},
		{"an argument without a value, escaped", "args%5bq%5d=&args%5Br%5D=&arg%2Es=", []Param{{"args[q]", ""}, {"args[r]", ""}, {"arg.s", ""}}, ""},
		{"no value under a bad name", "arg.%zz=", nil, "has an empty value"},
		{"a list in parts", "sort=-a&b=1&sort=id", []Param{{"sort", "-a,id"}, {"b", "1"}}, ""},
		{"trailing &", "a=1&", nil, "parameter 2"},
		{"leading &", "&a=1", nil, "parameter 1"},
		{"bad escape", "a=%zz", nil, "write % as %25"},
		{"cut escape", "a=%4", nil, "write % as %25"},
		{"bad escape in the name", "%zz=1", nil, "write % as %25"},
		{"bad UTF-8", "a=%ff", nil, "is not UTF-8"},
		{"bad raw UTF-8", "a=\xff", nil, "is not UTF-8"},
		{"a surrogate", "a=%ed%a0%80", nil, "is not UTF-8"},
		{"NUL", "a=%00", nil, "U+0000"},
		{"NUL in the name", "a%00=1", nil, "U+0000"},
		{"twice", "a=1&b=2&a=1", nil, `parameter "a" is given twice`},
		{"twice, once escaped", "a=1&%61=2", nil, `parameter "a" is given twice`},
		{"too long", "a=" + strings.Repeat("x", 16<<10), nil, "16386 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseQuery(tt.raw, "sort")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseQuery (-want +got):\n%s", diff)
			}
			if (err != nil) != (tt.fault != "") || (err != nil && (errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), tt.fault))) {
				t.Errorf("error %v, want %q", err, tt.fault)
			}
		})
	}
}

func hundred() []Param {
	var all []Param
	for i := range 100 {
		all = append(all, Param{fmt.Sprintf("a%d", i), "1"})
	}
	return all
}

// FuzzParseQuery: url.ParseQuery reads every accepted text the same.
func FuzzParseQuery(f *testing.F) {
	for _, text := range []string{"", "a=b", "a=1&b=2", "a=1;b=2", "a=%zz", "a=%00", "%61=1&a=2", "a=+&b=%2B", "a=1&", "é=ü", "a==b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := ParseQuery(raw)
		if err != nil {
			if errs.KindOf(err) != errs.Malformed || got != nil {
				t.Fatalf("ParseQuery(%q) = %v, %v", raw, got, err)
			}
			return
		}
		want, err := url.ParseQuery(raw)
		if err != nil || len(want) != len(got) {
			t.Fatalf("ParseQuery(%q) = %v, url.ParseQuery = %v, %v", raw, got, want, err)
		}
		for _, param := range got {
			if len(want[param.Name]) != 1 || want[param.Name][0] != param.Value || param.Value == "" {
				t.Fatalf("ParseQuery(%q): %q = %q, want %q", raw, param.Name, param.Value, want[param.Name])
			}
		}
	})
}

func BenchmarkParseQuery(b *testing.B) {
	const raw = "filter=status+%3D%3D+arg.s&arg.s=published&sort=-created_at&limit=30"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseQuery(raw); err != nil {
			b.Fatal(err)
		}
	}
}
