package load

import (
	"strings"
	"testing"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// TestExprAt looks up every character of an expression in the file.
func TestExprAt(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		text       string
		known      bool // At finds every character; otherwise only those before an escape of another length
	}{
		{"plain", "read: owner_id == auth.id # why", "owner_id == auth.id", true},
		{"plain in flow", "{read: a || b, delete: c}", "a || b", true},
		{"after wide characters", "{update: \"'ä😀' == name\", read: \"'ö' == name\"}", "'ö' == name", true},
		{"single quoted", "read: 'a == ''x'' && b == '''''", "a == 'x' && b == ''", true},
		{"double quoted", `read: "'x' == a && \"y\" == b && c == '\\d' && e"`, `'x' == a && "y" == b && c == '\d' && e`, true},
		{"escapes", `read: "a == '\u00e9\x41\t' && b"`, "a == 'éA\t' && b", false},
		{"literal", "read: |\n        a == 1 &&\n          b == 2\n\n        || c", "a == 1 &&\n  b == 2\n\n|| c", true},
		{"literal stripped", "read: |-\n        a\n        && b", "a\n&& b", true},
		{"folded", "read: >-\n        a == 1 &&\n        b == 2\n\n        && c", "a == 1 && b == 2\n&& c", true},
		{"plain over lines", "read: a == 1 &&\n        b == 2\n\n        && c", "a == 1 && b == 2\n&& c", true},
		{"single quoted over lines", "read: 'a == ''x''\n        && b'", "a == 'x' && b", true},
		{"double quoted over lines", "read: \"a == 'x'\n        && b \\\n        && c\"", "a == 'x' && b && c", true},
		{"on the next line", "read:\n        a == 1", "a == 1", true},
		{"true", "read: true", "true", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := tt.yaml
			if !strings.HasPrefix(body, "{") {
				body = "\n      " + body
			}
			source := "ashlar: 1\nname: test\ntables:\n  a:\n    access: " + body + "\n"
			expr := loadText(t, source).Table("a").Access.Read
			if strings.TrimSuffix(expr.Text, "\n") != tt.text {
				t.Fatalf("text = %q, want %q", expr.Text, tt.text)
			}
			checkPlaces(t, expr, strings.Split(source, "\n"), tt.known)
		})
	}
}

func checkPlaces(t *testing.T, expr *model.Expr, lines []string, known bool) {
	t.Helper()
	for i, want := range []rune(expr.Text) {
		at := expr.At(i)
		line := []rune(lines[at.Line-1])
		switch {
		case want == ' ' || want == '\n': // may be an end of line, or indentation
		case at.Col > len(line):
			t.Errorf("At(%d) = %v, beyond the line", i, at)
		case line[at.Col-1] != want && ((known && line[at.Col-1] != '\\') || (!known && want != 'é' && want != 'A' && want != '\t')):
			t.Errorf("At(%d) = %v, which is %q, want %q", i, at, line[at.Col-1], want)
		}
	}
	if expr.At(0) != expr.Pos {
		t.Errorf("At(0) = %v, Pos = %v", expr.At(0), expr.Pos)
	}
	if end := expr.At(len([]rune(expr.Text)) + 5); end.Line < expr.Pos.Line || end.Line > len(lines) {
		t.Errorf("At beyond the end = %v", end)
	}
}
