package shape

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// maxName bounds the name of a shape, in bytes.
const maxName = 400

// nameOf names a shape for people: its table and parameters, without the values in the filter.
func nameOf(key Key) string {
	operation := "get "
	if key.List {
		operation = "list "
	}
	var name strings.Builder
	name.WriteString(operation + key.Table.Name)
	for _, param := range [...]struct{ name, text string }{
		{"filter", withoutValues(key.Filter)}, {"sort", key.Sort}, {"fields", key.Fields}, {"expand", key.Expand},
	} {
		if param.text != "" {
			name.WriteString(" " + param.name + "(" + param.text + ")")
		}
	}
	return errs.Clip(name.String(), maxName)
}

// withoutValues returns a valid filter with ? in the place of each string and number, and with single spaces. A list of values
// becomes one ?, so that its length is no part of the name.
func withoutValues(filter string) string {
	var out strings.Builder
	for filter != "" && out.Len() <= maxName {
		switch size := literal(filter); {
		case size > 0:
			filter = filter[size:]
			before := out.String()
			if rest, ok := strings.CutSuffix(strings.TrimRight(before, " "), ","); ok && strings.HasSuffix(strings.TrimRight(rest, " "), "?") {
				out.Reset()
				out.WriteString(strings.TrimRight(rest, " "))
				continue
			}
			out.WriteByte('?')
		case strings.HasPrefix(filter, "//"): // a comment
			_, filter, _ = strings.Cut(filter, "\n")
		default:
			size := wordSize(filter)
			if r, _ := utf8.DecodeRuneInString(filter); unicode.IsSpace(r) || unicode.IsControl(r) {
				if out.Len() > 0 && !strings.HasSuffix(out.String(), " ") {
					out.WriteByte(' ')
				}
			} else {
				out.WriteString(filter[:size])
			}
			filter = filter[size:]
		}
	}
	return strings.TrimRight(out.String(), " ")
}

// wordSize returns the length of the name that a text begins with, or of its first character.
func wordSize(text string) int {
	for i, r := range text {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if i > 0 {
				return i
			}
			_, size := utf8.DecodeRuneInString(text)
			return size
		}
	}
	return len(text)
}

// literal returns the length of the string or number that a text begins with, or 0.
func literal(text string) int {
	if (text[0] >= '0' && text[0] <= '9') || (text[0] == '.' && len(text) > 1 && text[1] >= '0' && text[1] <= '9') {
		return numberSize(text)
	}
	prefix := 0
	for prefix < len(text) && prefix < 2 && strings.IndexByte("rRbB", text[prefix]) >= 0 {
		prefix++
	}
	raw := strings.ContainsAny(text[:prefix], "rR")
	rest := text[prefix:]
	for _, quote := range [...]string{`"""`, `'''`, `"`, `'`} {
		if strings.HasPrefix(rest, quote) {
			return prefix + stringSize(rest, quote, raw)
		}
	}
	return 0
}

// stringSize returns the length of a string with its quotes. A string without an end takes all of the text.
func stringSize(text, quote string, raw bool) int {
	for i := len(quote); i < len(text); i++ {
		if text[i] == '\\' && !raw {
			i++
		} else if strings.HasPrefix(text[i:], quote) {
			return i + len(quote)
		}
	}
	return len(text)
}

// numberSize returns the length of a number with its exponent and its suffix.
func numberSize(text string) int {
	for i := range len(text) {
		c := text[i]
		isPart := (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.'
		isSign := (c == '-' || c == '+') && i > 0 && (text[i-1] == 'e' || text[i-1] == 'E')
		if !isPart && !isSign {
			return i
		}
	}
	return len(text)
}
