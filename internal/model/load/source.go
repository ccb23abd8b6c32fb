package load

import (
	"strings"
	"unicode/utf8"
)

// addFile keeps the lines of a file for its faults. It returns the text without a byte order mark.
func (l *loader) addFile(file string, data []byte) string {
	source := strings.TrimPrefix(string(data), "\ufeff")
	lines := strings.Split(strings.ToValidUTF8(source, "\ufffd"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	l.model.Lines[file] = lines
	return source
}

// readable reports whether a file has only characters allowed in YAML. It also refuses the characters that end a line
// only in YAML 1.1. Our line numbers are then the same in every editor.
func (l *loader) readable(file, source string) bool {
	at := startOf(file)
	for i, r := range source {
		if problem := runeProblem(r, source[i:]); problem != "" {
			l.fault(at, "%s", problem)
			return false
		}
		at.Col++
		if r == '\n' {
			at.Line, at.Col = at.Line+1, 1
		}
	}
	return true
}

// runeProblem returns the fault of r, the first character of rest, or "".
func runeProblem(r rune, rest string) string {
	isControl := r < ' ' && r != '\t' && r != '\n' && r != '\r'
	switch {
	case r == utf8.RuneError && !strings.HasPrefix(rest, "\ufffd"):
		return "this is not UTF-8: save the file as UTF-8"
	case r == '\r' && !strings.HasPrefix(rest, "\r\n"):
		return "a carriage return without a newline ends no line: save the file with Unix or Windows line ends"
	case r == '\u0085' || r == '\u2028' || r == '\u2029':
		return "this character ends no line in YAML 1.2: write a newline, or an escape in double quotes"
	case r == '\ufeff' || r == 0x7f || isControl:
		return "control characters are not allowed: remove it, or write an escape in double quotes"
	}
	return ""
}
