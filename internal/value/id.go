package value

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ashlar-dev/ashlar/internal/model"
)

// maxKey is the largest length of a text key in any version, in code points. A table may have a lower limit for new
// keys (model.Field.Max); its older rows must still be found by id.
const maxKey = model.MaxIndexedText

// ParseID reads an id of the table from an unescaped segment of a path. A text that is no id of the table's type
// names no row. Each id has one spelling, except for the case of a UUID.
func ParseID(table *model.Table, text string) (Value, bool) {
	switch table.Key {
	case model.UUID:
		id, ok := ParseUUID(text)
		return OfUUID(id), ok
	case model.Int:
		i, err := strconv.ParseInt(text, 10, 64)
		return OfInt(i), err == nil && strconv.FormatInt(i, 10) == text
	default:
		return OfText(text), isTextID(text)
	}
}

func isTextID(text string) bool {
	return text != "" && utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 && utf8.RuneCountInString(text) <= maxKey
}

// ParseUUID reads the form 8-4-4-4-12 in any case, and returns it in lower case.
func ParseUUID(text string) (string, bool) {
	if len(text) != 36 {
		return "", false
	}
	upper := false
	for i := range len(text) {
		c := text[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return "", false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			upper = true
		default:
			return "", false
		}
	}
	if upper {
		return strings.ToLower(text), true
	}
	return text, true
}
