package load

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// readDefault reads a default. true, 5 and 1.5 are constants, and so is an unquoted value of an enum. Any other text
// is an expression.
func (l *loader) readDefault(decl *fieldDecl, value *node) {
	field := decl.field
	if problem := defaultProblem(field, value); problem != "" {
		l.fault(value.pos, "%s", problem)
		return
	}
	expr := l.readExpr(value, "default")
	if expr == nil {
		return
	}
	if l.setConstant(field, expr, value, "the default") {
		field.Default = expr
	}
}

// setConstant marks an expression that is a constant of a field's type. It reports a number that JSON writes in another way.
func (l *loader) setConstant(field *model.Field, expr *model.Expr, value *node, what string) bool {
	isNumeric := value.kind == integer || value.kind == float
	if isNumeric && !isNumber(value) {
		l.fault(value.pos, "%s %s is not written like a number of JSON", what, value.text)
		return false
	}
	isValue := field.Type == model.Enum && !value.quoted() && isWord(value.text) && field.HasValue(value.text)
	expr.Constant = isNumeric || value.kind == boolean || isValue
	return true
}

const timeAdvice = "a time must be an expression: write date('2026-01-31') or timestamp('2026-01-31T12:00:00Z')"

// defaultProblem returns the reason against a default, or "".
func defaultProblem(field *model.Field, value *node) string {
	isTime := field.Type == model.Date || field.Type == model.Timestamp
	switch {
	case field.Type == model.JSON && value.kind != invalid:
		return "a json field cannot have a default, since no expression makes json: add optional: true, or let clients send it"
	case value.kind == null && field.Optional:
		return "an optional field is missing by default: remove this"
	case value.kind == null:
		return "the default has no value: write one, or optional: true if the field may be missing"
	case value.kind == text && timeShape.MatchString(value.text) && (isTime || !value.quoted()):
		return timeAdvice
	}
	return ""
}

var timeShape = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$`)

// isWord reports whether str is one word. Such a word could also be a name in an expression.
func isWord(str string) bool { return !strings.ContainsFunc(str, unicode.IsSpace) }
