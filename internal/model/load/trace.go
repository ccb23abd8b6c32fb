package load

import (
	"go.yaml.in/yaml/v4"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// tracer finds the characters of a scalar's text in the lines of its file: quotes, escapes, indentation and folded
// lines stand between the two.
type tracer struct {
	lines [][]rune
	style yaml.Style
	line  int // the next character of the source: lines[line][col]; col == len(lines[line]) is the line's end
	col   int
}

// trace returns where the text of n stands, as far as it can be followed.
func trace(n *node, lines []string) []model.Span {
	t := tracer{style: n.style, line: n.pos.Line - 1, col: n.pos.Col - 1}
	for _, line := range lines {
		t.lines = append(t.lines, []rune(line))
	}
	switch n.style {
	case yaml.SingleQuotedStyle, yaml.DoubleQuotedStyle:
		t.col++
	case yaml.LiteralStyle, yaml.FoldedStyle:
		t.line, t.col = t.line+1, 0
	}
	return t.spans([]rune(n.text))
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
		if next := (model.Span{Offset: i, Line: t.line + 1, Col: t.col + 1}); len(spans) == 0 || !reaches(spans[len(spans)-1], next) {
			spans = append(spans, next)
		}
		if !t.take(r) {
			return spans
		}
	}
	return spans
}

// reaches says whether next is where s leads anyway.
func reaches(s, next model.Span) bool {
	return s.Line == next.Line && next.Offset-s.Offset == next.Col-s.Col
}

// skipBlanks goes to the next character that is no blank, unless r stands right here.
func (t *tracer) skipBlanks(r rune) {
	for t.line < len(t.lines) {
		line := t.lines[t.line]
		switch {
		case t.col >= len(line), t.style == yaml.DoubleQuotedStyle && t.col == len(line)-1 && line[t.col] == '\\':
			t.line, t.col = t.line+1, 0
		case line[t.col] != r && (line[t.col] == ' ' || line[t.col] == '\t'):
			t.col++
		default:
			return
		}
	}
}

// take goes past what stands for r in the source.
func (t *tracer) take(r rune) bool {
	line := t.lines[t.line]
	if t.col >= len(line) {
		t.line, t.col = t.line+1, 0
		return r == ' ' || r == '\n'
	}
	c := line[t.col]
	switch {
	case t.style == yaml.DoubleQuotedStyle && c == '\\':
		t.col += escapeLen(line[t.col:])
	case t.style == yaml.SingleQuotedStyle && c == '\'':
		t.col += 2
	case c == r, c == '\t' && r == ' ':
		t.col++
	default:
		return false
	}
	return true
}

// escapeLen returns how many characters the escape at the start of s takes.
func escapeLen(s []rune) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	return 2
}
