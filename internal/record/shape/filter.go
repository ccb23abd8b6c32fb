package shape

import (
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/rule"
)

// excerptRunes is the length of a long filter that a message shows on each side of a fault.
const excerptRunes = 60

// filterError shows the first fault of a filter: its line, and a caret below its column.
func filterError(filter string, problems []rule.Problem) error {
	fault := problems[0]
	line, column, source := 1, fault.Offset, filter
	if i := strings.LastIndexByte(firstRunes(filter, fault.Offset), '\n'); i >= 0 {
		line += strings.Count(filter[:i+1], "\n")
		column -= utf8.RuneCountInString(filter[:i+1])
		source = filter[i+1:]
	}
	source, _, _ = strings.Cut(source, "\n")
	runes := []rune(source)
	from, to := max(0, column-excerptRunes), min(len(runes), column+excerptRunes)
	from = min(from, to)
	caret := strings.Repeat(" ", max(0, column-from)) + "^"
	return errs.New(errs.Malformed, "filter:%d:%d: %s\n  %s\n  %s", line, column+1, fault.Message, string(runes[from:to]), caret)
}

// firstRunes returns the first n runes of s.
func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
