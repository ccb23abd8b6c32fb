package mail

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// maxName bounds a name, and maxLine any other line from outside, in characters.
const (
	maxName = 64
	maxLine = 200
)

// OneLine returns text as one line of printable characters. Neither a line break nor a change of direction is left.
func OneLine(text string, most int) string {
	text = strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		if unicode.In(char, unicode.Cf) { // invisible, such as U+202E
			return -1
		}
		return ' '
	}, strings.ToValidUTF8(text, " "))
	return errs.Clip(strings.Join(strings.Fields(text), " "), most)
}

// linkLike matches what mail programs turn into links.
var linkLike = regexp.MustCompile(`(?i)[/\\@]|[\pL\pN-]\.[\pL]{2,}|https?:`)

// personName returns a name that a user chose, or "" if it looks like a link. Otherwise anybody could send links to
// strangers in our mails, by signing up with their addresses.
func personName(text string) string {
	name := OneLine(text, maxName)
	if linkLike.MatchString(name) {
		return ""
	}
	return name
}
