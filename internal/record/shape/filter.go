package shape

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
	"github.com/ashlar-dev/ashlar/internal/rule"
	"github.com/ashlar-dev/ashlar/internal/value"
)

// Arguments converts the arguments of a request to the types that the filter compares them with.
func (s *Shape) Arguments(given map[string]string) (map[string]value.Value, error) {
	if len(given) == 0 && len(s.args) == 0 {
		return nil, nil
	}
	out := make(map[string]value.Value, len(s.args))
	for _, arg := range s.args {
		text, ok := given[arg.Name]
		if !ok {
			return nil, errs.New(errs.Malformed, "the filter uses arg.%s, which the request does not give", arg.Name)
		}
		v, err := value.ParseArg(arg.Type, arg.Scale, text)
		if err != nil {
			return nil, errs.Wrapf(err, errs.Malformed, "arg.%s: %s", arg.Name, publicMessage(err))
		}
		out[arg.Name] = v
	}
	for name := range given {
		if _, ok := out[name]; !ok {
			return nil, errs.New(errs.Malformed, "the filter does not use arg.%s", errs.Clip(name, 60))
		}
	}
	return out, nil
}

func publicMessage(err error) string {
	if e, ok := errors.AsType[*errs.Error](err); ok {
		return e.Message
	}
	return fmt.Sprintf("cannot be read: %v", err)
}

// CheckTextCost refuses a filter that would compare too much text. values are the values of all slots.
func (s *Shape) CheckTextCost(values []value.Value) error {
	if what := s.textCost.Exceeded(values); what != "" {
		return errs.New(errs.Malformed, "filter: %s", what)
	}
	return nil
}

// excerptRunes is how much of a long filter a message shows on each side of a fault.
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
