package load

import (
	"go.yaml.in/yaml/v4"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// tracer follows the characters of a scalar's text through the lines of its file, past quotes, escapes, indentation and
// folded lines.
type tracer struct {
	lines     []string
	style     yaml.Style
	line, col int // next character of the source: at line and column, or the end of the line if col is its length

	runes []rune // of the line number read
	read  int
}

// current returns the line of the next character. It keeps the line: a file has many, and a scalar needs few of them.
func (t *tracer) current() []rune {
	if t.read != t.line {
		t.runes, t.read = []rune(t.lines[t.line]), t.line
	}
	return t.runes
}

// trace returns the spans of a scalar's text, as far as it can follow them.
func trace(scalar *node, lines []string) []model.Span {
	t := tracer{lines: lines, style: scalar.style, line: scalar.pos.Line - 1, col: scalar.pos.Col - 1, read: -1}
	switch scalar.style {
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		t.col++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		t.nextLine()
	}
	return t.spans([]rune(scalar.text))
}

func (t *tracer) spans(text []rune) []model.Span {
	var spans []model.Span
	for i, r := range text {
		if r != ' ' && r != '\n' {
			t.skipBlanks(r)
		}
		if t.line >= len(t.lines) {
			return spans
		}
		here := model.Span{Offset: i, Line: t.line + 1, Col: t.col + 1}
		if len(spans) == 0 || !continues(spans[len(spans)-1], here) {
			spans = append(spans, here)
		}
		if !t.take(r) {
			return spans
		}
	}
	return spans
}

// continues reports whether a span leads to this point anyway.
func continues(span, here model.Span) bool {
	return span.Line == here.Line && here.Offset-span.Offset == here.Col-span.Col
}

func (t *tracer) nextLine() { t.line, t.col = t.line+1, 0 }

// skipBlanks moves to the next character that is no blank, unless r is here.
func (t *tracer) skipBlanks(r rune) {
	for t.line < len(t.lines) {
		line := t.current()
		switch {
		case t.col >= len(line), t.atLineEscape(line):
			t.nextLine()
		case line[t.col] != r && (line[t.col] == ' ' || line[t.col] == '\t'):
			t.col++
		default:
			return
		}
	}
}

// atLineEscape reports whether a backslash escapes the end of the line.
func (t *tracer) atLineEscape(line []rune) bool {
	return t.style == yaml.DoubleQuotedStyle && t.col == len(line)-1 && line[t.col] == '\\'
}

// take moves past the source of r. It reports false if something else stands here.
func (t *tracer) take(r rune) bool {
	line := t.current()
	if t.col >= len(line) {
		t.nextLine()
		return r == ' ' || r == '\n'
	}
	next := line[t.col]
	switch {
	case t.style == yaml.DoubleQuotedStyle && next == '\\':
		t.col += escapeLen(line[t.col:])
	case t.style == yaml.SingleQuotedStyle && next == '\'':
		t.col += 2
	case next == r, next == '\t' && r == ' ':
		t.col++
	default:
		return false
	}
	return true
}

// escapeLen returns the number of characters of the escape at the start of a line's rest.
func escapeLen(rest []rune) int {
	if len(rest) < 2 {
		return len(rest)
	}
	switch rest[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
