package load

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxName leaves room for the _id of a reference in PostgreSQL's identifiers of 63 bytes.
const maxName = 60

var nameShape = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// scopeNames are the names in expressions besides a row's.
func scopeNames() []string { return []string{"auth", "now", "old", "arg"} }

// celWords are the reserved words of CEL.
func celWords() []string {
	return []string{"true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if",
		"import", "let", "loop", "package", "namespace", "return", "var", "void", "while"}
}

// systemColumns are columns of every table of PostgreSQL.
func systemColumns() []string { return []string{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"} }

// checkName reports a name that breaks the rules for all names. what is table, field or role.
func (l *loader) checkName(at model.Pos, what, name string) bool {
	switch {
	case !nameShape.MatchString(name):
		l.fault(at, "%s is not a valid %s name: names are lower_snake_case, such as %s", quote(name), what, snakeCase(name))
	case len(name) > maxName:
		l.fault(at, "this %s name has %d characters, but may have at most %d", what, len(name), maxName)
	case strings.HasPrefix(name, "ashlar_"):
		l.fault(at, "%s cannot be a %s name: the server reserves names that begin with ashlar_", name, what)
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
		l.fault(at, "%s cannot be a %s name: SQLite reserves names that begin with sqlite_", name, what)
	case name == "json_each" || strings.HasPrefix(name, "pragma_"):
		// Our statements call these functions, and a table of the same name would hide them.
		l.fault(at, "%s cannot be a %s name: SQLite has a function of that name", name, what)
	case slices.Contains(scopeNames(), name):
		l.fault(at, "%s cannot be a %s name: it means something else in expressions", name, what)
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
		l.fault(at, "%s cannot be a %s name: it means something else in expressions", name, what)
	case slices.Contains(celWords(), name):
		l.fault(at, "%s cannot be a %s name: it is a reserved word of CEL", name, what)
	case slices.Contains(systemColumns(), name):
		l.fault(at, "%s cannot be a %s name: PostgreSQL reserves it", name, what)
	default:
		return true
	}
	return false
}

// snakeCase makes an example of a valid name from any text.
func snakeCase(name string) string {
	var out strings.Builder
	for i, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if i > 0 {
				out.WriteByte('_')
			}
			out.WriteRune(r - 'A' + 'a')
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out.WriteRune(r)
		default:
			out.WriteByte('_')
		}
	}
	words := strings.FieldsFunc(out.String(), func(r rune) bool { return r == '_' })
	if str := strings.Join(words, "_"); nameShape.MatchString(str) && len(str) <= maxName {
		return str
	}
	return "job_zone"
}
