package load

import (
	"regexp"
	"strings"

	"github.com/ashlar-dev/ashlar/internal/model"
)

const (
	maxPrecision = 18      // digits of a decimal
	maxText      = 1 << 20 // bound of min and max of a text: no request body is larger
	maxPattern   = 1000    // bytes of a pattern; RE2 matches in time linear to them
)

func (l *loader) readPrecision(decl *fieldDecl, value *node) {
	precision, ok := l.readInt(value, "precision", 1, maxPrecision)
	decl.field.Precision = int(precision)
	if !ok {
		decl.field.Type = model.Invalid
	}
}

func (l *loader) readScale(decl *fieldDecl, value *node) {
	field := decl.field
	scale, ok := l.readInt(value, "scale", 0, maxPrecision)
	field.Scale = int(scale)
	if ok && field.Type != model.Invalid && field.Precision > 0 && field.Scale > field.Precision {
		l.fault(value.pos, "scale counts the digits after the point, so it cannot exceed precision, which counts all digits")
		ok = false
	}
	if !ok {
		field.Type = model.Invalid
	}
}

func (l *loader) readMin(decl *fieldDecl, value *node) {
	decl.field.Min, decl.field.MinFloat = l.readBound(decl.field, value, "min", 0)
}

func (l *loader) readMax(decl *fieldDecl, value *node) {
	decl.field.Max, decl.field.MaxFloat = l.readBound(decl.field, value, "max", 1)
}

// readBound reads min or max in the unit of the field's type. A text may not have less than leastText.
func (l *loader) readBound(field *model.Field, value *node, what string, leastText int64) (*int64, *float64) {
	var bound int64
	var ok bool
	switch field.Type {
	case model.Float:
		if bound, ok := l.readFloat(value, what); ok {
			return nil, &bound
		}
		return nil, nil
	case model.Text:
		bound, ok = l.readInt(value, what, leastText, maxText)
	case model.Int:
		bound, ok = l.readInt(value, what, -1<<63, 1<<63-1)
	case model.Decimal:
		if field.Precision > 0 && field.Scale <= field.Precision {
			bound, ok = l.readDecimal(value, what, field.Precision, field.Scale)
		}
	}
	if !ok {
		return nil, nil
	}
	return &bound, nil
}

func (l *loader) readPattern(decl *fieldDecl, value *node) {
	pattern, ok := l.readText(value, "pattern")
	if !ok {
		return
	}
	if len(pattern) > maxPattern {
		l.fault(value.pos, "the pattern may have at most %d bytes", maxPattern)
		return
	}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		l.fault(value.pos, "the pattern is not an RE2 expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return
	}
	decl.field.Pattern = compiled
}

func formatWords() []string { return []string{"email", "url", "slug"} }

func (l *loader) readFormat(decl *fieldDecl, value *node) {
	if i, ok := l.readChoice(value, "format", formatWords()); ok {
		decl.field.Format = formatWords()[i]
	}
}
