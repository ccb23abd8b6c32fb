package load

import (
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// addFile keeps the lines of a file, to show them beside a fault, and returns its text without a byte order mark.
func (l *loader) addFile(file string, text []byte) string {
	s := strings.TrimPrefix(string(text), "\ufeff")
	lines := strings.Split(strings.ToValidUTF8(s, "\ufffd"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	l.m.Lines[file] = lines
	return s
}

// readable refuses characters that YAML forbids, or that YAML 1.1 and 1.2 count differently as ends of lines, so that
// every line number of ours is that of an editor.
func (l *loader) readable(file, text string) bool {
	at := model.Pos{File: file, Line: 1, Col: 1}
	for i, r := range text {
		if advice := refusedRune(text, i, r); advice != "" {
			l.fault(at, "%s", advice)
			return false
		}
		at.Col++
		if r == '\n' {
			at.Line, at.Col = at.Line+1, 1
		}
	}
	return true
}

func refusedRune(text string, i int, r rune) string {
	switch {
	case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
		return "this is not UTF-8: save the file as UTF-8"
	case r == '\r' && !strings.HasPrefix(text[i:], "\r\n"):
		return "a carriage return alone does not end a line: save the file with Unix or Windows line ends"
	case r == '\u0085' || r == '\u2028' || r == '\u2029':
		return "this Unicode line end is not one in YAML 1.2: write a newline, or an escape in double quotes"
	case r == '\ufeff' || r == 0x7f || r < ' ' && r != '\t' && r != '\n' && r != '\r':
		return "a control character cannot stand here: remove it, or write an escape in double quotes"
	}
	return ""
}

func posAt(file string, line, col int) model.Pos { return model.Pos{File: file, Line: line, Col: col} }

func startOf(file string) model.Pos { return posAt(file, 1, 1) }
