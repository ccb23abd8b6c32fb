package password

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ashlar-dev/ashlar/internal/errs"
)

// A Policy decides which new passwords are acceptable.
type Policy struct {
	Min   int      // least length in code points
	Words []string // of the app, such as its name: a password that mostly consists of them is too easy to guess
}

const (
	maxLength = 256     // code points of a password in NFC
	maxTyped  = 8 << 10 // bytes of a password in any form
	minWord   = 3       // code points: shorter words turn up by chance
)

// Check returns an error of kind errs.Invalid if a new password is too short, too long, common, or similar to what is
// known about its owner: the email address and the name. The fault has the code min, max, common or similar, and points
// at the whole body: the caller knows the name of the member.
func Check(policy Policy, password string, about ...string) error {
	if len(password) > maxTyped {
		return unfit("max", "has more than %d characters", maxLength)
	}
	composed := norm.NFC.String(password)
	lower := strings.ToLower(composed)
	own := slices.Collect(func(yield func(string) bool) {
		for _, text := range about {
			for _, word := range words(text) {
				if !yield(word) {
					return
				}
			}
		}
	})
	app := slices.Clone(policy.Words)
	for i, word := range app {
		app[i] = strings.ToLower(norm.NFC.String(word))
	}
	switch length := utf8.RuneCountInString(composed); {
	case length < policy.Min:
		return unfit("min", "has fewer than %d characters", policy.Min)
	case length > maxLength:
		return unfit("max", "has more than %d characters", maxLength)
	case isCommon(lower), isMostly(lower, app):
		return unfit("common", "is among the first that an attacker tries")
	case isMostly(lower, append(app, own...)):
		return unfit("similar", "is too similar to your email address or name")
	}
	return nil
}

func unfit(code, detail string, args ...any) error {
	err := errs.New(errs.Invalid, "choose another password")
	err.Faults = []errs.Fault{{Code: code, Detail: "the password " + fmt.Sprintf(detail, args...)}}
	return err
}

// words returns the lower-case words of a name or an email address, and the whole. Of an address, the part behind the @
// says nothing about its owner.
func words(text string) []string {
	text = strings.ToLower(norm.NFC.String(text))
	local := text
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		local = text[:at]
	}
	parts := strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return append(parts, strings.Join(parts, ""), local, text)
}

// isMostly reports whether words cover at least half of a password. All are in lower case.
func isMostly(password string, words []string) bool {
	words = slices.SortedFunc(slices.Values(words), func(a, b string) int { return len(b) - len(a) })
	total, rest := utf8.RuneCountInString(password), password
	for _, word := range words {
		if utf8.RuneCountInString(word) >= minWord {
			rest = strings.ReplaceAll(rest, word, "\x00") // keeps the parts around the word apart
		}
	}
	left := utf8.RuneCountInString(strings.ReplaceAll(rest, "\x00", ""))
	return left < total && left*2 <= total
}

// maxEnding is how many digits and signs at the end of a common password leave it common.
const maxEnding = 4

// isCommon reports whether a password in lower case is on the list of common passwords, is so but for a few digits and
// signs at its end, or follows a simple pattern.
func isCommon(password string) bool {
	if isListed(password) || isRegular([]rune(password)) {
		return true
	}
	base := strings.TrimRightFunc(password, func(r rune) bool { return !unicode.IsLetter(r) })
	return utf8.RuneCountInString(password[len(base):]) <= maxEnding && isListed(base)
}

// isRegular reports whether a password repeats up to four characters or a common password, or runs along the alphabet.
func isRegular(password []rune) bool {
	if len(password) < 3 {
		return false
	}
	for size := 1; size <= len(password)/2; size++ {
		if isRepeated(password, size) && (size <= 4 || isListed(string(password[:size]))) {
			return true
		}
	}
	step := password[1] - password[0]
	for i := 1; i < len(password); i++ {
		if password[i]-password[i-1] != step {
			return false
		}
	}
	return step == 1 || step == -1
}

// isRepeated reports whether a password repeats its beginning. The last repetition may be cut.
func isRepeated(password []rune, size int) bool {
	for i := size; i < len(password); i++ {
		if password[i] != password[i-size] {
			return false
		}
	}
	return true
}
