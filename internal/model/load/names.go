package load

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxName leaves room for the _id of a reference in the 63 bytes that PostgreSQL gives an identifier.
const maxName = 60

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// scopeNames are what expressions know besides the names of a row.
func scopeNames() []string { return []string{"auth", "now", "old", "arg"} }

// celWords are what CEL reads as its own wherever it stands.
func celWords() []string {
	return []string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
		"import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
}

// systemColumns are names that PostgreSQL gives to no other column.
func systemColumns() []string { return []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"} }

// checkName says a fault where a name is not as all names are.
func (l *loader) checkName(at model.Pos, what, name string) bool {
	switch {
	case !nameShape.MatchString(name):
		l.fault(at, "%s is no name for a %s: names are lower_snake_case, as %s", quoteShort(name), what, snake(name))
	case len(name) > maxName:
		l.fault(at, "the name of this %s has %d characters; %d are the most", what, len(name), maxName)
	case strings.HasPrefix(name, "ashlar_"):
		l.fault(at, "a %s cannot be named %s: names that begin with ashlar_ are the server's own", what, name)
	default:
		return true
	}
	return false
}

func (l *loader) checkTableName(at model.Pos, what, name string) bool {
	switch {
	case !l.checkName(at, what, name):
		return false
	case strings.HasPrefix(name, "sqlite_"):
		l.fault(at, "a %s cannot be named %s: names that begin with sqlite_ are SQLite's own", what, name)
	case name == "json_each" || strings.HasPrefix(name, "pragma_"):
		// A table of that name hides the function, which our statements call.
		l.fault(at, "a %s cannot be named %s: that is a function of SQLite", what, name)
	case slices.Contains(scopeNames(), name):
		l.fault(at, "a %s cannot be named %s: expressions give that name another meaning", what, name)
	default:
		return true
	}
	return false
}

// checkMemberName checks the name of a field or a relation.
func (l *loader) checkMemberName(at model.Pos, what, name string) bool {
	switch {
	case !l.checkName(at, what, name):
		return false
	case slices.Contains(scopeNames(), name):
		l.fault(at, "a %s cannot be named %s: expressions give that name another meaning", what, name)
	case slices.Contains(celWords(), name):
		l.fault(at, "a %s cannot be named %s: it is a word of CEL, so expressions could not name it", what, name)
	case slices.Contains(systemColumns(), name):
		l.fault(at, "a %s cannot be named %s: PostgreSQL keeps that name for itself", what, name)
	default:
		return true
	}
	return false
}

// snake makes a name of lower_snake_case from any text, as an example.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if i > 0 {
				b.WriteByte('_')
			}
			b.WriteRune(r - 'A' + 'a')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' })
	if s := strings.Join(words, "_"); nameShape.MatchString(s) && len(s) <= maxName {
		return s
	}
	return "job_zone"
}

// quoteShort quotes a text for a message, cut to a readable length.
func quoteShort(s string) string {
	return `"` + strings.Map(printable, errs.Clip(s, 40)) + `"`
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return '\ufffd'
	}
	return r
}

func abs(i int) int { return max(i, -i) }
