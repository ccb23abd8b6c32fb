package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

func TestArgsSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{`{"a":"1","a":"2"}`, "args is not acceptable JSON: line 1, column 10, at /a: this member is given twice"},
		{`{"a":`, "args is not acceptable JSON: line 1, column 6: it ends too early"},
		{`{"a":"1"} {}`, "args is not acceptable JSON: line 1, column 11: something follows the object"},
		{`["a"]`, "args must be a JSON object, it is an array"},
		{strings.Repeat("[", 1000), "args is not acceptable JSON: line 1, column 65: objects and arrays stand more than 64 deep"},
		{`{"a":{"b":1}}`, `args: the value of "a" must be a string, a number, true or false`},
		{`{"a":"1","arg.a":"2"}`, `the argument "a" is given twice`},
	} {
		_, err := parseList("args=" + url.QueryEscape(tt.args))
		if errs.KindOf(err) != errs.Malformed || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("args=%.40s: %v, want %s", tt.args, err, tt.want)
		}
	}
}
